"""Who looks: what a customer turned to, saw and clicked before, where the consent allows to use it."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from ecomai.commerce.models import Customer, Event, EventType
from ecomai.fusion.selectors import has_consent

from ...ads.columns import N_STEPS, SHOWN_WITHIN, STEPS, STEPS_WITHIN, Moment
from ...app_settings import app_settings
from ...models import SegmentMember

#: Of the newest; who saw more within a week has reached every cap.
MOST_EVENTS = 300
CAPPED_WITHIN = timedelta(hours=24)


class Visitor:
    """One who asks; nothing personal is read of those who did not allow it."""

    def __init__(self, *, storefront: str, customer: Customer | None, session_id: str, now: datetime) -> None:
        is_known = customer is not None or bool(session_id)
        self.is_personal = is_known and has_consent(
            purpose=app_settings.PURPOSE, customer=customer, session_id=session_id, storefront=storefront
        )
        self.customer = customer if self.is_personal else None
        self.session_id = session_id if self.is_personal else ""
        self.storefront = storefront
        self.now = now
        self._events = self._read_events() if self.is_personal else []

    def moment(self, placement: str) -> Moment:
        """Return what a model is told of the visitor."""
        since = self.now - SHOWN_WITHIN
        recent = [row for row in self._events if row[2] >= since]
        return Moment(
            placement=placement,
            at=self.now,
            country=self.customer.country if self.customer else "",
            is_personal=self.is_personal,
            steps=[item for kind, item, *_rest in self._events if kind in STEPS and item][:N_STEPS],
            n_shown=_count(recent, EventType.AD_IMPRESSION),
            n_clicked=_count(recent, EventType.AD_CLICK),
        )

    def n_seen_lately(self) -> dict[int, int]:
        """How often each advertisement was seen within a day."""
        since = self.now - CAPPED_WITHIN
        return _count([row for row in self._events if row[2] >= since], EventType.AD_IMPRESSION)

    def segments(self, segment_pks: Collection[int]) -> set[int]:
        """Which of some segments the visitor is in; none for whoever is no customer that allows it."""
        if self.customer is None or not segment_pks:
            return set()
        members = SegmentMember.objects.filter(customer=self.customer, segment_id__in=segment_pks)
        return set(members.values_list("segment_id", flat=True))

    def _read_events(self) -> list[tuple[str, int | None, datetime, Any]]:
        """Of items and advertisements, newest first."""
        kinds = [*STEPS, EventType.AD_IMPRESSION.value, EventType.AD_CLICK.value]
        events = Event.objects.filter(
            type__in=kinds, occurred_at__gte=self.now - STEPS_WITHIN, occurred_at__lt=self.now
        )
        if self.customer is not None:
            events = events.filter(customer=self.customer)
        else:
            events = events.filter(session_id=self.session_id, storefront=self.storefront)
        rows = events.order_by("-occurred_at").values_list("type", "item_id", "occurred_at", "properties")
        return list(rows[:MOST_EVENTS])


def _count(rows: list[tuple[str, int | None, datetime, Any]], kind: EventType) -> dict[int, int]:
    creatives = (row[3].get("creative") for row in rows if row[0] == kind)
    return dict(Counter(int(creative) for creative in creatives if creative is not None))
