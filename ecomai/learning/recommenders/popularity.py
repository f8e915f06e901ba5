"""The baseline of every recommender: what everyone takes."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.callbacks import Callback
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import Split

from .base import Recommender, check_training_data


class PopularityRecommender(Recommender):
    """Recommend what was taken most, newer events counting more.

    Parameters
    ----------
    half_life_days : float or None, default None
        An event this old counts half. None: all events count the same, as they do where `X` has no ages.
    window_days : float or None, default None
        Only events at most this old count. None: all do.

    Attributes
    ----------
    popularity_ : float32 array of shape (n_items,)
        Sum of the weights of each item's events.

    Examples
    --------
    >>> model = PopularityRecommender().fit([[0, 1], [1]])
    >>> model.recommend([[]], n=2)[0]
    array([[1, 0]], dtype=int32)
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("popularity_",)
    learned_values: ClassVar[tuple[str, ...]] = ("n_items_",)

    def __init__(self, half_life_days: float | None = None, window_days: float | None = None) -> None:
        self.half_life_days = half_life_days
        self.window_days = window_days

    def fit(
        self,
        X: Interactions | Sequence[ArrayLike],
        item_vectors: NDArray[np.float32] | None = None,
        *,
        valid: Split | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Count events per item; see `Recommender.fit`. Text and validation cases are not used."""
        X = check_training_data(X, item_vectors)
        weights = X.event_weights * recency(X, self.half_life_days)
        if self.window_days is not None and X.ages_days is not None:
            weights = weights * (X.ages_days <= self.window_days)
        self.n_items_ = X.n_items
        self.popularity_ = np.bincount(X.items, weights=weights, minlength=X.n_items).astype(np.float32)
        return self

    def _scores(self, histories: Interactions) -> NDArray[np.float32]:
        return np.tile(self.popularity_, (len(histories), 1))


def recency(X: Interactions, half_life_days: float | None) -> NDArray[np.float32]:
    """Return how much each event still counts: 1 when new, 0.5 after each half-life.

    Parameters
    ----------
    X : Interactions
        With or without ages.
    half_life_days : float or None
        In days, above 0; None lets all events count 1.

    Returns
    -------
    float32 array of shape (n_events,)

    Raises
    ------
    InvalidDataError
        If the half-life is not above 0.
    """
    if half_life_days is None or X.ages_days is None:
        return np.ones(X.n_events, dtype=np.float32)
    if half_life_days <= 0:
        raise InvalidDataError("A half-life must be above 0 days.")
    return np.exp2(-X.ages_days / np.float32(half_life_days))
