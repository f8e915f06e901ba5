"""From the first sight of an arm to a decision, on a real database."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ecomai import writing
from ecomai.commerce.models import Customer, Event, ExchangeRate
from ecomai.console.alerts import alerts as console_alerts
from ecomai.exceptions import NotFoundError, PermissionDeniedError
from ecomai.experiments import reports, selectors, services
from ecomai.experiments.exceptions import (
    ExperimentStartedError,
    NotReadyError,
    SubjectTakenError,
    WrongStateError,
)
from ecomai.experiments.models import Arm, Experiment, Exposure, Snapshot
from ecomai.fusion.services import erase_customer, export_customer, link_session, record_consent
from ecomai.registry.models import AuditEntry

pytestmark = pytest.mark.django_db

SUBJECT = "recommendations:home"
SESSIONS = [f"session-{n:05d}" for n in range(600)]


def latest(experiment):
    return selectors.get_experiment(experiment.slug)


def sentence(experiment):
    found = latest(experiment)
    return reports.verdict(found, reports.results_of(found))


# -- assigning and logging -----------------------------------------------------------------------


def test_assignment_carries_what_the_scenario_is_to_do(experiment):
    seen = services.assign(subject=SUBJECT, session_id="session-00001")
    assert seen.configuration == {"pipeline": seen.arm}
    assert seen == services.assign(subject=SUBJECT, session_id="session-00001")


def test_nobody_is_assigned_where_nothing_runs(make_experiment):
    make_experiment(is_started=False)
    assert services.assign(subject=SUBJECT, session_id="session-00001") is None
    assert services.assign(subject="other:place", session_id="session-00001") is None


def test_experiment_of_customers_leaves_out_who_is_not_logged_in(make_experiment):
    make_experiment(unit="customer")
    assert services.assign(subject=SUBJECT, session_id="session-00001") is None
    assert services.assign(subject=SUBJECT, session_id="session-00001", customer_id="17").unit_id == "17"


@pytest.mark.django_db(transaction=True)
def test_assigning_asks_the_database_at_most_once_a_second(make_experiment):
    make_experiment()
    services.assign(subject=SUBJECT, session_id="session-00001")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for session_id in SESSIONS[:200]:
            services.assign(subject=SUBJECT, session_id=session_id)
    assert len(queries) <= 2  # the copy may have become too old meanwhile


def test_only_the_first_sight_counts(experiment, expose):
    first = timezone.now() - timedelta(days=2)
    expose(SESSIONS[:3] * 2, at=first)
    expose(SESSIONS[:3], at=timezone.now())
    assert list(Exposure.objects.values_list("first_exposed_at", flat=True)) == [first] * 3


@pytest.mark.django_db(transaction=True)
def test_exposures_are_written_in_one_statement_and_not_by_the_request(make_experiment):
    make_experiment()
    seen = [services.assign(subject=SUBJECT, session_id=session_id) for session_id in SESSIONS[:100]]
    with CaptureQueriesContext(connection) as queries:
        for one in seen:
            services.log_exposure(one)
        assert len(queries) == 0
    with CaptureQueriesContext(connection) as queries:
        writing.flush()
    assert len([query for query in queries if "INSERT" in query["sql"]]) <= 1
    assert Exposure.objects.count() == 100


def test_who_refused_is_not_counted(experiment, expose):
    record_consent(purpose="experiments", is_granted=False, source="banner", session_id=SESSIONS[0])
    customer = Customer.objects.create(external_id="c-1")
    link_session(session_id=SESSIONS[1], customer=customer)
    record_consent(purpose="experiments", is_granted=False, source="account", customer=customer)
    expose(SESSIONS[:4])
    assert set(Exposure.objects.values_list("unit_id", flat=True)) == set(SESSIONS[2:4])


def test_who_refused_and_agreed_later_is_counted(experiment, expose):
    for is_granted in (False, True):
        record_consent(purpose="experiments", is_granted=is_granted, source="x", session_id=SESSIONS[0])
    expose(SESSIONS[:1])
    assert Exposure.objects.count() == 1


def test_shop_may_count_only_those_who_agreed(experiment, expose, settings):
    settings.ECOMAI = {**settings.ECOMAI, "FUSION": {"DEFAULT_CONSENT": {"experiments": False}}}
    record_consent(purpose="experiments", is_granted=True, source="banner", session_id=SESSIONS[0])
    expose(SESSIONS[:4])
    assert list(Exposure.objects.values_list("unit_id", flat=True)) == SESSIONS[:1]


def test_exposures_of_a_deleted_experiment_cost_no_others(make_experiment):
    gone, stays = make_experiment("gone", subject="a:b"), make_experiment("stays")
    seen = [services.assign(subject=subject, session_id=SESSIONS[0]) for subject in ("a:b", SUBJECT)]
    Experiment.objects.filter(pk=gone.pk).delete()
    with transaction.atomic():
        services._write_exposures([(one, timezone.now()) for one in seen[1:]])
    assert Exposure.objects.get().experiment == stays


# -- states --------------------------------------------------------------------------------------


def test_start_freezes_who_belongs_where(experiment):
    assert [part["weight"] for part in experiment.allocation] == [1, 1]
    before = [services.assign(subject=SUBJECT, session_id=one).arm for one in SESSIONS]
    Arm.objects.filter(name="new").update(weight=9)  # behind our back
    selectors.forget_plans()
    assert [services.assign(subject=SUBJECT, session_id=one).arm for one in SESSIONS] == before


def test_arms_of_a_running_experiment_cannot_be_changed(experiment):
    arm = experiment.arms.get(name="new")
    arm.weight = 9
    with pytest.raises(ExperimentStartedError, match="would move visitors"):
        arm.save()
    with pytest.raises(ExperimentStartedError):
        arm.delete()
    with pytest.raises(ExperimentStartedError):
        experiment.arms.create(name="third")


@pytest.mark.parametrize(
    ("arms", "fields"),
    [
        ((("today", 1),), {}),
        ((), {}),
        ((("today", 1), ("new", 1)), {"traffic_share": 0.0}),
        ((("today", 1), ("new", 1)), {"holdout_share": 1.0}),
    ],
)
def test_what_could_find_nothing_is_not_started(make_experiment, arms, fields):
    with pytest.raises(NotReadyError):
        make_experiment(arms=arms, **fields)


def test_unknown_metric_is_not_started(make_experiment):
    with pytest.raises(NotFoundError, match="happiness"):
        make_experiment(primary_metric="happiness")


def test_two_at_a_time_on_one_place_are_refused(make_experiment):
    make_experiment("first")
    with pytest.raises(SubjectTakenError, match="runs on recommendations:home already"):
        make_experiment("second")
    with pytest.raises(IntegrityError), transaction.atomic():
        Experiment.objects.filter(slug="second").update(state="running")


def test_each_step_needs_its_permission_and_is_in_the_audit_log(make_experiment, django_user_model):
    user = django_user_model.objects.create_user("of the staff", is_staff=True)
    draft = make_experiment(is_started=False)
    with pytest.raises(PermissionDeniedError):
        services.start_experiment(experiment=draft, user=user)
    services.start_experiment(experiment=draft)
    arm = draft.arms.get(name="new")
    for call in (
        lambda: services.stop_experiment(experiment=draft, user=user),
        lambda: services.roll_out(experiment=draft, arm_id=arm.pk, user=user),
        lambda: services.remove_arm(experiment=draft, arm_id=arm.pk, user=user),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
    services.roll_out(experiment=draft, arm_id=arm.pk)
    services.stop_experiment(experiment=draft)
    actions = AuditEntry.objects.filter(subject="experiment:home-page").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "start_experiment", "roll_out_experiment", "stop_experiment",
    ]  # fmt: skip


def test_what_has_ended_cannot_be_started_again(experiment):
    services.stop_experiment(experiment=experiment)
    assert services.assign(subject=SUBJECT, session_id=SESSIONS[0]) is None
    with pytest.raises(WrongStateError, match="is stopped"):
        services.start_experiment(experiment=experiment)


def test_rolled_out_arm_is_shown_until_something_else_is_tried(make_experiment):
    experiment = make_experiment()
    services.roll_out(experiment=experiment, arm_id=experiment.arms.get(name="new").pk)
    assert {services.assign(subject=SUBJECT, session_id=one).arm for one in SESSIONS} == {"new"}
    make_experiment("next", arms=(("new", 1), ("newer", 1)))
    assert {services.assign(subject=SUBJECT, session_id=one).arm for one in SESSIONS} == {"new", "newer"}


def test_arm_taken_out_while_running_leaves_the_others_and_the_report_says_so(make_experiment, expose):
    experiment = make_experiment(arms=(("today", 1), ("new", 1), ("bold", 1)))
    seen = expose(SESSIONS)
    services.remove_arm(experiment=experiment, arm_id=experiment.arms.get(name="bold").pk)
    after = expose([f"later-{n:05d}" for n in range(300)])
    assert set(seen) == {"today", "new", "bold"}
    assert {services.assign(subject=SUBJECT, session_id=one).arm for one in seen["bold"]} == {"today"}
    counted = Exposure.objects.filter(unit_id__startswith="later-").count()
    assert counted < sum(map(len, after.values()))
    services.take_snapshots()
    found = reports.page_context(latest(experiment))
    assert [arm.name for arm in found["removed"]] == ["bold"]
    assert not found["split"]["is_alarm"]
    with pytest.raises(NotReadyError, match="control cannot be taken out"):
        services.remove_arm(experiment=experiment, arm_id=experiment.arms.get(is_control=True).pk)


# -- counting ------------------------------------------------------------------------------------


def test_only_what_happens_within_the_days_after_the_first_sight_counts(make_experiment, expose, make_events):
    experiment = make_experiment(primary_metric="orders", guard_rails=[("revenue", 0.1), ("returns", 0.1)])
    seen_at = timezone.now() - timedelta(days=3)
    (one,) = expose(SESSIONS[:1], at=seen_at).values()
    for hours, order in ((-1, "before"), (1, "a"), (2, "a"), (23, "b"), (25, "after")):
        make_events("purchase", one, seen_at + timedelta(hours=hours), value="10.50", order=order)
    make_events("return", one, seen_at + timedelta(hours=3))
    moments = services.take_snapshot(experiment=experiment).moments
    (of_arm,) = moments.values()
    n, y, yy, x, *_rest = of_arm["orders"]
    assert (n, y, yy, x) == (1, 2.0, 4.0, 1.0)
    assert of_arm["revenue"][1] == 31.5
    assert of_arm["returns"][1] == 1.0


def test_clicks_count_where_something_is_tried_out_and_not_elsewhere(make_experiment, expose, make_events):
    experiment = make_experiment(primary_metric="click_through_there")
    seen_at = timezone.now() - timedelta(days=3)
    here, elsewhere, _nowhere = visitors = ["session-here", "session-elsewhere", "session-nowhere"]
    expose(visitors, at=seen_at)
    make_events("click", visitors, seen_at + timedelta(hours=1))
    for session_id, placement in ((here, "home"), (elsewhere, "item")):
        Event.objects.filter(session_id=session_id).update(properties={"placement": placement})
    arms = services.take_snapshot(experiment=experiment).results["arms"].values()
    assert (sum(arm["n_counted"] for arm in arms), sum(arm["total"] for arm in arms)) == (3, 1)


def test_visitors_count_once_their_days_are_over(experiment, expose):
    expose(SESSIONS[:4], at=timezone.now() - timedelta(days=3))
    expose(SESSIONS[4:10], at=timezone.now() - timedelta(hours=3))
    results = services.take_snapshot(experiment=experiment).results
    assert sum(arm["n_exposed"] for arm in results["arms"].values()) == 10
    assert sum(arm["n_counted"] for arm in results["arms"].values()) == 4


def test_counting_twice_is_counting_once_and_a_recount_sees_what_came_late(experiment, expose, make_events):
    seen_at = timezone.now() - timedelta(days=3)
    expose(SESSIONS[:10], at=seen_at)
    make_events("purchase", SESSIONS[:5], seen_at + timedelta(hours=1), value="5")
    first = services.take_snapshot(experiment=experiment)
    again = services.take_snapshot(experiment=experiment)
    assert again.moments == first.moments
    make_events("purchase", SESSIONS[5:8], seen_at + timedelta(hours=2), value="5")
    assert services.take_snapshot(experiment=experiment).moments == first.moments
    recounted = services.take_snapshot(experiment=experiment, is_recount=True).moments
    assert sum(arm["conversion"][1] for arm in recounted.values()) == 8


def test_parts_add_up_to_the_whole(experiment, expose, make_events):
    now = timezone.now()
    for start in (0, 200, 400):
        seen_at = now - timedelta(days=5, hours=-start / 20)
        expose(SESSIONS[start : start + 200], at=seen_at)
        make_events("purchase", SESSIONS[start : start + 50], seen_at + timedelta(hours=1), value="5")
        services.take_snapshot(experiment=experiment)
        Snapshot.objects.update(counted_until=seen_at + timedelta(days=1, minutes=1))
    by_parts = services.take_snapshot(experiment=experiment).moments
    assert by_parts == services.take_snapshot(experiment=experiment, is_recount=True).moments
    assert sum(arm["conversion"][0] for arm in by_parts.values()) == 600


def test_customers_are_counted_over_their_sessions(make_experiment, expose, make_events):
    experiment = make_experiment(unit="customer")
    customers = [Customer.objects.create(external_id=f"c-{n}") for n in range(6)]
    seen_at = timezone.now() - timedelta(days=3)
    expose([customer.external_id for customer in customers], at=seen_at)
    make_events("purchase", customers[:4], seen_at + timedelta(hours=1), value="5")
    moments = services.take_snapshot(experiment=experiment).moments
    assert sum(arm["conversion"][1] for arm in moments.values()) == 4


def test_money_of_another_currency_is_converted_or_refused(make_experiment, expose, make_events, settings):
    settings.ECOMAI = {**settings.ECOMAI, "COMMERCE": {"REPORTING_CURRENCY": "EUR"}}
    experiment = make_experiment(primary_metric="revenue")
    seen_at = timezone.now() - timedelta(days=3)
    expose(SESSIONS[:1], at=seen_at)
    make_events("purchase", SESSIONS[:1], seen_at + timedelta(hours=1), value="8", currency="USD")
    assert services.take_snapshots() == 0
    assert "USD" in sentence(experiment).text
    assert sentence(experiment).state == "problem"
    ExchangeRate.objects.create(currency="USD", valid_from=seen_at.date(), rate=Decimal("0.5"))
    assert services.take_snapshots() == 1
    (of_arm,) = Snapshot.objects.get().moments.values()
    assert of_arm["revenue"][1] == 4.0
    assert sentence(experiment).state == "calm"


def buy(seen, make_events, shares, *, kind="purchase", at=None):
    at = at or timezone.now() - timedelta(days=2, hours=20)
    for name, share in shares.items():
        make_events(kind, seen[name][: round(len(seen[name]) * share)], at, value="20")


def test_better_arm_is_called_so_and_may_be_rolled_out(experiment, expose, make_events):
    buy(expose(SESSIONS), make_events, {"today": 0.1, "new": 0.4})
    services.take_snapshots()
    found = sentence(experiment)
    assert found.state == "good"
    assert found.text.startswith("“new” is better than “today”: share of visitors who buy +")
    services.roll_out(experiment=experiment, arm_id=experiment.arms.get(name="new").pk)
    assert "has been shown to everybody since" in sentence(experiment).text


def test_worse_arm_is_called_so(experiment, expose, make_events):
    buy(expose(SESSIONS), make_events, {"today": 0.4, "new": 0.1})
    services.take_snapshots()
    assert sentence(experiment).state == "attention"
    assert sentence(experiment).text.startswith("“new” is worse than “today”")


def test_same_arms_are_not_told_apart(experiment, expose, make_events):
    buy(expose(SESSIONS), make_events, {"today": 0.2, "new": 0.2})
    services.take_snapshots()
    assert sentence(experiment).text.startswith("Nothing is sure yet")


def test_small_difference_that_is_sure_does_not_matter(make_experiment, expose, make_events):
    experiment = make_experiment(minimum_effect=0.5)
    buy(expose(SESSIONS), make_events, {"today": 0.8, "new": 0.8})
    services.take_snapshots()
    assert "differ by less than what matters" in sentence(experiment).text


def test_few_visitors_say_nothing(experiment, expose, make_events):
    buy(expose(SESSIONS[:100]), make_events, {"today": 0.0, "new": 1.0})
    services.take_snapshots()
    assert "too early to tell" in sentence(experiment).text


def test_broken_guard_rail_and_uneven_split_alarm_the_console(make_experiment, expose, make_events):
    experiment = make_experiment(primary_metric="click_through", guard_rails=[("conversion", 0.05)])
    seen = expose(SESSIONS)
    buy(seen, make_events, {"today": 0.5, "new": 0.1})
    buy(seen, make_events, {"today": 0.3, "new": 0.9}, kind="click")
    services.take_snapshots()
    assert Snapshot.objects.get().n_alarms == 1
    (text,) = [
        one.text for one in console_alerts(jobs=[], newest_event_at=None, off=()) if "Home page" in one.title
    ]
    assert text.startswith("Stop “new”: share of visitors who buy −")
    assert sentence(experiment).state == "problem"
    lost = Exposure.objects.filter(arm__name="new").values("pk")[:150]
    Exposure.objects.filter(pk__in=list(lost.values_list("pk", flat=True))).delete()
    services.take_snapshots()
    assert sentence(experiment).text.startswith("Do not trust these results")
    assert Snapshot.objects.get().n_alarms == 2


def test_stopped_experiment_is_counted_until_the_days_are_over(experiment, expose):
    expose(SESSIONS[:10], at=timezone.now())
    services.stop_experiment(experiment=experiment)
    assert services.take_snapshots() == 1
    Experiment.objects.update(stopped_at=timezone.now() - timedelta(days=9))
    assert services.take_snapshots() == 0


# -- personal data -------------------------------------------------------------------------------


def test_exposures_are_exported_and_erased_with_the_customer(make_experiment, expose):
    make_experiment("by-customer", subject="a:b", unit="customer")
    make_experiment()
    customer = Customer.objects.create(external_id="customer-0017")
    link_session(session_id=SESSIONS[0], customer=customer)
    expose(SESSIONS[:2])
    expose(["customer-0017", "customer-0018"], subject="a:b")
    told = export_customer(storefront="", external_id="customer-0017")["scenarios"]["experiments"]
    assert {one["experiment"] for one in told["exposures"]} == {"by-customer", "home-page"}
    erase_customer(storefront="", external_id="customer-0017")
    assert set(Exposure.objects.values_list("unit_id", flat=True)) == {SESSIONS[1], "customer-0018"}


def test_old_exposures_are_forgotten_and_results_stay(experiment, expose):
    expose(SESSIONS[:10])
    services.take_snapshots()
    services.stop_experiment(experiment=experiment)
    assert services.delete_old_exposures() == 0
    Experiment.objects.update(stopped_at=timezone.now() - timedelta(days=400))
    assert services.delete_old_exposures() == 10
    assert Snapshot.objects.count() == 1


# -- planning ------------------------------------------------------------------------------------


def test_plan_reckons_with_the_visitors_that_there_are(make_experiment, make_events):
    experiment = make_experiment(is_started=False, minimum_effect=0.5)
    now = timezone.now()
    for day in range(1, 10):
        visitors = [f"day-{day}-{n:05d}" for n in range(100)]
        make_events("view", visitors, now - timedelta(days=day))
        make_events("purchase", visitors[:20], now - timedelta(days=day) + timedelta(minutes=5), value="5")
    plan = services.plan_of_experiment(experiment)
    assert plan.past.units_per_day == pytest.approx(100, rel=0.2)
    assert plan.past.mean == pytest.approx(0.2, abs=0.03)  # a purchase may lie on the edge of the week
    assert plan.units_at_once < plan.units_per_arm < 1000
    assert plan.days == pytest.approx(plan.units_per_arm * 2 / plan.past.units_per_day + 1, abs=2)
    started = services.start_experiment(experiment=experiment)
    assert started.planned_units == plan.units_per_arm


def test_empty_shop_has_no_plan_and_can_start_all_the_same(make_experiment):
    experiment = make_experiment(is_started=False)
    plan = services.plan_of_experiment(experiment)
    assert (plan.units_per_arm, plan.days, plan.past.n_sampled) == (None, None, 0)
    assert services.start_experiment(experiment=experiment).planned_units is None
    assert Event.objects.count() == 0
