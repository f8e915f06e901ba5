"""Which thresholds cost least: every sensible triple of them is tried on what is known by now."""

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .costs import Costs, cost_table

#: Thresholds that are tried: round ones, and those that part the riskiest orders finely.
ROUND = np.round(np.arange(0.01, 1.0, 0.01), 2)
FINE = 1 - np.geomspace(0.0005, 0.5, 40)
NEVER = np.inf


@dataclass(frozen=True)
class Thresholds:
    """From which probability each decision is made; None: never."""

    step_up_from: float | None
    review_from: float | None
    decline_from: float | None

    def cuts(self) -> tuple[float, float, float]:
        """Return where each band begins, rising: a milder decision ends where a stricter one begins."""
        decline = NEVER if self.decline_from is None else self.decline_from
        review = decline if self.review_from is None else self.review_from
        step_up = review if self.step_up_from is None else self.step_up_from
        return step_up, review, decline

    def as_fields(self) -> dict[str, float | None]:
        return {
            "step_up_from": self.step_up_from, "review_from": self.review_from,
            "decline_from": self.decline_from,
        }  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What thresholds would have cost in a period, in the reporting currency."""

    thresholds: Thresholds
    cost: float
    reviews_a_day: float
    n_caught: int
    n_honest_declined: int


class ThresholdSearch:
    """Orders of a period with their probabilities and what they turned out to be.

    Parameters
    ----------
    probability, amounts : ndarray of shape (n_orders,)
        From 0 to 1; in the reporting currency, nan where it is not known.
    is_fraud : ndarray of shape (n_orders,)
    n_days : float
        How long the period was.
    """

    def __init__(
        self, probability: NDArray[np.float64], amounts: NDArray[np.float64], is_fraud: NDArray[np.bool_],
        *, n_days: float, costs: Costs,
    ) -> None:  # fmt: skip
        order = np.argsort(probability, kind="stable")
        self.probability, self.is_fraud = probability[order], is_fraud[order]
        self.costs, self.n_days = costs, max(n_days, 1.0)
        each = cost_table(costs, amounts[order], self.is_fraud)
        self.grid = self._grid()
        # What each decision costs on all orders below a probability: a band is a difference of two of these.
        self._below = np.vstack([np.zeros(4), np.cumsum(each, axis=0)])
        self._fraud_below = np.concatenate([[0], np.cumsum(self.is_fraud)])

    def _grid(self) -> NDArray[np.float64]:
        quantiles = np.quantile(self.probability, FINE) if len(self.probability) else FINE[:0]
        # A threshold is kept with four digits, so it is tried with four.
        return np.unique(np.concatenate([ROUND, np.round(quantiles, 4), [NEVER]]))

    def outcome(self, thresholds: Thresholds) -> Outcome:
        """Return what thresholds would have cost."""
        step_up, review, decline = self._places(np.array(thresholds.cuts()))
        n = len(self.probability)
        below = self._below
        cost = (
            below[step_up, 0]
            + below[review, 1] - below[step_up, 1]
            + below[decline, 2] - below[review, 2]
            + below[n, 3] - below[decline, 3]
        )  # fmt: skip
        fraud = self._fraud_below
        return Outcome(
            thresholds, float(cost), float(decline - review) / self.n_days,
            n_caught=int(fraud[n] - fraud[review]),
            n_honest_declined=int((n - decline) - (fraud[n] - fraud[decline])),
        )  # fmt: skip

    def best(self, *, with_proofs: bool = True, with_declines: bool = True) -> Outcome | None:
        """Return what costs least within the capacity for reviews; None where nothing keeps to it."""
        places = self._places(self.grid)
        n_grid = len(self.grid)
        b = self._below[places]
        end = self._below[-1]
        # Of shape (step_up, review, decline), each the place of a threshold in the grid.
        cost = (
            b[:, None, None, 0]
            + b[None, :, None, 1] - b[:, None, None, 1]
            + b[None, None, :, 2] - b[None, :, None, 2]
            + end[3] - b[None, None, :, 3]
        )  # fmt: skip
        s, r, d = np.ogrid[:n_grid, :n_grid, :n_grid]
        allowed = (s <= r) & (r <= d)
        n_reviews = (places[None, None, :] - places[None, :, None]) / self.n_days
        allowed &= n_reviews <= self.costs.review_capacity
        if not with_proofs:
            allowed &= s == r
        if not with_declines:
            allowed &= d == n_grid - 1
        if not allowed.any():
            return None
        found = np.unravel_index(np.argmin(np.where(allowed, cost, np.inf)), cost.shape)
        return self.outcome(self._thresholds(*(int(place) for place in found)))

    def _thresholds(self, *chosen: int) -> Thresholds:
        """A decision that nobody would have met is none."""
        begins = [*self._places(self.grid[list(chosen)]).tolist(), len(self.probability)]
        is_met = (begin < end for begin, end in itertools.pairwise(begins))
        cuts = self.grid[list(chosen)].tolist()
        return Thresholds(*(cut if is_used else None for cut, is_used in zip(cuts, is_met, strict=True)))

    def curve(self, chosen: Thresholds) -> dict[str, list[float]]:
        """Return cost and reviews a day over the threshold for reviews, the other ones as chosen."""
        top = chosen.decline_from if chosen.decline_from is not None else NEVER
        low = chosen.step_up_from if chosen.step_up_from is not None else 0.0
        points = [float(x) for x in self.grid if np.isfinite(x) and low <= x <= top]
        found = [self.outcome(replace(chosen, review_from=point)) for point in points]
        return {
            "thresholds": points,
            "costs": [each.cost for each in found],
            "reviews": [each.reviews_a_day for each in found],
        }

    def _places(self, cuts: NDArray[np.float64]) -> Any:
        """How many orders are below each cut."""
        return np.searchsorted(self.probability, cuts, side="left")
