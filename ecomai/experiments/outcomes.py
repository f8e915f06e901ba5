"""What visitors did after they first saw an arm, and before: sums per arm, counted from commerce events."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from ecomai.commerce.models import Customer, Event
from ecomai.commerce.selectors import RateTable

from .app_settings import app_settings
from .metrics import MetricSpec
from .models import Experiment, Exposure
from .statistics import Moments

BATCH = 1000

#: arm (0: held back) -> metric -> sums.
ArmMoments = dict[int, dict[str, Moments]]


@dataclass(frozen=True)
class Unit:
    """A visitor, the arm, and when it was first seen there."""

    id: str
    storefront: str
    arm: int
    seen_at: datetime


def collect(
    experiment: Experiment,
    metrics: Sequence[MetricSpec],
    *,
    seen_after: datetime | None,
    seen_until: datetime,
) -> ArmMoments:
    """Return the sums of visitors who were first seen in `(seen_after, seen_until]`."""
    seen = Exposure.objects.filter(experiment=experiment, first_exposed_at__lte=seen_until)
    if seen_after is not None:
        seen = seen.filter(first_exposed_at__gt=seen_after)
    rows = seen.order_by("first_exposed_at", "pk").values_list(
        "unit_id", "storefront", "arm", "first_exposed_at"
    )
    rates = RateTable()
    found: ArmMoments = defaultdict(dict)
    for batch in _batches(Unit(one, where, arm or 0, at) for one, where, arm, at in rows.iterator(BATCH)):
        after, before = measure(
            batch, metrics, unit=experiment.unit, days=experiment.outcome_days, rates=rates,
            place=experiment.place,
        )  # fmt: skip
        arms = np.array([unit.arm for unit in batch])
        for arm in np.unique(arms):
            of_arm = found[int(arm)]
            for column, metric in enumerate(metrics):
                moments = Moments.of(after[arms == arm, column], before[arms == arm, column])
                of_arm[metric.name] = of_arm.get(metric.name, Moments()) + moments
    return found


def _batches(units: Iterator[Unit]) -> Iterator[list[Unit]]:
    batch: list[Unit] = []
    for unit in units:
        batch.append(unit)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def measure(
    units: Sequence[Unit],
    metrics: Sequence[MetricSpec],
    *,
    unit: str,
    days: int,
    rates: RateTable,
    place: str = "",
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each visitor did after and before being seen, both of shape (n_units, n_metrics).

    Raises NoExchangeRateError rather than guess what money of another currency is worth.
    """
    after, before = np.zeros((len(units), len(metrics))), np.zeros((len(units), len(metrics)))
    span, span_before = timedelta(days=days), timedelta(days=app_settings.COVARIATE_DAYS)
    rows_of: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, one in enumerate(units):
        rows_of[one.storefront, one.id].append(row)
    orders: set[tuple[int, int, bool, str]] = set()
    for storefront, who, event in _events(units, metrics, unit, span, span_before):
        kind, at, quantity, value, currency, order, placement = event
        for row in rows_of[storefront, who]:
            seen_at = units[row].seen_at
            is_after = seen_at <= at < seen_at + span
            if not is_after and not seen_at - span_before <= at < seen_at:
                continue
            target = after if is_after else before
            for column, metric in enumerate(metrics):
                if kind not in metric.event_types or (metric.is_at_place and placement != place):
                    continue
                if metric.reading == "any":
                    target[row, column] = 1.0
                elif metric.reading == "value":
                    if value is not None:
                        target[row, column] += float(rates.convert(value, currency, at.date()))
                elif metric.reading == "quantity":
                    target[row, column] += quantity
                elif metric.reading == "orders" and order:
                    # An order has an event for each of its lines.
                    if (row, column, is_after, order) not in orders:
                        orders.add((row, column, is_after, order))
                        target[row, column] += 1
                else:
                    target[row, column] += 1
    return after, before


def _events(
    units: Sequence[Unit], metrics: Sequence[MetricSpec], unit: str, span: timedelta, span_before: timedelta
) -> Iterator[tuple[str, str, tuple]]:
    """Yield storefront, visitor and event of all that these visitors did in their time."""
    first, last = min(one.seen_at for one in units), max(one.seen_at for one in units)
    events = Event.objects.filter(
        type__in=sorted(set().union(*(metric.event_types for metric in metrics))),
        occurred_at__gte=first - span_before, occurred_at__lt=last + span,
    ).order_by()  # fmt: skip
    fields = (
        "type", "occurred_at", "quantity", "value", "currency", "order_external_id", "properties__placement"
    )  # fmt: skip
    ids: dict[str, list[str]] = defaultdict(list)
    for one in units:
        ids[one.storefront].append(one.id)
    for storefront, unit_ids in ids.items():
        if unit == Experiment.Unit.SESSION:
            of_these = events.filter(storefront=storefront, session_id__in=unit_ids).exclude(session_id="")
            for row in of_these.values_list("session_id", *fields):
                yield storefront, row[0], row[1:]
        else:
            customers = Customer.objects.filter(storefront=storefront, external_id__in=unit_ids)
            names = dict(customers.values_list("pk", "external_id"))
            mine = events.filter(customer_id__in=list(names))
            for row in mine.values_list("customer_id", *fields):
                yield storefront, names[row[0]], row[1:]
