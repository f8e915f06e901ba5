"""Features of card transactions, for a million of them at once: what was known at each one's time.

Nothing later than a transaction enters its features, and no label earlier than `DELAY_DAYS` after its own.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY = 86_400  # seconds
DELAY_DAYS = 7
WINDOWS = (1, 7, 30)  # days
HISTORY_DAYS = 90  # of which a customer's usual amount is made
UNUSUAL = 2.7  # times the usual amount
PRIOR_EVENTS = 3  # of the average customer, for one of whom little is known
LARGE = 220.0  # above, an amount says by itself what it is
STREAK_DAYS = 35  # how far back a shop's first known fraud is looked for


@dataclass(frozen=True)
class Transactions:
    """In the order of time; `seconds` from the first day's midnight, `first_weekday` 0 for Monday."""

    seconds: Ints
    customers: Ints
    terminals: Ints
    amounts: Floats
    labels: Ints
    first_weekday: int

    def __len__(self) -> int:
        return len(self.seconds)

    def head(self, n: int) -> "Transactions":
        return Transactions(
            self.seconds[:n], self.customers[:n], self.terminals[:n], self.amounts[:n], self.labels[:n],
            self.first_weekday,
        )  # fmt: skip

    @cached_property
    def days(self) -> Ints:
        return self.seconds // DAY

    @cached_property
    def hours(self) -> Floats:
        return self.seconds % DAY / 3600

    @cached_property
    def weekdays(self) -> Ints:
        return (self.days + self.first_weekday) % 7


class Timeline:
    """Events of each owner in the order of time, for sums over windows that end at each event.

    Values go in and come out in the order of the events; inside they are sorted by owner.
    """

    def __init__(self, owners: Ints, seconds: Ints) -> None:
        self.order = np.argsort(owners, kind="stable")
        self.back = np.empty_like(self.order)
        self.back[self.order] = np.arange(len(owners))
        self.seconds = seconds[self.order]
        sorted_owners = owners[self.order]
        self.first = np.searchsorted(sorted_owners, sorted_owners)
        self._keys = sorted_owners * (int(seconds.max(initial=0)) + 1) + self.seconds
        self.here = np.arange(len(owners))

    def since(self, days: float) -> Ints:
        """Return the place of the first event later than so many days before each one."""
        return np.maximum(np.searchsorted(self._keys, self._keys - int(days * DAY), side="right"), self.first)

    def sums(self, values: Floats | Ints, start: Ints, end: Ints) -> Floats:
        """Return the sums of sorted `values` over places from `start` up to, without, `end`."""
        totals = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
        return totals[end] - totals[start]


def share(part: Floats, whole: Floats | Ints, empty: float) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1), empty)


def published_features(transactions: Transactions) -> dict[str, Floats]:
    """Return the fifteen features of the published results, each of shape (n_transactions,)."""
    found: dict[str, Floats] = {
        "amount": transactions.amounts,
        "weekend": (transactions.weekdays >= 5).astype(float),
        "night": (transactions.hours < 7).astype(float),
    }
    own = Timeline(transactions.customers, transactions.seconds)
    amounts = transactions.amounts[own.order]
    for days in WINDOWS:
        start = own.since(days)
        n = own.here + 1 - start
        found[f"customer_n_{days}d"] = n[own.back].astype(float)
        found[f"customer_mean_{days}d"] = (own.sums(amounts, start, own.here + 1) / n)[own.back]
    shop = Timeline(transactions.terminals, transactions.seconds)
    labels = transactions.labels[shop.order]
    known = shop.since(DELAY_DAYS)
    for days in WINDOWS:
        start = shop.since(DELAY_DAYS + days)
        n = known - start
        found[f"terminal_n_{days}d"] = n[shop.back].astype(float)
        found[f"terminal_risk_{days}d"] = share(shop.sums(labels, start, known), n, 0.0)[shop.back]
    return found


def own_features(transactions: Transactions) -> dict[str, Floats]:
    """Return how a transaction compares with its customer's earlier ones; labels play no part."""
    own = Timeline(transactions.customers, transactions.seconds)
    amounts = transactions.amounts[own.order]
    start = own.since(HISTORY_DAYS)
    n = own.here - start
    # Of all customers, up to each transaction.
    average = np.cumsum(transactions.amounts) / np.arange(1, len(transactions) + 1)
    average = average[own.order]

    def usual(values: Floats) -> Floats:
        return (own.sums(values, start, own.here) + PRIOR_EVENTS * average) / (n + PRIOR_EVENTS)

    # A first estimate cuts what is unusual off the second.
    cut = np.minimum(amounts, UNUSUAL * usual(amounts))
    mean = usual(cut)
    spread = np.sqrt(
        np.maximum(
            share(own.sums(cut**2, start, own.here), n, 0.0)
            - share(own.sums(cut, start, own.here), n, 0.0) ** 2,
            1.0,
        )
    )
    ratio = amounts / np.maximum(mean, 0.01)
    unusual = ratio > UNUSUAL
    has_past = own.here > own.first
    gaps = (own.seconds - own.seconds[np.maximum(own.here - 1, 0)]) / 3600
    found: dict[str, Floats] = {
        "own_ratio": ratio,
        "own_mean": mean,
        "own_z": np.where(n > 2, (amounts - mean) / spread, np.nan),
        "own_n_90d": n.astype(float),
        "own_gap_hours": np.where(has_past, gaps, np.nan),
        "own_unusual_sum_14d": own.sums(np.where(unusual, ratio, 0), own.since(14), own.here),
    }
    for days in (3, 7, 14):
        found[f"own_unusual_{days}d"] = own.sums(unusual.astype(float), own.since(days), own.here)
    return {name: values[own.back] for name, values in found.items()}


def terminal_features(transactions: Transactions, ratio: Floats) -> dict[str, Floats]:
    """Return what is known of the terminal: earlier frauds, when they began, when it was last good.

    A fraud of an ordinary amount says that the terminal is at fault, one of an unusual amount that the card
    is.
    """
    shop = Timeline(transactions.terminals, transactions.seconds)
    is_odd = ((ratio > UNUSUAL) | (transactions.amounts > LARGE))[shop.order]
    labels = transactions.labels[shop.order].astype(float)
    plain, odd = labels * ~is_odd, labels * is_odd
    known = shop.since(DELAY_DAYS)
    found: dict[str, Floats] = {}
    for days in (1, 3, 7, 14, 21, 28):
        start = shop.since(DELAY_DAYS + days)
        n_plain = shop.sums(plain, start, known)
        found[f"terminal_plain_{days}d"] = n_plain
        found[f"terminal_plain_share_{days}d"] = share(n_plain, known - start, np.nan)
    found["terminal_odd_14d"] = shop.sums(odd, shop.since(DELAY_DAYS + 14), known)
    found["terminal_n_unknown"] = (shop.here + 1 - known).astype(float)
    found["terminal_unusual_unknown"] = shop.sums(is_odd.astype(float), known, shop.here)
    found |= _streaks(shop, plain, labels, known)
    return {name: values[shop.back] for name, values in found.items()}


def _streaks(shop: Timeline, plain: Floats, labels: Floats, known: Ints) -> dict[str, Floats]:
    """Return days since a terminal's known turns from good to bad and back; NaN where there was none."""
    n = len(plain)
    last = np.maximum(known - 1, 0)  # the newest event whose label is known
    has_known = known > shop.first
    last_good = np.maximum.accumulate(np.where(labels == 0, shop.here, -1))
    last_plain = np.maximum.accumulate(np.where(plain > 0, shop.here, -1))
    next_plain = np.minimum.accumulate(np.where(plain > 0, shop.here, n)[::-1])[::-1]
    next_plain = np.append(next_plain, n)

    def days_since(place: Ints, is_valid: NDArray[np.bool_]) -> Floats:
        return np.where(is_valid, (shop.seconds - shop.seconds[np.clip(place, 0, n - 1)]) / DAY, np.nan)

    good, bad = last_good[last], last_plain[last]
    has_good, has_bad = has_known & (good >= shop.first), has_known & (bad >= shop.first)
    streak = next_plain[np.where(has_good, good + 1, shop.first)]  # the first bad one after the last good
    first = next_plain[shop.since(STREAK_DAYS)]
    return {
        "terminal_days_since_good": days_since(good, has_good),
        "terminal_days_since_plain": days_since(bad, has_bad),
        "terminal_streak_days": days_since(streak, has_known & (streak <= last)),
        "terminal_first_plain_days": days_since(first, first < known),
        "terminal_good_since_plain": np.where(
            has_bad, shop.sums(1 - labels, np.clip(bad, 0, n - 1), np.maximum(known, bad)), np.nan
        ),
        "terminal_last_is_plain": np.where(has_known, plain[last], np.nan),
    }


def all_features(transactions: Transactions) -> dict[str, Floats]:
    """Return the published features and ours, by name, each of shape (n_transactions,)."""
    own = own_features(transactions)
    return {
        **published_features(transactions),
        **own,
        **terminal_features(transactions, own["own_ratio"]),
        "hour": transactions.hours,
        "weekday": transactions.weekdays.astype(float),
    }


def as_matrix(features: dict[str, Floats]) -> NDArray[np.float32]:
    return np.column_stack(list(features.values())).astype(np.float32)
