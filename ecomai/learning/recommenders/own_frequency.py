"""What a customer takes again and again: the hardest baseline where people restock."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.callbacks import Callback
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import Split

from .base import Recommender, check_training_data
from .popularity import recency


class OwnFrequencyRecommender(Recommender):
    """Recommend what the user's own baskets held most, newer baskets counting more.

    An item scores the sum, over the user's baskets that held it, of `basket_decay` to the power of newer
    baskets, times the recency of the event. What everyone takes orders what the user never had.

    Parameters
    ----------
    half_life_days : float or None, default None
        An event this old counts half. None: age does not matter.
    basket_decay : float in (0, 1], default 0.9
        What a basket counts less per newer basket of the same user.
    popularity_weight : float, default 1e-3
        What the most popular item gains, where one basket of the user's own counts at most 1.
    popularity_half_life_days : float or None, default None
        An event this old counts half for the popularity.

    Attributes
    ----------
    popularity_ : float32 array of shape (n_items,)
        In [0, 1].

    References
    ----------
    Hu, He, Gao and Zhang, "Modeling personalized item frequency information for next-basket
    recommendation", 2020, for the decay within a user.

    Examples
    --------
    >>> model = OwnFrequencyRecommender().fit([[0, 1], [1]], None)
    >>> model.recommend([[0, 0, 1]], n=2)[0]
    array([[0, 1]], dtype=int32)
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("popularity_",)
    learned_values: ClassVar[tuple[str, ...]] = ("n_items_",)

    def __init__(
        self,
        half_life_days: float | None = None,
        basket_decay: float = 0.9,
        popularity_weight: float = 1e-3,
        popularity_half_life_days: float | None = None,
    ) -> None:
        self.half_life_days = half_life_days
        self.basket_decay = basket_decay
        self.popularity_weight = popularity_weight
        self.popularity_half_life_days = popularity_half_life_days

    def fit(
        self,
        X: Interactions | Sequence[ArrayLike],
        item_vectors: NDArray[np.float32] | None = None,
        *,
        valid: Split | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn the popularity; see `Recommender.fit`. Text and validation cases are not used."""
        X = check_training_data(X, item_vectors)
        weights = X.event_weights * recency(X, self.popularity_half_life_days)
        counts = np.bincount(X.items, weights=weights, minlength=X.n_items)
        self.n_items_ = X.n_items
        self.popularity_ = (counts / max(counts.max(), 1e-9)).astype(np.float32)
        return self

    def _scores(self, histories: Interactions) -> NDArray[np.float32]:
        decay = np.power(np.float32(self.basket_decay), histories.baskets_from_end)
        values = histories.event_weights * recency(histories, self.half_life_days) * decay
        scores = np.tile(np.float32(self.popularity_weight) * self.popularity_, (len(histories), 1))
        np.add.at(scores, (histories.users, histories.items), values.astype(np.float32))
        return scores
