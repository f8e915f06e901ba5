"""Finds what is wrong with the shop's data; scans tables, so it runs in a job and never in a request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Lower, Trim, TruncDate

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.models import (
    CrawlerCount,
    Customer,
    Event,
    EventType,
    ExchangeRate,
    Item,
    Order,
    OrderLine,
    RejectedRow,
)

from . import selectors
from .app_settings import app_settings

MAX_ROWS = 100
MAX_DUPLICATES = 20
EVENTS_WITH_ITEM = (EventType.VIEW, EventType.CART, EventType.PURCHASE)

Report = Callable[[float, str], None]
Found = dict[str, Any]


@dataclass(frozen=True)
class Window:
    """The stretch of events that is looked at, back from the newest one; empty without events."""

    start: datetime | None
    end: datetime | None

    def events(self) -> QuerySet[Event]:
        if self.start is None:
            return Event.objects.none()
        return Event.objects.filter(occurred_at__gte=self.start, occurred_at__lte=self.end)


def window() -> Window:
    newest = selectors.newest_event_at()
    if newest is None:
        return Window(None, None)
    return Window(newest - timedelta(days=app_settings.QUALITY_WINDOW_DAYS), newest)


def collect(window: Window, *, report: Report) -> Found:
    """Return all findings as JSON values."""
    parts: list[tuple[str, Callable[[Window], Any]]] = [
        ("totals", totals),
        ("freshness", freshness),
        ("events_per_day", events_per_day),
        ("missing", missing),
        ("duplicates", duplicates),
        ("rejected", rejected),
        ("crawlers", crawlers),
        ("currencies", currencies),
    ]
    found = {}
    for position, (name, part) in enumerate(parts):
        report(position / len(parts), "")
        found[name] = part(window)
    return found


def count_problems(found: Found) -> int:
    """How many things a person should look at."""
    gaps = sum(bool(gap["n"]) for gap in found["missing"])
    others = [found["duplicates"]["n_titles"], found["rejected"], found["currencies"]["without_rate"]]
    return gaps + sum(bool(other) for other in others) + bool(found["currencies"]["without_currency"])


def totals(window: Window) -> Found:
    """How much the shop has, of all times."""
    rooms = {"items": Item, "customers": Customer, "orders": Order, "events": Event}
    return {name: model._default_manager.count() for name, model in rooms.items()}


def freshness(window: Window) -> list[Found]:
    """Newest event and number of events by storefront, channel and type, the stalest first."""
    groups = window.events().values("storefront", "channel", "type")
    rows = groups.annotate(n=Count("id"), newest=Max("occurred_at")).order_by("newest")[:MAX_ROWS]
    return [{**row, "newest": row["newest"].isoformat()} for row in rows]


def events_per_day(window: Window) -> list[Found]:
    """Number of events of each type on each day of the shop's calendar."""
    days = window.events().annotate(day=TruncDate("occurred_at")).values("day", "type")
    rows = days.annotate(n=Count("id")).order_by("day", "type")
    return [{**row, "day": row["day"].isoformat()} for row in rows]


def missing(window: Window) -> list[Found]:
    """How many active items, orders and events lack what training or a shop page needs."""
    return [*_missing_in_items(), *_missing_in_orders(), *_missing_in_events(window)]


def _missing_in_items() -> list[Found]:
    gaps = {
        "title": Q(title=""),
        "description": Q(description=""),
        "category": Q(category_path=""),
        "price": Q(price=None),
        "no_sane_price": Q(price__lte=0),
        "picture": Q(image_urls=[]),
    }
    return _gaps("item", Item.objects.filter(is_active=True), gaps)


def _missing_in_orders() -> list[Found]:
    # A join would count an order once for each line.
    no_lines = Q(~Exists(OrderLine.objects.filter(order=OuterRef("pk"))))
    return _gaps("order", Order.objects.all(), {"customer": Q(customer=None), "lines": no_lines})


def _missing_in_events(window: Window) -> list[Found]:
    about_items = Q(type__in=EVENTS_WITH_ITEM, item=None)
    gaps = {"person": Q(customer=None, session_id=""), "item": about_items}
    return _gaps("event", window.events(), gaps)


def _gaps(of: str, rows: QuerySet[Any], gaps: dict[str, Q]) -> list[Found]:
    counts = rows.aggregate(
        total=Count("pk"),
        **{f"n_{name}": Count("pk", filter=gap) for name, gap in gaps.items()},
    )
    return [{"of": of, "what": name, "n": counts[f"n_{name}"], "total": counts["total"]} for name in gaps]


def duplicates(window: Window) -> Found:
    """Active items of one storefront that share a title, most first."""
    titled = Item.objects.filter(is_active=True).exclude(title="").annotate(same=Lower(Trim("title")))
    groups = titled.values("storefront", "same").annotate(n=Count("id")).filter(n__gt=1)
    totals = groups.aggregate(n_titles=Count("same"), n_items=Sum("n"))
    examples = []
    for group in groups.order_by("-n", "same")[:MAX_DUPLICATES]:
        items = titled.filter(storefront=group["storefront"], same=group["same"]).order_by("pk")
        ids = list(items.values_list("external_id", flat=True)[:5])
        title = items.values_list("title", flat=True).first()
        examples.append({"title": title, "storefront": group["storefront"], "n": group["n"], "ids": ids})
    return {"n_titles": totals["n_titles"] or 0, "n_items": totals["n_items"] or 0, "examples": examples}


def rejected(window: Window) -> list[Found]:
    """Rows that wait aside, by kind and reason, most first."""
    waiting = RejectedRow.objects.filter(state=RejectedRow.State.WAITING).values("kind", "code")
    rows = waiting.annotate(n=Count("id"), newest=Max("received_at"), reason=Min("reason"))
    return [
        {**row, "newest": row["newest"].isoformat(), "reason": row["reason"][:300]}
        for row in rows.order_by("-n")[:MAX_ROWS]
    ]


def crawlers(window: Window) -> Found:
    """How many events of crawlers were left out in the window, beside those that were kept."""
    if window.start is None or window.end is None:
        return {"n_left_out": 0, "n_kept": 0}
    days = CrawlerCount.objects.filter(day__gte=window.start.date(), day__lte=window.end.date())
    left_out = days.aggregate(n=Sum("n_events"))["n"] or 0
    return {"n_left_out": left_out, "n_kept": window.events().count()}


def currencies(window: Window) -> Found:
    """Currencies that cannot be converted (no rate, or none early enough), and prices without a currency."""
    reporting = commerce_settings.REPORTING_CURRENCY
    first_use: dict[str, datetime] = {}
    orders = Order.objects.exclude(currency="").values_list("currency").annotate(first=Min("placed_at"))
    valued = window.events().exclude(value=None).exclude(currency="")
    for currency, first in [
        *orders.order_by(),
        *valued.values_list("currency").annotate(first=Min("occurred_at")).order_by(),
    ]:
        first_use[currency] = min(first, first_use.get(currency, first))
    first_rate = dict(
        ExchangeRate.objects.values_list("currency").annotate(first=Min("valid_from")).order_by()
    )
    without_rate = [
        {
            "currency": currency,
            "first_used": first.date().isoformat(),
            "has_later_rate": currency in first_rate,
        }
        for currency, first in sorted(first_use.items())
        if currency != reporting and (currency not in first_rate or first_rate[currency] > first.date())
    ]
    unlabelled = Item.objects.filter(is_active=True, currency="").exclude(price=None).count()
    return {"reporting": reporting, "used": sorted(first_use), "without_rate": without_rate,
            "without_currency": unlabelled}  # fmt: skip
