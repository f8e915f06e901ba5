"""Segments: made, changed, archived; kept right by events, by time and by consent; imported and exported."""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ecomai.commerce.models import Customer
from ecomai.commerce.services import ingest_events
from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.fusion.services import record_consent
from ecomai.fusion.subjects import Subject
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import AuditEntry, Job
from marketing import signals
from marketing.demo import seed_demo
from marketing.exceptions import InvalidConditionError, NameTakenError, SegmentStateError
from marketing.models import CustomerProfile, Segment, SegmentDay, SegmentMember
from marketing.selectors import count_overlap
from marketing.services import follow_time, refresh_profiles, update_memberships, work_requests
from marketing.services import memberships as memberships_module
from marketing.services import segments as services
from marketing.services.privacy import erase, export

from .segment_shop import DAY, Judge, plant

pytestmark = pytest.mark.django_db

VIEWED: dict[str, Any] = {"event": "view", "days": 7}


def run_jobs() -> None:
    for job in Job.objects.filter(state=Job.State.QUEUED, kind="marketing.segment").order_by("pk"):
        execute_job(job.pk)


def members(segment: Segment) -> set[int]:
    return set(segment.members.values_list("customer_id", flat=True))


@pytest.fixture
def shop() -> Judge:
    now = timezone.now()
    plant(random.Random(1), now)
    return Judge(now)


@pytest.fixture
def consenting(make_customer):
    """Make customers who granted marketing, with a profile."""

    def make(n: int) -> list[Customer]:
        made = [make_customer() for _each in range(n)]
        for customer in made:
            record_consent(customer=customer, purpose="marketing", is_granted=True, source="test")
        refresh_profiles([customer.pk for customer in made])
        return made

    return make


def test_a_new_segment_asks_all_customers_in_the_background(shop, monkeypatch):
    monkeypatch.setattr(memberships_module, "AT_ONCE", 7)
    segment = services.create_segment(name="Lookers", condition=VIEWED)
    assert segment.slug == "lookers"
    assert segment.passed_until is None
    run_jobs()
    segment.refresh_from_db()
    viewers = {event.customer_id for event in shop.events if event.type == "view"
               and event.occurred_at > shop.now - 7 * DAY}  # fmt: skip
    assert members(segment) == {pk for pk in viewers if shop.profiles[pk].has_consent}
    assert segment.n_members == len(members(segment)) > 0
    assert segment.passed_until is not None
    day = SegmentDay.objects.get(segment=segment)
    assert (day.n_joined, day.n_left, day.n_members) == (segment.n_members, 0, segment.n_members)
    assert AuditEntry.objects.filter(action="segment_created").exists()


def test_an_evaluation_that_was_killed_goes_on_and_twice_is_once(shop, monkeypatch):
    monkeypatch.setattr(memberships_module, "AT_ONCE", 5)
    segment = services.create_segment(name="All", condition={"field": "n_orders", "op": ">=", "value": 0})
    job = Job.objects.get(kind="marketing.segment")
    settle, calls = memberships_module._settle, []

    def die_later(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise ConnectionError
        settle(*args, **kwargs)

    monkeypatch.setattr(memberships_module, "_settle", die_later)
    execute_job(job.pk)
    assert 0 < len(members(segment)) < 25
    monkeypatch.setattr(memberships_module, "_settle", settle)
    Job.objects.filter(pk=job.pk).update(run_after=timezone.now())
    execute_job(job.pk)
    expected = set(CustomerProfile.objects.filter(has_consent=True).values_list("pk", flat=True))
    assert members(segment) == expected
    services.evaluate_again(segment)
    run_jobs()
    segment.refresh_from_db()
    assert members(segment) == expected
    assert segment.n_members == len(expected)


@pytest.mark.django_db(transaction=True)
def test_an_event_puts_its_customer_in_and_tells_others(consenting):
    mia, _tom = consenting(2)
    segment = services.create_segment(name="Lookers", condition=VIEWED)
    run_jobs()
    told: list[Any] = []

    def listen(sender: Any, **kwargs: Any) -> None:
        told.append((kwargs["segment"].pk, kwargs["customer_pks"], kwargs["is_whole"]))

    signals.segment_entered.connect(listen)
    ingest_events([{"type": "view", "customer_id": mia.external_id}])
    work_requests()
    signals.segment_entered.disconnect(listen)
    assert members(segment) == {mia.pk}
    assert told == [(segment.pk, [mia.pk], False)]
    work_requests()
    assert members(segment) == {mia.pk}


def test_time_alone_takes_customers_out_of_live_segments_and_puts_them_in(shop):
    left = services.create_segment(name="Lookers", condition=VIEWED)
    joined = services.create_segment(name="Away", condition={"not": VIEWED})
    run_jobs()
    for days in (1, 4, 9, 40):
        later = timezone.now() + days * DAY
        follow_time(now=later)
        still = {
            event.customer_id for event in shop.events
            if event.type == "view" and event.occurred_at > later - 7 * DAY
        }  # fmt: skip
        allowed = {pk for pk, row in shop.profiles.items() if row.has_consent}
        assert members(left) == still & allowed
        assert members(joined) == allowed - still
    assert follow_time(now=later + DAY) == 0


def test_who_refuses_is_out_of_every_segment_at_once_and_who_agrees_is_back_in_live_ones(consenting):
    mia, tom = consenting(2)
    live = services.create_segment(name="All", condition={"field": "n_orders", "op": ">=", "value": 0})
    fixed = services.create_segment(name="List", condition=None, kind="static")
    run_jobs()
    services.import_members(fixed, [mia.external_id, tom.external_id])
    record_consent(customer=mia, purpose="marketing", is_granted=False, source="test")
    from marketing.services.consents import apply_consent

    apply_consent(mia.consents.latest("pk"))
    assert members(live) == members(fixed) == {tom.pk}
    fixed.refresh_from_db()
    assert fixed.n_members == 1
    record_consent(customer=mia, purpose="marketing", is_granted=True, source="test")
    apply_consent(mia.consents.latest("pk"))
    assert members(live) == {mia.pk, tom.pk}
    assert members(fixed) == {tom.pk}


def test_a_list_is_imported_with_what_is_unknown_or_not_allowed(consenting, make_customer):
    mia, tom = consenting(2)
    shy = make_customer()
    refresh_profiles([shy.pk])
    segment = services.create_segment(name="List", condition=None, kind="static")
    ids = [mia.external_id, f" {tom.external_id} ", shy.external_id, "nobody", "", mia.external_id]
    report = services.import_members(segment, ids)
    assert (report.n_joined, report.n_without_consent, report.n_unknown) == (2, 1, 1)
    assert report.unknown == ["nobody"]
    assert services.import_members(segment, ids).n_already == 2
    assert members(segment) == {mia.pk, tom.pk}
    update_memberships([mia.pk])
    assert members(segment) == {mia.pk, tom.pk}


def test_a_list_has_bounds(monkeypatch):
    segment = services.create_segment(name="List", condition=None, kind="static")
    monkeypatch.setattr(services, "MOST_IDS", 3)
    with pytest.raises(InvalidInputError, match="at most 3 ids"):
        services.import_members(segment, ["a", "b", "c", "d"])
    with pytest.raises(InvalidInputError) as caught:
        services.import_members(segment, ["a", "x" * 200])
    assert "line 2" in str(caught.value)
    live = services.create_segment(name="Live", condition=VIEWED)
    with pytest.raises(SegmentStateError):
        services.import_members(live, ["a"])


def test_another_condition_has_all_asked_again_and_an_old_evaluation_ends(shop):
    segment = services.create_segment(name="Lookers", condition=VIEWED)
    changed = {"not": VIEWED}
    services.change_segment(segment, name="Away", condition=changed)
    run_jobs()
    segment.refresh_from_db()
    allowed = {pk for pk, row in shop.profiles.items() if row.has_consent}
    viewers = {event.customer_id for event in shop.events if event.type == "view"
               and event.occurred_at > shop.now - 7 * DAY}  # fmt: skip
    assert members(segment) == allowed - viewers
    assert segment.name == "Away"


def test_an_archived_segment_stays_as_it_is_until_it_is_restored(consenting):
    (mia,) = consenting(1)
    segment = services.create_segment(name="All", condition={"field": "n_orders", "op": ">=", "value": 0})
    services.archive_segment(segment)
    run_jobs()
    update_memberships([mia.pk])
    assert members(segment) == set()
    other = services.create_segment(name="All", condition=VIEWED)
    with pytest.raises(NameTakenError):
        services.restore_segment(segment)
    services.archive_segment(other)
    segment.refresh_from_db()
    services.restore_segment(segment)
    run_jobs()
    assert members(segment) == {mia.pk}


def test_what_is_wrong_is_refused_before_anything_is_written():
    services.create_segment(name="Lookers", condition=VIEWED)
    with pytest.raises(NameTakenError):
        services.create_segment(name=" Lookers ", condition=VIEWED)
    with pytest.raises(InvalidConditionError):
        services.create_segment(name="New", condition={"all": []})
    with pytest.raises(InvalidConditionError):
        services.create_segment(name="New", condition=None)
    with pytest.raises(InvalidInputError):
        services.create_segment(name=" ", condition=VIEWED)
    assert Segment.objects.count() == 1


def test_only_who_may_does(consenting):
    nobody = get_user_model().objects.create_user("nobody")
    segment = services.create_segment(name="Lookers", condition=VIEWED)
    acts = [
        lambda: services.create_segment(name="x", condition=VIEWED, user=nobody),
        lambda: services.change_segment(segment, name="x", condition=VIEWED, user=nobody),
        lambda: services.archive_segment(segment, user=nobody),
        lambda: services.restore_segment(segment, user=nobody),
        lambda: services.evaluate_again(segment, user=nobody),
        lambda: services.import_members(segment, [], user=nobody),
        lambda: services.export_members(segment, user=nobody),
    ]
    for act in acts:
        with pytest.raises(PermissionDeniedError):
            act()


def test_an_export_is_on_record_and_holds_no_formula(consenting, make_customer):
    (mia,) = consenting(1)
    Customer.objects.filter(pk=mia.pk).update(external_id="=1+1")
    segment = services.create_segment(name="All", condition={"field": "n_orders", "op": ">=", "value": 0})
    run_jobs()
    rows = list(services.export_members(segment))
    assert rows[0] == ["customer_id", "storefront", "since"]
    assert [row[0] for row in rows[1:]] == ["'=1+1"]
    assert AuditEntry.objects.filter(action="segment_exported").count() == 1


def test_two_segments_overlap(consenting):
    made = consenting(5)
    pks = [customer.external_id for customer in made]
    first = services.create_segment(name="A", condition=None, kind="static")
    second = services.create_segment(name="B", condition=None, kind="static")
    services.import_members(first, pks[:3])
    services.import_members(second, pks[1:])
    assert count_overlap(first, second) == 2


def test_an_erased_customer_is_in_no_segment_and_no_count(consenting):
    mia, tom = consenting(2)
    segment = services.create_segment(name="List", condition=None, kind="static")
    services.import_members(segment, [mia.external_id, tom.external_id])
    subject = Subject(storefront="", external_id=mia.external_id, customer_pk=mia.pk)
    assert export(subject)["segments"][0]["name"] == "List"
    assert erase(subject)["segment_memberships"] == 1
    assert erase(subject)["segment_memberships"] == 0
    segment.refresh_from_db()
    assert segment.n_members == 1
    assert members(segment) == {tom.pk}


def test_a_batch_costs_as_many_queries_as_one_customer(shop):
    services.create_segment(name="Lookers", condition=VIEWED)
    run_jobs()
    pks = sorted(shop.profiles)

    def count(some: list[int]) -> int:
        update_memberships(some)
        with CaptureQueriesContext(connection) as queries:
            update_memberships(some)
        return len(queries)

    assert count(pks[:1]) == count(pks) <= 10


def test_a_segment_whose_fact_is_gone_stops_no_other(consenting, caplog):
    Segment.objects.create(
        name="Broken", slug="broken", condition={"fact": "gone.fact", "op": "=", "value": 1}
    )
    (mia,) = consenting(1)
    segment = services.create_segment(name="All", condition={"field": "n_orders", "op": ">=", "value": 0})
    update_memberships([mia.pk])
    assert members(segment) == {mia.pk}
    assert "broken" in caplog.text


def test_members_are_since_when_they_joined(consenting):
    (mia,) = consenting(1)
    segment = services.create_segment(name="All", condition={"field": "n_orders", "op": ">=", "value": 0})
    update_memberships([mia.pk])
    joined_at = SegmentMember.objects.get(segment=segment).joined_at
    update_memberships([mia.pk], now=timezone.now() + timedelta(days=1))
    assert SegmentMember.objects.get(segment=segment).joined_at == joined_at


def test_the_demo_has_five_segments_also_when_it_is_planted_twice(shop):
    seed_demo()
    seed_demo()
    assert Segment.objects.count() == 5
    run_jobs()
    assert not Segment.objects.filter(evaluated_at=None).exists()
