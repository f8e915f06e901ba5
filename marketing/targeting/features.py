"""What is known of customers before a moment, as numbers: orders, visits and messages, and nothing later."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Max, Q
from numpy.typing import NDArray

from ecomai.commerce.models import Customer, EventType

from ..datasets import read_purchases
from ..profiling.visits import PASSIVE
from .histories import known_events

Floats = NDArray[np.float64]

ORDER_WINDOWS = (30, 90, 365)  # days
VISIT_WINDOWS = (7, 30, 90)
#: What is counted within `VISIT_DAYS`, each by itself.
COUNTED = (
    EventType.VIEW, EventType.CART, EventType.SEARCH, EventType.MESSAGE_SENT, EventType.MESSAGE_OPEN,
    EventType.MESSAGE_CLICK,
)  # fmt: skip
VISIT_DAYS = 30
NAMES = (
    "n_orders", "log_spent", "log_average", "days_since_order", "days_since_first_order", "days_between",
    "late_in_gaps", "pieces_an_order",
    *(f"n_orders_{days}" for days in ORDER_WINDOWS), *(f"log_spent_{days}" for days in ORDER_WINDOWS),
    "days_since_seen", *(f"n_visits_{days}" for days in VISIT_WINDOWS),
    *(f"n_{kind.value}_{VISIT_DAYS}" for kind in COUNTED), "days_known",
)  # fmt: skip


def customer_features(customer_pks: Sequence[int], *, as_of: datetime) -> NDArray[np.float32]:
    """Return a row of numbers for each customer, in their order; NaN where there is no such thing.

    What may have changed since is left out, as nothing tells what it was: traits, the status of orders, and
    visits of sessions that turned out to be the customer's later on. Three queries.

    Returns
    -------
    float32 array of shape (n_customers, len(NAMES))
    """
    places = {pk: place for place, pk in enumerate(customer_pks)}
    columns = {name: np.full(len(places), np.nan) for name in NAMES}
    _fill_visits(columns, places, as_of)
    _fill_orders(columns, places, as_of)
    known = Customer.objects.filter(pk__in=list(places), first_seen_at__lt=as_of)
    for pk, first_seen_at in known.values_list("pk", "first_seen_at"):
        columns["days_known"][places[pk]] = _days(as_of - first_seen_at)
    return np.column_stack([columns[name] for name in NAMES]).astype(np.float32)


def _fill_orders(columns: Mapping[str, Floats], places: Mapping[int, int], as_of: datetime) -> None:
    counted = (
        "n_orders",
        "log_spent",
        *(name for name in NAMES if name.startswith(("n_orders_", "log_spent_"))),
    )
    for name in counted:
        columns[name][:] = 0.0
    purchases = read_purchases(as_of=as_of, customer_pks=list(places), has_cancelled=True)
    if not len(purchases):
        return
    known, rows = purchases.histories, [places[pk] for pk in purchases.customer_pks.tolist()]
    n, spent = known.counts.astype(np.float64), known.totals(known.amounts)
    since, before = known.end_day - known.last_days, known.end_day - known.days
    between = np.where(n > 1, (known.last_days - known.first_days) / np.maximum(n - 1, 1), np.nan)
    found = {
        "n_orders": n, "log_spent": np.log1p(spent), "log_average": np.log1p(spent / n),
        "days_since_order": since, "days_since_first_order": known.ages, "days_between": between,
        "late_in_gaps": since / np.maximum(between, 1.0), "pieces_an_order": known.totals(known.sizes) / n,
    }  # fmt: skip
    for days in ORDER_WINDOWS:
        found[f"n_orders_{days}"] = known.totals(before < days)
        found[f"log_spent_{days}"] = np.log1p(known.totals(known.amounts * (before < days)))
    for name, values in found.items():
        columns[name][rows] = values


def _fill_visits(columns: Mapping[str, Floats], places: Mapping[int, int], as_of: datetime) -> None:
    for name in NAMES:
        if name.startswith(("n_visits_", *(f"n_{kind.value}_" for kind in COUNTED))):
            columns[name][:] = 0.0
    for row in _visits(list(places), as_of):
        place, kind = places[row["customer_id"]], row["type"]
        if kind in COUNTED:
            columns[f"n_{kind}_{VISIT_DAYS}"][place] = row[f"n_{VISIT_DAYS}"]
        if kind in PASSIVE:
            continue
        for days in VISIT_WINDOWS:
            columns[f"n_visits_{days}"][place] += row[f"n_{days}"]
        seen = _days(as_of - row["last_at"])
        columns["days_since_seen"][place] = np.fmin(columns["days_since_seen"][place], seen)


def _visits(customer_pks: Sequence[int], as_of: datetime) -> Any:
    """What each did how often within the windows, and when last."""
    counts = {
        f"n_{days}": Count("pk", filter=Q(occurred_at__gte=as_of - timedelta(days=days)))
        for days in sorted({*VISIT_WINDOWS, VISIT_DAYS})
    }
    grouped = known_events(customer_pks, as_of=as_of).values("customer_id", "type")
    return grouped.annotate(last_at=Max("occurred_at"), **counts).iterator()


def _days(span: timedelta) -> float:
    return span / timedelta(days=1)
