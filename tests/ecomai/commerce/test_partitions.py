"""Months of events."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ecomai.commerce.models import Event, EventKey
from ecomai.commerce.partitions import (
    add_months,
    drop_events_before,
    ensure_months,
    existing_months,
    month_of,
)
from ecomai.commerce.records import EventIn
from ecomai.commerce.services import ingest_events
from ecomai.commerce.tasks import keep_partitions

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL has partitions."),
]
MARCH = datetime(2025, 3, 15, tzinfo=UTC)


def in_default_partition() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ecomai_commerce_event_default")
        return cursor.fetchone()[0]


def test_events_lie_in_the_partition_of_their_month():
    ingest_events(
        [EventIn(type="view", occurred_at=MARCH), EventIn(type="view", occurred_at=add_months(MARCH, 2))]
    )
    assert {month_of(MARCH), add_months(MARCH, 2)} <= existing_months()
    assert in_default_partition() == 0


def test_rows_that_came_before_their_partition_are_moved_into_it():
    Event.objects.create(key="0" * 32, type="view", occurred_at=MARCH)
    assert in_default_partition() == 1
    ensure_months([MARCH])
    assert (in_default_partition(), Event.objects.count()) == (0, 1)


def test_ensuring_what_exists_is_one_small_query(django_assert_num_queries):
    ensure_months([MARCH])
    with django_assert_num_queries(1):
        ensure_months([MARCH] * 500)


def test_old_months_are_dropped_with_their_keys_and_the_others_stay():
    rows = [EventIn(type="view", key=str(n), occurred_at=add_months(MARCH, n)) for n in range(4)]
    ingest_events(rows)
    assert drop_events_before(add_months(MARCH, 2)) == 2
    assert drop_events_before(add_months(MARCH, 2)) == 0
    assert Event.objects.count() == EventKey.objects.count() == 2
    assert min(existing_months()) == add_months(MARCH, 2)


def test_the_nightly_task_keeps_the_retention_period_and_makes_room_for_next_month(settings):
    settings.ECOMAI = {"COMMERCE": {"EVENT_RETENTION_MONTHS": 3}}
    now = timezone.now()
    Event.objects.create(key="1" * 32, type="view", occurred_at=now - timedelta(days=200))
    Event.objects.create(key="2" * 32, type="view", occurred_at=now)
    for _time in range(2):
        keep_partitions()
    assert Event.objects.get().occurred_at == now
    assert add_months(month_of(now), 1) in existing_months()


def test_without_a_retention_period_all_is_kept():
    ingest_events([EventIn(type="view", occurred_at=MARCH)])
    keep_partitions()
    assert Event.objects.count() == 1


def test_new_months_take_their_ids_from_one_sequence():
    rows = [EventIn(type="view", key=str(n), occurred_at=add_months(MARCH, n)) for n in range(12)]
    ingest_events(rows)
    assert len(set(Event.objects.values_list("pk", flat=True))) == 12


@pytest.mark.django_db(transaction=True)
def test_two_batches_may_begin_a_month_at_once():
    """The second waits for the first's transaction and finds the partition that it made."""
    month, failed = add_months(MARCH, -24), []

    def ensure() -> None:
        try:
            ensure_months([month])
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    second = threading.Thread(target=ensure)
    try:
        with transaction.atomic():
            ensure_months([month])
            second.start()
            until = time.monotonic() + 20
            while not waits_for_a_lock() and time.monotonic() < until:
                time.sleep(0.02)
        second.join(20)
        assert not failed
        assert month_of(month) in existing_months()
    finally:
        drop_events_before(add_months(month, 1))


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize(
    "wanted",
    [
        {"customer_id": 5},
        {"customer_id__in": list(range(500))},
        {"item_id": 5},
        {"session_id": "session-1"},
    ],
)
def test_an_index_without_the_rows_of_nobody_serves_what_asks_for_somebody(wanted):
    ensure_months([MARCH])
    assert is_indexed(Event.objects.filter(**wanted))


def test_many_sessions_are_found_by_the_index_where_the_empty_one_is_left_out():
    many = Event.objects.filter(session_id__in=[f"session-{number}" for number in range(500)])
    assert is_indexed(many.exclude(session_id=""))


def is_indexed(events) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = events.explain()
    return "Index Cond: (" in plan and "Seq Scan" not in plan
