"""The admin's pages: who may what, wrong input, an empty shop, a started experiment that stays as it is."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ecomai.experiments import services
from ecomai.experiments.models import Experiment
from ecomai.registry.models import AuditEntry

pytestmark = pytest.mark.django_db

PAGES = "/admin/ecomai_experiments/experiment/"


@pytest.fixture
def staff(django_user_model):
    """`staff("view_experiment")`: a client of somebody of the staff with these permissions."""

    def log_in(*codenames):
        user = django_user_model.objects.create_user("-".join(codenames) or "nobody", is_staff=True)
        wanted = Permission.objects.filter(
            content_type__app_label="ecomai_experiments", codename__in=codenames
        )
        assert wanted.count() == len(codenames)
        user.user_permissions.set(wanted)
        client = Client()
        client.force_login(user)
        return client

    return log_in


def form(**values):
    arms = [("today", "1", "on", '{"n": 1}'), ("new", "1", "", '{"n": 2}')]
    data = {
        "name": "Home", "slug": "home", "subject": "recommendations:home", "hypothesis": "",
        "unit": "session",
        "primary_metric": "conversion", "minimum_effect": "0.05", "outcome_days": "7", "traffic_share": "1",
        "holdout_share": "0", "arms-TOTAL_FORMS": "2", "arms-INITIAL_FORMS": "0", "arms-MIN_NUM_FORMS": "2",
        "arms-MAX_NUM_FORMS": "1000", "guard_rails-TOTAL_FORMS": "1", "guard_rails-INITIAL_FORMS": "0",
        "guard_rails-MIN_NUM_FORMS": "0", "guard_rails-MAX_NUM_FORMS": "1000",
        "guard_rails-0-metric": "revenue", "guard_rails-0-allowed_loss": "0.02",
    }  # fmt: skip
    for place, (name, weight, is_control, configuration) in enumerate(arms):
        data |= {f"arms-{place}-name": name, f"arms-{place}-weight": weight}
        data |= {f"arms-{place}-configuration": configuration}
        data |= {f"arms-{place}-is_control": is_control} if is_control else {}
    return {name: value for name, value in (data | values).items() if value is not None}


def test_empty_list_says_what_an_experiment_is_for(admin_client):
    assert "There is no experiment yet." in admin_client.get(PAGES).content.decode()


def test_draft_is_made_started_stopped_and_rolled_out(admin_client):
    added = admin_client.post(f"{PAGES}add/", form(), follow=True)
    experiment = Experiment.objects.get()
    assert "The draft is kept." in added.content.decode()
    assert [(arm.name, arm.is_control) for arm in experiment.arms.all()] == [("today", True), ("new", False)]
    for action, state, query in (
        ("start", "running", ""),
        ("stop", "stopped", ""),
        ("roll-out", "rolled_out", f"?arm={experiment.arms.get(name='new').pk}"),
    ):
        address = f"{PAGES}{experiment.pk}/do/{action}/{query}"
        asked = admin_client.get(address)
        assert "No, go back" in asked.content.decode()
        assert Experiment.objects.exclude(state=state).exists()
        done = admin_client.post(address, follow=True)
        assert done.redirect_chain == [(f"{PAGES}{experiment.pk}/report/", 302)]
        assert Experiment.objects.get().state == state
    assert AuditEntry.objects.filter(actor__isnull=False, subject="experiment:home").count() == 3
    assert "has been shown to everybody" in done.content.decode()


def test_control_may_be_swapped_in_one_go(admin_client):
    admin_client.post(f"{PAGES}add/", form())
    experiment = Experiment.objects.get()
    today, new = experiment.arms.order_by("pk")
    admin_client.post(
        f"{PAGES}{experiment.pk}/change/",
        form(**{
            "arms-INITIAL_FORMS": "2", "arms-0-id": today.pk, "arms-1-id": new.pk, "arms-0-is_control": None,
            "arms-0-experiment": experiment.pk, "arms-1-experiment": experiment.pk, "arms-1-is_control": "on",
            "guard_rails-TOTAL_FORMS": "0",
        }),
    )  # fmt: skip
    assert experiment.arms.get(is_control=True).name == "new"


def test_form_that_another_page_has_overtaken_is_told_so(admin_client):
    admin_client.post(f"{PAGES}add/", form())
    answer = admin_client.post(f"{PAGES}{Experiment.objects.get().pk}/change/", form())
    assert "may be there once only" in answer.content.decode()
    assert Experiment.objects.get().arms.count() == 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"arms-0-is_control": None}, "Mark exactly one arm as the control"),
        ({"arms-1-is_control": "on"}, "Mark exactly one arm as the control"),
        ({"arms-1-name": "today"}, "may be there once only"),
        ({"arms-1-configuration": "{"}, "Enter a valid JSON."),
        ({"arms-1-weight": "0"}, "greater than or equal to 1"),
        ({"traffic_share": "2"}, "less than or equal to 1"),
        ({"minimum_effect": "nan"}, "Enter a number."),
        ({"primary_metric": "happiness"}, "Select a valid choice."),
    ],
)
def test_wrong_input_is_told_and_nothing_is_kept(admin_client, wrong, sentence):
    answer = admin_client.post(f"{PAGES}add/", form(**wrong))
    assert sentence in answer.content.decode()
    assert not Experiment.objects.exists()


def test_started_experiment_cannot_be_edited_and_the_page_says_why(admin_client, experiment):
    page = f"{PAGES}{experiment.pk}/change/"
    assert "would move visitors from one arm to another" in admin_client.get(page).content.decode()
    assert admin_client.post(page, form(name="Other")).status_code == 403
    assert Experiment.objects.get().name == "Home page"
    assert admin_client.post(f"{PAGES}{experiment.pk}/delete/", {"post": "yes"}).status_code == 403


def test_what_cannot_be_done_now_is_told_in_a_sentence(admin_client, make_experiment):
    make_experiment("first")
    second = make_experiment("second", is_started=False)
    answer = admin_client.post(f"{PAGES}{second.pk}/do/start/", follow=True)
    assert "runs on recommendations:home already" in answer.content.decode()


@pytest.mark.parametrize(
    ("action", "permission"),
    [("start", "run_experiment"), ("stop", "run_experiment"), ("roll-out", "roll_out_experiment"),
     ("remove-arm", "run_experiment")],
)  # fmt: skip
def test_each_action_needs_its_permission(staff, make_experiment, action, permission):
    experiment = make_experiment(is_started=action != "start")
    address = f"{PAGES}{experiment.pk}/do/{action}/?arm={experiment.arms.get(name='new').pk}"
    before = Experiment.objects.get().state
    assert staff("view_experiment").post(address).status_code == 403
    assert staff().get(address).status_code == 403
    assert Experiment.objects.get().state == before
    assert staff("view_experiment", permission).post(address).status_code == 302


def test_who_may_only_see_has_no_buttons(staff, experiment):
    viewer = staff("view_experiment")
    html = viewer.get(f"{PAGES}{experiment.pk}/report/").content.decode()
    assert "Stop the experiment" not in html
    assert "Roll out" not in html
    assert viewer.get(f"{PAGES}add/").status_code == 403


def test_draft_of_who_may_change_but_not_run_has_no_start(staff, make_experiment):
    draft = make_experiment(is_started=False)
    html = staff("view_experiment", "change_experiment").get(f"{PAGES}{draft.pk}/change/").content.decode()
    assert "arms-0-weight" in html
    assert "Start the experiment" not in html


@pytest.mark.parametrize("path", ["999/report/", "999/do/stop/"])
def test_unknown_experiment_is_not_found(admin_client, path):
    assert admin_client.get(PAGES + path).status_code == 404


@pytest.mark.parametrize("path", ["do/explode/", "do/roll-out/", "do/roll-out/?arm=x"])
def test_unknown_action_or_arm_is_not_found(admin_client, experiment, path):
    assert admin_client.post(f"{PAGES}{experiment.pk}/{path}").status_code == 404


def test_plan_follows_the_form(admin_client, make_events):
    now = timezone.now()
    for day in range(1, 18):
        visitors = [f"day-{day}-{n:04d}" for n in range(100)]
        make_events("view", visitors, now - timedelta(days=day))
        make_events("purchase", visitors[:10], now - timedelta(days=day, hours=-1), value="5")
    plan = admin_client.get(f"{PAGES}plan/", form()).content.decode()
    assert "visitors per arm" in plan
    assert plan != admin_client.get(f"{PAGES}plan/", form(minimum_effect="0.5")).content.decode()
    nobody = admin_client.get(f"{PAGES}plan/", form(primary_metric="click_through")).content.decode()
    assert "visitors did what decides" in nobody


@pytest.mark.parametrize("values", [{}, {"minimum_effect": "x"}, {"arms-0-weight": "9" * 400}])
def test_plan_of_a_form_half_filled_in_asks_for_the_rest(admin_client, values):
    answer = admin_client.get(f"{PAGES}plan/", form(**values) if values else {})
    assert answer.status_code == 200
    assert 'class="ecomai-note' in answer.content.decode()


def test_names_are_escaped(admin_client, make_experiment):
    experiment = make_experiment(
        name="<script>alert(1)</script>", arms=(("<b>today</b>", 1), ("{% now %}", 1)), hypothesis="</p><img>"
    )
    for path in ("", f"{experiment.pk}/report/", f"{experiment.pk}/change/"):
        html = admin_client.get(PAGES + path).content.decode()
        assert "<script>alert" not in html
        assert "<b>today" not in html
        assert "<img>" not in html


def test_list_costs_the_same_however_many_there_are(admin_client, make_experiment, django_assert_num_queries):
    make_experiment("first", subject="a:1")
    services.take_snapshots()
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(PAGES)
    for n in range(2, 8):
        make_experiment(f"more-{n}", subject=f"a:{n}")
    services.take_snapshots()
    with django_assert_num_queries(len(queries)):
        admin_client.get(PAGES)
