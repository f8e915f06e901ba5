"""A customer's purchases as numbers: recency, frequency, money in windows, gaps, calendar, assortment."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .assortment import Assortment
from .base import Floats, PurchaseHistories
from .windows import Prior

WINDOWS = (7, 14, 28, 56, 91, 182)  # days before the end
FIRST_WINDOWS = (14, 28, 56)  # days after the first purchase
WEEKDAYS = 7


def make_features(histories: PurchaseHistories, prior: Prior, assortment: Assortment) -> NDArray[np.float32]:
    """Return a row of numbers for each customer; NaN where a customer has no such thing.

    Parameters
    ----------
    histories : PurchaseHistories
    prior : Prior
    assortment : Assortment

    Returns
    -------
    float32 array of shape (n_customers, n_features)
    """
    priors = np.column_stack([prior.log_purchases, prior.alive, prior.spend])
    bought = assortment.describe(histories.lines, histories.end_day, histories.n_customers)
    return np.column_stack([own_features(histories), priors, bought]).astype(np.float32)


def own_features(histories: PurchaseHistories) -> Floats:
    """Return what each customer's own purchases say, without any knowledge of others."""
    columns = {**_recency_and_frequency(histories), **_gaps(histories), **_money(histories)}
    return np.column_stack(list(columns.values()))


def squash(features: NDArray[Any]) -> NDArray[np.float32]:
    """Return numbers of like size, and 0 where there is none."""
    known = np.nan_to_num(features, nan=0.0)
    return np.asarray(np.sign(known) * np.log1p(np.abs(known)), dtype=np.float32)


def _recency_and_frequency(histories: PurchaseHistories) -> dict[str, Floats]:
    first, last, n = histories.first_days, histories.last_days, histories.counts.astype(np.float64)
    is_repeat = _is_repeat(histories)
    before = histories.end_day - histories.days
    after_first = histories.days - first[histories.customers]
    found = {
        "n": n,
        "age": histories.ages,
        "recency": last - first,
        "since": histories.end_day - last,
        "rate": (n - 1) / np.maximum(histories.ages, WEEKDAYS),
        "first_weekday": first % WEEKDAYS,
        "last_weekday": last % WEEKDAYS,
    }
    for days in WINDOWS:
        found[f"n_last_{days}"] = histories.totals(is_repeat & (before < days))
        found[f"amount_last_{days}"] = histories.totals(histories.amounts * (before < days))
    for days in FIRST_WINDOWS:
        found[f"n_first_{days}"] = histories.totals(is_repeat & (after_first <= days))
    return found


def _gaps(histories: PurchaseHistories) -> dict[str, Floats]:
    is_repeat = _is_repeat(histories)
    gaps = np.diff(histories.days, prepend=0.0)
    n = np.where(histories.counts > 1, histories.counts - 1.0, np.nan)
    mean = histories.totals(gaps * is_repeat) / n
    spread = np.sqrt(np.maximum(histories.totals(gaps**2 * is_repeat) / n - mean**2, 0))
    last = np.where(np.isnan(n), np.nan, gaps[histories.starts[1:] - 1])
    since = histories.end_day - histories.last_days
    return {
        "gap_mean": mean,
        "gap_spread": spread,
        "gap_last": last,
        "gap_longest": _longest(gaps * is_repeat, histories) + 0 * n,
        "gap_variation": spread / np.maximum(mean, 1),
        "since_in_gaps": (since + 1) / (mean + 1),
    }


def _money(histories: PurchaseHistories) -> dict[str, Floats]:
    n = histories.counts.astype(np.float64)
    starts, ends = histories.starts[:-1], histories.starts[1:] - 1
    found: dict[str, Floats] = {}
    for name, values in (("amount", histories.amounts), ("size", histories.sizes)):
        total = histories.totals(values)
        found |= {
            f"{name}_total": total,
            f"{name}_mean": total / n,
            f"{name}_first": values[starts],
            f"{name}_last": values[ends],
            f"{name}_most": _longest(values, histories),
        }
    found["price"] = found["amount_total"] / np.maximum(found["size_total"], 1)
    return found


def _is_repeat(histories: PurchaseHistories) -> NDArray[np.bool_]:
    is_repeat = np.ones(len(histories.days), dtype=bool)
    is_repeat[histories.starts[:-1]] = False
    return is_repeat


def _longest(values: Floats, histories: PurchaseHistories) -> Floats:
    return np.asarray(np.maximum.reduceat(values, histories.starts[:-1]))
