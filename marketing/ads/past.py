"""A past that was drawn, for the demo shop and the benchmark: written as recording would have left it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Sum

from ecomai.commerce.models import EventType
from ecomai.commerce.services.events import StoredEvent, key_of, write_events

from ..models import AdCreative, AdGroup, AdSpend
from .pacing import hour_of

AT_ONCE = 5000


@dataclass(frozen=True)
class PastImpression:
    """Somebody saw an advertisement, and clicked on it at a moment or never."""

    at: datetime
    customer: int
    creative: AdCreative
    placement: str
    position: int
    propensity: float
    clicked_at: datetime | None = None


def write_past(impressions: Sequence[PastImpression], rng: np.random.Generator) -> None:
    """Write events, counters of hours and what was spent; orders are attributed afterwards.

    Whether budgets had room is not asked.
    """
    events = [event for each in impressions for event in _events(each, _new_key(rng))]
    with transaction.atomic():
        for start in range(0, len(events), AT_ONCE):
            write_events(events[start : start + AT_ONCE])
        _count(impressions)
        for group in AdGroup.objects.filter(pk__in={each.creative.group_id for each in impressions}):
            spent = AdSpend.objects.filter(creative__group=group).aggregate(total=Sum("spent"))["total"]
            AdGroup.objects.filter(pk=group.pk).update(spent=spent or Decimal(0))


def _new_key(rng: np.random.Generator) -> str:
    return UUID(bytes=rng.bytes(16), version=4).hex


def _events(each: PastImpression, key: str) -> list[StoredEvent]:
    said = {
        "creative": each.creative.pk, "placement": each.placement, "position": each.position,
        "propensity": round(each.propensity, 6), "source": "counted", "version": None, "shown": key,
        "group": each.creative.group_id,
    }  # fmt: skip
    found = [_event(EventType.AD_IMPRESSION, each, each.at, said)]
    if each.clicked_at is not None:
        found.append(_event(EventType.AD_CLICK, each, each.clicked_at, said))
    return found


def _event(kind: EventType, each: PastImpression, at: datetime, said: dict[str, Any]) -> StoredEvent:
    return StoredEvent(
        storefront=each.creative.group.storefront,
        key=key_of(each.creative.group.storefront, kind, said["shown"]), type=kind.value, channel="web",
        customer_id=each.customer, session_id="", item_id=each.creative.item_id, order_external_id="",
        quantity=1, value=None, currency="", query="", properties=said, occurred_at=at, received_at=at,
    )  # fmt: skip


def _count(impressions: Sequence[PastImpression]) -> None:
    """Add the counters of hours, with what each group's price made of them."""
    shown, clicked = Counter[Any](), Counter[Any]()
    groups = {each.creative.pk: each.creative.group for each in impressions}
    for each in impressions:
        shown[each.creative.pk, each.placement, hour_of(each.at)] += 1
        if each.clicked_at is not None:
            clicked[each.creative.pk, each.placement, hour_of(each.clicked_at)] += 1
    rows = []
    for key in shown.keys() | clicked.keys():
        group = groups[key[0]]
        n_paid = clicked[key] if group.priced_by == group.PricedBy.CLICK else shown[key]
        rows.append(
            AdSpend(
                creative_id=key[0], placement=key[1], hour=key[2], n_impressions=shown[key],
                n_clicks=clicked[key], spent=group.unit_price * n_paid,
            )
        )  # fmt: skip
    AdSpend.objects.bulk_create(rows, batch_size=AT_ONCE)
