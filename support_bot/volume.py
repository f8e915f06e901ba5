"""Contacts expected in the coming hours, and how many people they need. Arrays in, arrays out."""

import math
from dataclasses import dataclass

import numpy as np

HOURS_OF_WEEK = 168
#: Weeks that a forecast looks back on; older ones say little of now.
N_WEEKS = 6
#: Less than this is no rhythm yet.
LEAST_HOURS = 2 * HOURS_OF_WEEK
#: The share of hours that fall into the range.
SHARE = 0.8
#: Weeks on which it is tried how wide the range must be, each forecast from those before it.
N_TRIED = 3


@dataclass(frozen=True)
class Forecast:
    """Contacts expected in each coming hour, with the range in which four of five hours fall.

    `error` and `naive_error` are mean absolute errors, in contacts per hour, on the last week, of this and of
    last week's same hour; `coverage` the share of that week's hours that fell into the range.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    error: float
    naive_error: float
    coverage: float


def forecast(counts: np.ndarray, *, n_hours: int = HOURS_OF_WEEK) -> Forecast | None:
    """Return what to expect after hourly counts, the oldest first; None before two weeks are known.

    The mean of the same hour of the week over some weeks, times how busy the last two weeks were against
    them. The range is the shortest of whole numbers that holds a share of a count whose variance exceeds its
    mean as was seen (negative binomial): the share with which four of five hours of earlier weeks were held.

    Parameters
    ----------
    counts : array of shape (n_past,)
        Contacts in each hour, without gaps.
    n_hours : int
        How many hours to look ahead.
    """
    counts = np.asarray(counts, dtype=float)
    if len(counts) < LEAST_HOURS:
        return None
    error, naive_error, coverage = _backtest(counts)
    mean, spread = _expect(counts, n_hours)
    low, high = _Ranges(mean, spread).holding(_calibrate(counts))
    return Forecast(mean, np.minimum(low, mean), np.maximum(high, mean), error, naive_error, coverage)


def needed_agents(
    contacts_per_hour: float, *, minutes_each: float, answer_minutes: float, share: float = 0.8,
    chats_at_once: int = 1,
) -> int:  # fmt: skip
    """Return how many people answer that share of contacts within the time (Erlang C).

    References
    ----------
    Cooper, R. B., Introduction to Queueing Theory, 2nd edition, 1981, section 3.4.
    """
    if contacts_per_hour <= 0:
        return 0
    load = contacts_per_hour * minutes_each / 60
    n = max(1, math.ceil(load + 1e-9))
    while _served_in_time(n, load, minutes_each, answer_minutes) < share:
        n += 1
    return math.ceil(n / chats_at_once)


def _served_in_time(n: int, load: float, minutes_each: float, answer_minutes: float) -> float:
    if n <= load:
        return 0.0
    blocked = 1.0  # Erlang B by its recursion, which does not overflow
    for servers in range(1, n + 1):
        blocked = load * blocked / (servers + load * blocked)
    waits = n * blocked / (n - load * (1 - blocked))
    return 1 - waits * math.exp(-(n - load) * answer_minutes / minutes_each)


def _backtest(counts: np.ndarray) -> tuple[float, float, float]:
    """Forecast the last week from what was before, as far as that is enough."""
    past, last = counts[:-HOURS_OF_WEEK], counts[-HOURS_OF_WEEK:]
    naive = past[-HOURS_OF_WEEK:]
    mean, spread = _expect(past, HOURS_OF_WEEK)
    low, high = _Ranges(mean, spread).holding(_calibrate(past))
    return (
        float(np.abs(mean - last).mean()),
        float(np.abs(naive - last).mean()),
        float(((low <= last) & (last <= high)).mean()),
    )


def _expect(counts: np.ndarray, n_hours: int) -> tuple[np.ndarray, float]:
    """Return the expected counts, and by how much the variance exceeds the mean."""
    n_weeks = min(N_WEEKS, len(counts) // HOURS_OF_WEEK)
    weeks = counts[-n_weeks * HOURS_OF_WEEK :].reshape(n_weeks, HOURS_OF_WEEK)
    # Of few weeks the same hour says little; the hours beside it say some more.
    profile = weeks.mean(axis=0)
    smooth = 0.25 * np.roll(profile, 1) + 0.5 * profile + 0.25 * np.roll(profile, -1)
    recent = weeks[-2:].mean()
    level = recent / weeks.mean() if weeks.mean() > 0 else 1.0
    mean = np.tile(smooth, -(-n_hours // HOURS_OF_WEEK))[:n_hours] * level
    variance, expected = ((weeks - smooth) ** 2).mean(), smooth.mean()
    return mean, float(max(1.0, variance / expected)) if expected > 0 else 1.0


def _calibrate(counts: np.ndarray) -> float:
    """Return how much of the distribution a range must hold, so that it held four of five hours before."""
    n_weeks = len(counts) // HOURS_OF_WEEK
    tried = []
    for back in range(1, min(N_TRIED, n_weeks - 2) + 1):
        end = len(counts) - (back - 1) * HOURS_OF_WEEK
        past, week = counts[: end - HOURS_OF_WEEK], counts[end - HOURS_OF_WEEK : end]
        tried.append((_Ranges(*_expect(past, HOURS_OF_WEEK)), week))
    if not tried or not counts.any():
        return SHARE

    def miss(mass: float) -> float:
        held = []
        for ranges, week in tried:
            low, high = ranges.holding(mass)
            held.append(((low <= week) & (week <= high)).mean())
        return abs(float(np.mean(held)) - SHARE)

    return min((float(mass) for mass in np.arange(0.5, 0.995, 0.01)), key=miss)


class _Ranges:
    """The shortest ranges of whole numbers about each of some means, for any mass of the distribution."""

    def __init__(self, mean: np.ndarray, spread: float) -> None:
        from scipy.stats import nbinom, poisson

        mean = np.maximum(mean, 1e-9)
        most = int(np.ceil(mean.max() + 8 * np.sqrt(spread * mean.max()) + 8))
        values = np.arange(most + 1)
        if spread > 1 + 1e-6:
            mass = nbinom.pmf(values, (mean / (spread - 1))[:, None], 1 / spread)
        else:
            mass = poisson.pmf(values, mean[:, None])
        # Counts are taken by their likelihood, so that what is taken lies side by side.
        self._order = np.argsort(-mass, axis=1, kind="stable")
        self._held = np.cumsum(np.take_along_axis(mass, self._order, axis=1), axis=1)
        self._lowest = np.minimum.accumulate(self._order, axis=1)
        self._highest = np.maximum.accumulate(self._order, axis=1)

    def holding(self, mass: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowest and the highest count of ranges that come nearest to holding so much."""
        nearest = np.abs(self._held - mass).argmin(axis=1)[:, None]
        lowest = np.take_along_axis(self._lowest, nearest, axis=1)[:, 0]
        return lowest, np.take_along_axis(self._highest, nearest, axis=1)[:, 0]
