"""When people shop: growth, weekdays, hours, and the season of each product."""

from datetime import datetime, timedelta

import numpy as np

from .catalogue_types import Language
from .people import DAYS_OF_HISTORY

WEEKDAYS = np.array([1.08, 1.0, 0.98, 1.0, 0.86, 0.98, 1.22])
HOURS = np.array([2, 1, 0.5, 0.4, 0.4, 0.7, 2, 4, 5, 6, 6.5, 7, 8, 7, 6, 6, 6.5, 7, 8.5, 11, 13, 12, 8, 4])
WEEKEND_HOURS = np.array([3, 2, 1, 0.5, 0.4, 0.5, 1, 2, 4, 7, 9, 10, 9, 9, 9, 9, 9, 8.5, 8, 9, 10, 9, 7, 5])
UTC_OFFSET_HOURS = {"en": 0, "zh": 8}
# Month and day about which the shop is full, how many days around it, and how many times as full.
FESTIVALS = {
    "en": ((11, 27, 3, 2.2), (12, 12, 9, 1.7)),
    "zh": ((11, 11, 3, 2.6), (6, 18, 3, 2.0), (1, 20, 8, 1.4)),
}


class ShoppingCalendar:
    """Draws moments at which customers come, never later than `until`."""

    def __init__(self, *, until: datetime, language: Language) -> None:
        self.until = until
        self.offset = timedelta(hours=UTC_OFFSET_HOURS[language])
        start = until + self.offset - timedelta(days=DAYS_OF_HISTORY)
        self.midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        self.dates = [self.midnight + timedelta(days=day) for day in range(DAYS_OF_HISTORY + 1)]
        weights = np.array([self._weight(date, language) for date in self.dates])
        self.cumulative = np.concatenate([[0.0], np.cumsum(weights)])
        self.hours = np.cumsum(HOURS) / HOURS.sum()
        self.weekend_hours = np.cumsum(WEEKEND_HOURS) / WEEKEND_HOURS.sum()

    def _weight(self, date: datetime, language: Language) -> float:
        weight = WEEKDAYS[date.weekday()]
        for month, day, width, times in FESTIVALS[language]:
            distance = min(
                abs((date - date.replace(month=month, day=day, year=date.year + shift)).days)
                for shift in (-1, 0, 1)
            )
            weight *= 1 + (times - 1) * np.exp(-((distance / width) ** 2))
        return float(weight)

    def visits(self, *, first_seen_at: datetime, per_year: float, rng: np.random.Generator) -> list[datetime]:
        """Return the first visit and those that follow by themselves, in order."""
        begin = max((first_seen_at + self.offset - self.midnight).days, 0)
        share = (self.cumulative[-1] - self.cumulative[begin]) / self.cumulative[-1]
        n_visits = int(rng.poisson(per_year * share))
        points = rng.uniform(self.cumulative[begin], self.cumulative[-1], n_visits)
        days = np.searchsorted(self.cumulative, points, side="right") - 1
        moments = [first_seen_at, *(self.moment(int(day), rng) for day in days)]
        return sorted(moment for moment in moments if first_seen_at <= moment <= self.until)

    def moment(self, day: int, rng: np.random.Generator) -> datetime:
        """Return a moment of that day at which people are awake and shopping."""
        date = self.dates[min(day, DAYS_OF_HISTORY)]
        hours = self.weekend_hours if date.weekday() >= 5 else self.hours
        hour = int(np.searchsorted(hours, rng.random()))
        return date + timedelta(hours=hour, seconds=float(rng.integers(3600))) - self.offset

    def near(self, moment: datetime, rng: np.random.Generator) -> datetime:
        """Return a shopping hour on the day of `moment`."""
        return self.moment((moment + self.offset - self.midnight).days, rng)


def season(peak_month: int, date: datetime) -> float:
    """Return how many times as well something sells on that date as on average; 1 without a season."""
    if not peak_month:
        return 1.0
    phase = 2 * np.pi * ((date.month - 1 + date.day / 31) - (peak_month - 0.5)) / 12
    return float(np.exp(0.8 * np.cos(phase)) / 1.17)
