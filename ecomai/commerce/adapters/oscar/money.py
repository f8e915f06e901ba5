"""What was paid, paid back, sent and redeemed, each of it an event of its order."""

from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from ecomai.commerce.adapters.mapping import Constant, EventMapping

from .behaviour import installed
from .products import currency_code
from .words import Words


def event_mappings(words: Words) -> list[EventMapping]:
    return installed(
        EventMapping(
            model="order.PaymentEvent", type=partial(payment_type, words), order_id="order.number",
            customer_id="order.user_id", occurred_at="date_created", value=lambda event: abs(event.amount),
            currency=lambda event: currency_code(event.order.currency),
            properties=lambda event: {"event": event.event_type.code},
            select_related=["order", "event_type"],
        ),
        EventMapping(
            # Refunds that the shop booked at the payment source and nowhere else.
            model="payment.Transaction", type=Constant("refund"), order_id="source.order.number",
            customer_id="source.order.user_id", occurred_at="date_created", value=lambda row: abs(row.amount),
            currency=lambda row: currency_code(row.source.currency),
            properties=lambda row: {"event": "refund"}, filter={"txn_type": "Refund"},
            select_related=["source__order"], adjust=partial(without_refund_events, words),
        ),
        EventMapping(
            model="order.ShippingEvent", type=Constant("shipment"), order_id="order.number",
            customer_id="order.user_id", occurred_at="date_created",
            properties=lambda event: {"event": event.event_type.code},
            select_related=["order", "event_type"],
        ),
        EventMapping(
            model="voucher.VoucherApplication", type=Constant("voucher"), order_id="order.number",
            customer_id="user_id", occurred_at="date_created", value=discount_of,
            currency=lambda row: currency_code(row.order.currency),
            properties=lambda row: {"code": row.voucher.code},
            select_related=["order", "voucher"], prefetch_related=["order__discounts"],
        ),
    )  # fmt: skip


def payment_type(words: Words, event: Any) -> str:
    return words.payment(event.event_type) or "payment"


def without_refund_events(words: Words, transactions: QuerySet[Any]) -> QuerySet[Any]:
    """Leave out orders whose refunds are payment events too: money that goes back once is said once."""
    from oscar.core.loading import get_model

    types = get_model("order", "PaymentEventType")._default_manager.all()
    refunds = [event_type.pk for event_type in types if words.payment(event_type) == "refund"]
    events = get_model("order", "PaymentEvent")._default_manager.filter(event_type__in=refunds)
    return transactions.exclude(Exists(events.filter(order=OuterRef("source__order"))))


def discount_of(application: Any) -> Decimal:
    discounts = application.order.discounts.all()
    return sum(
        (row.amount for row in discounts if row.voucher_id == application.voucher_id and row.amount > 0),
        Decimal(0),
    )
