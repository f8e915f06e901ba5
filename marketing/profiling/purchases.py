"""What orders say of customers: how often, how much, in which rhythm, and what of."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ecomai.commerce.exceptions import NoExchangeRateError
from ecomai.commerce.models import Order, OrderLine
from ecomai.commerce.selectors import RateTable

#: With fewer gaps between orders, the shop's usual one says more than the customer's own.
LEAST_GAPS = 2
#: After so many usual gaps a customer is late enough to be lost, and after so many is.
AT_RISK_GAPS, LAPSED_GAPS = 2.0, 4.0
#: What was bought so many days earlier counts half as much as a taste.
TASTE_HALF_LIFE_DAYS = 180.0
N_TASTES = 5
#: A price this much below the list price is a discount, and no rounding.
DISCOUNTED = 0.98


@dataclass
class Purchases:
    """The orders of one customer; amounts in the reporting currency, None where a rate is missing."""

    moments: list[datetime] = field(default_factory=list)
    spent: Decimal | None = Decimal(0)
    n_pieces: int = 0
    n_returned: int = 0
    n_comparable: int = 0
    n_discounted: int = 0
    price_levels: list[tuple[float, int]] = field(default_factory=list)
    categories: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    brands: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def gaps(self) -> list[float]:
        """Days between the days on which something was ordered."""
        days = sorted({timezone.localtime(moment).date() for moment in self.moments})
        return [float((later - earlier).days) for earlier, later in pairwise(days)]

    def own_gap_days(self) -> float | None:
        """The median gap; None while there are too few to tell a rhythm."""
        gaps = self.gaps()
        return median(gaps) if len(gaps) >= LEAST_GAPS else None

    def price_level(self) -> float | None:
        """What was paid for a piece, of the median price of its category; 1 is usual."""
        n_pieces = sum(n for _level, n in self.price_levels)
        return sum(level * n for level, n in self.price_levels) / n_pieces if n_pieces else None


def read_purchases(
    customer_pks: Collection[int], *, now: datetime, category_prices: Mapping[str, float], rates: RateTable
) -> dict[int, Purchases]:
    """Return the purchases of the customers who have any; cancelled orders are none. Two queries."""
    found: dict[int, Purchases] = defaultdict(Purchases)
    for customer, placed_at, total, currency in _orders(customer_pks, now):
        purchases = found[customer]
        purchases.moments.append(placed_at)
        if purchases.spent is not None:
            purchases.spent = _added(purchases.spent, total, currency, placed_at.date(), rates)
    for line in _lines(customer_pks, now):
        _add_line(found[line["order__customer_id"]], line, now, category_prices)
    return dict(found)


def _kept(customer_pks: Collection[int], now: datetime) -> QuerySet[Order]:
    orders = Order.objects.filter(customer_id__in=list(customer_pks), placed_at__lte=now)
    return orders.exclude(status=Order.Status.CANCELLED)


def _orders(customer_pks: Collection[int], now: datetime) -> Iterator[tuple[Any, ...]]:
    rows = _kept(customer_pks, now).order_by("customer_id", "placed_at")
    return rows.values_list("customer_id", "placed_at", "total", "currency").iterator()


def _lines(customer_pks: Collection[int], now: datetime) -> Iterable[Mapping[str, Any]]:
    lines = OrderLine.objects.filter(order__in=_kept(customer_pks, now)).order_by()
    return lines.values(
        "order__customer_id", "order__placed_at", "order__currency", "quantity", "returned_quantity",
        "unit_price", "item__category_path", "item__brand", "item__price", "item__currency",
    ).iterator()  # fmt: skip


def _added(spent: Decimal, total: Decimal, currency: str, day: date, rates: RateTable) -> Decimal | None:
    try:
        return spent + rates.convert(total, currency, day)
    except NoExchangeRateError:
        return None


def _add_line(
    purchases: Purchases, line: Mapping[str, Any], now: datetime, category_prices: Mapping[str, float]
) -> None:
    quantity = max(line["quantity"], 0)
    purchases.n_pieces += quantity
    purchases.n_returned += min(max(line["returned_quantity"], 0), quantity)
    age_days = (now - line["order__placed_at"]) / timedelta(days=1)
    weight = quantity * 0.5 ** (max(age_days, 0.0) / TASTE_HALF_LIFE_DAYS)
    category, brand = line["item__category_path"], line["item__brand"]
    if category:
        purchases.categories[category] += weight
    if brand:
        purchases.brands[brand] += weight
    usual = category_prices.get(price_key(line["order__currency"], category or ""))
    if usual and quantity:
        purchases.price_levels.append((float(line["unit_price"]) / usual, quantity))
    if line["item__price"] and line["item__currency"] == line["order__currency"]:
        purchases.n_comparable += quantity
        if float(line["unit_price"]) < DISCOUNTED * float(line["item__price"]):
            purchases.n_discounted += quantity


def price_key(currency: str, category: str) -> str:
    """How a category's median price is kept: prices of unlike currencies are not compared."""
    return f"{currency} {category}"


def shares(weights: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the heaviest names with their shares of all, as `[{"name": ..., "share": ...}]`."""
    total = sum(weights.values())
    if not total:
        return []
    ranked = sorted(weights.items(), key=lambda pair: (-pair[1], pair[0]))[:N_TASTES]
    return [{"name": name, "share": round(weight / total, 3)} for name, weight in ranked]
