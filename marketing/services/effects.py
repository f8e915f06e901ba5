"""What a campaign or a journey truly brought: those who got it against those who were held out."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.exceptions import NoExchangeRateError
from ecomai.commerce.models import Order
from ecomai.commerce.selectors import RateTable
from ecomai.experiments.statistics import Effect, Moments, compare, tune_rho2, width_factor

from ..models import Campaign, Delivery, Journey, JourneyRun

ALPHA = 0.05
_CHUNK = 5000
#: Whoever was meant to get a mail is counted with it, whatever became of it: who is reached is no accident.
TREATED = "treated"
HELD_OUT = "held_out"


@dataclass(frozen=True)
class Arm:
    """One side: how many customers, how many of them bought, and what they spent."""

    n: int
    n_buyers: int
    revenue: float
    buyers: Moments
    spent: Moments


@dataclass(frozen=True)
class Amount:
    """An amount in the reporting currency with an interval that holds however often it is looked at."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Gain:
    """What was spent on messages, and what is left of the revenue that came because of them.

    `net` is the margin of the incremental revenue less all cost; `returned` is `net` for each unit of cost.
    Both are None where no lift is told, `returned` also where nothing was spent.
    """

    n_sent: int
    cost: float
    net: Amount | None
    returned: Amount | None


@dataclass(frozen=True)
class EffectReport:
    """Both arms, and the relative lift of buyers and of revenue a customer, each with its interval.

    `refusal` says in a sentence why no lift is told; it is then None. Where a rate of a currency is missing,
    `n_without_rate` orders count as bought, and their amount as 0.
    """

    treated: Arm
    held_out: Arm
    buyers: Effect | None
    revenue: Effect | None
    incremental_revenue: Amount | None
    n_without_rate: int
    is_over: bool
    refusal: str = ""
    gain: Gain | None = None


def report_of(campaign: Campaign) -> EffectReport:
    """Return what came of a campaign until now, or until its window closed.

    Of one that goes only where it pays, those are compared of whom that was expected.
    """
    rows = Delivery.objects.filter(campaign=campaign).order_by("pk")
    if campaign.is_targeted:
        rows = rows.filter(group=Delivery.Group.PERSUADABLE)
    sides = (
        (customer_pk, state == Delivery.State.HELD_OUT)
        for customer_pk, state in rows.values_list("customer_id", "state").iterator(_CHUNK)
    )
    report = _compare(sides, *spent_within(campaign), end=window_end(campaign))
    return replace(report, gain=_gain(report, campaign, Delivery.objects.filter(campaign=campaign)))


def report_of_journey(journey: Journey) -> EffectReport:
    """Return what came of a journey until now: a customer counts once, from the first time they began."""
    runs = JourneyRun.objects.filter(journey=journey, entry=1).order_by("pk")
    rows = list(runs.values_list("customer_id", "state", "entered_at").iterator(_CHUNK))
    span = timedelta(days=journey.effect_days)
    starts = {customer_pk: entered_at for customer_pk, _state, entered_at in rows}
    orders = _orders(runs.order_by().values("customer_id"), journey.started_at or timezone.now())
    spent = _sum_up(
        order for order in orders if order[0] in starts and 0 <= (order[3] - starts[order[0]]) / span < 1
    )
    sides = ((customer_pk, state == JourneyRun.State.HELD_OUT) for customer_pk, state, _entered_at in rows)
    report = _compare(sides, *spent, end=journey.stopped_at and journey.stopped_at + span)
    return replace(report, gain=_gain(report, journey, Delivery.objects.filter(campaign__journey=journey)))


def is_harm_proven(report: EffectReport) -> bool:
    """Whether those who got it buy less often, or for less, whatever chance may do."""
    return any(effect is not None and effect.high < 0 for effect in (report.buyers, report.revenue))


def _gain(report: EffectReport, spent_on: Campaign | Journey, deliveries: QuerySet[Delivery]) -> Gain:
    n_sent = deliveries.filter(state=Delivery.State.SENT).count()
    cost = float(spent_on.fixed_cost) + n_sent * float(spent_on.cost_per_message)
    revenue, margin = report.incremental_revenue, spent_on.margin_share
    if revenue is None:
        return Gain(n_sent, cost, None, None)
    net = Amount(*(margin * part - cost for part in (revenue.value, revenue.low, revenue.high)))
    returned = Amount(net.value / cost, net.low / cost, net.high / cost) if cost else None
    return Gain(n_sent, cost, net, returned)


def _compare(
    rows: Iterable[tuple[int, bool]], spent: Mapping[int, float], n_without_rate: int, *, end: datetime | None
) -> EffectReport:
    """Compare customers, each with whether they were held out, by what they spent until an end."""
    sides: dict[str, list[float]] = {TREATED: [], HELD_OUT: []}
    bought: dict[str, list[float]] = {TREATED: [], HELD_OUT: []}
    for customer_pk, is_held_out in rows:
        side = HELD_OUT if is_held_out else TREATED
        sides[side].append(spent.get(customer_pk, 0.0))
        bought[side].append(float(customer_pk in spent))
    treated, held_out = (_arm(sides[side], bought[side]) for side in (TREATED, HELD_OUT))
    refusal = _refusal(treated, held_out)
    rho2 = tune_rho2(planned_n=max(treated.n + held_out.n, 2), alpha=ALPHA)
    buyers, revenue = (
        None if refusal else compare(one, other, alpha=ALPHA, rho2=rho2)
        for one, other in ((treated.buyers, held_out.buyers), (treated.spent, held_out.spent))
    )
    gained = None if refusal else _incremental(treated, held_out, rho2)
    return EffectReport(
        treated, held_out, buyers, revenue, gained, n_without_rate,
        is_over=end is not None and end <= timezone.now(), refusal=refusal,
    )  # fmt: skip


def _incremental(treated: Arm, held_out: Arm, rho2: float) -> Amount:
    """Return the revenue that would not have come without, by the difference of what a customer spends."""
    one, other = treated.spent, held_out.spent
    error = math.sqrt(one.variance / one.n + other.variance / other.n)
    reach = error * width_factor(one.n + other.n, alpha=ALPHA, rho2=rho2)
    difference = one.mean - other.mean
    return Amount(*(treated.n * each for each in (difference, difference - reach, difference + reach)))


def _refusal(treated: Arm, held_out: Arm) -> str:
    if not treated.n and not held_out.n:
        return _("Nobody was in it yet.")
    if not held_out.n:
        return _("Everybody got it, so nothing tells what would have happened without: no lift is reported.")
    if not treated.n:
        return _("Nobody got it: no lift is reported.")
    return ""


def _arm(spent: list[float], bought: list[float]) -> Arm:
    amounts, buyers = np.array(spent, dtype=np.float64), np.array(bought, dtype=np.float64)
    nothing = np.zeros(len(amounts))
    return Arm(
        n=len(amounts), n_buyers=int(buyers.sum()), revenue=float(amounts.sum()),
        buyers=Moments.of(buyers, nothing), spent=Moments.of(amounts, nothing),
    )  # fmt: skip


def window_end(campaign: Campaign) -> Any:
    return campaign.started_at and campaign.started_at + timedelta(days=campaign.effect_days)


def spent_within(campaign: Campaign) -> tuple[dict[int, float], int]:
    """Return what customers of the campaign spent within its window, in the reporting currency."""
    if campaign.started_at is None:
        return {}, 0
    customers = Delivery.objects.filter(campaign=campaign).values("customer_id")
    return _sum_up(_orders(customers, campaign.started_at, placed_at__lt=window_end(campaign)))


def _sum_up(orders: Iterable[tuple[Any, ...]]) -> tuple[dict[int, float], int]:
    """Return the sum of orders of each customer, and how many have no rate to the reporting currency."""
    rates, n_without_rate = RateTable(), 0
    spent: dict[int, float] = defaultdict(float)
    for customer_pk, total, currency, placed_at in orders:
        try:
            amount = float(rates.convert(total, currency, placed_at.date()))
        except NoExchangeRateError:
            amount, n_without_rate = 0.0, n_without_rate + 1
        spent[customer_pk] += amount
    return dict(spent), n_without_rate


def _orders(customers: QuerySet[Any, Any], since: datetime, **bounds: Any) -> Iterator[tuple[Any, ...]]:
    orders = Order.objects.filter(placed_at__gte=since, customer_id__in=customers, **bounds)
    orders = orders.exclude(status=Order.Status.CANCELLED)
    yield from orders.values_list("customer_id", "total", "currency", "placed_at").iterator(_CHUNK)
