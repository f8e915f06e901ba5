"""What the words of an Oscar shop mean: statuses and event types are free text there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.text import slugify

from ecomai.commerce.models import Order

PLACED, PAID, ON_HOLD = Order.Status.PLACED, Order.Status.PAID, Order.Status.ON_HOLD
SHIPPED, COMPLETED = Order.Status.SHIPPED, Order.Status.COMPLETED
CANCELLED, RETURNED = Order.Status.CANCELLED, Order.Status.RETURNED

ORDER_STATUSES: Mapping[str, str] = {
    "new": PLACED, "placed": PLACED, "pending": PLACED, "being-processed": PLACED, "processing": PLACED,
    "paid": PAID, "authorised": PAID, "authorized": PAID,
    "on-hold": ON_HOLD, "held": ON_HOLD, "hold": ON_HOLD, "in-review": ON_HOLD,
    "shipped": SHIPPED, "sent": SHIPPED, "dispatched": SHIPPED, "in-transit": SHIPPED,
    "complete": COMPLETED, "completed": COMPLETED, "delivered": COMPLETED, "fulfilled": COMPLETED,
    "cancelled": CANCELLED, "canceled": CANCELLED, "void": CANCELLED, "payment-declined": CANCELLED,
    "returned": RETURNED, "refunded": RETURNED,
}  # fmt: skip
SHIPPING_EVENTS: Mapping[str, str] = {
    "shipped": SHIPPED, "dispatched": SHIPPED, "sent": SHIPPED, "delivered": SHIPPED,
    "returned": RETURNED,
}  # fmt: skip
PAYMENT_EVENTS: Mapping[str, str] = {
    "paid": "payment", "payment": "payment", "settled": "payment", "settle": "payment", "debit": "payment",
    "captured": "payment",
    "refunded": "refund", "refund": "refund",
    "failed": "payment_failure", "declined": "payment_failure", "payment-failed": "payment_failure",
}  # fmt: skip


def as_word(text: Any) -> str:
    return slugify(str(text or "").replace("_", " "))


@dataclass(frozen=True)
class Words:
    """A shop's own words; those that it does not explain say nothing."""

    order_statuses: Mapping[str, str]
    shipping_events: Mapping[str, str]
    payment_events: Mapping[str, str]

    def __hash__(self) -> int:
        return hash(frozenset(self.order_statuses.items()))

    def status(self, text: str) -> str | None:
        return self.order_statuses.get(as_word(text))

    def shipping(self, event_type: Any) -> str | None:
        return _meaning(self.shipping_events, event_type)

    def payment(self, event_type: Any) -> str | None:
        return _meaning(self.payment_events, event_type)


def _meaning(known: Mapping[str, str], event_type: Any) -> str | None:
    """Oscar makes the code of the name, but a shop may have set either."""
    return known.get(as_word(event_type.code)) or known.get(as_word(event_type.name))


class OwnWords:
    """What a shop's own words mean, all written like a slug (`being-processed`); a subclass says more.

    - `order_statuses`: status of `OSCAR_ORDER_STATUS_PIPELINE` -> ours; one that is not named says nothing;
    - `shipping_events`: type of a shipping event -> `shipped` or `returned`;
    - `payment_events`: type of a payment event -> `payment`, `refund` or `payment_failure`.
    """

    order_statuses: Mapping[str, str] = ORDER_STATUSES
    shipping_events: Mapping[str, str] = SHIPPING_EVENTS
    payment_events: Mapping[str, str] = PAYMENT_EVENTS

    @property
    def words(self) -> Words:
        return Words(self.order_statuses, self.shipping_events, self.payment_events)
