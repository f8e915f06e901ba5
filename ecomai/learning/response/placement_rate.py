"""The baseline: each place has its rate of clicks and conversions."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.exposures import Exposures

from .base import Outcomes, ResponseModel, Responses, check_outcomes, check_sizes, sizes_of, smoothed_rate


class PlacementRate(ResponseModel):
    """Say of each exposure how often its place was clicked.

    Parameters
    ----------
    column : int, default 0
        Which category is the place.
    strength : float, default 100.0
        As many exposures of the shop's overall rate are added to each place's own.

    Attributes
    ----------
    keys_ : int64 array of shape (n_places,)
        Rising.
    rates_ : float64 array of shape (n_places, 2)
        Of clicks, and of conversions after them.
    overall_ : list of two floats
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("keys_", "rates_")
    learned_values: ClassVar[tuple[str, ...]] = ("overall_", "sizes_")

    keys_: NDArray[np.int64]
    rates_: NDArray[np.float64]
    overall_: list[float]

    def __init__(self, column: int = 0, strength: float = 100.0) -> None:
        self.column = column
        self.strength = strength

    def fit(self, outcomes: Outcomes, *, valid: Outcomes | None = None) -> Self:
        """Count; see `ResponseModel.fit`."""
        check_outcomes(outcomes)
        self.sizes_ = sizes_of(outcomes.exposures)
        places = outcomes.exposures.categories[:, self.column]
        judged = outcomes.is_judged
        n_judged = int(judged.sum())
        self.overall_ = [
            float(outcomes.clicked.mean()),
            float((outcomes.converted[judged].sum() + 0.5) / (n_judged + 1)),
        ]
        self.keys_, position = np.unique(places, return_inverse=True)
        self.rates_ = np.stack(
            [
                self._rates(position, outcomes.clicked, self.overall_[0]),
                self._rates(position[judged], outcomes.converted[judged], self.overall_[1]),
            ],
            axis=1,
        )
        return self

    def _rates(
        self, position: NDArray[np.int64], hits: NDArray[np.int64], prior: float
    ) -> NDArray[np.float64]:
        n = np.bincount(position, minlength=len(self.keys_))
        n_hits = np.bincount(position, weights=hits, minlength=len(self.keys_))
        return smoothed_rate(n_hits, n, prior=prior, strength=self.strength)

    def predict(self, exposures: Exposures) -> Responses:
        """Return the places' rates, those of all for a new place; see `ResponseModel.predict`."""
        self.check_is_fitted()
        check_sizes(exposures, self.sizes_)
        places = exposures.categories[:, self.column]
        position = np.minimum(np.searchsorted(self.keys_, places), len(self.keys_) - 1)
        is_known = (self.keys_[position] == places)[:, None]
        click, conversion = np.where(is_known, self.rates_[position], np.array(self.overall_)).T
        return Responses(click, conversion)
