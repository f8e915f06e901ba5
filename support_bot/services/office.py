"""Office hours: whether people answer now, when they are back, and until when an answer is due."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from functools import cached_property

from django.utils import timezone

from ..models import ClosedDay, OfficeHours

#: So far ahead somebody is looked for; a shop that is closed for longer names no day.
MOST_DAYS = 60


class Office:
    """The hours of the shop in its time zone, read once. Without any rows it is always open."""

    @cached_property
    def hours(self) -> dict[int, list[tuple[time, time]]]:
        found: dict[int, list[tuple[time, time]]] = {}
        for row in OfficeHours.objects.order_by("weekday", "opens"):
            found.setdefault(row.weekday, []).append((row.opens, row.closes))
        return found

    @cached_property
    def closed(self) -> set:
        since = timezone.localdate(timezone=timezone.get_default_timezone()) - timedelta(days=MOST_DAYS)
        return set(ClosedDay.objects.filter(day__gte=since).values_list("day", flat=True))

    @property
    def has_hours(self) -> bool:
        return bool(self.hours)

    def is_open(self, moment: datetime) -> bool:
        opening = self.next_opening(moment)
        return opening == moment

    def next_opening(self, moment: datetime) -> datetime | None:
        """Return the first moment from this one on at which people answer; None if there is none soon."""
        if not self.has_hours and not self.closed:
            return moment
        first = next(self._spans(moment), None)
        return max(first[0], moment) if first else None

    def due(self, moment: datetime, *, minutes: float) -> datetime | None:
        """Return when so many minutes of office time are over."""
        left = timedelta(minutes=minutes)
        for opens, closes in self._spans(moment):
            begins = max(opens, moment)
            if closes - begins >= left:
                return begins + left
            left -= closes - begins
        return None

    def _spans(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Spans that are not over at a moment, in their order."""
        zone = timezone.get_default_timezone()
        first = moment.astimezone(zone).date()
        always = [(time.min, time.max)]
        for ahead in range(MOST_DAYS):
            day = first + timedelta(days=ahead)
            if day in self.closed:
                continue
            for opens, closes in self.hours.get(day.weekday(), []) if self.has_hours else always:
                begins = datetime.combine(day, opens, tzinfo=zone)
                ends = datetime.combine(day, closes, tzinfo=zone)
                if ends > moment:
                    yield begins, ends
