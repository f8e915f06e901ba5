"""What events say of customers: what they did when, at which hour and through which channel."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from django.db.models import Count, Max, Min
from django.db.models.functions import ExtractHour
from django.utils import timezone

from ecomai.commerce.models import Event, EventType

T = TypeVar("T", int, str)

#: What is done to a customer, and not by one.
PASSIVE = frozenset({EventType.MESSAGE_SENT.value, EventType.IMPRESSION.value, EventType.AD_IMPRESSION.value})


@dataclass
class Done:
    """How often a thing was done, first and last."""

    n: int
    first_at: datetime
    last_at: datetime


@dataclass
class Visits:
    """The events of one customer."""

    by_type: dict[str, Done] = field(default_factory=dict)
    hours: Counter[int] = field(default_factory=Counter)
    channels: Counter[str] = field(default_factory=Counter)

    def last_seen_at(self) -> datetime | None:
        seen = [done.last_at for kind, done in self.by_type.items() if kind not in PASSIVE]
        return max(seen, default=None)

    def usual_hour(self) -> int | None:
        return _commonest(self.hours)

    def usual_channel(self) -> str:
        return _commonest(self.channels) or ""


def read_visits(customer_pks: Collection[int], *, since: datetime, now: datetime) -> dict[int, Visits]:
    """Return what the customers did from a moment on; one query along the events' index of customers."""
    rows = (
        Event.objects.filter(customer_id__in=list(customer_pks), occurred_at__gt=since, occurred_at__lte=now)
        .annotate(hour=ExtractHour("occurred_at", tzinfo=timezone.get_default_timezone()))
        .order_by()
        .values("customer_id", "type", "channel", "hour")
        .annotate(n=Count("pk"), first_at=Min("occurred_at"), last_at=Max("occurred_at"))
    )
    found: dict[int, Visits] = defaultdict(Visits)
    for row in rows.iterator():
        visits, kind = found[row["customer_id"]], row["type"]
        _add(visits.by_type, kind, Done(row["n"], row["first_at"], row["last_at"]))
        if kind not in PASSIVE:
            visits.hours[row["hour"]] += row["n"]
            visits.channels[row["channel"]] += row["n"]
    return dict(found)


def _add(by_type: dict[str, Done], kind: str, more: Done) -> None:
    done = by_type.get(kind)
    if done is None:
        by_type[kind] = more
        return
    done.n += more.n
    done.first_at = min(done.first_at, more.first_at)
    done.last_at = max(done.last_at, more.last_at)


def _commonest(counted: Counter[T]) -> T | None:
    """The commonest; of several the smallest, so that the order of rows changes nothing."""
    return min(counted, key=lambda each: (-counted[each], each), default=None)
