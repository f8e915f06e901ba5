"""The pages of back-tests: started from a form, followed, read; and what shadows would have shown."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Event
from ecomai.console.groups import make_groups
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from recommendations.models import Answer, Pipeline, Replay
from recommendations.pages import replay as replay_page
from recommendations.replaying import judging
from recommendations.replaying.judging import Case

pytestmark = pytest.mark.django_db
LIST = "admin:ecomai_recommendations_replay_changelist"
FORM = {"name": "Try", "what": "source:popular", "days": "14", "n_answers": "100", "k": "5"}


def page_of(client, replay: Replay) -> str:
    return client.get(
        reverse("admin:ecomai_recommendations_replay_change", args=[replay.pk])
    ).content.decode()


@pytest.fixture
def finished(db) -> Replay:
    cases = [Case(shown=[1, 2], live=[1, 2], draft=[3, 1], targets=[3], bought=[3], tail=[3])] * 40
    report = judging.judge(cases, k=2, n_items=8, random_state=0)
    more = {"n_drawn": 42, "n_left_out": 2, "n_learned_later": 7, "versions": ["Next item v3"]}
    job = Job.objects.create(kind="recommendations.replay", state="succeeded")
    return Replay.objects.create(
        name="Tail first", configuration={"source": "popular"}, placement="home", job=job,
        period_start=timezone.now() - timedelta(days=14), period_end=timezone.now(),
        report={**report, **more},
    )  # fmt: skip


def test_an_empty_list_says_what_to_do(admin_client):
    page = admin_client.get(reverse(LIST)).content.decode()
    assert "start the first" in page
    assert "No version has been in shadow lately" in page


def test_a_back_test_is_started_from_the_form_and_can_be_stopped(admin_client):
    admin_client.post(reverse(LIST), FORM)
    replay = Replay.objects.get()
    assert (replay.configuration, replay.n_answers, replay.k) == ({"source": "popular"}, 100, 5)
    assert "It waits for a worker." in page_of(admin_client, replay)
    admin_client.post(reverse("admin:ecomai_recommendations_replay_cancel", args=[replay.pk]))
    assert Job.objects.get(pk=replay.job_id).state == "cancelled"
    assert "It was stopped." in page_of(admin_client, replay)


def test_an_analyst_may_start_one_and_put_nothing_live(client, django_user_model):
    user = django_user_model.objects.create_user("analyst", is_staff=True)
    make_groups()
    user.groups.add(Group.objects.get(name="ecomai analyst"))
    client.force_login(user)
    client.post(reverse(LIST), FORM)
    assert Replay.objects.get().created_by == user
    granted = user.get_all_permissions()
    writes = {name for name in granted if name.startswith("ecomai_recommendations.") and "view" not in name}
    assert writes == {"ecomai_recommendations.add_replay"}


def test_a_pipeline_can_be_chosen(admin_client):
    pipeline = Pipeline.objects.create(name="Draft", placement="home")
    admin_client.post(reverse(LIST), {**FORM, "what": f"pipeline:{pipeline.pk}"})
    replay = Replay.objects.get()
    assert replay.configuration == {"pipeline": pipeline.pk}
    assert replay_page.described(replay.configuration) == "Draft"
    pipeline.delete()
    assert replay_page.described(replay.configuration) == "a pipeline that is gone"


@pytest.mark.parametrize(
    "wrong", [{"n_answers": "100000"}, {"what": "source:magic"}, {"k": ""}, {"days": "5000"}]
)
def test_what_makes_no_sense_is_marked(admin_client, wrong):
    page = admin_client.post(reverse(LIST), {**FORM, **wrong}).content.decode()
    assert "Please correct what is marked." in page
    assert not Replay.objects.exists()


def test_a_failed_one_says_why(admin_client):
    admin_client.post(reverse(LIST), FORM)
    replay = Replay.objects.get()
    execute_job(replay.job_id)
    assert "answers in the period" in page_of(admin_client, replay)


def test_the_report_says_which_is_better_and_how_to_read_it(admin_client, finished):
    page = page_of(admin_client, finished)
    assert "On past traffic it does better than what is live." in page
    assert "Visitors could click only what was shown to them." in page
    assert "7 of the answers are older than what the live models learned from" in page
    assert "2 answers were left out" in page
    assert "+100.0 points (+100.0 to +100.0)" in page
    assert "popular items alone" in page


def test_few_outcomes_say_nothing(admin_client, finished):
    finished.report["is_enough"] = False
    finished.save()
    assert "Too few visitors did something" in page_of(admin_client, finished)


def test_who_may_only_look_starts_nothing(client, django_user_model, finished):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_replay"))
    client.force_login(clerk)
    assert "Start the back-test" not in client.get(reverse(LIST)).content.decode()
    assert client.post(reverse(LIST), FORM).status_code == 403
    assert Replay.objects.count() == 1


def test_shadows_are_held_against_what_was_shown(shop, version, django_assert_max_num_queries):
    keys = [item.pk for item in shop]
    for shown, shadow, clicked in ((keys[:2], keys[:2], keys[0]), (keys[:2], keys[2:4], keys[1])):
        answer = Answer.objects.create(
            item_keys=shown, shadow_item_keys=shadow, shadow_version=version, source="popular"
        )
        Event.objects.create(
            key=answer.key, type="click", item_id=clicked, occurred_at=timezone.now(),
            properties={"answer": str(answer.key)},
        )  # fmt: skip
    with django_assert_max_num_queries(2):
        (found,) = replay_page.shadows()
    assert (found["n_answers"], found["overlap"], found["n_clicked"]) == (2, "50.0 %", 2)
    assert (found["kept"], found["n_empty"]) == ("50.0 %", 0)
