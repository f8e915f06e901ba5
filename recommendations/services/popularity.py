"""What is popular lately: counted anew in the background while events come in."""

import logging
from collections import defaultdict
from datetime import UTC, datetime, time
from time import monotonic

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone

from ecomai.commerce.models import Event

from ..app_settings import app_settings
from ..models import ItemPopularity
from ..selectors import popularity_window

logger = logging.getLogger(__name__)

THROTTLE_KEY = "ecomai.recommendations.popularity"
CHUNK = 2000
# Counting takes at most this share of a worker, however many events there are.
MOST_OF_A_WORKER = 0.1


def refresh_popularity() -> int:
    """Count the popularity of all items anew and return how many have some. Safe to run twice."""
    started = monotonic()
    window = popularity_window()
    scores, counts = count_events(*window) if window else ({}, {})
    now = timezone.now()
    rows = [
        ItemPopularity(item_id=key, score=score, n_events=counts[key], counted_at=now)
        for key, score in scores.items()
        if score > 0
    ]
    with transaction.atomic():
        for start in range(0, len(rows), CHUNK):
            ItemPopularity.objects.bulk_create(
                rows[start : start + CHUNK],
                update_conflicts=True,
                unique_fields=["item"],
                update_fields=["score", "n_events", "counted_at"],
            )
        ItemPopularity.objects.filter(counted_at__lt=now).delete()
    _pause(monotonic() - started)
    return len(rows)


def count_events(start: datetime, stop: datetime) -> tuple[dict[int, float], dict[int, int]]:
    """Add up weights of events, each halved per half-life of its day's distance from the newest."""
    weights = app_settings.EVENT_WEIGHTS
    by_day = (
        Event.objects.filter(
            occurred_at__gte=start, occurred_at__lte=stop, type__in=list(weights), item__is_active=True
        )
        .order_by()
        .values_list("item_id", "type", TruncDate("occurred_at", tzinfo=UTC))
        .annotate(n=Count("id"))
    )
    scores: dict[int, float] = defaultdict(float)
    counts: dict[int, int] = defaultdict(int)
    for key, type, day, n in by_day.iterator():
        age_days = (stop - datetime.combine(day, time(12), tzinfo=UTC)).total_seconds() / 86400
        scores[key] += (
            weights[type] * n * 0.5 ** (max(age_days, 0.0) / app_settings.POPULARITY_HALF_LIFE_DAYS)
        )
        counts[key] += n
    return scores, counts


def _pause(seconds: float) -> None:
    """Hold back the next count where this one took long, so that counts do not pile up."""
    pause = seconds / MOST_OF_A_WORKER
    if pause > app_settings.POPULARITY_REFRESH_SECONDS:
        cache.set(THROTTLE_KEY, True, timeout=pause)


def should_refresh_popularity() -> bool:
    """Whether it is time to count again; at most one caller in each interval is told so."""
    return bool(cache.add(THROTTLE_KEY, True, timeout=app_settings.POPULARITY_REFRESH_SECONDS))
