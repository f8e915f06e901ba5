"""How the shop's traffic lies in the day: the plan along which budgets are spent."""

from collections import defaultdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import ExtractHour
from django.utils import timezone

from ecomai.commerce.models import Event

from ...models import AdGroup, AdTraffic

COUNTED_DAYS = 14
#: Each hour gets at least so much of an average hour, so that a quiet one is not planned away.
LEAST_SHARE = 0.1


def count_traffic(*, now: datetime | None = None) -> int:
    """Count events by hour of the shop's day, for storefronts with ad groups; returns of how many."""
    storefronts = set(AdGroup.objects.values_list("storefront", flat=True))
    if not storefronts:
        return 0
    since = (now or timezone.now()) - timedelta(days=COUNTED_DAYS)
    rows = (
        Event.objects.filter(occurred_at__gte=since, storefront__in=storefronts)
        .annotate(hour=ExtractHour("occurred_at", tzinfo=timezone.get_current_timezone()))
        .values_list("storefront", "hour").annotate(n=Count("pk")).order_by()
    )  # fmt: skip
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * 24)
    for storefront, hour, n in rows:
        counts[storefront][hour] += n
    with transaction.atomic():
        for storefront, by_hour in counts.items():
            least = LEAST_SHARE * sum(by_hour) / 24
            filled = [max(n, least) for n in by_hour]
            AdTraffic.objects.bulk_create(
                [
                    AdTraffic(storefront=storefront, hour=hour, share=n / sum(filled))
                    for hour, n in enumerate(filled)
                ],
                update_conflicts=True, unique_fields=["storefront", "hour"], update_fields=["share"],
            )  # fmt: skip
    return len(counts)
