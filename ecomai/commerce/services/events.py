"""Taking events in: one stream for the browser, the server, files and what follows from orders."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from ecomai.commerce import signals
from ecomai.commerce.bulk import insert_rows
from ecomai.commerce.checking import Bounds, aware, parse_and_check, rejected
from ecomai.commerce.models import Customer, Event, EventKey
from ecomai.commerce.partitions import ensure_months
from ecomai.commerce.records import ACCEPTED, DUPLICATE, EventIn, RowResult

from .rejections import keep_rejected
from .resolving import customer_pks, item_pks


class StoredEvent(NamedTuple):
    """An event as it is written; the names are those of the model `Event`."""

    storefront: str
    key: UUID
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
) -> list[RowResult]:
    """Store events, each key once; return one result per row, in order.

    Rows are `EventIn` or mappings of its fields. `visitor` (see `ecomai.commerce.visitors`) is who sends
    from a browser: its proven customer and session go into the events, and a customer id that it did not
    prove is rejected. Unknown customers become pseudonymous rows; an unknown item rejects the event, so that
    it can be replayed when the item has arrived; `arrived_at` is then the time of each event that names
    none. Sends `events_ingested`, and `customer_identified` for a
    visitor who is a customer and has a session.
    """
    rows = [_attributed(row, visitor, is_from_browser) for row in rows]
    bounds = Bounds(is_from_browser=is_from_browser)
    checked: list[Any] = list(parse_and_check("event", rows, bounds))
    if is_from_browser:
        checked = [_refuse_unproven(record, visitor) for record in checked]
    with transaction.atomic():
        results = _store(checked, storefront, bounds.now, arrived_at)
        keep_rejected(
            kind="event",
            rows=rows,
            results=results,
            storefront=storefront,
            source=source,
            row_numbers=row_numbers,
        )
        if visitor is not None and visitor.customer and visitor.session_id:
            _announce_identity(storefront, visitor.customer, visitor.session_id)
    return results


def write_events(events: Sequence[StoredEvent]) -> set[UUID]:
    """Write those events whose key is new; return their keys. Runs inside the caller's transaction."""
    first = {event.key: event for event in reversed(events)}
    new = insert_rows(
        EventKey,
        ("id", "occurred_at"),
        sorted(((key, event.occurred_at) for key, event in first.items()), key=_by_key),
        unique=("id",),
        returning=("id",),
    )
    new_keys = {key for (key,) in new}
    fresh = [event for event in events if event.key in new_keys and first[event.key] is event]
    if fresh:
        ensure_months(event.occurred_at for event in fresh)
        insert_rows(Event, StoredEvent._fields, fresh)
        announce = partial(
            signals.events_ingested.send_robust, Event, storefront=fresh[0].storefront, events=fresh
        )
        transaction.on_commit(announce)
    return new_keys


def _by_key(row: tuple[UUID, datetime]) -> int:
    """One order for all writers, so that two batches with the same keys cannot wait for each other."""
    return row[0].int


def key_of(storefront: str, *parts: object) -> UUID:
    """Return the 128-bit key of an event: a hash of the storefront and what the shop calls it."""
    text = "\x1f".join([storefront, *map(str, parts)])
    return UUID(bytes=hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())


def _attributed(row: Any, visitor: Any, is_from_browser: bool) -> Any:
    """Fill in who the visitor is proven to be, where the row does not say."""
    if not is_from_browser or visitor is None or not isinstance(row, dict):
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
    checked: list[Any], storefront: str, now: datetime, arrived_at: Sequence[datetime] | None
) -> list[RowResult]:
    events = [record for record in checked if isinstance(record, EventIn)]
    items = item_pks((event.item_id for event in events), storefront)
    known = [event for event in events if not event.item_id or event.item_id in items]
    seen = {event.customer_id: aware(event.occurred_at or now) for event in reversed(known)}
    customers = customer_pks(seen, storefront)
    outcomes: list[RowResult | StoredEvent] = []
    for number, record in enumerate(checked):
        if isinstance(record, RowResult):
            outcomes.append(record)
        elif record.item_id and record.item_id not in items:
            outcomes.append(_unknown_item(record.item_id))
        else:
            arrived = arrived_at[number] if arrived_at else now
            outcomes.append(_stored(record, storefront, items, customers, arrived, now))
    return _results(outcomes, write_events([event for event in outcomes if isinstance(event, StoredEvent)]))


def _results(outcomes: list[Any], waiting: set[UUID]) -> list[RowResult]:
    """The first event of each new key is accepted, those after it are its duplicates."""
    results = []
    for outcome in outcomes:
        if isinstance(outcome, RowResult):
            results.append(outcome)
            continue
        results.append(ACCEPTED if outcome.key in waiting else DUPLICATE)
        waiting.discard(outcome.key)
    return results


def _stored(
    event: EventIn, storefront: str, items: dict, customers: dict, arrived_at: datetime, now: datetime
) -> StoredEvent:
    return StoredEvent(
        storefront=storefront,
        key=_key_of_event(event, storefront),
        type=event.type,
        channel=event.channel or "web",
        customer_id=customers.get(event.customer_id),
        session_id=event.session_id,
        item_id=items.get(event.item_id),
        order_external_id=event.order_id,
        quantity=event.quantity,
        value=event.value,
        currency=event.currency,
        query=event.query,
        properties=event.properties,
        occurred_at=aware(event.occurred_at) if event.occurred_at else arrived_at,
        received_at=now,
    )


def _key_of_event(event: EventIn, storefront: str) -> UUID:
    if event.key:
        return key_of(storefront, "given", event.key)
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
