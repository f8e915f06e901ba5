"""Scores of several models as one probability: arrays and numpy, so that a web process can do it."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Calibration:
    """A weighted sum of log odds, and the probability that belongs to it.

    Parameters
    ----------
    weights : float64 array of shape (n_models,)
        They add up to 1.
    scores, probabilities : float64 arrays of shape (n_points,)
        The curve from sum to probability, both not falling; between points it is a line, beyond them level.
    """

    weights: NDArray[np.float64]
    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    def combine(self, log_odds: ArrayLike) -> NDArray[np.float64]:
        """Return the weighted sums of shape (n_samples,), of log odds of shape (n_samples, n_models)."""
        return np.asarray(log_odds, dtype=np.float64) @ self.weights

    def probability(self, log_odds: ArrayLike) -> NDArray[np.float64]:
        """Return probabilities of shape (n_samples,), of log odds of shape (n_samples, n_models)."""
        return np.interp(self.combine(log_odds), self.scores, self.probabilities)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "weights": self.weights,
            "scores": self.scores,
            "probabilities": self.probabilities,
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Return what `as_arrays` gave; KeyError where a part is missing."""
        return cls(arrays["weights"], arrays["scores"], arrays["probabilities"])
