"""Proposes thresholds by what mistakes cost, and makes a draft of a policy of them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.exceptions import NotEnoughDataError, PermissionDeniedError
from ecomai.registry.services import write_audit

from ..app_settings import app_settings
from ..backtesting.costs import Costs, costs_of
from ..backtesting.thresholds import Outcome, Thresholds, ThresholdSearch
from ..models import AnsweredBy, Assessment, Decision, Policy
from .policies import change_policy, current_policy, values_of

MOST_ORDERS = 200_000
#: Thresholds that were chosen on the older part of a period are tried on the rest.
OLDER_PART = 2 / 3


@dataclass(frozen=True)
class Proposal:
    """What thresholds would have cost. `tried` compares the present ones and those chosen on the older part
    of the period on its later part, which they have not seen.
    """

    best: Outcome
    now: Outcome
    others: dict[str, Outcome]
    curve: dict[str, list[float]]
    costs: Costs
    n_orders: int
    n_fraud: int
    n_days: float
    tried: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Orders:
    probability: NDArray[np.float64]
    amounts: NDArray[np.float64]
    is_fraud: NDArray[np.bool_]
    seconds: NDArray[np.float64]

    def search(self, costs: Costs, where: Any = slice(None)) -> ThresholdSearch:
        seconds = self.seconds[where]
        n_days = (seconds.max() - seconds.min()) / 86_400 if len(seconds) else 1.0
        return ThresholdSearch(
            self.probability[where], self.amounts[where], self.is_fraud[where], n_days=n_days, costs=costs
        )


def propose_thresholds(
    *, kind: str, storefront: str = "", start: datetime, end: datetime, **beliefs: float
) -> Proposal:
    """Return the thresholds that would have cost least. NotEnoughDataError below `MIN_FRAUD` frauds."""
    policy = current_policy(storefront=storefront, kind=kind)
    costs = costs_of(policy, **beliefs)
    orders = _orders(kind, storefront, start, end)
    n_fraud = int(orders.is_fraud.sum())
    if n_fraud < app_settings.MIN_FRAUD:
        raise NotEnoughDataError(have=n_fraud, need=app_settings.MIN_FRAUD, unit=_("known frauds"))
    search = orders.search(costs)
    present = Thresholds(policy.step_up_from, policy.review_from, policy.decline_from)
    best = search.best()
    # Nobody is reviewed where a review has no capacity, so there always is one that keeps to it.
    assert best is not None  # noqa: S101
    return Proposal(
        best=best, now=search.outcome(present), others=_others(search), curve=search.curve(best.thresholds),
        costs=costs, n_orders=len(orders.is_fraud), n_fraud=n_fraud, n_days=search.n_days,
        tried=_tried(orders, costs, present),
    )  # fmt: skip


def _others(search: ThresholdSearch) -> dict[str, Outcome]:
    found = {
        "without_proofs": search.best(with_proofs=False),
        "without_declines": search.best(with_declines=False),
        "approve_all": search.outcome(Thresholds(None, None, None)),
    }
    return {name: outcome for name, outcome in found.items() if outcome is not None}


def _tried(orders: _Orders, costs: Costs, present: Thresholds) -> dict[str, float]:
    """Cost of a thousand later orders, by thresholds that did not see them; empty where they are too few."""
    is_older = orders.seconds <= np.quantile(orders.seconds, OLDER_PART)
    least = app_settings.MIN_FRAUD // 2
    if min(orders.is_fraud[is_older].sum(), orders.is_fraud[~is_older].sum()) < least:
        return {}
    chosen = orders.search(costs, is_older).best()
    later = orders.search(costs, ~is_older)
    each = 1000 / int((~is_older).sum())
    if chosen is None:
        return {}
    return {
        "now": later.outcome(present).cost * each,
        "best": later.outcome(chosen.thresholds).cost * each,
    }


def _orders(kind: str, storefront: str, start: datetime, end: datetime) -> _Orders:
    """Read what has a probability and a known outcome, and was not decided by a rule."""
    silent_since = timezone.now() - timedelta(days=app_settings.LABEL_DELAY_DAYS)
    rows = (
        Assessment.objects.filter(kind=kind, storefront=storefront, probability__isnull=False)
        .filter(received_at__gte=start, received_at__lt=end)
        .exclude(answered_by=AnsweredBy.RULES)
        .order_by("-received_at", "-pk")
        .values_list("probability", "amount_reporting", "is_fraud", "received_at", "decision")
    )
    kept = [
        (probability, np.nan if amount is None else float(amount), bool(is_fraud), at.timestamp())
        for probability, amount, is_fraud, at, decision in rows[:MOST_ORDERS].iterator(chunk_size=5_000)
        if is_fraud is not None or (at < silent_since and decision != Decision.DECLINE)
    ]
    table = np.array(kept, dtype=float).reshape(-1, 4)
    return _Orders(table[:, 0], table[:, 1], table[:, 2] == 1, table[:, 3])


# -- drafts -------------------------------------------------------------------------------------


def draft_policy(
    *, kind: str, storefront: str = "", thresholds: Thresholds, note: str = "", user: Any = None
) -> Policy:
    """Keep a version of the policy with other thresholds that does not count yet. Raises ValidationError."""
    _check_may(user, "add_policy")
    with transaction.atomic():
        rows = Policy.objects.select_for_update().filter(storefront=storefront, kind=kind)
        newest = rows.order_by("-number").first()
        current = rows.filter(is_current=True).first()
        policy = Policy(
            **(values_of(current) if current else {}) | thresholds.as_fields() | {"note": note[:500]},
            storefront=storefront, kind=kind, number=(newest.number if newest else 0) + 1, created_by=user,
        )  # fmt: skip
        policy.full_clean(exclude=["created_by"], validate_constraints=False)
        policy.save()
        write_audit(
            action="draft_policy", subject=f"policy:{storefront}/{policy}", user=user,
            details={"policy": policy.pk, **thresholds.as_fields()},
        )  # fmt: skip
    return policy


def use_draft(*, policy: Policy, user: Any = None) -> Policy:
    """Let a draft's thresholds count: the next version has them. Raises PermissionDeniedError."""
    current = current_policy(storefront=policy.storefront, kind=policy.kind)
    _check_may(user, "put_policy_live" if current.is_live else "change_policy")
    changes = {
        name: getattr(policy, name) for name in ("step_up_from", "review_from", "decline_from", "note")
    }
    return change_policy(
        storefront=policy.storefront, kind=policy.kind, user=user, based_on=current.number, **changes
    )


def _check_may(user: Any, codename: str) -> None:
    if user is not None and not user.has_perm(f"ecomai_risk.{codename}"):
        raise PermissionDeniedError
