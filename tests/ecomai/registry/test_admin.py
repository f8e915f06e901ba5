"""The registry's pages in the admin."""

import re
from dataclasses import replace

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from ecomai import scenarios
from ecomai.registry import jobs
from ecomai.registry.models import AuditEntry, Job, LabellingTask, ModelVersion, TrainingRun
from ecomai.registry.services import (
    add_labelling_tasks,
    go_live,
    promote_version,
    request_scoring,
    request_training,
)
from ecomai.registry.tasks import run_training

from .conftest import MODEL

pytestmark = pytest.mark.django_db

VIEWS = [f"view_{name}" for name in (
    "modeldeployment", "modelversion", "trainingrun", "job", "auditentry", "scenarioswitch", "labellingtask",
)]  # fmt: skip


def admin_url(name: str, *arguments: object) -> str:
    return reverse(f"admin:ecomai_registry_{name}", args=arguments)


@pytest.fixture
def boss(db) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    return client


@pytest.fixture
def client_for(make_user):
    def make(*codenames: str) -> Client:
        client = Client()
        client.force_login(make_user(*codenames))
        return client

    return make


@pytest.fixture
def pages(trained, job_does) -> dict[str, str]:
    """The address of every page, in a shop where there is something on each."""
    version = trained(0.5, group_metrics={"new": {"quality": 0.4}}, live_metrics={"quality": 0.45})
    promote_version(version=version)
    candidate = trained(0.6, live_metrics={"quality": 0.5})
    parent = request_scoring(model_name=MODEL)
    cases = [{"subject_key": "a", "text": "Where is it?", "choices": ["yes", "no"], "confidence": 0.3}]
    add_labelling_tasks(model_name=MODEL, cases=cases)
    return {
        "models": admin_url("modeldeployment_changelist"),
        "model": admin_url("model", MODEL),
        "runs": admin_url("trainingrun_changelist"),
        "run": admin_url("trainingrun_change", version.run.pk),
        "run status": admin_url("run_status", version.run.pk),
        "run curve": admin_url("run_curve", version.run.pk),
        "run cell": admin_url("run_cell", version.run.pk),
        "versions": admin_url("modelversion_changelist"),
        "version": admin_url("modelversion_change", version.pk),
        "compare": admin_url("compare") + f"?versions={version.pk},{candidate.pk}",
        "jobs": admin_url("job_changelist"),
        "job": admin_url("job_change", parent.pk),
        "job status": admin_url("job_status", parent.pk),
        "job cell": admin_url("job_cell", parent.pk),
        "audit": admin_url("auditentry_changelist"),
        "switches": admin_url("scenarioswitch_changelist"),
        "queue": admin_url("labellingtask_changelist"),
        "case": admin_url("labellingtask_change", LabellingTask.objects.get().pk),
    }


def test_every_page_opens_with_few_queries(pages, boss, django_assert_max_num_queries):
    for name, url in pages.items():
        # Once a minute each model's scenario counts whether there is enough to learn from.
        with django_assert_max_num_queries(25):
            answer = boss.get(url)
            assert answer.status_code == 200, name
            answer.content.decode()


def test_no_page_opens_without_the_permission(pages, client_for):
    stranger = client_for("label_labellingtask")
    for name, url in pages.items():
        assert stranger.get(url).status_code == 403, name
        assert Client().get(url).status_code == 302, name


def test_pages_open_for_a_reader_and_offer_nothing_to_press(pages, client_for):
    reader = client_for(*VIEWS)
    for name, url in pages.items():
        answer = reader.get(url)
        assert answer.status_code == 200, name
        body = answer.content.decode()
        content = body[body.find('id="content"') :]
        assert '<button class="button' not in content, name
        assert "ecomai_registry_version_promote" not in content, name


def test_pages_hold_no_inline_script_or_style(pages, boss):
    for name, url in pages.items():
        body = boss.get(url).content.decode()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", body), name
        for attributes in re.findall(r"<script([^>]*)>", body):
            assert "src=" in attributes or "application/json" in attributes, name


def test_empty_shop_says_what_to_do_first(probe, boss):
    assert "Train for the first time" in boss.get(admin_url("modeldeployment_changelist")).content.decode()
    assert "It was never trained" in boss.get(admin_url("model", MODEL)).content.decode()
    assert "press “Retrain”" in boss.get(admin_url("trainingrun_changelist")).content.decode()
    assert "no version yet" in boss.get(admin_url("modelversion_changelist")).content.decode()
    assert "No case waits" in boss.get(admin_url("labelling_work")).content.decode()
    for name in ("job", "auditentry", "labellingtask"):
        assert boss.get(admin_url(f"{name}_changelist")).status_code == 200


def test_unknown_model_or_action_is_404(probe, boss):
    assert boss.get(admin_url("model", "no.such")).status_code == 404
    assert boss.post(admin_url("model_retrain", "no.such")).status_code == 404
    assert boss.get(admin_url("model_action", MODEL, "explode")).status_code == 404
    assert boss.get(admin_url("version_promote", 999)).status_code == 404


def test_retrain_queues_a_training_and_leads_to_its_page(training_does, client_for):
    client = client_for("request_training", *VIEWS)
    answer = client.post(admin_url("model_retrain", MODEL))
    run = TrainingRun.objects.get()
    assert answer.url == admin_url("trainingrun_change", run.pk)
    page = client.get(answer.url).content.decode()
    assert "The training is queued" in page
    assert 'hx-trigger="every 1s"' in page

    again = client.post(admin_url("model_retrain", MODEL), follow=True).content.decode()
    assert "is already training" in again
    assert TrainingRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_admin_is_told_when_the_broker_is_away(training_does, boss):
    from celery import current_app

    from .test_workers import DEAD_BROKER

    with DEAD_BROKER.used_by(current_app._get_current_object()):
        page = boss.post(admin_url("model_retrain", MODEL), follow=True).content.decode()
    assert "The message broker is away" in page
    assert Job.objects.get().state == Job.State.QUEUED


@pytest.mark.parametrize(
    ("name", "codename", "needs_get"),
    [
        ("retrain", "request_training", False),
        ("promote", "promote_modelversion", True),
        ("roll-back", "promote_modelversion", True),
        ("go-live", "go_live_modelversion", True),
        ("score", "request_scoring", True),
        ("schedule", "schedule_training", False),
        ("policy", "change_promotionpolicy", False),
        ("switch", "change_scenarioswitch", True),
        ("cancel", "request_training", True),
        ("job cancel", "cancel_job", True),
    ],
)
def test_every_action_is_refused_without_its_permission(pages, client_for, name, codename, needs_get):
    version = ModelVersion.objects.get(number=2)
    run = request_training(model_name=MODEL)
    url = {
        "retrain": admin_url("model_retrain", MODEL),
        "promote": admin_url("version_promote", version.pk),
        "roll-back": admin_url("model_action", MODEL, "roll-back"),
        "go-live": admin_url("model_action", MODEL, "go-live"),
        "score": admin_url("model_action", MODEL, "score"),
        "schedule": admin_url("model_schedule", MODEL),
        "policy": admin_url("model_policy", MODEL),
        "switch": admin_url("switch_turn", "probe", "off"),
        "cancel": admin_url("run_cancel", run.pk),
        "job cancel": admin_url("job_cancel", Job.objects.get(kind="scoring").pk),
    }[name]
    body = {"preset": "0 3 * * *", "min_gain_over_live": "1", "min_gain_over_baseline": "0"}
    n_before = AuditEntry.objects.count()
    assert client_for(*VIEWS).post(url, body).status_code == 403
    assert AuditEntry.objects.count() == n_before
    if needs_get:  # asking changes nothing
        assert client_for(codename, *VIEWS).get(url).status_code == 200
        assert AuditEntry.objects.count() == n_before


def test_version_is_promoted_taken_live_and_rolled_back_by_buttons(trained, boss):
    first = trained(0.5)
    boss.post(admin_url("version_promote", first.pk))
    page = boss.get(admin_url("model", MODEL)).content.decode()
    assert "In shadow the model answers" in page
    boss.post(admin_url("model_action", MODEL, "go-live"))
    second = trained(0.6)
    boss.post(admin_url("version_promote", second.pk))
    assert "Roll back to v1" in boss.get(admin_url("model", MODEL)).content.decode()
    answer = boss.post(admin_url("model_action", MODEL, "roll-back"), follow=True)
    assert "The earlier version serves again" in answer.content.decode()
    assert ModelVersion.objects.get(number=1).state == "live"


def test_promotion_page_warns_about_a_worse_version_and_does_not_forbid_it(trained, boss):
    version = trained(0.3)
    page = boss.get(admin_url("version_promote", version.pk)).content.decode()
    assert "does not pass the rule" in page
    boss.post(admin_url("version_promote", version.pk))
    assert ModelVersion.objects.get().state == "shadow"


def test_comparison_shows_gains_against_live_and_baseline(trained, boss):
    version = trained(0.6, live_metrics={"quality": 0.5}, metrics={"quality": 0.6, "recall@10": 0.3})
    page = boss.get(admin_url("modelversion_change", version.pk)).content.decode()
    assert "new one is 20.0% better" in page
    assert "new one is 50.0% better" in page
    assert "among the first 10" in page  # what recall@10 means


def test_large_gain_over_the_baseline_is_a_multiple(trained, boss):
    version = trained(7.6)
    page = boss.get(admin_url("modelversion_change", version.pk)).content.decode()
    assert "new one has 19 times as much" in page
    assert "1800" not in page
    assert "19 times" in boss.get(admin_url("modelversion_changelist")).content.decode()


def test_groups_have_the_names_that_the_scenario_gives_them(trained, boss, probe):
    new = scenarios.Group("New customers", "They came in the test period.")
    renamed = replace(probe, groups={"new": new})
    scenarios.unregister("probe")
    scenarios.register(scenarios.Scenario(name="probe", verbose_name="Probe", models=[renamed]))
    metrics = {"quality": 0.4, "n_cases": 1358.0}
    version = trained(0.5, group_metrics={"new": metrics, "of_old": metrics})
    page = boss.get(admin_url("modelversion_change", version.pk)).content.decode()
    assert "New customers" in page
    assert "They came in the test period." in page
    assert ">of old<" in page
    assert "1,358" in page


def test_metrics_that_add_little_are_folded_away(trained, boss, probe):
    ranking = replace(probe, primary_metric="ndcg@10")
    scenarios.unregister("probe")
    scenarios.register(scenarios.Scenario(name="probe", verbose_name="Probe", models=[ranking]))
    metrics = {"ndcg@10": 0.5, "ndcg@5": 0.4, "recall@10": 0.6}
    version = trained(0.5, metrics=metrics, baseline_metrics=metrics)
    page = boss.get(admin_url("modelversion_change", version.pk)).content.decode()
    fold = page.index('<details class="ecomai-more">')
    assert page.index("recall@10") < fold < page.index("ndcg@5")


def test_audit_log_is_in_words_and_long_details_fold(trained, boss):
    promote_version(version=trained(0.5))
    page = boss.get(admin_url("auditentry_changelist")).content.decode()
    assert "Promoted" in page
    assert "Asked for a training of" in page
    assert ">Probe<" in page
    filtered = boss.get(admin_url("auditentry_changelist"), {"action": "promote"})
    assert {entry.action for entry in filtered.context["cl"].result_list} == {"promote"}


def test_versions_of_one_model_are_compared_from_the_list(trained, boss):
    keys = [trained(0.5).pk, trained(0.6).pk]
    answer = boss.post(
        admin_url("modelversion_changelist"), {"action": "compare", "_selected_action": keys}, follow=True
    )
    assert "side by side" in answer.content.decode()
    answer = boss.post(
        admin_url("modelversion_changelist"), {"action": "compare", "_selected_action": keys[:1]}, follow=True
    )
    assert "Choose two to 5" in answer.content.decode()


def test_failed_training_shows_its_sentence_to_all_and_the_traceback_to_some(training_does, client_for):
    training_does(lambda run: 1 / 0)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    url = admin_url("trainingrun_change", run.pk)
    page = client_for(*VIEWS).get(url).content.decode()
    assert "Something unexpected happened" in page
    assert "ZeroDivisionError" not in page
    assert "ZeroDivisionError" in client_for("view_job_traceback", *VIEWS).get(url).content.decode()


def test_failed_training_is_tried_again_by_a_button(training_does, client_for):
    training_does(lambda run: 1 / 0)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    client = client_for("request_training", *VIEWS)
    answer = client.post(admin_url("run_retry", run.pk))
    assert answer.url == admin_url("trainingrun_change", TrainingRun.objects.last().pk)
    assert TrainingRun.objects.count() == 2


def test_running_training_moves_on_its_page_and_stops_asking_when_it_ends(training_does, boss):
    seen = []

    def learn(run):
        from .conftest import make_candidate

        run.report(0.0)
        run.report(0.25, "epoch 1 of 4")
        run.log(1, loss=1.0)
        seen.append(boss.get(admin_url("run_status", run.run_id)).content.decode())
        seen.append(boss.get(admin_url("run_cell", run.run_id)).content.decode())
        curve = admin_url("run_curve", run.run_id)
        assert boss.get(curve + "?seen=1").status_code == 204
        assert boss.get(curve + "?seen=0").status_code == 200
        return make_candidate(run)

    training_does(learn)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    status, cell = seen
    assert 'value="0.25"' in status
    assert "epoch 1 of 4" in status
    assert "hx-get" in status
    assert 'value="0.25"' in cell
    assert "hx-get" not in boss.get(admin_url("run_status", run.pk)).content.decode()


def test_job_with_parts_moves_on_its_page_until_the_last_part_ends(probe, job_does, boss):
    job_does(lambda shard: 1)
    parent = request_scoring(model_name=MODEL)
    url = admin_url("job_status", parent.pk)
    jobs.execute_job(parent.shards.first().pk)
    page = boss.get(url).content.decode()
    assert 'value="0.3333"' in page
    assert "hx-get" in page
    for part in parent.shards.all():
        jobs.execute_job(part.pk)
    assert "hx-get" not in boss.get(url).content.decode()


def test_schedule_is_chosen_from_the_list_or_typed(probe, boss):
    from ecomai.registry.overviews import model_overview

    boss.post(admin_url("model_schedule", MODEL), {"preset": "0 3 * * 1"})
    assert model_overview(MODEL).crontab == "0 3 * * 1"
    answer = boss.post(admin_url("model_schedule", MODEL), {"preset": "custom", "crontab": "nonsense"})
    assert "five fields" in answer.content.decode()
    boss.post(admin_url("model_schedule", MODEL), {"preset": "custom", "crontab": "5 4 * * *"})
    assert model_overview(MODEL).crontab == "5 4 * * *"
    boss.post(admin_url("model_schedule", MODEL), {"preset": "custom", "crontab": "7 4 * * *"})
    assert model_overview(MODEL).crontab == "7 4 * * *"
    boss.post(admin_url("model_schedule", MODEL), {"preset": "", "crontab": "7 4 * * *"})
    assert model_overview(MODEL).crontab == ""
    boss.post(admin_url("model_schedule", MODEL), {"preset": "", "crontab": "8 4 * * *"})
    assert model_overview(MODEL).crontab == "8 4 * * *"  # who wrote times means them
    boss.post(admin_url("model_schedule", MODEL), {"preset": ""})
    assert model_overview(MODEL).crontab == ""


def test_rule_for_promotions_is_typed_in_percent(probe, boss):
    from ecomai.registry.models import PromotionPolicy

    body = {
        "is_automatic": "on",
        "min_gain_over_live": "2.5",
        "min_gain_over_baseline": "0",
        "max_group_gap": "",
    }
    boss.post(admin_url("model_policy", MODEL), body)
    policy = PromotionPolicy.objects.get()
    assert (policy.is_automatic, policy.min_gain_over_live, policy.max_group_gap) == (True, 0.025, None)
    answer = boss.post(admin_url("model_policy", MODEL), {**body, "min_gain_over_live": "many"})
    assert "Enter a number" in answer.content.decode()


def test_switches_are_turned_from_their_page(probe, boss):
    boss.post(admin_url("switch_turn", "all", "off"))
    page = boss.get(admin_url("scenarioswitch_changelist")).content.decode()
    assert "but all are off" in page
    assert (
        "All scenarios are switched off" in boss.get(admin_url("modeldeployment_changelist")).content.decode()
    )
    boss.post(admin_url("switch_turn", "all", "on"))
    boss.post(admin_url("switch_turn", "probe", "off"))
    assert "switched off" in boss.get(admin_url("model", MODEL)).content.decode()


def test_cases_are_labelled_one_after_the_other(probe, client_for):
    cases = [
        {"subject_key": key, "text": f"text {key}", "choices": ["good", "bad"], "confidence": confidence}
        for key, confidence in (("a", 0.9), ("b", 0.1))
    ]
    add_labelling_tasks(model_name=MODEL, cases=cases)
    client = client_for("label_labellingtask")
    url = admin_url("labelling_work")
    page = client.get(url).content.decode()
    assert "text b" in page
    assert 'data-key="1"' in page
    first = LabellingTask.objects.get(subject_key="b")
    page = client.post(url, {"case": first.pk, "label": "bad"}, follow=True).content.decode()
    assert "text a" in page
    page = client.post(url, {"case": first.pk, "label": "good"}, follow=True).content.decode()
    assert "someone else has settled" in page
    client.post(url, {"case": LabellingTask.objects.get(subject_key="a").pk, "skip": "1"})
    assert client.post(url, {"case": "x", "label": "good"}).status_code == 404
    assert set(LabellingTask.objects.values_list("subject_key", "state")) == {
        ("b", "labelled"),
        ("a", "skipped"),
    }


def test_job_is_cancelled_and_tried_again_from_its_page(job_does, client_for):
    client = client_for("cancel_job", *VIEWS)
    job = jobs.enqueue_job(kind="probe", label="Something")
    client.post(admin_url("job_cancel", job.pk))
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    client.post(admin_url("job_retry", job.pk))
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED


def test_lists_are_searched_and_filtered(pages, boss):
    lists = {
        "trainingrun": "?model_name=probe.model&state=succeeded&scheduled=0&q=probe",
        "modelversion": "?model_name=probe.model&state=candidate&q=probe",
        "job": "?parts=1&state=queued&q=part",
        "auditentry": "?action=promote&q=probe",
        "labellingtask": "?state=waiting&q=where",
    }
    for name, query in lists.items():
        page = boss.get(admin_url(f"{name}_changelist") + query)
        assert page.status_code == 200
        assert page.context["cl"].result_count > 0, name


def test_pages_survive_a_scenario_that_is_no_longer_installed(trained, boss):
    from ecomai import scenarios

    version = trained(0.5)
    promote_version(version=version)
    go_live(model_name=MODEL)
    scenarios.unregister("probe")
    for url in (
        admin_url("modeldeployment_changelist"),
        admin_url("trainingrun_changelist"),
        admin_url("trainingrun_change", version.run.pk),
        admin_url("modelversion_changelist"),
        admin_url("modelversion_change", version.pk),
        admin_url("job_changelist"),
    ):
        assert boss.get(url).status_code == 200, url


def test_card_shows_what_smaller_variants_cost_and_gain(trained, boss):
    variants = [
        {
            "name": "all layers",
            "size_mb": 90.9,
            "texts_per_second": 1234.5,
            "quality": 0.9,
            "is_chosen": False,
        },
        {"name": "half", "size_mb": 45.25, "texts_per_second": 2400.0, "recall@10": 0.5, "odd_thing": None},
    ]
    version = trained(0.5, card={"trade_offs": variants, "licence": "MIT"})
    page = boss.get(admin_url("modelversion_change", version.pk)).content.decode()
    table = page.split("ecomai-trade-offs")[1].split("</table>")[0]
    for text in ("Variant", "Size (MB)", "Texts per second", "Found among the first 10", "Odd thing"):
        assert f">{text}<" in table
    assert ">1,234<" in table or ">1,235<" in table
    assert "<td>no</td>" in table
    assert "<td>–</td>" in table
    assert page.count("all layers") == 1


@pytest.mark.parametrize("odd", [None, [], "text", [1, 2], {"name": "x"}])
def test_card_without_readable_variants_has_no_such_table(trained, boss, odd):
    version = trained(0.5, card={"trade_offs": odd})
    page = boss.get(admin_url("modelversion_change", version.pk))
    assert page.status_code == 200
    assert "Cost and gain" not in page.content.decode()
