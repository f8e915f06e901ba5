"""How many visitors an experiment needs, and how many days that takes at the traffic that there is."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from django.core.cache import cache
from django.db.models import Count, Max, Min
from django.utils import timezone

from ecomai.commerce.models import Event
from ecomai.commerce.selectors import RateTable

from . import statistics
from .app_settings import app_settings
from .metrics import MetricSpec
from .models import Experiment
from .outcomes import Unit, measure

TRAFFIC_DAYS = 7
SAMPLE = 3000
#: What a plan reads of the past stays true for a while, and a form asks for it at every change.
CACHE_SECONDS = 600


@dataclass(frozen=True)
class Past:
    """A shop's usual visitors: how many a day, and what the metric was for each of a sample."""

    units_per_day: float
    mean: float
    variance: float
    variance_left: float
    n_sampled: int


@dataclass(frozen=True)
class SizePlan:
    """`units_per_arm` is None where the metric never happened, `days` where nobody comes."""

    past: Past
    units_per_arm: int | None = None
    units_at_once: int | None = None
    days: int | None = None


def plan_size(
    *, metric: MetricSpec, unit: str, outcome_days: int, minimum_effect: float, traffic_share: float = 1.0,
    holdout_share: float = 0.0, n_arms: int = 2, smallest_share: float | None = None, place: str = "",
) -> SizePlan:  # fmt: skip
    """Plan for `n_arms`, control included; `smallest_share` is the part of the smallest of them."""
    past = usual_past(metric=metric, unit=unit, outcome_days=outcome_days, place=place)
    try:
        size = statistics.sample_size(
            mean=past.mean, variance=past.variance * past.variance_left, minimum_effect=minimum_effect,
            alpha=app_settings.ALPHA, power=app_settings.POWER, n_comparisons=max(n_arms - 1, 1),
        )  # fmt: skip
    except ValueError:
        return SizePlan(past)
    per_day = past.units_per_day * (1 - holdout_share) * traffic_share * (smallest_share or 1 / n_arms)
    n_days = math.ceil(size.always_valid / per_day) + outcome_days if per_day > 0 else None
    return SizePlan(past, size.always_valid, size.at_once, n_days)


def usual_past(*, metric: MetricSpec, unit: str, outcome_days: int, place: str = "") -> Past:
    """Look at visitors of a week whose days are over, as if they had been in an experiment."""
    key = f"ecomai.experiments.past.{metric.name}.{unit}.{outcome_days}.{quote(place)}"
    found: Past | None = cache.get(key)
    if found is None:
        found = _read_past(metric, unit, outcome_days, place)
        cache.set(key, found, CACHE_SECONDS)
    return found


def _read_past(metric: MetricSpec, unit: str, outcome_days: int, place: str) -> Past:
    newest = Event.objects.filter(occurred_at__lte=timezone.now()).aggregate(at=Max("occurred_at"))["at"]
    if newest is None:
        return Past(0.0, 0.0, 0.0, 1.0, 0)
    stop = newest - timedelta(days=outcome_days)
    units, n_units = _units(stop - timedelta(days=TRAFFIC_DAYS), stop, unit)
    if not units:
        return Past(0.0, 0.0, 0.0, 1.0, 0)
    after, before = measure(units, [metric], unit=unit, days=outcome_days, rates=RateTable(), place=place)
    moments = statistics.Moments.of(after[:, 0], before[:, 0])
    theta = statistics.cuped_theta([moments])
    left = moments.adjusted_variance(theta) / moments.variance if moments.variance else 1.0
    return Past(n_units / TRAFFIC_DAYS, moments.mean, moments.variance, left, moments.n)


def _units(start: datetime, stop: datetime, unit: str) -> tuple[list[Unit], int]:
    events = Event.objects.filter(occurred_at__gte=start, occurred_at__lt=stop).order_by()
    if unit == Experiment.Unit.SESSION:
        events, who = events.exclude(session_id=""), "session_id"
    else:
        events, who = events.filter(customer__isnull=False), "customer__external_id"
    n_units = events.aggregate(n=Count(who, distinct=True))["n"]
    first = events.values_list("storefront", who).annotate(at=Min("occurred_at")).order_by("at")
    return [Unit(one, storefront, 0, at) for storefront, one, at in first[:SAMPLE]], n_units
