"""What comes in, as typed rows: the same for REST, files and adapters.

A field left `UNSET` is not said: a new row takes its default, a known row keeps what it has.
Times without a zone are UTC.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import UNSET, Struct, UnsetType


class EventIn(Struct, kw_only=True):
    """Something that happened. Without a `key` the content is the key: the same row twice is one event."""

    type: str
    key: str = ""
    customer_id: str = ""
    session_id: str = ""
    item_id: str = ""
    query: str = ""
    channel: str = "web"
    order_id: str = ""
    quantity: int = 1
    value: Decimal | None = None
    currency: str = ""
    properties: dict[str, Any] = {}
    occurred_at: datetime | None = None


class ItemIn(Struct, kw_only=True):
    external_id: str
    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    category_path: str | UnsetType = UNSET
    brand: str | UnsetType = UNSET
    attributes: dict[str, Any] | UnsetType = UNSET
    price: Decimal | UnsetType | None = UNSET
    cost: Decimal | UnsetType | None = UNSET
    currency: str | UnsetType = UNSET
    stock: int | UnsetType | None = UNSET
    url: str | UnsetType = UNSET
    image_urls: list[str] | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    listed_at: datetime | UnsetType = UNSET


class CustomerIn(Struct, kw_only=True):
    external_id: str
    language: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    traits: dict[str, Any] | UnsetType = UNSET
    first_seen_at: datetime | UnsetType = UNSET


class OrderLineIn(Struct, kw_only=True):
    """A line without `item_id` is a fee, postage or discount. A negative quantity takes goods back."""

    position: int
    unit_price: Decimal
    item_id: str = ""
    description: str = ""
    quantity: int = 1
    returned_quantity: int = 0


class OrderIn(Struct, kw_only=True):
    """An order with all or some of its lines; lines that are not named stay as they are.

    `changed_at` is when it was cancelled or returned; without it, the time of the order for history
    and our clock for an order that we knew before.
    """

    external_id: str
    currency: str
    placed_at: datetime
    customer_id: str = ""
    session_id: str = ""
    channel: str = "web"
    status: str = "placed"
    changed_at: datetime | None = None
    lines: list[OrderLineIn] = []


class RateIn(Struct, kw_only=True):
    """What one unit of `currency` is worth in the reporting currency, from `valid_from` on."""

    currency: str
    valid_from: datetime
    rate: Decimal


KINDS: dict[str, type[Struct]] = {
    "event": EventIn,
    "item": ItemIn,
    "customer": CustomerIn,
    "order": OrderIn,
    "rate": RateIn,
}


class RowResult(NamedTuple):
    """What became of one row: accepted, duplicate (nothing changed) or rejected with code and sentence."""

    status: str
    code: str = ""
    reason: str = ""


ACCEPTED = RowResult("accepted")
CREATED = RowResult("accepted", "created")
UPDATED = RowResult("accepted", "updated")
DUPLICATE = RowResult("duplicate")
UNCHANGED = RowResult("duplicate", "unchanged")


def count_statuses(results: Sequence[RowResult]) -> dict[str, int]:
    counts = {"accepted": 0, "duplicate": 0, "rejected": 0}
    for result in results:
        counts[result.status] += 1
    return counts
