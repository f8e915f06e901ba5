"""What single customers are compared with: fifths of all buyers, the usual gap, prices of categories."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from statistics import median

import numpy as np
from numpy.typing import ArrayLike

from ecomai.commerce.models import Item

from ..models import CustomerProfile, ProfileReference
from .purchases import price_key

FIFTHS = (0.2, 0.4, 0.6, 0.8)
#: So many references stay, to see how the shop's customers changed.
KEPT = 400


def compute_reference(*, now: datetime) -> ProfileReference:
    """Write where the fifths of all buyers begin, from the profiles as they are."""
    buyers = CustomerProfile.objects.filter(n_orders__gt=0, last_order_at__isnull=False)
    figures = buyers.values_list("last_order_at", "n_orders", "spent", "own_gap_days")
    rows = np.array(
        [_numbers(*row) for row in figures.iterator(chunk_size=10_000)], dtype=np.float64
    ).reshape(-1, 4)  # fmt: skip
    reference = ProfileReference.objects.create(
        computed_at=now, n_buyers=len(rows), category_prices=_category_prices(),
        recency_bounds=_bounds(rows[:, 0]), frequency_bounds=_bounds(rows[:, 1]),
        monetary_bounds=_bounds(rows[:, 2]), usual_gap_days=_median(rows[:, 3]),
    )  # fmt: skip
    old = ProfileReference.objects.order_by("-computed_at").values_list("pk", flat=True)[KEPT:]
    ProfileReference.objects.filter(pk__in=list(old)).delete()
    return reference


def current_reference() -> ProfileReference:
    """Return the newest; before the first, one that knows nothing."""
    return ProfileReference.objects.order_by("-computed_at").first() or ProfileReference(n_buyers=0)


def score_of(value: float | None, bounds: list[float]) -> int | None:
    """Return in which fifth a value lies, 1 to 5 from low to high; None where that is not known."""
    if value is None or not bounds:
        return None
    return 1 + int(np.searchsorted(np.asarray(bounds), value, side="right"))


def _numbers(
    last: datetime | None, n_orders: int, spent: Decimal | None, gap: float | None
) -> tuple[float, float, float, float]:
    return (
        last.timestamp() if last else np.nan, float(n_orders),
        float(spent) if spent is not None else np.nan, gap if gap is not None else np.nan,
    )  # fmt: skip


def _bounds(values: ArrayLike) -> list[float]:
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return [float(bound) for bound in np.quantile(known, FIFTHS)] if len(known) else []


def _median(values: ArrayLike) -> float | None:
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return float(np.median(known)) if len(known) else None


def _category_prices() -> dict[str, float]:
    prices: dict[str, list[float]] = defaultdict(list)
    items = Item.objects.exclude(price=None).exclude(category_path="").order_by()
    for currency, category, price in items.values_list("currency", "category_path", "price").iterator():
        prices[price_key(currency, category)].append(float(price or 0))
    return {key: median(found) for key, found in prices.items()}
