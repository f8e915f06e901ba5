"""Taking events in: one stream for the browser, the server, files and what follows from orders."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple
from uuid import uuid4

from django.db import connection, transaction
from django.utils.translation import gettext as _

from ecomai.commerce import signals
from ecomai.commerce.bulk import insert_rows, rows_as_arrays
from ecomai.commerce.checking import Bounds, are_all_fine, aware, parse_and_check, rejected
from ecomai.commerce.models import Customer, Event, EventKey
from ecomai.commerce.partitions import ensure_months
from ecomai.commerce.records import ACCEPTED, DUPLICATE, EventIn, RowResult

from .rejections import keep_rejected
from .resolving import customer_pks, item_pks


class StoredEvent(NamedTuple):
    """An event as it is written; the names are those of the model `Event`, the key is 32 hex digits."""

    storefront: str
    key: str
    type: str
    channel: str
    customer_id: int | None
    session_id: str
    item_id: int | None
    order_external_id: str
    quantity: int
    value: Decimal | None
    currency: str
    query: str
    properties: dict[str, Any]
    occurred_at: datetime
    received_at: datetime


def ingest_events(
    rows: Sequence[Any],
    *,
    storefront: str = "",
    source: str = "services",
    visitor: Any = None,
    is_from_browser: bool = False,
    row_numbers: Sequence[int] | None = None,
    arrived_at: Sequence[datetime] | None = None,
    as_they_came: Callable[[], Sequence[Any]] | None = None,
) -> list[RowResult]:
    """Store events, each key once; return one result per row, in order.

    Rows are `EventIn` or mappings of its fields; of rows that are all `BoundedEvent`, the batch is checked
    as a whole, and `as_they_came` says what was sent, for those that are kept aside. `visitor` (see
    `ecomai.commerce.visitors`) is who sends from a browser: its proven customer and session go into the
    events, and a customer id that it did not prove is rejected. Unknown customers become pseudonymous rows;
    an unknown item rejects the event, so that it can be replayed when the item has arrived; `arrived_at` is
    then the time of each event that names none. Sends `events_ingested`, and `customer_identified` for a
    visitor who is a customer and has a session.
    """
    bounds = Bounds(is_from_browser=is_from_browser)
    if is_from_browser:
        rows = [_attributed(row, visitor) for row in rows]
    checked: Sequence[Any] = rows
    if not are_all_fine(rows, bounds):
        checked = list(parse_and_check("event", rows, bounds))
    if is_from_browser:
        checked = [_refuse_unproven(record, visitor) for record in checked]
    with transaction.atomic():
        results = _store(checked, storefront, bounds.now, arrived_at)
        if any(result.status == "rejected" for result in results):
            keep_rejected(
                kind="event",
                rows=as_they_came() if as_they_came else rows,
                results=results,
                storefront=storefront,
                source=source,
                row_numbers=row_numbers,
            )
        if visitor is not None and visitor.customer and visitor.session_id:
            _announce_identity(storefront, visitor.customer, visitor.session_id)
    return results


def write_events(events: Sequence[StoredEvent]) -> set[str]:
    """Write those events whose key is new; return their keys. Runs inside the caller's transaction."""
    first: dict[str, StoredEvent] = {}
    for event in events:
        first.setdefault(event.key, event)
    if not first:
        return set()
    # One order for all writers, so that two batches with the same keys cannot wait for each other.
    by_key = [first[key] for key in sorted(first)]
    ensure_months(event.occurred_at for event in by_key)
    write = _write_at_once if connection.vendor == "postgresql" else _write_in_turn
    new_keys = set(first) - write(by_key)
    fresh = [event for event in first.values() if event.key in new_keys]
    if fresh:
        announce = partial(
            signals.events_ingested.send_robust, Event, storefront=fresh[0].storefront, events=fresh
        )
        transaction.on_commit(announce)
    return new_keys


def _write_at_once(events: Sequence[StoredEvent]) -> set[str]:
    """Write keys and events in one statement; return the keys that were there before."""
    fields: list[Any] = [Event._meta.get_field(name) for name in StoredEvent._fields]
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    given, values = rows_as_arrays(fields, events)
    sql = (
        f"WITH given AS MATERIALIZED ({given}), new AS ("  # noqa: S608
        f"INSERT INTO {EventKey._meta.db_table} (id, occurred_at) SELECT key, occurred_at FROM given "
        "ORDER BY number ON CONFLICT (id) DO NOTHING RETURNING id), "
        f"stored AS (INSERT INTO {Event._meta.db_table} ({columns}) "
        f"SELECT {columns} FROM given JOIN new ON new.id = given.key) "
        "SELECT number FROM given WHERE NOT EXISTS (SELECT FROM new WHERE new.id = given.key)"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return {events[number - 1].key for (number,) in cursor.fetchall()}


def _write_in_turn(events: Sequence[StoredEvent]) -> set[str]:
    """Do as `_write_at_once`, where a statement cannot write two tables."""
    keys = [(event.key, event.occurred_at) for event in events]
    written = insert_rows(EventKey, ("id", "occurred_at"), keys, unique=("id",), returning=("id",))
    new = {key.hex for (key,) in written}
    insert_rows(Event, StoredEvent._fields, [event for event in events if event.key in new])
    return {event.key for event in events} - new


def key_of(storefront: str, *parts: object) -> str:
    """Return the 128-bit key of an event: a hash of the storefront and what the shop calls it."""
    return _digest("\x1f".join([storefront, *map(str, parts)]))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _attributed(row: Any, visitor: Any) -> Any:
    """Fill in who the visitor is proven to be, where the row does not say."""
    if visitor is None or not isinstance(row, dict):
        return row
    known = {}
    if visitor.customer and not row.get("customer_id"):
        known["customer_id"] = visitor.customer.external_id
    if visitor.session_id and not row.get("session_id"):
        known["session_id"] = visitor.session_id
    return {**row, **known}


def _refuse_unproven(record: Any, visitor: Any) -> Any:
    if isinstance(record, RowResult) or not record.customer_id:
        return record
    if visitor is not None and visitor.customer and visitor.customer.external_id == record.customer_id:
        return record
    reason = _("A page cannot say who the customer is by an id alone; use the template tag's signed token.")
    return rejected("customer_not_proven", reason)


def _store(
    checked: Sequence[Any], storefront: str, now: datetime, arrived_at: Sequence[datetime] | None
) -> list[RowResult]:
    outcomes: list[Any] = list(checked)
    taken = [number for number, record in enumerate(outcomes) if not isinstance(record, RowResult)]
    # An event need not be about an item.
    items = {"": None, **item_pks({outcomes[number].item_id for number in taken}, storefront)}
    for number in taken:
        if (item_id := outcomes[number].item_id) not in items:
            outcomes[number] = _unknown_item(item_id)
    taken = [number for number in taken if not isinstance(outcomes[number], RowResult)]
    events = [outcomes[number] for number in taken]
    seen = {event.customer_id: event.occurred_at or now for event in reversed(events)}
    customers = customer_pks(seen, storefront)
    arrivals = [arrived_at[number] for number in taken] if arrived_at else [now] * len(taken)
    stored = [
        _stored(event, storefront, items, customers, arrival, now)
        for event, arrival in zip(events, arrivals, strict=True)
    ]
    waiting = write_events(stored)
    # The first event of each new key is accepted, those after it are its duplicates.
    for number, event in zip(taken, stored, strict=True):
        outcomes[number] = ACCEPTED if event.key in waiting else DUPLICATE
        waiting.discard(event.key)
    return outcomes


def _stored(
    event: EventIn, storefront: str, items: dict, customers: dict, arrived_at: datetime, now: datetime
) -> StoredEvent:
    return StoredEvent(
        storefront,
        _key_of_event(event, storefront),
        event.type,
        event.channel or "web",
        customers.get(event.customer_id),
        event.session_id,
        items.get(event.item_id),
        event.order_id,
        event.quantity,
        event.value,
        event.currency,
        event.query,
        event.properties,
        aware(event.occurred_at) if event.occurred_at else arrived_at,
        now,
    )


def _key_of_event(event: EventIn, storefront: str) -> str:
    if event.key:
        return _digest(f"{storefront}\x1fgiven\x1f{event.key}")  # as `key_of`, for the many
    if event.occurred_at is None:
        return key_of(storefront, "unkeyed", uuid4())
    content = (event.type, event.customer_id, event.session_id, event.item_id, event.order_id, event.query)
    return key_of(storefront, "content", *content, event.quantity, aware(event.occurred_at).isoformat())


def _unknown_item(item_id: str) -> RowResult:
    reason = _("No item “%(item)s” is known. Send the item first; this row can then be replayed.")
    return rejected("unknown_item", reason, item=item_id[:128])


def _announce_identity(storefront: str, customer: Customer, session_id: str) -> None:
    transaction.on_commit(
        partial(
            signals.customer_identified.send_robust,
            Customer, storefront=storefront, customer=customer, session_id=session_id,
        )
    )  # fmt: skip
