"""Journeys: who begins, goes on and leaves; nobody twice, nobody lost, each message by the rules of all."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.fusion.services import record_consent
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.exceptions import InvalidJourneyError, JourneyNotReadyError, JourneyStateError
from marketing.models import Campaign, CustomerProfile, Delivery, Journey, JourneyRun, ProfileRequest
from marketing.services import travelling
from marketing.services.effects import report_of_journey
from marketing.services.journeys import (
    change_journey,
    copy_journey,
    create_journey,
    pause_journey,
    start_journey,
    stop_journey,
)
from marketing.services.memberships import write_changes
from marketing.services.privacy import erase, export
from marketing.services.travelling import advance_journeys, enter

from .journey_shop import STEPS, TEXT, do, later, make_customers, make_journey, messages, places
from .mailing_shop import Server, open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mailing_shop(settings):
    open_shop(settings)


def send() -> None:
    for job in Job.objects.filter(kind="marketing.campaign", state=Job.State.QUEUED):
        execute_job(job.pk)


def join(journey: Journey, customers) -> None:
    write_changes(journey.segment, joined=[customer.pk for customer in customers], left=[], at=timezone.now())


def test_who_joins_the_segment_walks_the_steps(make_customer, django_capture_on_commit_callbacks):
    customers = make_customers(make_customer, 10, n_buyers=4)
    journey = make_journey()
    start_journey(journey)
    with django_capture_on_commit_callbacks(execute=True):
        join(journey, customers)
    assert places() == {"wait": 10}
    advance_journeys()
    assert places() == {"wait": 10}, "a day has not passed"
    assert later(hours=23) == 0
    assert later(hours=25) == 10
    assert places() == {"finished": 10}
    assert messages() == {"mail": 4, "welcome": 6}
    send()
    assert sorted(message.subject for message in Server.taken) == sorted(
        ["Welcome"] * 6 + [f"Your basket, C{number}" for number in range(4)]
    )
    assert later(hours=26) == 0
    assert Campaign.objects.filter(state="sending").count() == 2, "the next customers come to it, too"


def test_an_event_begins_a_journey_and_another_ends_a_wait(make_customer, django_capture_on_commit_callbacks):
    (first, second) = make_customers(make_customer, 2)
    journey = make_journey(event="cart", goal="")
    start_journey(journey)
    with django_capture_on_commit_callbacks(execute=True):
        do(first, "cart", at=timezone.now())
        do(second, "view", at=timezone.now())
    assert JourneyRun.objects.get().customer == first
    later()
    run = JourneyRun.objects.get()
    assert (run.step, run.awaited) == ("wait", "checkout")
    with django_capture_on_commit_callbacks(execute=True):
        do(first, "checkout", at=run.arrived_at - timedelta(minutes=1))
    later(minutes=1)
    assert places() == {"wait": 1}, "what was before the wait ends it not"
    with django_capture_on_commit_callbacks(execute=True):
        do(first, "checkout")
    later(minutes=1)
    assert places() == {"finished": 1}
    assert messages() == {}


def test_who_reaches_the_goal_leaves_and_gets_none_of_what_waited(
    make_customer, django_capture_on_commit_callbacks
):
    customers = make_customers(make_customer, 3)
    steps = [{**STEPS[2], "next": "wait"}, {**STEPS[0], "next": "end"}]
    journey = make_journey(steps=steps, goal="purchase")
    start_journey(journey)
    enter(journey, [customer.pk for customer in customers])
    advance_journeys()
    assert messages() == {"mail": 3}
    with django_capture_on_commit_callbacks(execute=True):
        do(customers[0], "purchase")
    assert places() == {"wait": 2, "goal": 1}
    send()
    assert len(Server.taken) == 2
    skipped = Delivery.objects.get(state="skipped")
    assert (skipped.customer, skipped.reason) == (customers[0], "left the journey meanwhile")


def test_who_refuses_leaves_at_once_and_never_begins(make_customer, django_capture_on_commit_callbacks):
    customers = make_customers(make_customer, 3)
    journey = make_journey()
    start_journey(journey)
    enter(journey, [customer.pk for customer in customers[:2]])
    with django_capture_on_commit_callbacks(execute=True):
        for customer in (customers[0], customers[2]):
            record_consent(customer=customer, purpose="marketing", is_granted=False, source="test")
    assert places() == {"left": 1, "wait": 1}
    assert enter(journey, [customers[2].pk]) == 0


def test_nobody_begins_twice_unless_the_journey_says_so(make_customer):
    (customer,) = make_customers(make_customer, 1)
    journey = make_journey(reentry_days=30)
    start_journey(journey)
    assert enter(journey, [customer.pk]) == 1
    assert enter(journey, [customer.pk]) == 0, "still on the way"
    stop_at = timezone.now() + timedelta(days=31)
    assert enter(journey, [customer.pk], at=stop_at) == 0
    JourneyRun.objects.update(state="finished")
    assert enter(journey, [customer.pk]) == 0, "thirty days have not passed"
    assert enter(journey, [customer.pk], at=stop_at) == 1
    assert sorted(JourneyRun.objects.values_list("entry", flat=True)) == [1, 2]
    once = make_journey(name="Once", event="cart")
    start_journey(once)
    enter(once, [customer.pk])
    JourneyRun.objects.filter(journey=once).update(state="finished")
    assert enter(once, [customer.pk], at=stop_at) == 0


def test_the_holdout_takes_no_step(make_customer):
    customers = make_customers(make_customer, 200)
    journey = make_journey(holdout_share=0.3)
    start_journey(journey)
    enter(journey, [customer.pk for customer in customers])
    n_held = places()["held_out"]
    assert 40 <= n_held <= 80
    later(hours=25)
    assert places() == {"held_out": n_held, "wait": 200 - n_held}
    later(hours=50)
    assert places() == {"held_out": n_held, "finished": 200 - n_held}
    assert Delivery.objects.count() == 200 - n_held


def test_a_batch_that_fails_halfway_moves_nobody_and_is_done_again(make_customer, monkeypatch):
    customers = make_customers(make_customer, 12)
    journey = make_journey(steps=[{**STEPS[2]}])
    start_journey(journey)
    enter(journey, [customer.pk for customer in customers])
    monkeypatch.setattr(travelling, "AT_ONCE", 5)
    write, calls = travelling._Wave._write, []

    def dies(self, runs, **values):
        calls.append(len(runs))
        if len(calls) == 2:
            raise SystemExit
        write(self, runs, **values)

    monkeypatch.setattr(travelling._Wave, "_write", dies)
    with pytest.raises(SystemExit):
        advance_journeys()
    assert (places(), messages()) == ({"mail": 7, "finished": 5}, {"mail": 5})
    monkeypatch.undo()
    assert advance_journeys() == 7
    assert advance_journeys() == 0
    assert (places(), messages()) == ({"finished": 12}, {"mail": 12})


def test_a_condition_waits_for_the_profile_that_is_being_computed(make_customer):
    (customer,) = make_customers(make_customer, 1)
    journey = make_journey(steps=STEPS[1:])
    start_journey(journey)
    enter(journey, [customer.pk])
    ProfileRequest.objects.create(customer=customer)
    assert advance_journeys() == 0
    CustomerProfile.objects.update(n_orders=1)
    ProfileRequest.objects.all().delete()
    assert advance_journeys() == 1
    assert messages() == {"mail": 1}


def test_members_at_the_start_begin_where_that_was_asked_for(make_customer, monkeypatch):
    customers = make_customers(make_customer, 7)
    monkeypatch.setattr(travelling, "AT_ONCE", 3)
    journey = make_journey(takes_members=True)
    join(journey, customers)
    start_journey(journey)
    (job,) = Job.objects.filter(kind="marketing.journey")
    enter(journey, [customers[0].pk])  # an attempt that was killed
    execute_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED
    assert (job.result, places()) == ({"n_entered": 6}, {"wait": 7})


def test_paused_moves_nobody_and_stopped_ends_it_for_good(make_customer):
    customers = make_customers(make_customer, 4)
    journey = make_journey(steps=[STEPS[2] | {"next": "wait"}, STEPS[0] | {"next": "end"}])
    start_journey(journey)
    enter(journey, [customer.pk for customer in customers[:3]])
    advance_journeys()
    pause_journey(journey)
    send()
    assert not Server.taken, "not even what was waiting"
    assert later(days=2) == 0
    start_journey(journey)
    advance_journeys()
    send()
    assert len(Server.taken) == 3
    later(days=2)
    assert places() == {"finished": 3}
    enter(journey, [customers[3].pk])
    stop_journey(journey)
    assert places() == {"finished": 3, "cut_short": 1}
    with pytest.raises(JourneyStateError, match="stopped"):
        start_journey(journey)
    assert later(days=4) == 0


def test_what_is_missing_is_said_before_the_start(settings):
    with pytest.raises(InvalidInputError, match="Choose one"):
        create_journey(name="None", steps=STEPS)
    with pytest.raises(InvalidJourneyError, match="no step yet"):
        make_journey(steps=[])
    journey = make_journey()
    with pytest.raises(InvalidInputError, match="already exists"):
        make_journey()
    journey.segment.is_archived = True
    journey.segment.save()
    with pytest.raises(JourneyNotReadyError, match="segment is archived"):
        start_journey(journey)
    settings.ECOMAI = settings.ECOMAI | {"MARKETING": {}}
    other = make_journey(name="Other", event="cart")
    with pytest.raises(JourneyNotReadyError, match="BASE_URL"):
        start_journey(other)


def test_one_that_has_begun_is_changed_by_a_copy(make_customer):
    journey = make_journey()
    start_journey(journey)
    with pytest.raises(JourneyStateError):
        change_journey(journey, name="Other")
    copy = copy_journey(journey)
    assert (copy.state, copy.name, copy.steps) == (Journey.State.DRAFT, "Left a basket (2)", journey.steps)
    assert copy.salt != journey.salt
    assert change_journey(copy, name="Better").name == "Better"
    assert copy_journey(journey).name == "Left a basket (2)"


def test_nobody_runs_a_journey_without_permission():
    journey = make_journey()
    user = User.objects.create_user("somebody", is_staff=True)
    for act in (start_journey, pause_journey, stop_journey, change_journey, copy_journey):
        with pytest.raises(PermissionDeniedError):
            act(journey, user=user)


def test_customers_in_two_journeys_share_the_weeks_messages(make_customer, settings):
    settings.ECOMAI = settings.ECOMAI | {"MARKETING": settings.ECOMAI["MARKETING"] | {"MESSAGES_PER_WEEK": 1}}
    customers = make_customers(make_customer, 3)
    for name in ("One", "Two"):
        journey = make_journey(name=name, steps=[STEPS[2]])
        start_journey(journey)
        enter(journey, [customer.pk for customer in customers])
        advance_journeys()
        send()
    assert len(Server.taken) == 3
    assert Delivery.objects.filter(state="skipped").count() == 3


def test_the_lift_counts_each_customer_from_when_they_began(make_customer, make_order):
    customers = make_customers(make_customer, 300)
    journey = make_journey(holdout_share=0.5, effect_days=7)
    start_journey(journey)
    now = timezone.now()
    Journey.objects.update(started_at=now - timedelta(days=60))
    journey.refresh_from_db()
    enter(journey, [customer.pk for customer in customers], at=now - timedelta(days=30))
    for place, run in enumerate(JourneyRun.objects.select_related("customer").order_by("pk")):
        every = 10 if run.state == "held_out" else 2
        if place % every == 0:
            make_order(run.customer, run.entered_at + timedelta(days=1), total=10)
        for day in (-1, 8):
            make_order(run.customer, run.entered_at + timedelta(days=day), total=999)
    report = report_of_journey(journey)
    assert report.treated.n + report.held_out.n == 300
    assert report.buyers.low > 0.5, "five times as many bought"
    assert report.incremental_revenue.value == pytest.approx(0.4 * 10 * report.treated.n, rel=0.3)
    assert not report.is_over


def test_a_journey_costs_as_many_queries_for_many_as_for_few(make_customer, django_assert_max_num_queries):
    customers = make_customers(make_customer, 120, n_buyers=50)
    journey = make_journey(steps=STEPS[1:])
    start_journey(journey)
    enter(journey, [customer.pk for customer in customers])
    with django_assert_max_num_queries(25):
        advance_journeys()
    assert places() == {"finished": 120}


def test_a_person_is_told_of_journeys_and_removed_from_them(make_customer):
    from ecomai.fusion.subjects import Subject

    (customer,) = make_customers(make_customer, 1)
    journey = make_journey(steps=[STEPS[2]])
    start_journey(journey)
    enter(journey, [customer.pk])
    advance_journeys()
    subject = Subject(customer_pk=customer.pk, storefront="", external_id=customer.external_id)
    (told,) = export(subject)["journeys"]
    assert (told["name"], told["state"]) == ("Left a basket", "finished")
    erase(subject)
    assert not JourneyRun.objects.exists()
    assert not Delivery.objects.exists()


def test_a_journey_with_a_text_of_two_variants_gives_both(make_customer):
    customers = make_customers(make_customer, 60)
    variants = [TEXT, TEXT | {"name": "B", "subject": "Other"}]
    journey = make_journey(steps=[{**STEPS[2], "variants": variants}])
    start_journey(journey)
    enter(journey, [customer.pk for customer in customers])
    advance_journeys()
    n_other = Delivery.objects.filter(variant__name="B").count()
    assert 15 <= n_other <= 45
