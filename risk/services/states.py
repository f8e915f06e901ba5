"""The states of entities: taken under a lock in one order, folded, written back in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from ..features import State
from ..models import EntityState

_TICK = timedelta(microseconds=1)
_TABLE = f'"{EntityState._meta.db_table}"'


@dataclass(frozen=True)
class Entity:
    """Which row, and what it says if it is new."""

    id: UUID
    kind: str


@dataclass(frozen=True)
class Taken:
    """States that no other transaction changes until this one ends, by id, and the time it is for them."""

    states: Mapping[UUID, State]
    at: datetime


def take_states(storefront: str, entities: Iterable[Entity], *, seconds: float | None = None) -> Taken:
    """Lock the states of entities, making those that are missing; in a transaction.

    All take them in the order of their ids, so none waits for one that waits for it. `at` is later than
    anything that the states have seen, whatever the clocks of several machines say: it orders history.
    Another transaction is waited for at most `seconds` (on PostgreSQL), then OperationalError is raised.
    """
    rows = sorted({entity.id: entity for entity in entities}.values(), key=lambda entity: entity.id)
    if not rows:
        return Taken({}, timezone.now())
    _make_and_lock(storefront, rows, seconds)
    found = EntityState.objects.filter(pk__in=[row.id for row in rows]).values_list("pk", "state")
    states = {pk: State.decode(bytes(content)) for pk, content in found}
    last = max(state.last for state in states.values())
    return Taken(states, max(timezone.now(), datetime.fromtimestamp(last, UTC) + _TICK))


def write_states(storefront: str, entities: Sequence[Entity], taken: Taken) -> None:
    """Write states back that `take_states` locked."""
    kinds = {entity.id: entity.kind for entity in entities}
    rows = [(pk, storefront, kinds[pk], taken.states[pk].encode(), taken.at) for pk in sorted(kinds)]
    _insert(rows, 'UPDATE SET "state" = EXCLUDED."state", "updated_at" = EXCLUDED."updated_at"')


def _make_and_lock(storefront: str, rows: Sequence[Entity], seconds: float | None) -> None:
    """A conflict locks the row that is there, in the order of the values, and changes nothing of it."""
    before = ""
    if seconds is not None and connection.vendor == "postgresql":
        before = f"SET LOCAL lock_timeout = {max(int(seconds * 1000), 1)}; "
    now = timezone.now()
    values = [(row.id, storefront, row.kind, b"", now) for row in rows]
    _insert(values, f'UPDATE SET "state" = {_TABLE}."state" WHERE 1 = 0', before=before)


def _insert(
    rows: Sequence[tuple[UUID, str, str, bytes, datetime]], on_conflict: str, *, before: str = ""
) -> None:
    if not rows:
        return
    names = ("id", "storefront", "kind", "state", "updated_at")
    fields: list[Any] = [EntityState._meta.get_field(name) for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    places = ", ".join(["(%s, %s, %s, %s, %s)"] * len(rows))
    values = [
        field.get_db_prep_value(value, connection)
        for row in rows
        for field, value in zip(fields, row, strict=True)
    ]
    statement = (
        f"INSERT INTO {_TABLE} ({columns}) VALUES {places} "  # noqa: S608
        f'ON CONFLICT ("id") DO {on_conflict}'
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
