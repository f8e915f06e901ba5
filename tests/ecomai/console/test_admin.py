"""The console's front page: what it says on the first day, in trouble, and to whom."""

import importlib
import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import RequestFactory
from django.utils import timezone

from ecomai import scenarios
from ecomai.commerce.models import Event, Item, RejectedRow
from ecomai.console import services
from ecomai.console.admin import ConsoleAdmin
from ecomai.console.cards import Card
from ecomai.console.models import Console
from ecomai.registry.artifacts import store_artifact
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import AuditEntry, Job, ModelDeployment, ModelVersion, ScenarioSwitch, TrainingRun
from ecomai.registry.selectors import is_scenario_on
from ecomai.scenarios import ModelSpec, Readiness, Scenario

pytestmark = pytest.mark.django_db

PAGE = "/admin/ecomai_console/console/"
HAVE = {"events": 70}


def readiness():
    return [Readiness("events", HAVE["events"], 100)]


def cards(request):
    return [Card(title="Later", order=200), Card(title="Sold", value="12", text="this week", order=10)]


def broken_cards(request):
    raise RuntimeError("a bug of the scenario")


def toy(name="toy", **values) -> Scenario:
    model = ModelSpec(
        name=f"{name}.model", verbose_name=f"{name} model", train="x", primary_metric="m", baseline="b",
        readiness=f"{__name__}.readiness",
    )  # fmt: skip
    return Scenario(name=name, verbose_name=name.title(), models=[model], **values)


@pytest.fixture(autouse=True)
def only_the_toy(monkeypatch):
    """A shop with one toy scenario, so that nothing depends on the scenarios of the project."""
    importlib.import_module("ecomai.urls")  # takes the addresses of the scenarios installed by then
    monkeypatch.setattr(scenarios, "_registered", {})
    cache.clear()
    HAVE["events"] = 70
    scenarios.register(toy(cards=f"{__name__}.cards"))


@pytest.fixture
def data():
    Item.objects.create(external_id="i1", title="One")
    Event.objects.create(key="1" * 32, type="view", session_id="s", occurred_at=timezone.now())


@pytest.fixture
def version(data, settings, tmp_path):
    HAVE["events"] = 100
    settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {"FOLDER": tmp_path / "registry"}}
    (tmp_path / "model.json").write_text("{}")
    stored = store_artifact(tmp_path, model_name="toy.model", number=1, kind="toy")
    return ModelVersion.objects.create(
        model_name="toy.model", number=1, artifact_path=stored.path, artifact_digest=stored.digest
    )


def page(client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return answer.content.decode()


def allow(user, *codenames):
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def test_empty_shop_is_told_to_bring_its_data_in(admin_client):
    html = page(admin_client)
    assert "0 of 5 done" in html
    assert "Pull in the shop" in html
    assert "Everything works" in html


def test_too_little_data_says_how_much_is_missing(admin_client, data):
    assert "events: 70 of 100, 30 missing." in page(admin_client)


def test_enough_data_offers_the_first_training(admin_client, data):
    HAVE["events"] = 100
    html = page(admin_client)
    assert "2 of 5 done" in html
    assert "Train “toy model”" in html


def test_button_trains_through_the_registry(admin_client, data):
    answer = admin_client.post(f"{PAGE}train/", {"model": "toy.model"}, follow=True)
    assert TrainingRun.objects.get().model_name == "toy.model"
    assert b"The training is queued" in answer.content
    assert b"Training of toy model" in answer.content
    again = admin_client.post(f"{PAGE}train/", {"model": "toy.model"}, follow=True)
    assert TrainingRun.objects.count() == 1
    assert b'class="error"' in again.content


def test_unknown_model_is_answered_with_a_sentence(admin_client):
    answer = admin_client.post(f"{PAGE}train/", {"model": "no.such"}, follow=True)
    assert "No installed scenario has a model called" in answer.content.decode()


def test_version_in_shadow_may_go_live_by_a_button(admin_client, version):
    ModelDeployment.objects.create(model_name="toy.model", shadow_version=version)
    ModelVersion.objects.update(state="shadow")
    assert "Let “toy model” go live" in page(admin_client)
    admin_client.post(f"{PAGE}go-live/", {"model": "toy.model"})
    assert ModelDeployment.objects.get().mode == "live"


def test_finished_checklist_makes_room(admin_client, version):
    ModelDeployment.objects.create(model_name="toy.model", live_version=version, mode="live")
    assert "The first day" not in page(admin_client)


def test_cards_come_in_their_order(admin_client):
    html = page(admin_client)
    assert html.index("Sold") < html.index("Later")
    assert "this week" in html


def test_scenario_with_a_bug_leaves_the_page_standing(admin_client):
    scenarios.register(toy("broken", cards=f"{__name__}.broken_cards"))
    html = page(admin_client)
    assert "This part could not be shown" in html
    assert "Sold" in html
    assert "a bug of the scenario" not in html


def test_running_job_shows_how_far_it_is(admin_client):
    Job.objects.create(
        kind="x",
        label="Scoring",
        state="running",
        progress=0.42,
        seconds_left=300,
        heartbeat_at=timezone.now(),
    )
    html = page(admin_client)
    assert "42 %" in html
    assert "about 5 min left" in html
    assert 'value="0.42"' in html


def test_progress_is_written_for_machines_in_every_language(admin_client):
    Job.objects.create(kind="x", label="Scoring", state="running", progress=0.42, heartbeat_at=timezone.now())
    german = admin_client.get(PAGE, headers={"Accept-Language": "de"}).content.decode()
    assert 'value="0.42"' in german


def test_live_part_is_a_fragment_that_asks_again(admin_client):
    html = admin_client.get(f"{PAGE}live/").content.decode()
    assert html.startswith('<div id="ecomai-live"')
    assert "every 15s" in html
    Job.objects.create(kind="x", state="running", heartbeat_at=timezone.now())
    assert "every 2s" in admin_client.get(f"{PAGE}live/").content.decode()


def test_failed_job_is_shown_until_the_same_work_succeeds(admin_client):
    now = timezone.now()
    Job.objects.create(
        kind="x", label="Scoring", state="failed", error_message="Disk is full.", finished_at=now
    )
    assert "Disk is full." in page(admin_client)
    Job.objects.create(kind="x", label="Scoring", state="succeeded", finished_at=now + timedelta(seconds=1))
    assert "Disk is full." not in page(admin_client)


def test_waiting_jobs_without_a_worker_are_a_problem(admin_client):
    job = Job.objects.create(kind="x", queue="gpu")
    assert "No worker serves" not in page(admin_client)
    Job.objects.filter(pk=job.pk).update(run_after=timezone.now() - timedelta(minutes=1))
    html = page(admin_client)
    assert "No worker serves the queue “gpu”" in html
    assert "1 job waits." in html
    services.record_heartbeat(queue="gpu")
    assert "No worker serves" not in page(admin_client)


def test_stale_events_and_rejected_rows_are_pointed_out(admin_client):
    occurred_at = timezone.now() - timedelta(days=5)
    Event.objects.create(key="1" * 32, type="view", session_id="s", occurred_at=occurred_at)
    RejectedRow.objects.create(source="f", kind="item", code="c", reason="r", payload={}, digest="1")
    html = page(admin_client)
    assert "No new events for 5" in html
    assert "1 row was not taken" in html
    assert "2 things to look at" in html


def test_switch_of_one_scenario_and_of_all(admin_client):
    admin_client.post(f"{PAGE}switch/", {"scenario": "toy", "is_on": "0"})
    assert not is_scenario_on("toy")
    admin_client.post(f"{PAGE}switch/", {"scenario": "toy", "is_on": "1"})
    admin_client.post(f"{PAGE}switch/", {"scenario": "", "is_on": "0"})
    assert not is_scenario_on("toy")
    assert "Everything is switched off" in page(admin_client)
    assert AuditEntry.objects.count() == 3


def test_switch_of_an_unknown_scenario_changes_nothing(admin_client):
    answer = admin_client.post(f"{PAGE}switch/", {"scenario": "other", "is_on": "0"}, follow=True)
    assert "No scenario is called" in answer.content.decode()
    assert not ScenarioSwitch.objects.exists()


def test_page_is_for_staff_with_the_permission(client, django_user_model):
    assert client.get(PAGE).status_code == 302
    user = django_user_model.objects.create_user("ann", is_staff=True)
    client.force_login(user)
    for address in ("", "live/"):
        assert client.get(PAGE + address).status_code == 403
    for address in ("switch/", "train/", "go-live/"):
        assert client.post(PAGE + address).status_code == 403
    allow(user, "view_console")
    assert client.get(PAGE).status_code == 200


def test_buttons_are_for_those_who_may_press_them(client, django_user_model, data):
    HAVE["events"] = 100
    user = django_user_model.objects.create_user("ann", is_staff=True)
    allow(user, "view_console")
    client.force_login(user)
    html = page(client)
    assert "Train “" not in html
    assert 'role="switch"' not in html
    refused = client.post(f"{PAGE}switch/", {"scenario": "toy", "is_on": "0"}, follow=True)
    assert b"You do not have the permission" in refused.content
    assert is_scenario_on("toy")


def test_get_changes_nothing(admin_client):
    for address in ("switch/", "train/", "go-live/"):
        assert admin_client.get(PAGE + address).status_code == 405


def test_page_costs_few_queries_however_much_there_is(admin_client, version, django_assert_max_num_queries):
    page(admin_client)
    now = timezone.now()
    for number in range(30):
        Job.objects.create(kind="x", label=number, state="running", heartbeat_at=now)
        Job.objects.create(kind="x", label=number, state="failed", finished_at=now)
        AuditEntry.objects.create(action="promote", subject=f"v{number}")
    for number in range(5):
        scenarios.register(toy(f"toy{number}"))
    with django_assert_max_num_queries(20):
        page(admin_client)


def test_what_people_did_is_not_drowned_by_what_is_routine(admin_client, version):
    AuditEntry.objects.create(action="promote", subject="v77", actor_label="ann")
    AuditEntry.objects.bulk_create(
        AuditEntry(action="assess_risk", subject=f"risk.assessment:{number}", actor_label="system")
        for number in range(30)
    )
    shown = page(admin_client)
    assert "v77" in shown
    assert "risk.assessment" not in shown


def test_readiness_is_not_counted_on_every_visit(admin_client, data):
    assert "30 missing" in page(admin_client)
    HAVE["events"] = 90
    assert "30 missing" in page(admin_client)


def test_first_visit_of_a_new_shop_costs_few_queries_too(admin_client, data, django_assert_max_num_queries):
    for number in range(5):
        scenarios.register(toy(f"toy{number}"))
    with django_assert_max_num_queries(20):
        page(admin_client)


def test_model_card_says_what_serves_and_how_good_it_is(admin_client, version):
    ModelVersion.objects.update(metrics={"m": 0.5199}, baseline_metrics={"m": 0.0268})
    ModelDeployment.objects.create(model_name="toy.model", live_version=version, mode="live")
    html = page(admin_client)
    assert "v1, live" in html
    assert "m: 0.52, 19 times that of the simple baseline." in html
    assert "It was never trained." in html
    assert "Retrain “toy model”" in html


def test_model_that_trains_cannot_be_asked_again(admin_client, version):
    admin_client.post(f"{PAGE}train/", {"model": "toy.model"})
    html = page(admin_client)
    assert "A training is under way." in html
    assert "Retrain “toy model”" not in html


def test_models_and_data_are_for_those_who_may_see_them(client, django_user_model, version):
    services.request_quality_report()
    execute_job(Job.objects.get(kind="data_quality").pk)
    user = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(user)
    allow(user, "view_console")
    assert "Nothing serves yet" not in page(client)
    assert "The shop&#x27;s data" not in page(client)
    allow(user, "view_modeldeployment", "view_qualityreport")
    html = page(client)
    assert "Nothing serves yet" in html
    assert "Retrain “toy model”" not in html
    assert "The shop's data" in html


def test_data_card_is_read_from_the_report(admin_client, data, django_assert_max_num_queries):
    services.request_quality_report()
    execute_job(Job.objects.get(kind="data_quality").pk)
    Event.objects.create(key="2" * 32, type="view", session_id="s", occurred_at=timezone.now())
    html = page(admin_client)
    cards = re.findall(r'ecomai-card__value">([^<]*)<', html)
    assert cards[-4:] == ["1", "0", "0", "1"]  # items, customers, orders, events when it was counted
    assert "Events per day" in html
    with django_assert_max_num_queries(20):
        page(admin_client)


def test_page_is_shown_anew_when_the_last_job_has_ended(admin_client):
    job = Job.objects.create(kind="x", label="Scoring", state="running", heartbeat_at=timezone.now())
    assert "live/?busy=1" in page(admin_client)
    assert "HX-Refresh" not in admin_client.get(f"{PAGE}live/", {"busy": 1})
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    assert admin_client.get(f"{PAGE}live/", {"busy": 1})["HX-Refresh"] == "true"
    assert "HX-Refresh" not in admin_client.get(f"{PAGE}live/")


def test_page_works_in_another_admin_site(admin_user):
    site = admin.AdminSite(name="backoffice")
    request = RequestFactory().get("/backoffice/")
    request.user = admin_user
    answer = ConsoleAdmin(Console, site).front_view(request)
    assert request.current_app == "backoffice"
    assert answer.context_data["title"] == "Console"


def test_admin_index_leads_to_console_and_data_quality(admin_client):
    html = admin_client.get("/admin/?pages=all").content.decode()
    assert f'href="{PAGE}"' in html
    assert 'href="/admin/ecomai_console/qualityreport/"' in html


def test_front_page_of_the_project_is_the_console(admin_client):
    answer = admin_client.get("/admin/", follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert 'href="/admin/?pages=all"' in answer.content.decode()


def test_who_may_not_see_the_console_gets_the_list_of_pages(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("clerk", is_staff=True))
    answer = client.get("/admin/")
    assert answer.status_code == 200
    assert "app_list" in answer.context


def test_project_lists_the_console_before_all_else(admin_client):
    labels = [app["app_label"] for app in admin_client.get("/admin/?pages=all").context["app_list"]]
    assert labels[0] == "ecomai_console"
    ours = [label.startswith("ecomai_") for label in labels]
    assert ours == sorted(ours, reverse=True)
    assert "auth" in labels


def test_nothing_is_added_or_deleted_here(admin_client):
    assert admin_client.get(f"{PAGE}add/").status_code == 404
