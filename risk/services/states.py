"""The states of entities: taken under a lock in one order, folded, written back in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from ecomai.statements import Statement, Statements, prepared
from ecomai.warm_connections import is_postgresql

from ..features import State
from ..models import EntityState

_TICK = timedelta(microseconds=1)
#: In a transaction of Django's own.
ORM = Statements()
_TABLE = f'"{EntityState._meta.db_table}"'
_FIELDS: dict[str, Any] = {field.name: field for field in EntityState._meta.concrete_fields}
_KEY, _KIND, _STATE, _UPDATED = (_FIELDS[name] for name in ("id", "kind", "state", "updated_at"))


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


def take_states(
    storefront: str,
    entities: Iterable[Entity],
    *,
    seconds: float | None = None,
    within: Statements = ORM,
) -> Taken:
    """Lock the states of entities, making those that are missing; in a transaction.

    All take them in the order of their ids, so none waits for one that waits for it. `at` is later than
    anything that the states have seen, whatever the clocks of several machines say: it orders history.
    Another transaction is waited for at most `seconds` (on PostgreSQL), then OperationalError is raised.
    """
    rows = sorted({entity.id: entity for entity in entities}.values(), key=lambda entity: entity.id)
    if not rows:
        return Taken({}, timezone.now())
    found = within.ask(*_lock(storefront, rows, seconds))
    states = {_KEY.to_python(pk): State.decode(bytes(content)) for pk, content in found}
    last = max(state.last for state in states.values())
    return Taken(states, max(timezone.now(), datetime.fromtimestamp(last, UTC) + _TICK))


def write_states(storefront: str, entities: Sequence[Entity], taken: Taken) -> None:
    """Write states back that `take_states` locked."""
    if entities:
        ORM.send(written_states(storefront, entities, taken))


def written_states(storefront: str, entities: Sequence[Entity], taken: Taken) -> Statement:
    """Return the statement that writes states back."""
    rows = [
        (entity.id, entity.kind, taken.states[entity.id].encode())
        for entity in sorted(entities, key=lambda entity: entity.id)
    ]
    change = 'SET "state" = EXCLUDED."state", "updated_at" = EXCLUDED."updated_at"'
    return _upsert(storefront, rows, taken.at, change)


def _lock(storefront: str, entities: Sequence[Entity], seconds: float | None) -> list[Statement]:
    """A conflict locks the row that is there, in the order of the values, and changes nothing of it."""
    rows = [(entity.id, entity.kind, b"") for entity in entities]
    made = _upsert(storefront, rows, timezone.now(), f'SET "state" = {_TABLE}."state" WHERE 1 = 0')
    places = ", ".join(["%s"] * len(rows))
    keys = [prepared(_KEY, entity.id) for entity in entities]
    read = (f'SELECT "id", "state" FROM {_TABLE} WHERE "id" IN ({places})', keys)  # noqa: S608
    if seconds is None or not is_postgresql():
        return [made, read]
    most = f"{max(int(seconds * 1000), 1)}ms"
    return [("SELECT set_config('lock_timeout', %s, true)", [most]), made, read]


def _upsert(storefront: str, rows: Sequence[tuple[UUID, str, bytes]], at: datetime, change: str) -> Statement:
    """Each parameter costs the checkout some time, so what all rows share is given once."""
    values = ", ".join(["(%s, %s, %s)"] * len(rows))
    statement = (
        f'INSERT INTO {_TABLE} ("id", "kind", "state", "storefront", "updated_at") '  # noqa: S608
        f"SELECT column1, column2, column3, %s, %s FROM (VALUES {values}) AS given WHERE 1 = 1 "
        f'ON CONFLICT ("id") DO UPDATE {change}'
    )
    parts = [
        prepared(field, value)
        for row in rows
        for field, value in zip((_KEY, _KIND, _STATE), row, strict=True)
    ]
    return statement, [storefront, prepared(_UPDATED, at), *parts]
