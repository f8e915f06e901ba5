"""The contract of models of what follows an exposure: a click, and after it a conversion."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.inference.exposures import Exposures
from ecomai.learning.base import Estimator
from ecomai.learning.exceptions import InvalidDataError

UNKNOWN = -1  # whether a conversion follows is not known yet
LEAST_CLICKS = 2


class Responses(NamedTuple):
    """Probabilities of shape (n_exposures,): of a click, and of a conversion where one clicked."""

    click: NDArray[np.float64]
    conversion: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Exposures with what followed.

    Parameters
    ----------
    exposures : Exposures
    clicked : int64 array of shape (n_exposures,)
        1 or 0.
    converted : int64 array of shape (n_exposures,)
        1 or 0, and -1 where it is not known yet; 0 wherever there was no click.
    """

    exposures: Exposures
    clicked: NDArray[np.int64]
    converted: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.exposures)

    @classmethod
    def of(cls, exposures: Exposures, clicked: ArrayLike, converted: ArrayLike) -> Self:
        """Return outcomes that fit each other.

        Raises
        ------
        InvalidDataError
            If sizes differ, a label is none, or a conversion came without a click.
        """
        clicks, conversions = np.asarray(clicked), np.asarray(converted)
        if clicks.shape != (len(exposures),) or conversions.shape != clicks.shape:
            raise InvalidDataError("There must be a click and a conversion, or none, for each exposure.")
        if not np.isin(clicks, (0, 1)).all() or not np.isin(conversions, (UNKNOWN, 0, 1)).all():
            raise InvalidDataError("Clicks must be 0 or 1, conversions 0, 1 or -1.")
        if conversions[clicks == 0].any():
            raise InvalidDataError("Only who clicked can convert.")
        return cls(exposures, clicks.astype(np.int64), conversions.astype(np.int64))

    @property
    def is_judged(self) -> NDArray[np.bool_]:
        """Who clicked and is known to have converted or not."""
        return (self.clicked == 1) & (self.converted != UNKNOWN)

    def take(self, rows: Any) -> Self:
        return type(self)(self.exposures.take(rows), self.clicked[rows], self.converted[rows])


class ResponseModel(Estimator):
    """Base of what tells how likely a click is, and a conversion after it."""

    sizes_: dict[str, int]

    @abstractmethod
    def fit(self, outcomes: Outcomes, *, valid: Outcomes | None = None) -> Self:
        """Learn from exposures with outcomes.

        Parameters
        ----------
        outcomes : Outcomes
        valid : Outcomes, optional
            Later ones, on which probabilities are calibrated.

        Returns
        -------
        ResponseModel
            Itself.

        Raises
        ------
        InvalidDataError
            If fewer than two of the exposures were clicked, or fewer than two were not.
        """

    @abstractmethod
    def predict(self, exposures: Exposures) -> Responses:
        """Return how likely clicks and conversions are.

        Parameters
        ----------
        exposures : Exposures
            With as many categories, numbers and text features as those that were learned from.

        Returns
        -------
        Responses

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If the exposures are of other sizes.
        """


def check_outcomes(outcomes: Outcomes) -> None:
    """Raise InvalidDataError where there are too few clicks to learn from."""
    n_clicks = int(outcomes.clicked.sum())
    if min(n_clicks, len(outcomes) - n_clicks) < LEAST_CLICKS:
        raise InvalidDataError(f"At least {LEAST_CLICKS} exposures must be clicked, and as many not.")


def sizes_of(exposures: Exposures) -> dict[str, int]:
    """Return what exposures of one kind have in common."""
    return {
        "n_categories": exposures.categories.shape[1],
        "n_numbers": exposures.numbers.shape[1],
        "n_text": exposures.contents.vectors.shape[1],
        "n_steps": exposures.histories.shape[1],
    }


def check_sizes(exposures: Exposures, sizes: dict[str, int]) -> None:
    """Raise InvalidDataError where exposures are of another kind than those that were learned from."""
    if sizes_of(exposures) != sizes:
        raise InvalidDataError(f"The model learned from {sizes}, these exposures are {sizes_of(exposures)}.")


def smoothed_rate(n_hits: ArrayLike, n: ArrayLike, *, prior: float, strength: float) -> NDArray[np.float64]:
    """Return hits by trials as if `strength` trials of the rate `prior` had gone before.

    Examples
    --------
    >>> float(smoothed_rate(0, 0, prior=0.1, strength=20))
    0.1
    """
    return (np.asarray(n_hits) + strength * prior) / (np.asarray(n) + strength)
