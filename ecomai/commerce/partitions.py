"""Months of events: on PostgreSQL each month is a partition of its own, so that the past is dropped at once.

Rows whose month has no partition yet land in the default partition; `ensure_months` moves them out.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.db import connection, transaction

from .models import Event, EventKey

TABLE = "ecomai_commerce_event"
DEFAULT_PARTITION = f"{TABLE}_default"
LOCK_NUMBER = 0x65636F6D  # one process at a time changes the partitions


def is_partitioned() -> bool:
    return connection.vendor == "postgresql"


def month_of(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return datetime(moment.year, moment.month, 1, tzinfo=UTC)


def add_months(month: datetime, n_months: int) -> datetime:
    number = month.year * 12 + month.month - 1 + n_months
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def existing_months() -> set[datetime]:
    """Months that have a partition; empty where the table is not partitioned."""
    if not is_partitioned():
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid "
            "WHERE inhparent = %s::regclass",
            [TABLE],
        )
        found = [re.fullmatch(rf"{TABLE}_y(\d{{4}})m(\d\d)", name) for (name,) in cursor.fetchall()]
    return {datetime(int(match[1]), int(match[2]), 1, tzinfo=UTC) for match in found if match}


def ensure_months(moments: Iterable[datetime]) -> None:
    """Make the partitions that events of these moments need. Cheap when they exist: one small query."""
    if not is_partitioned():
        return
    moments = list(moments)
    missing = _missing(_months_of(moments)) if moments else set()
    if not missing:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_NUMBER])
        # Read from the catalogue's table: names that another process has made meanwhile are in no cache yet.
        for month in sorted(missing - existing_months()):
            _add_month(cursor, month)


def _months_of(moments: Sequence[datetime]) -> set[datetime]:
    """Most batches lie within one month: its ends tell, without a look at each moment."""
    ends = {month_of(min(moments)), month_of(max(moments))}
    return ends if len(ends) == 1 else {month_of(moment) for moment in moments}


def _missing(months: Iterable[datetime]) -> set[datetime]:
    by_name = {partition_name(month): month for month in months}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NULL",
            [list(by_name)],
        )
        return {by_name[name] for (name,) in cursor.fetchall()}


def _add_month(cursor, month: datetime) -> None:
    name, start, end = partition_name(month), month.isoformat(), add_months(month, 1).isoformat()
    cursor.execute(f'CREATE TABLE "{name}" (LIKE "{TABLE}" INCLUDING DEFAULTS)')
    cursor.execute(
        f'WITH moved AS (DELETE FROM "{DEFAULT_PARTITION}" '  # noqa: S608
        f'WHERE occurred_at >= %s AND occurred_at < %s RETURNING *) INSERT INTO "{name}" SELECT * FROM moved',
        [start, end],
    )
    cursor.execute(
        f"""ALTER TABLE "{TABLE}" ATTACH PARTITION "{name}" FOR VALUES FROM ('{start}') TO ('{end}')"""
    )


def drop_events_before(month: datetime) -> int:
    """Drop all events of the months before `month`, and their keys; return the number of months dropped.

    A key that comes again afterwards would count again, which is why rows older than the retention
    period are rejected on the way in.
    """
    month = month_of(month)
    with transaction.atomic():
        n_dropped = _drop_partitions(month)
        n_deleted, _models = Event.objects.filter(occurred_at__lt=month).delete()
        if n_dropped or n_deleted:
            # Keys have no index of times: it would cost every event, and this is one look at them a month.
            EventKey.objects.filter(occurred_at__lt=month).delete()
    return n_dropped


def _drop_partitions(before: datetime) -> int:
    old = sorted(month for month in existing_months() if month < before)
    if old:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_NUMBER])
            for month in old:
                cursor.execute(f'DROP TABLE IF EXISTS "{partition_name(month)}"')
    return len(old)


def partition_name(month: datetime) -> str:
    return f"{TABLE}_y{month.year:04d}m{month.month:02d}"
