"""Advertisements of the demo shop, and two months in which they were seen, clicked and led to orders.

What is planted: who looked at a kind of thing lately clicks on advertisements of that kind, the first place
is clicked more than the second, evenings more than days, and some advertisements are simply better. Orders
are those of the shop itself; they are credited to clicks as in any shop.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import exp
from typing import Any

import numpy as np
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.models import Event, EventType, Item, Order

from ..ads.past import PastImpression, write_past
from ..models import AdCreative, AdGroup, CustomerProfile, Segment, SegmentMember
from ..services.ads import attribute_orders
from ..services.ads.groups import (
    add_creative,
    approve_creatives,
    create_group,
    is_allowed_target,
    start_group,
)
from ..services.ads.traffic import count_traffic

SEED = 11
N_DAYS, MOST_VISITS = 60, 9_000
N_KINDS, ITEMS_OF_A_KIND = 5, 3
#: Kinds that a customer looked at lately: of so many views.
N_REMEMBERED = 5
#: Log odds of a click: of any, and what is added where the advertisement suits, by place and by hour.
BASE, SUITS, LOWER, EVENING, APPEAL = -3.4, 1.9, -0.7, 0.5, 0.4
EVENING_FROM = 18
PLACEMENTS = ("home", "category", "product")


@dataclass(frozen=True)
class Visit:
    """A customer with consent looked at something; `kinds` are those of the last views, this one too."""

    at: datetime
    customer: int
    kinds: frozenset[str]


def seed_ads(*, now: datetime | None = None) -> None:
    """Make groups and their past. Safe to run twice."""
    if AdGroup.objects.exists():
        return
    moment, items = now or timezone.now(), _items()
    if not items:
        return
    groups = _make_groups(items)
    rng = np.random.default_rng(SEED)
    write_past(draw_past(_visits(moment, rng), groups, rng), rng)
    since = moment - timedelta(days=N_DAYS)
    attribute_orders(Order.objects.filter(placed_at__gte=since).values_list("pk", flat=True))
    count_traffic(now=moment)


def kind_of(category_path: str) -> str:
    """The department of an item: the first part of its path."""
    return category_path.partition(" > ")[0]


def _items() -> dict[str, list[Item]]:
    """Return what is looked at most of each of the busiest departments."""
    active = Item.objects.filter(is_active=True).exclude(category_path="").exclude(title="")
    ranked = active.annotate(n=Count("events")).order_by("-n", "pk")[:500]
    found: dict[str, list[Item]] = defaultdict(list)
    for item in ranked:
        kind = kind_of(item.category_path)
        is_full = len(found[kind]) == ITEMS_OF_A_KIND if kind in found else len(found) == N_KINDS
        if not is_full:
            found[kind].append(item)
    return dict(found)


def _make_groups(items: dict[str, list[Item]]) -> list[AdGroup]:
    """Three that run, of which one is for a segment, and one that waits for somebody to approve it."""
    everything = [item for of_a_kind in items.values() for item in of_a_kind]
    currency = commerce_settings.REPORTING_CURRENCY
    by_click: dict[str, Any] = {"currency": currency, "priced_by": AdGroup.PricedBy.CLICK}
    running = [
        create_group(
            name=_("All over the shop"), placements=list(PLACEMENTS), price=Decimal("0.15"),
            daily_budget=Decimal(15), conversion_value=Decimal(3), **by_click,
        ),
        create_group(
            name=_("On the front page"), placements=["home"], price=Decimal("0.25"),
            daily_budget=Decimal(10), total_budget=Decimal(2000), **by_click,
        ),
        create_group(
            name=_("For the best customers"), placements=["home", "product"], price=Decimal(4),
            currency=currency, priced_by=AdGroup.PricedBy.IMPRESSION, daily_budget=Decimal(5),
            segment=Segment.objects.filter(slug="best-customers").first(),
        ),
    ]  # fmt: skip
    for number, group in enumerate(running):
        for item in everything[number :: len(running)]:
            _advertise(group, item)
        if group.creatives.exists():  # a very small shop has fewer items than groups
            approve_creatives(group)
            start_group(group)
    waiting = create_group(
        name=_("Waiting for approval"), placements=["home"], price=Decimal("0.20"), **by_click
    )
    _advertise(waiting, everything[0])
    return running


def _advertise(group: AdGroup, item: Item) -> AdCreative:
    text = _("%(kind)s, chosen for everyday use.") % {"kind": item.category_path.rpartition(" > ")[2]}
    return add_creative(
        group, item=item, title=item.title[:100], text=text[:300],
        picture_url=next(iter(item.image_urls), ""),
        target_url=item.url if is_allowed_target(item.url) else "/",
    )  # fmt: skip


def _visits(now: datetime, rng: np.random.Generator) -> list[Visit]:
    """Return views of customers who allow marketing, oldest first; of many, some by lot."""
    allowed = CustomerProfile.objects.filter(has_consent=True).values("pk")
    views = Event.objects.filter(
        type=EventType.VIEW, customer_id__in=allowed, item__isnull=False,
        occurred_at__gte=now - timedelta(days=N_DAYS), occurred_at__lt=now - timedelta(hours=2),
    )  # fmt: skip
    rows = views.order_by("occurred_at", "pk").values_list(
        "customer_id", "occurred_at", "item__category_path"
    )
    lately: dict[int, deque[str]] = defaultdict(lambda: deque(maxlen=N_REMEMBERED))
    found = []
    for customer, at, path in rows.iterator(5000):
        lately[customer].append(kind_of(path or ""))
        found.append(Visit(at, customer, frozenset(lately[customer])))
    if len(found) <= MOST_VISITS:
        return found
    return [found[place] for place in sorted(rng.choice(len(found), MOST_VISITS, replace=False).tolist())]


def draw_past(
    visits: Sequence[Visit], groups: Sequence[AdGroup], rng: np.random.Generator
) -> list[PastImpression]:
    """Show two advertisements by lot at each visit, and let the customers click as planted."""
    ads = [ad for group in groups for ad in group.creatives.select_related("item", "group").order_by("pk")]
    at_place = {name: [ad for ad in ads if name in ad.group.placements] for name in PLACEMENTS}
    appeal = {ad.pk: float(rng.normal(0, APPEAL)) for ad in ads}
    members = _members(groups)
    found = []
    for visit in visits:
        placement = str(rng.choice(PLACEMENTS))
        possible = [ad for ad in at_place[placement] if _is_for(ad.group, visit.customer, members)]
        places = rng.choice(len(possible), min(2, len(possible)), replace=False)
        for position, place in enumerate(places.tolist(), start=1):
            propensity = 1 / (len(possible) + 1 - position)
            chance = click_chance(visit, possible[place], position, appeal[possible[place].pk])
            found.append(_shown(visit, possible[place], placement, position, propensity, chance, rng))
    return found


def _members(groups: Sequence[AdGroup]) -> dict[int, set[int]]:
    segments = {group.segment_id for group in groups if group.segment_id}
    found: dict[int, set[int]] = {segment: set() for segment in segments}
    rows = SegmentMember.objects.filter(segment_id__in=segments)
    for segment, customer in rows.values_list("segment_id", "customer_id"):
        found[segment].add(customer)
    return found


def _is_for(group: AdGroup, customer: int, members: dict[int, set[int]]) -> bool:
    return group.segment_id is None or customer in members[group.segment_id]


def click_chance(visit: Visit, ad: AdCreative, position: int, appeal: float) -> float:
    """Return how likely a customer of the demo shop clicks."""
    suits = ad.item is not None and kind_of(ad.item.category_path) in visit.kinds
    is_evening = timezone.localtime(visit.at).hour >= EVENING_FROM
    odds = BASE + appeal + SUITS * suits + LOWER * (position - 1) + EVENING * is_evening
    return 1 / (1 + exp(-odds))


def _shown(
    visit: Visit, ad: AdCreative, placement: str, position: int, propensity: float, chance: float,
    rng: np.random.Generator,
) -> PastImpression:  # fmt: skip
    at = visit.at + timedelta(seconds=20 + position)
    wait = timedelta(seconds=float(rng.uniform(2, 40)))
    clicked_at = at + wait if rng.random() < chance else None
    return PastImpression(at, visit.customer, ad, placement, position, propensity, clicked_at)
