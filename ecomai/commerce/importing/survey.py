"""What a file of order lines holds, read through once: its numbers, and the items and customers in it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ecomai.commerce.records import CustomerIn, ItemIn

from .lines import LineRules
from .mappings import Mapping, RowReader


@dataclass
class _ItemSeen:
    titles: Counter[str] = field(default_factory=Counter)
    price: Decimal | None = None
    currency: str = ""
    first_at: Any = None


@dataclass
class _CustomerSeen:
    country: str = ""
    first_at: Any = None


class Survey:
    """Counts rows as they stand in the file, before any of them is left out."""

    def __init__(self, mapping: Mapping, reader: RowReader) -> None:
        self.mapping = mapping
        self.reader = reader
        self.rules = LineRules(mapping)
        self.n_rows = 0
        self.counts: Counter[str] = Counter()
        self.amount = Decimal(0)
        self.distinct: dict[str, set[str]] = defaultdict(set)
        self.items: dict[str, _ItemSeen] = {}
        self.customers: dict[str, _CustomerSeen] = {}

    def add(self, cells: Sequence[Any]) -> None:
        fields = self.reader.fields(cells)
        self.n_rows += 1
        self._count(fields)
        if not self.rules.left_out_code(fields):
            placed_at = self.reader.parse_date(fields.get("placed_at"))
            self._see_item(fields, placed_at)
            self._see_customer(fields, placed_at)

    def numbers(self) -> dict[str, Any]:
        """Return what the file holds, by plain names."""
        return {
            "rows": self.n_rows,
            **{f"distinct_{name}": len(self.distinct[name]) for name in _DISTINCT},
            "rows_without_customer": self.counts["without_customer"],
            "rows_without_description": self.counts["without_description"],
            "rows_of_credit_notes": self.counts["credit_note"],
            "rows_of_no_product": self.counts["no_product"],
            "rows_with_price_zero": self.counts["price_zero"],
            "sum_of_quantity_times_price": str(self.amount),
        }

    def found_items(self) -> list[ItemIn]:
        return [
            ItemIn(
                external_id=external_id,
                title=_most_frequent(seen.titles) or external_id,
                price=seen.price,
                currency=seen.currency,
                listed_at=seen.first_at,
            )
            for external_id, seen in self.items.items()
        ]

    def found_customers(self) -> list[CustomerIn]:
        return [
            CustomerIn(external_id=external_id, country=seen.country, first_seen_at=seen.first_at)
            for external_id, seen in self.customers.items()
        ]

    def _count(self, fields: dict[str, Any]) -> None:
        order_id, item_id = str(fields.get("order_id", "")), str(fields.get("item_id", ""))
        for name, field_name in _DISTINCT.items():
            if value := fields.get(field_name):
                self.distinct[name].add(str(value))
        self.counts["without_customer"] += "customer_id" not in fields
        self.counts["without_description"] += "description" not in fields
        self.counts["credit_note"] += self.rules.is_credit_note(order_id)
        self.counts["no_product"] += self.rules.is_no_product(item_id)
        try:
            price = Decimal(str(fields.get("unit_price", 0)))
            self.amount += price * int(fields.get("quantity", 0))
            self.counts["price_zero"] += not price
        except (ValueError, InvalidOperation):
            self.counts["not_numbers"] += 1

    def _see_item(self, fields: dict[str, Any], placed_at: Any) -> None:
        item_id = str(fields.get("item_id", "")).strip()
        if not item_id or self.rules.is_no_product(item_id) or isinstance(placed_at, str | None):
            return
        seen = self.items.setdefault(item_id, _ItemSeen())
        seen.first_at = min(seen.first_at or placed_at, placed_at)
        if title := str(fields.get("description", "")).strip():
            seen.titles[title] += 1
        try:
            price = Decimal(str(fields["unit_price"]))
        except (KeyError, InvalidOperation):
            return
        if price > 0:
            seen.price, seen.currency = price, str(fields.get("currency", ""))

    def _see_customer(self, fields: dict[str, Any], placed_at: Any) -> None:
        customer_id = str(fields.get("customer_id", "")).strip()
        if not customer_id or isinstance(placed_at, str | None):
            return
        seen = self.customers.setdefault(customer_id, _CustomerSeen())
        seen.first_at = min(seen.first_at or placed_at, placed_at)
        seen.country = str(fields.get("country", "")) or seen.country


_DISTINCT = {
    "orders": "order_id",
    "items": "item_id",
    "descriptions": "description",
    "customers": "customer_id",
    "countries": "country",
}


def _most_frequent(titles: Counter[str]) -> str:
    """The most frequent title; of equals the first in the alphabet, whatever the order of the rows."""
    return min(titles, key=lambda title: (-titles[title], title), default="")
