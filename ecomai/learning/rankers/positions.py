"""How much likelier an item is taken for standing where it stands, read from what was taken."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ecomai.learning.base import Estimator
from ecomai.learning.exceptions import InvalidDataError

from .lists import CandidateLists, column_scale, scaled


class PositionBias(Estimator):
    """The propensity of each position: how likely what stands there is looked at, beside the first one.

    An item is taken for what it is and for where it stands: of a list, each by `exp(w x + g)` with its
    features `x` and the bias `g` of its position (the position-based model as a conditional logit). Both
    are learned at once, so that what stood first for being good does not make the first place look better
    than it is. Without changes of order, good and first cannot be told apart; the penalty then says that
    all positions are alike.

    Parameters
    ----------
    penalty : float > 0, default 1.0
        Of the squares of weights and biases. With few lists it draws all positions together.
    least : float in (0, 1], default 0.1
        No propensity is taken to be less, so that no single list decides everything.

    Attributes
    ----------
    propensities_ : float64 array of shape (n_positions,)
        The first is 1.

    References
    ----------
    Joachims, Swaminathan and Schnabel, "Unbiased Learning-to-Rank with Biased Feedback", 2017; Wang et al.,
    "Position Bias Estimation for Unbiased Learning to Rank in Personal Search", 2018; McFadden,
    "Conditional logit analysis of qualitative choice behavior", 1974.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("propensities_",)

    def __init__(self, *, penalty: float = 1.0, least: float = 0.1) -> None:
        self.penalty = penalty
        self.least = least

    def fit(self, X: CandidateLists, positions: NDArray[np.integer]) -> Self:
        """Learn from lists of what was seen; what has a gain was taken.

        Parameters
        ----------
        X : CandidateLists
        positions : int array of shape (n_rows,)
            Where each stood, from 0.

        Returns
        -------
        PositionBias

        Raises
        ------
        InvalidDataError
            If nothing was taken, or a row has no position.
        """
        if len(positions) != len(X.X) or np.min(positions, initial=0) < 0:
            raise InvalidDataError("Each row needs a position, counted from 0.")
        is_taken = (X.gains > 0).astype(np.float64)
        if not is_taken.any():
            raise InvalidDataError("Nothing was taken, so no position can be told from another.")
        features = scaled(X.X, *column_scale(X.X)).astype(np.float64)
        n_features, n_positions = X.n_features, int(positions.max()) + 1
        taken_of = np.add.reduceat(is_taken, X.offsets[:-1])

        def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights, biases = values[:n_features], values[n_features:]
            scores = features @ weights + biases[positions]
            scores -= np.repeat(np.maximum.reduceat(scores, X.offsets[:-1]), X.lengths)
            chances = np.exp(scores)
            sums = np.add.reduceat(chances, X.offsets[:-1])
            missed = chances / np.repeat(sums / taken_of, X.lengths) - is_taken
            slopes = np.bincount(positions, weights=missed, minlength=n_positions)
            slope = np.concatenate([features.T @ missed, slopes]) + self.penalty * values
            fit = float(taken_of @ np.log(sums) - is_taken @ scores)
            return fit + 0.5 * self.penalty * float(values @ values), slope

        found = minimize(loss, np.zeros(n_features + n_positions), jac=True, method="L-BFGS-B")
        biases = found.x[n_features:]
        self.propensities_ = np.maximum(np.exp(biases - biases[0]), self.least)
        return self

    def propensities(self, positions: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the propensity of each position; one beyond those known is as the last of them."""
        self.check_is_fitted()
        known: NDArray[np.float64] = self.propensities_
        return known[np.minimum(positions, len(known) - 1)]
