"""Eight weeks of contacts by the hour, with the rhythm of days and weeks that shops know."""

from datetime import datetime, timedelta

import numpy as np
from django.utils import timezone

from ..models import ContactVolume

N_WEEKS = 8
#: Contacts expected in each hour of a Tuesday, and how the other days (from Monday) compare.
NIGHT = [0.3, 0.2, 0.1, 0.1, 0.1, 0.2, 0.6, 1.5]
HOURS = np.array([*NIGHT, 3, 5, 6.5, 6, 5, 5.5, 6, 5.5, 5, 4.5, 4.5, 5, 4.5, 3, 1.5, 0.7])
WEEKDAYS = np.array([1.25, 1.0, 0.95, 0.95, 0.9, 0.55, 0.5])
HANDED_OVER = 0.22


def seed_volume(*, now: datetime) -> None:
    """Fill the hours before this one, also those that were counted while nobody had come yet."""
    rng = np.random.default_rng(8)
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    rows = []
    for back in range(N_WEEKS * 7 * 24, 0, -1):
        hour = this_hour - timedelta(hours=back)
        local = timezone.localtime(hour)
        n = int(rng.poisson(HOURS[local.hour] * WEEKDAYS[local.weekday()]))
        n_handed_over = int(rng.binomial(n, HANDED_OVER))
        rows.append(
            ContactVolume(hour=hour, n_conversations=n, n_handed_over=n_handed_over, n_messages=3 * n)
        )
    ContactVolume.objects.bulk_create(
        rows, batch_size=1000, update_conflicts=True, unique_fields=["storefront", "hour"],
        update_fields=["n_conversations", "n_handed_over", "n_messages"],
    )  # fmt: skip
