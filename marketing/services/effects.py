"""What a campaign truly brought: those who got it against those who were held out."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.exceptions import NoExchangeRateError
from ecomai.commerce.models import Order
from ecomai.commerce.selectors import RateTable
from ecomai.experiments.statistics import Effect, Moments, compare, tune_rho2

from ..models import Campaign, Delivery

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
class CampaignReport:
    """Both arms, and the relative lift of buyers and of revenue a customer, each with its interval.

    `refusal` says in a sentence why no lift is told; it is then None. Where a rate of a currency is missing,
    `n_without_rate` orders count as bought, and their amount as 0.
    """

    treated: Arm
    held_out: Arm
    buyers: Effect | None
    revenue: Effect | None
    incremental_revenue: float | None
    n_without_rate: int
    is_over: bool
    refusal: str = ""


def report_of(campaign: Campaign) -> CampaignReport:
    """Return what came of a campaign until now, or until its window closed.

    Of one that goes only where it pays, those are compared of whom that was expected.
    """
    spent, n_without_rate = spent_within(campaign)
    rows = Delivery.objects.filter(campaign=campaign).order_by("pk")
    if campaign.is_targeted:
        rows = rows.filter(group=Delivery.Group.PERSUADABLE)
    sides: dict[str, list[float]] = {TREATED: [], HELD_OUT: []}
    bought: dict[str, list[float]] = {TREATED: [], HELD_OUT: []}
    for customer_pk, state in rows.values_list("customer_id", "state").iterator(_CHUNK):
        side = HELD_OUT if state == Delivery.State.HELD_OUT else TREATED
        sides[side].append(spent.get(customer_pk, 0.0))
        bought[side].append(float(customer_pk in spent))
    treated, held_out = (_arm(sides[side], bought[side]) for side in (TREATED, HELD_OUT))
    refusal = _refusal(treated, held_out)
    rho2 = tune_rho2(planned_n=max(treated.n + held_out.n, 2), alpha=ALPHA)
    buyers, revenue = (
        None if refusal else compare(one, other, alpha=ALPHA, rho2=rho2)
        for one, other in ((treated.buyers, held_out.buyers), (treated.spent, held_out.spent))
    )
    gained = None if refusal else (treated.spent.mean - held_out.spent.mean) * treated.n
    end = window_end(campaign)
    return CampaignReport(
        treated, held_out, buyers, revenue, gained, n_without_rate,
        is_over=end is not None and end <= timezone.now(), refusal=refusal,
    )  # fmt: skip


def _refusal(treated: Arm, held_out: Arm) -> str:
    if not treated.n and not held_out.n:
        return _("Nobody was in the campaign yet.")
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
    rates, n_without_rate = RateTable(), 0
    spent: dict[int, float] = defaultdict(float)
    for customer_pk, total, currency, placed_at in _orders(campaign):
        try:
            amount = float(rates.convert(total, currency, placed_at.date()))
        except NoExchangeRateError:
            amount, n_without_rate = 0.0, n_without_rate + 1
        spent[customer_pk] += amount
    return dict(spent), n_without_rate


def _orders(campaign: Campaign) -> Iterator[tuple[Any, ...]]:
    customers: QuerySet[Delivery, Any] = Delivery.objects.filter(campaign=campaign).values("customer_id")
    orders = Order.objects.filter(
        placed_at__gte=campaign.started_at, placed_at__lt=window_end(campaign), customer_id__in=customers
    ).exclude(status=Order.Status.CANCELLED)
    yield from orders.values_list("customer_id", "total", "currency", "placed_at").iterator(_CHUNK)
