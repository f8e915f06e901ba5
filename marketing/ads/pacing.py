"""Spending a day's budget along the day's traffic: pure functions of numbers.

A group takes a share of its chances. Each minute the share is lowered by a tenth where more was spent than
planned, and raised by a tenth where less. What is ahead of the plan by more than the headroom waits.

References
----------
Agarwal et al., "Budget pacing for targeted online advertisements at LinkedIn", 2014.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

FLAT = (1 / 24,) * 24
STEP = 0.1
EVERY = timedelta(minutes=1)
LEAST_RATE = 0.005
#: How far spending may be ahead of the plan, as a share of the day's budget: a quarter of an hour or so.
HEADROOM = Decimal("0.01")


def planned_share(moment: datetime, curve: Sequence[float] = FLAT) -> float:
    """Return how much of a day's budget is to be spent by a moment, in the shop's zone; from 0 to 1.

    `curve` has the share of each of the day's 24 hours.
    """
    local, total = timezone.localtime(moment), sum(curve)
    if total <= 0:
        return planned_share(moment)
    within = (local.minute * 60 + local.second) / 3600
    return (sum(curve[: local.hour]) + curve[local.hour] * within) / total


def next_rate(rate: float, *, spent: Decimal, planned: Decimal) -> float:
    """Return the share of chances to take from now on."""
    changed = rate * (1 - STEP) if spent > planned else rate * (1 + STEP)
    return min(max(changed, LEAST_RATE), 1.0)


def is_ahead(*, spent: Decimal, planned: Decimal, budget: Decimal) -> bool:
    """Whether a group must wait until its plan has caught up."""
    return spent > planned + HEADROOM * budget


def start_of_day(moment: datetime) -> datetime:
    return timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0)


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour, as it is counted under."""
    return timezone.localtime(moment).replace(minute=0, second=0, microsecond=0)
