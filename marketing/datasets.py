"""Orders as purchase histories: who bought what and when, and for how much in the reporting currency."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
from django.db.models import Sum
from django.utils import timezone
from numpy.typing import NDArray

from ecomai.commerce.exceptions import NoExchangeRateError
from ecomai.commerce.models import Order, OrderLine
from ecomai.commerce.selectors import RateTable
from ecomai.fusion.selectors import granted_consents
from ecomai.learning.customer_value.assortment import PurchaseLines
from ecomai.learning.customer_value.base import PurchaseHistories

from .app_settings import app_settings

_CHUNK = 5000


@dataclass(frozen=True, eq=False)
class Purchases:
    """Histories of customers who allow it, with who they are.

    `customer_pks` has shape (n_customers,). `n_left_out` are customers with an order whose currency has no
    rate: their amounts are not known, and none is guessed.
    """

    histories: PurchaseHistories
    customer_pks: NDArray[np.int64]
    n_left_out: int

    def __len__(self) -> int:
        return len(self.customer_pks)

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        known = self.histories
        parts = [self.customer_pks, known.customers, known.days, known.amounts, known.sizes]
        if (lines := known.lines) is not None:
            parts += [lines.customers, lines.days, lines.items, lines.quantities, lines.prices]
        for part in parts:
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    @property
    def span_days(self) -> float:
        """Days from the first purchase to the end."""
        days = self.histories.days
        return self.histories.end_day - float(days.min()) if len(days) else 0.0


def day_number(day: date) -> float:
    return float(day.toordinal())


def moment_of(day: float) -> datetime:
    """Return when a day ends, in the shop's zone."""
    at_midnight = datetime.combine(date.fromordinal(int(day)) + timedelta(days=1), datetime.min.time())
    return timezone.make_aware(at_midnight)


def read_purchases(
    *, as_of: datetime, customer_pks: Collection[int] | None = None, has_cancelled: bool = False
) -> Purchases:
    """Return what customers bought until the last whole day before a moment; all customers by default.

    Only those are in it who allow marketing. Cancelled orders are none, unless it is asked what was known at
    the moment itself: that an order was cancelled may have become known later.
    """
    end = day_number(timezone.localtime(as_of).date() - timedelta(days=1))
    rates = RateTable()
    pks: list[int] = []
    columns: list[tuple[int, float, float, float]] = []
    lines: list[tuple[int, float, int, float, float]] = []
    n_left_out = 0
    for batch in _batches(_orders(as_of, customer_pks, has_cancelled)):
        allowed = granted_consents(customer_pks=list(batch), purpose=app_settings.PURPOSE)
        places: dict[int, int] = {}
        for pk, orders in batch.items():
            if pk not in allowed:
                continue
            try:
                bought = [_bought(order, rates) for order in orders]
            except NoExchangeRateError:
                n_left_out += 1
                continue
            known = [one for one in bought if one[0] <= end]
            if known:
                places[pk] = len(pks)
                columns += [(len(pks), *one) for one in known]
                pks.append(pk)
        lines += _lines(places, as_of, rates, has_cancelled)
    table = np.array(columns, dtype=np.float64).reshape(-1, 4)
    histories = PurchaseHistories.of(
        table[:, 0].astype(np.int64), table[:, 1], table[:, 2], sizes=table[:, 3], end_day=end,
        lines=PurchaseLines.of(*np.array(lines, dtype=np.float64).reshape(-1, 5).T),
    )  # fmt: skip
    return Purchases(histories, np.array(pks, dtype=np.int64), n_left_out)


def _lines(
    places: dict[int, int], as_of: datetime, rates: RateTable, has_cancelled: bool
) -> Iterator[tuple[int, float, int, float, float]]:
    """Yield what customers bought, each at its place: place, day, item, pieces and price of one."""
    lines = OrderLine.objects.filter(
        order__customer_id__in=list(places), order__placed_at__lt=as_of, item__isnull=False, quantity__gt=0
    )
    if not has_cancelled:
        lines = lines.exclude(order__status=Order.Status.CANCELLED)
    found = lines.order_by().values_list(
        "order__customer_id", "order__placed_at", "order__currency", "item_id", "quantity", "unit_price"
    )
    for pk, placed_at, currency, item_pk, quantity, unit_price in found.iterator(_CHUNK):
        price = rates.convert(unit_price, currency, placed_at.date())
        day = day_number(timezone.localtime(placed_at).date())
        yield places[pk], day, item_pk, float(quantity), float(price)


def _orders(
    as_of: datetime, customer_pks: Collection[int] | None, has_cancelled: bool
) -> Iterator[tuple[int, list[Any]]]:
    orders = Order.objects.filter(customer__isnull=False, placed_at__lt=as_of)
    if not has_cancelled:
        orders = orders.exclude(status=Order.Status.CANCELLED)
    if customer_pks is not None:
        orders = orders.filter(customer_id__in=list(customer_pks))
    rows = orders.annotate(pieces=Sum("lines__quantity")).order_by("customer_id", "placed_at", "pk")
    found = rows.values_list("customer_id", "placed_at", "total", "currency", "pieces").iterator(_CHUNK)
    for pk, group in groupby(found, key=lambda row: row[0]):
        yield int(pk or 0), list(group)


def _batches(orders: Iterator[tuple[int, list[Any]]]) -> Iterator[dict[int, list[Any]]]:
    batch: dict[int, list[Any]] = {}
    for pk, rows in orders:
        batch[pk] = rows
        if len(batch) >= app_settings.BATCH_SIZE:
            yield batch
            batch = {}
    if batch:
        yield batch


def _bought(order: tuple[Any, ...], rates: RateTable) -> tuple[float, float, float]:
    _pk, placed_at, total, currency, pieces = order
    day = timezone.localtime(placed_at).date()
    amount = rates.convert(total, currency, placed_at.date())
    return day_number(day), max(float(amount), 0.0), float(max(pieces or 1, 1))
