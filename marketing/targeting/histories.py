"""What customers turned to before a moment, in order: what a sequence encoder reads of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import numpy as np
from django.db.models import Exists, OuterRef, QuerySet
from numpy.typing import NDArray

from ecomai.commerce.models import Event, EventType, OrderLine
from ecomai.fusion.models import SessionLink

from ..app_settings import app_settings

#: What counts as a step, the strongest last; what was bought is in the orders.
KINDS = tuple(
    kind.value
    for kind in (EventType.VIEW, EventType.CLICK, EventType.WISHLIST, EventType.CART, EventType.PURCHASE)
)
#: Of a customer's newest steps.
LONGEST = 30
DAY_SECONDS = 86_400
_CHUNK = 5000
Step = tuple[float, int, int]  # day, kind, item


@dataclass(frozen=True, eq=False)
class Histories:
    """Steps of customers, oldest first, in flat arrays; a customer `u` has those from `offsets[u]` on.

    `items` are primary keys and `kinds` places in `KINDS`; `days` count from 1970. All are of shape
    (n_steps,); `offsets` is of shape (n_customers + 1,).
    """

    items: NDArray[np.int64]
    kinds: NDArray[np.int8]
    days: NDArray[np.float64]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Sequence[Step]]) -> Self:
        steps = np.array([step for row in rows for step in row], dtype=np.float64).reshape(-1, 3)
        lengths = [len(row) for row in rows]
        return cls._cut(steps[:, 2].astype(np.int64), steps[:, 1].astype(np.int8), steps[:, 0], lengths)

    @classmethod
    def joined(cls, parts: Sequence["Histories"]) -> Self:
        items, kinds, days = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("items", "kinds", "days")
        )
        return cls._cut(items, kinds, days, np.concatenate([part.lengths for part in parts]))

    @classmethod
    def _cut(cls, items: Any, kinds: Any, days: Any, lengths: Any) -> Self:
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(items, kinds, days, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)

    def select(self, rows: NDArray[Any]) -> Self:
        chosen = np.arange(len(self))[rows]
        lengths = self.lengths[chosen]
        starts = np.repeat(self.offsets[chosen] - (np.cumsum(lengths) - lengths), lengths)
        steps = starts + np.arange(int(lengths.sum()))
        return self._cut(self.items[steps], self.kinds[steps], self.days[steps], lengths)


def known_events(customer_pks: Iterable[int], *, as_of: datetime) -> QuerySet[Event]:
    """Return the customers' events before a moment, along the events' index of customers.

    Visits of sessions that turned out to be the customer's later on are not among them.
    """
    since = as_of - timedelta(days=app_settings.HISTORY_DAYS)
    linked_later = SessionLink.objects.filter(
        customer_id=OuterRef("customer_id"), session_id=OuterRef("session_id"), linked_at__gte=as_of
    )
    events = Event.objects.filter(
        customer_id__in=list(customer_pks), occurred_at__gt=since, occurred_at__lt=as_of
    )
    return events.exclude(Exists(linked_later)).order_by()


def read_histories(customer_pks: Sequence[int], *, as_of: datetime) -> Histories:
    """Return what customers turned to before a moment, in their order, and nothing later. Two queries.

    An order counts also where it was cancelled, as that may have become known later.
    """
    steps: dict[int, list[Step]] = defaultdict(list)
    for customer, item, kind, at in _steps(customer_pks, as_of):
        steps[customer].append((at.timestamp() / DAY_SECONDS, KINDS.index(kind), item))
    return Histories.of([_collapsed(sorted(steps[pk])) for pk in customer_pks])


def _steps(customer_pks: Sequence[int], as_of: datetime) -> Iterator[tuple[int, int, str, datetime]]:
    *touching, purchase = KINDS
    events = known_events(customer_pks, as_of=as_of).filter(item__isnull=False, type__in=touching)
    yield from events.values_list("customer_id", "item_id", "type", "occurred_at").iterator(_CHUNK)
    since = as_of - timedelta(days=app_settings.HISTORY_DAYS)
    lines = OrderLine.objects.filter(
        order__customer_id__in=list(customer_pks), item__isnull=False, order__placed_at__gt=since,
        order__placed_at__lt=as_of,
    ).order_by()  # fmt: skip
    bought = lines.values_list("order__customer_id", "item_id", "order__placed_at")
    for customer, item, at in bought.iterator(_CHUNK):
        yield customer or 0, item or 0, purchase, at


def _collapsed(steps: Iterable[Step]) -> list[Step]:
    """Make look, basket and purchase of one item one step, with what says most of it; the newest steps."""
    kept: list[Step] = []
    for day, kind, item in steps:
        if kept and kept[-1][2] == item:
            kept[-1] = (kept[-1][0], max(kept[-1][1], kind), item)
        else:
            kept.append((day, kind, item))
    return kept[-LONGEST:]
