"""Orders: lines at the price that was paid, postage and surcharges, and how far they have come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import F, Prefetch, QuerySet
from django.db.models.functions import Coalesce

from ecomai.commerce.adapters.mapping import LineMapping, OrderMapping, Row

from .products import currency_code
from .words import CANCELLED, COMPLETED, ON_HOLD, PAID, PLACED, RETURNED, SHIPPED, Words

#: Positions of what is no product; Oscar's own lines are numbered from 1.
SHIPPING_POSITION, FIRST_SURCHARGE_POSITION = 0, 1_000_001
STEP = Decimal("0.0001")


def order_mapping(words: Words) -> OrderMapping:
    return OrderMapping(
        model="order.Order",
        external_id="number",
        customer_id="user_id",
        placed_at="date_placed",
        currency=lambda order: currency_code(order.currency) or order.currency,
        status=partial(status_of, words),
        changed_at=partial(changed_at, words),
        lines=OscarLines(
            "lines",
            item_id="item_key",
            description=description_of,
            unit_price=unit_price_of,
            returned_quantity=partial(returned_quantity, words),
        ),
        prefetch_related=["status_changes", "surcharges"],
        adjust=with_events,
        touched_by={
            "order.Line": "order_id",
            "order.OrderStatusChange": "order_id",
            "order.ShippingEvent": "order_id",
            "order.ShippingEventQuantity": "event.order_id",
            "order.PaymentEvent": "order_id",
            "order.PaymentEventQuantity": "event.order_id",
            "order.Surcharge": "order_id",
        },
    )


def with_events(orders: QuerySet[Any]) -> QuerySet[Any]:
    """Lines with the item they belong to, and what became of them."""
    from oscar.core.loading import get_model

    # A variant's line is its parent's; of a deleted product there is neither.
    lines = get_model("order", "Line")._default_manager.annotate(
        item_key=Coalesce(F("product__parent_id"), F("product_id"))
    )
    shipped = get_model("order", "ShippingEventQuantity")._default_manager.select_related("event__event_type")
    paid = get_model("order", "PaymentEventQuantity")._default_manager.select_related("event__event_type")
    payments = get_model("order", "PaymentEvent")._default_manager.select_related("event_type")
    return orders.prefetch_related(
        Prefetch("lines", lines),
        Prefetch("lines__shipping_event_quantities", shipped),
        Prefetch("lines__payment_event_quantities", paid),
        Prefetch("payment_events", payments),
    )


@dataclass(frozen=True)
class OscarLines(LineMapping):
    """The order's lines; postage and surcharges are lines without an item."""

    def read(self, order: Any) -> Iterator[Row]:
        yield from (row for row in super().read(order) if row["quantity"])
        if order.shipping_incl_tax > 0:
            yield fee(SHIPPING_POSITION, order.shipping_method, order.shipping_incl_tax)
        surcharges = sorted(order.surcharges.all(), key=lambda charge: charge.pk)
        for position, charge in enumerate(surcharges, start=FIRST_SURCHARGE_POSITION):
            if charge.incl_tax > 0:
                yield fee(position, charge.name, charge.incl_tax)


def fee(position: int, description: str, amount: Decimal) -> Row:
    return {"position": position, "item_id": "", "description": description, "unit_price": amount}


def description_of(line: Any) -> str:
    """The title; of a variant also which one it is, since its item is the parent."""
    is_variant = line.item_key != line.product_id
    return f"{line.title} ({line.upc or line.partner_sku})" if is_variant else line.title


def unit_price_of(line: Any) -> Decimal:
    """What one piece cost after all discounts, with tax."""
    return (line.line_price_incl_tax / (line.quantity or 1)).quantize(STEP)


# -- what became of it -------------------------------------------------------------------------------


def status_of(words: Words, order: Any) -> str:
    """The shop's own word where it is an end or a halt; else what its shipping and payment events say."""
    said = words.status(order.status)
    if said in {CANCELLED, ON_HOLD, RETURNED}:
        return said
    lines = [line for line in order.lines.all() if line.quantity]
    if lines and all(returned_quantity(words, line) == line.quantity for line in lines):
        return RETURNED
    if said == COMPLETED:
        return COMPLETED
    if lines and all(_pieces(words, line, SHIPPED) >= line.quantity for line in lines):
        return SHIPPED
    if said in {None, PLACED} and _is_paid(words, order):
        return PAID
    return said or PLACED


def returned_quantity(words: Words, line: Any) -> int:
    """Pieces that came back or were refunded, whichever are more; one that was both counts once."""
    refunded = sum(
        row.quantity
        for row in line.payment_event_quantities.all()
        if words.payment(row.event.event_type) == "refund"
    )
    return min(line.quantity, max(refunded, _pieces(words, line, RETURNED)))


def changed_at(words: Words, order: Any) -> datetime | None:
    """When the order was cancelled, or last had something come back."""
    ends = {CANCELLED, RETURNED}
    moments = [
        change.date_created
        for change in order.status_changes.all()
        if words.status(change.new_status) in ends
    ]
    for line in order.lines.all():
        moments += [
            row.event.date_created
            for row in line.shipping_event_quantities.all()
            if words.shipping(row.event.event_type) == RETURNED
        ]
        moments += [
            row.event.date_created
            for row in line.payment_event_quantities.all()
            if words.payment(row.event.event_type) == "refund"
        ]
    return max(moments, default=None)


def _pieces(words: Words, line: Any, meaning: str) -> int:
    return sum(
        row.quantity
        for row in line.shipping_event_quantities.all()
        if words.shipping(row.event.event_type) == meaning
    )


def _is_paid(words: Words, order: Any) -> bool:
    return any(words.payment(event.event_type) == "payment" for event in order.payment_events.all())
