"""What could be shown now: running groups with approved advertisements, their budgets and counts.

Read once a second and process, as every page asks.
"""

import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from ecomai.commerce.exceptions import NoExchangeRateError
from ecomai.commerce.selectors import RateTable
from ecomai.reading import in_transaction

from ...ads import pacing
from ...ads.columns import AdFacts
from ...models import AdCreative, AdGroup, AdSpend, AdTraffic

SHELF_SECONDS = 1.0
#: The baseline counts clicks of so many days.
COUNTED = timedelta(days=28)


@dataclass(frozen=True)
class ShelfAd:
    """An advertisement that may be shown, with what its group says."""

    creative: AdCreative
    group: AdGroup
    facts: AdFacts
    unit_price: float
    conversion_value: float
    n_impressions: int
    n_clicks: int
    n_conversions: int


@dataclass(frozen=True)
class Shelf:
    ads: list[ShelfAd]
    spent_today: dict[int, Decimal]
    curve: tuple[float, ...]

    def at(self, placement: str, now: datetime) -> list[ShelfAd]:
        """Those of a place whose time it is, and whose budget has room for one more."""
        return [
            ad for ad in self.ads
            if placement in ad.group.placements
            and (ad.group.starts_at is None or ad.group.starts_at <= now)
            and (ad.group.ends_at is None or now < ad.group.ends_at)
            and self.has_budget(ad.group, now)
        ]  # fmt: skip

    def has_budget(self, group: AdGroup, now: datetime) -> bool:
        price, today = group.unit_price, self.spent_today.get(group.pk, Decimal(0))
        if group.total_budget is not None and group.spent + price > group.total_budget:
            return False
        if group.daily_budget is None:
            return True
        planned = self.planned(group, now)
        is_ahead = pacing.is_ahead(spent=today, planned=planned, budget=group.daily_budget)
        return today + price <= group.daily_budget and not is_ahead

    def planned(self, group: AdGroup, now: datetime) -> Decimal:
        """What of the day's budget is to be spent by now."""
        share = Decimal(repr(pacing.planned_share(now, self.curve)))
        return (group.daily_budget or Decimal(0)) * share


_kept: dict[str, tuple[float, Shelf]] = {}


def get_shelf(storefront: str, now: datetime) -> Shelf:
    """Return what is on the shelf, as it was at most a second ago."""
    known = _kept.get(storefront)
    is_alone = not in_transaction()
    if known and is_alone and time.monotonic() - known[0] < SHELF_SECONDS:
        return known[1]
    shelf = read_shelf(storefront, now)
    if is_alone:
        _kept[storefront] = (time.monotonic(), shelf)
    return shelf


def forget_shelf() -> None:
    """Have it read again by whoever asks next."""
    _kept.clear()


def read_shelf(storefront: str, now: datetime) -> Shelf:
    """Four queries, whatever there is."""
    creatives = AdCreative.objects.filter(
        state=AdCreative.State.APPROVED, group__state=AdGroup.State.RUNNING, group__storefront=storefront
    )
    found = list(creatives.select_related("group", "item").order_by("pk"))
    counts, today = _counts([each.pk for each in found], now)
    spent: dict[int, Decimal] = defaultdict(Decimal)
    for each in found:
        spent[each.group_id] += today.get(each.pk, Decimal(0))
    rates = RateTable() if found else None
    ads = [ad for each in found if (ad := _ad(each, counts.get(each.pk, {}), rates)) is not None]
    return Shelf(ads, dict(spent), traffic_curve(storefront) if found else pacing.FLAT)


def traffic_curve(storefront: str) -> tuple[float, ...]:
    """Return the share of each hour of the day; all alike until traffic was counted."""
    shares = dict(AdTraffic.objects.filter(storefront=storefront).values_list("hour", "share"))
    return tuple(shares.get(hour, 0.0) for hour in range(24)) if shares else pacing.FLAT


def spent_on_day(group: AdGroup, day: datetime) -> Decimal:
    """What a group has spent between the beginning of a day and the next."""
    start = pacing.start_of_day(day)
    spend = AdSpend.objects.filter(creative__group=group, hour__gte=start, hour__lt=_next_day(start))
    return spend.aggregate(total=Sum("spent"))["total"] or Decimal(0)


def _next_day(start: datetime) -> datetime:
    """Return the next midnight; a day may have 23 or 25 hours."""
    return pacing.start_of_day(start + timedelta(hours=26))


def _counts(creative_pks: list[int], now: datetime) -> tuple[dict[int, dict[str, Any]], dict[int, Decimal]]:
    spend = AdSpend.objects.filter(creative_id__in=creative_pks, hour__gte=now - COUNTED)
    sums = {name: Sum(name) for name in ("n_impressions", "n_clicks", "n_conversions")}
    rows: Any = spend.values("creative_id").annotate(**sums).order_by()
    counts = {int(row["creative_id"]): dict(row) for row in rows}
    start = pacing.start_of_day(now)
    today = AdSpend.objects.filter(creative_id__in=creative_pks, hour__gte=start, hour__lt=_next_day(start))
    spent: dict[int, Decimal] = dict(
        today.values_list("creative_id").annotate(total=Sum("spent")).order_by()  # type: ignore[arg-type]
    )
    return counts, spent


def _ad(creative: AdCreative, counts: dict[str, Any], rates: RateTable | None) -> ShelfAd | None:
    """None where an amount cannot be compared with others', as the rate of its currency is missing."""
    group, item = creative.group, creative.item
    try:
        price, value = (
            _amount(amount, group.currency, rates) for amount in (group.unit_price, group.conversion_value)
        )
    except NoExchangeRateError:
        return None
    return ShelfAd(
        creative=creative, group=group, facts=facts_of(creative, item), unit_price=price,
        conversion_value=value, n_impressions=counts.get("n_impressions") or 0,
        n_clicks=counts.get("n_clicks") or 0, n_conversions=counts.get("n_conversions") or 0,
    )  # fmt: skip


def facts_of(creative: AdCreative, item: Any) -> AdFacts:
    """Return what a model is told of an advertisement."""
    if item is None:
        return AdFacts(group=creative.group_id, creative=creative.pk)
    price = None if item.price is None else float(item.price)
    return AdFacts(
        group=creative.group_id, creative=creative.pk, item=item.pk, category=item.category_path,
        brand=item.brand, price=price,
    )  # fmt: skip


def _amount(amount: Decimal, currency: str, rates: RateTable | None) -> float:
    if rates is None or not amount:
        return float(amount)
    return float(rates.convert(amount, currency, timezone.localdate()))
