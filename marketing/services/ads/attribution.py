"""Orders that follow a click within the window: the last click before the order gets it."""

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from ecomai.commerce.exceptions import NoExchangeRateError
from ecomai.commerce.models import Event, EventType, Order
from ecomai.commerce.selectors import RateTable

from ...ads import pacing
from ...app_settings import app_settings
from ...models import AdConversion, AdCreative, AdGroup, AdSpend
from .recording import count_hour

MOST_AT_ONCE = 1000


def attribute_orders(order_pks: Collection[int]) -> int:
    """Credit clicks with orders; returns how many orders. Safe to run twice.

    A cancelled order is credited to nobody, and taken back where it was.
    """
    if not AdGroup.objects.exists():
        return 0
    n, pks = 0, sorted(order_pks)
    for start in range(0, len(pks), MOST_AT_ONCE):
        orders = Order.objects.filter(pk__in=pks[start : start + MOST_AT_ONCE], customer__isnull=False)
        cancelled = [order.pk for order in orders if order.status == Order.Status.CANCELLED]
        _take_back(cancelled)
        n += _credit([order for order in orders if order.status != Order.Status.CANCELLED])
    return n


def _credit(orders: list[Order]) -> int:
    clicks = _clicks(orders)
    if not clicks:
        return 0
    rates, window = RateTable(), timedelta(days=app_settings.AD_ATTRIBUTION_DAYS)
    found = []
    for order in orders:
        before = [
            click for click in clicks.get(order.customer_id, ())
            if order.placed_at - window <= click[0] <= order.placed_at
        ]  # fmt: skip
        if before:
            found.append(_conversion(order, max(before, key=lambda click: click[0]), rates))
    return _write(found)


def _clicks(orders: list[Order]) -> dict[Any, list[tuple[datetime, dict[str, Any]]]]:
    """Return clicks by customer; one query along the index of customers."""
    if not orders:
        return {}
    oldest = min(order.placed_at for order in orders) - timedelta(days=app_settings.AD_ATTRIBUTION_DAYS)
    events = Event.objects.filter(
        customer_id__in={order.customer_id for order in orders}, type=EventType.AD_CLICK,
        occurred_at__gte=oldest, occurred_at__lte=max(order.placed_at for order in orders),
    )  # fmt: skip
    clicks: dict[Any, list[tuple[datetime, dict[str, Any]]]] = {}
    for customer, at, properties in events.values_list("customer_id", "occurred_at", "properties"):
        clicks.setdefault(customer, []).append((at, properties))
    return clicks


def _conversion(order: Order, click: tuple[datetime, dict[str, Any]], rates: RateTable) -> AdConversion:
    at, said = click
    value: Decimal | None
    try:
        value = rates.convert(order.total, order.currency, order.placed_at.date())
    except NoExchangeRateError:
        value = None
    return AdConversion(
        order=order, creative_id=said["creative"], customer_id=order.customer_id,
        placement=said["placement"], shown=UUID(said["shown"]), clicked_at=at, converted_at=order.placed_at,
        value=value,
    )  # fmt: skip


def _write(found: list[AdConversion]) -> int:
    with transaction.atomic():
        # Who credits the same orders at the same time waits, and then sees that it is done.
        list(
            Order.objects.select_for_update().filter(pk__in=[each.order_id for each in found]).order_by("pk")
        )
        there = set(
            AdConversion.objects.filter(pk__in=[each.order_id for each in found]).values_list("pk", flat=True)
        )
        known = set(
            AdCreative.objects.filter(pk__in={each.creative_id for each in found}).values_list(
                "pk", flat=True
            )
        )
        new = [each for each in found if each.order_id not in there and each.creative_id in known]
        written = AdConversion.objects.bulk_create(new)
        for each in written:
            count_hour(each.creative_id, each.placement, pacing.hour_of(each.clicked_at), n_conversions=1)
    return len(written)


def _take_back(order_pks: list[int]) -> None:
    with transaction.atomic():
        gone = list(AdConversion.objects.select_for_update().filter(pk__in=order_pks))
        for each in gone:
            AdSpend.objects.filter(
                creative_id=each.creative_id, placement=each.placement, n_conversions__gt=0,
                hour=pacing.hour_of(each.clicked_at),
            ).update(n_conversions=F("n_conversions") - 1)  # fmt: skip
        AdConversion.objects.filter(pk__in=[each.pk for each in gone]).delete()
