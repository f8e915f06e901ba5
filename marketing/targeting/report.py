"""What came of choosing: each group's forecast beside what was measured, and what the choice was worth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecomai.experiments.statistics import tune_rho2, width_factor
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics.uplift import Interval
from ecomai.learning.metrics.uplift_policies import policy_gains
from ecomai.learning.trials import Trial, make_trial

from ..models import Campaign, Delivery
from .trials import WITHOUT

ALPHA = 0.05
_CHUNK = 5000
#: With fewer on a side, nothing is said of a group.
LEAST_ON_SIDE = 10
_FIELDS = (
    "customer_id", "state", "group", "expected_gain", "treat_probability", "variant__offer_percent",
)  # fmt: skip
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GroupReport:
    """Customers of one group: how many got a message, what was expected of one and what came of it.

    `predicted` and `spent` are amounts a customer in the reporting currency: what a message was expected to
    leave less its cost, and what more was spent with one. `buyers` is the difference of the shares that
    bought. Intervals hold however often they are looked at; None where a side is too small.
    """

    group: str
    n: int
    n_treated: int
    predicted: float
    buyers: Interval | None
    spent: Interval | None

    @property
    def harms(self) -> bool:
        """Whether a message did harm here for sure."""
        return any(one is not None and one.high < 0 for one in (self.buyers, self.spent))


@dataclass(frozen=True)
class TargetingReport:
    """All groups, and the choice against a message to everybody, over the whole campaign.

    `n_offered` got a message with an offer. `saved` is what messages that were not sent would have cost.
    `gained` is the estimate of what choosing left more than a message to everybody would have, doubly
    robust; None where it cannot be told.
    """

    groups: list[GroupReport]
    n_left_out: int
    n_offered: int
    saved: float
    gained: Interval | None


def targeting_report(campaign: Campaign, spent: Mapping[int, float]) -> TargetingReport | None:
    """Return what choosing brought; None for a campaign that goes to everybody. One query.

    `spent` is what customers spent within the window, see `services.effects.spent_within`.
    """
    if not campaign.is_targeted:
        return None
    rows = Delivery.objects.filter(campaign=campaign).exclude(group="").order_by("pk")
    found = list(rows.values_list(*_FIELDS).iterator(_CHUNK))
    groups = np.array([row[2] for row in found], dtype=str)
    treatment = np.array([row[1] not in WITHOUT for row in found], dtype=np.int64)
    amounts = np.array([spent.get(row[0], 0.0) for row in found], dtype=np.float64)
    bought = np.array([row[0] in spent for row in found], dtype=np.float64)
    predicted = np.array([row[3] for row in found], dtype=np.float64)
    chances = np.array([row[4] for row in found], dtype=np.float64)
    n_left_out = sum(row[1] == Delivery.State.NOT_WORTH for row in found)
    n_offered = sum(row[1] not in WITHOUT and row[5] is not None for row in found)
    reports = [
        _group(group, treatment[is_in], predicted[is_in], bought[is_in], amounts[is_in])
        for group in Delivery.Group.values
        if (is_in := groups == group).any()
    ]
    return TargetingReport(
        reports, n_left_out, n_offered, n_left_out * float(campaign.cost_per_message),
        _gained(campaign, groups, treatment, amounts, chances),
    )  # fmt: skip


def _group(
    group: str, treatment: NDArray[np.int64], predicted: Floats, bought: Floats, amounts: Floats
) -> GroupReport:
    return GroupReport(
        group, len(treatment), int(treatment.sum()), float(predicted.mean()),
        _difference(bought, treatment), _difference(amounts, treatment),
    )  # fmt: skip


def _difference(values: Floats, treatment: NDArray[np.int64]) -> Interval | None:
    """Return by how much more it was with a message; within a group all had the same chance of one."""
    sides = [values[treatment == arm] for arm in (1, 0)]
    if min(len(side) for side in sides) < LEAST_ON_SIDE:
        return None
    effect = float(sides[0].mean() - sides[1].mean())
    error = float(np.sqrt(sum(side.var(ddof=1) / len(side) for side in sides)))
    n = len(values)
    reach = error * width_factor(n, alpha=ALPHA, rho2=tune_rho2(planned_n=n, alpha=ALPHA))
    return Interval(effect, effect - reach, effect + reach)


def _gained(
    campaign: Campaign, groups: NDArray[np.str_], treatment: NDArray[np.int64], amounts: Floats,
    chances: Floats,
) -> Interval | None:  # fmt: skip
    """Compare the choice with a message to everybody, holdout aside, by what the few explored ones show."""
    if (chances == 0).any():
        return None  # nobody of them got one, so nothing tells what it would have brought
    try:
        trial = make_trial(
            treatment, amounts * campaign.margin_share, np.column_stack([1 - chances, chances]), n_arms=2
        )
        arms = (groups == Delivery.Group.PERSUADABLE).astype(np.int64)
        gains = policy_gains(
            trial, arms, np.ones_like(arms), costs=[float(campaign.cost_per_message)],
            expected=_expected(trial, groups),
        )  # fmt: skip
    except InvalidDataError:
        return None
    n = len(gains)
    reach = float(gains.std(ddof=1) / np.sqrt(n)) * width_factor(
        n, alpha=ALPHA, rho2=tune_rho2(planned_n=n, alpha=ALPHA)
    )
    share = 1 - campaign.holdout_share
    mean = float(gains.mean())
    return Interval(*(bound * n * share for bound in (mean, mean - reach, mean + reach)))


def _expected(trial: Trial, groups: NDArray[np.str_]) -> Floats:
    """Return each row's outcome by arm as the mean of its group in the other half; 0 where that is empty."""
    found = np.zeros((len(trial), trial.n_arms))
    halves = np.arange(len(trial)) % 2
    for group in np.unique(groups):
        for half in (0, 1):
            rows = (groups == group) & (halves == half)
            for arm in range(trial.n_arms):
                others = (groups == group) & (halves != half) & (trial.treatment == arm)
                found[rows, arm] = trial.y[others].mean() if others.any() else 0.0
    return found
