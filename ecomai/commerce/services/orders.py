"""Orders with their lines; purchases, returns and cancellations follow from them as events."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from ecomai.commerce import signals
from ecomai.commerce.bulk import insert_rows
from ecomai.commerce.checking import Bounds, aware, parse_and_check, rejected
from ecomai.commerce.models import EventType, Order, OrderLine
from ecomai.commerce.records import CREATED, UNCHANGED, UPDATED, OrderIn, RowResult

from .catalogue import PRICE_STEP
from .events import StoredEvent, key_of, write_events
from .rejections import keep_rejected
from .resolving import customer_pks, item_pks

ORDER_FIELDS = ("customer_id", "session_id", "channel", "status", "currency", "total", "placed_at")
LINE_FIELDS = ("item_id", "description", "quantity", "returned_quantity", "unit_price")


class OrderRow(NamedTuple):
    customer_id: int | None
    session_id: str
    channel: str
    status: str
    currency: str
    total: Decimal
    placed_at: datetime


class LineRow(NamedTuple):
    item_id: int | None
    description: str
    quantity: int
    returned_quantity: int
    unit_price: Decimal


class Known(NamedTuple):
    """An order as the database has it, with its lines by position."""

    pk: int
    row: OrderRow
    lines: dict[int, LineRow]


class Change(NamedTuple):
    """What an incoming order makes of a known one; `lines` are the new and changed ones."""

    order: OrderIn
    row: OrderRow
    lines: dict[int, LineRow]
    before: Known | None


def upsert_orders(
    rows: Sequence[Any],
    *,
    storefront: str = "",
    source: str = "services",
    row_numbers: Sequence[int] | None = None,
) -> list[RowResult]:
    """Create or change orders (`OrderIn` or mappings); return one result per row.

    A line's item must be known, or the whole order is rejected. Sends `orders_changed` and, for the
    events that follow from the orders, `events_ingested`.
    """
    bounds = Bounds()
    checked = [_once(record) for record in parse_and_check("order", rows, bounds)]
    with transaction.atomic():
        results, changes = _resolve(checked, storefront)
        pks = _write(changes, storefront, bounds.now)
        write_events([event for change in changes for event in _events_of(change, storefront, bounds.now)])
        keep_rejected(
            kind="order",
            rows=rows,
            results=results,
            storefront=storefront,
            source=source,
            row_numbers=row_numbers,
        )
        if pks:
            order_pks = list(pks.values())
            transaction.on_commit(
                partial(signals.orders_changed.send_robust, Order, storefront=storefront, order_pks=order_pks)
            )
    return results


def _once(record: Any) -> Any:
    """A returned order whose lines do not say how much came back came back whole."""
    if isinstance(record, RowResult) or record.status != Order.Status.RETURNED:
        return record
    for line in record.lines:
        if line.quantity > 0 and not line.returned_quantity:
            line.returned_quantity = line.quantity
    return record


def _resolve(checked: Sequence[Any], storefront: str) -> tuple[list[RowResult], list[Change]]:
    orders = [record for record in checked if isinstance(record, OrderIn)]
    items = item_pks((line.item_id for order in orders for line in order.lines), storefront)
    complete = [
        order for order in orders if all(not line.item_id or line.item_id in items for line in order.lines)
    ]
    seen = {order.customer_id: aware(order.placed_at) for order in reversed(complete)}
    customers = customer_pks(seen, storefront)
    known = _known_orders({order.external_id for order in complete}, storefront)
    results: list[RowResult] = []
    changes: dict[str, Change] = {}
    for record in checked:
        if isinstance(record, RowResult):
            results.append(record)
        elif any(line.item_id and line.item_id not in items for line in record.lines):
            results.append(_unknown_item(record, items))
        elif record.external_id in changes:
            results.append(
                rejected("repeated_order", _("The order comes twice in one batch; send it again."))
            )
        else:
            change = _compare(record, known.get(record.external_id), items, customers)
            if change:
                changes[record.external_id] = change
            results.append((UPDATED if change.before else CREATED) if change else UNCHANGED)
    return results, list(changes.values())


def _known_orders(external_ids: set[str], storefront: str) -> dict[str, Known]:
    found = Order.objects.filter(storefront=storefront, external_id__in=external_ids).select_for_update()
    orders = list(found.order_by("pk").values_list("external_id", "pk", *ORDER_FIELDS))
    if not orders:
        return {}
    lines: dict[int, dict[int, LineRow]] = {pk: {} for _external_id, pk, *_row in orders}
    rows = OrderLine.objects.filter(order_id__in=lines).values_list("order_id", "position", *LINE_FIELDS)
    for order_pk, position, *line in rows:
        lines[order_pk][position] = LineRow(*line)
    return {external_id: Known(pk, OrderRow(*row), lines[pk]) for external_id, pk, *row in orders}


def _compare(order: OrderIn, before: Known | None, items: Mapping, customers: Mapping) -> Change | None:
    known_lines = before.lines if before else {}
    given = {
        line.position: LineRow(
            items.get(line.item_id) or _known_item(known_lines.get(line.position)),
            line.description[:500],
            line.quantity,
            line.returned_quantity,
            line.unit_price.quantize(PRICE_STEP),
        )
        for line in order.lines
    } or _came_back_whole(order, before)
    total = sum((line.quantity * line.unit_price for line in {**known_lines, **given}.values()), Decimal(0))
    row = OrderRow(
        customers.get(order.customer_id) if order.customer_id or before is None else before.row.customer_id,
        order.session_id if order.session_id or before is None else before.row.session_id,
        order.channel,
        order.status,
        order.currency,
        total.quantize(PRICE_STEP),
        aware(order.placed_at),
    )
    changed = {position: line for position, line in given.items() if known_lines.get(position) != line}
    if before and not changed and before.row == row:
        return None
    return Change(order, row, changed, before)


def _known_item(line: LineRow | None) -> int | None:
    """A line that names no item keeps the one we know: a shop forgets the deleted products of old orders."""
    return line.item_id if line else None


def _came_back_whole(order: OrderIn, before: Known | None) -> dict[int, LineRow]:
    """The lines of an order that is reported as returned without any, and none of which came back before."""
    if order.status != Order.Status.RETURNED or before is None or before.row.status == order.status:
        return {}
    if any(line.returned_quantity for line in before.lines.values()):
        return {}
    return {
        position: line._replace(returned_quantity=line.quantity)
        for position, line in before.lines.items()
        if line.quantity > 0
    }


def _write(changes: Sequence[Change], storefront: str, now: datetime) -> dict[str, int]:
    written = insert_rows(
        Order,
        ("storefront", "external_id", *ORDER_FIELDS, "updated_at"),
        sorted((storefront, change.order.external_id, *change.row, now) for change in changes),
        unique=("storefront", "external_id"),
        update=(*ORDER_FIELDS, "updated_at"),
        returning=("external_id", "id"),
    )
    pks: dict[str, int] = dict(written)  # type: ignore[arg-type]
    insert_rows(
        OrderLine,
        ("order_id", "position", *LINE_FIELDS),
        [
            (pks[change.order.external_id], position, *line)
            for change in changes
            for position, line in change.lines.items()
        ],
        unique=("order", "position"),
        update=LINE_FIELDS,
    )
    return pks


def _events_of(change: Change, storefront: str, now: datetime) -> Iterator[StoredEvent]:
    """What the change means as events. Keys name order, position and fact, so that each counts once."""
    row, before = change.row, change.before
    bought_at = row.placed_at
    changed_at = aware(change.order.changed_at) if change.order.changed_at else (now if before else bought_at)
    make = partial(_event, change, storefront, now)
    for position, line in change.lines.items():
        known = before.lines.get(position) if before else None
        if line.item_id is None:
            continue
        if line.quantity < 0:
            yield make(EventType.RETURN, position, line, -line.quantity, bought_at, "")
            continue
        yield make(EventType.PURCHASE, position, line, line.quantity, bought_at, "")
        came_back = line.returned_quantity - (known.returned_quantity if known else 0)
        if came_back > 0:
            yield make(EventType.RETURN, position, line, came_back, changed_at, line.returned_quantity)
    if row.status == Order.Status.CANCELLED and (before is None or before.row.status != row.status):
        for position, line in _all_lines(change):
            yield make(EventType.CANCELLATION, position, line, line.quantity, changed_at, "")


def _all_lines(change: Change) -> Iterable[tuple[int, LineRow]]:
    lines = {**(change.before.lines if change.before else {}), **change.lines}
    return [(position, line) for position, line in lines.items() if line.item_id and line.quantity > 0]


def _event(
    change: Change, storefront: str, now: datetime,
    kind: str, position: int, line: LineRow, quantity: int, occurred_at: datetime, part: object,
) -> StoredEvent:  # fmt: skip
    external_id = change.order.external_id
    return StoredEvent(
        storefront=storefront,
        key=key_of(storefront, "order", external_id, position, kind, part),
        type=str(kind),
        channel=change.row.channel,
        customer_id=change.row.customer_id,
        session_id=change.row.session_id,
        item_id=line.item_id,
        order_external_id=external_id,
        quantity=quantity,
        value=quantity * line.unit_price,
        currency=change.row.currency,
        query="",
        properties={},
        occurred_at=occurred_at,
        received_at=now,
    )


def _unknown_item(order: OrderIn, items: Mapping[str, int]) -> RowResult:
    missing = next(line.item_id for line in order.lines if line.item_id and line.item_id not in items)
    reason = _("No item “%(item)s” is known. Send the item first; this row can then be replayed.")
    return rejected("unknown_item", reason, item=missing)
