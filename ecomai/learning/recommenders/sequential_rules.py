"""What follows what: rules from the items of one basket to those of a later one."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ecomai.learning.callbacks import Callback, raise_if_stopped
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import Split

from .base import Recommender, check_training_data
from .popularity import recency

# Bounds memory by the pairs of so many baskets, and not by the square of the catalogue.
BASKETS_AT_ONCE = 20_000


class SequentialRulesRecommender(Recommender):
    """Recommend what came after the items that the user took last.

    A rule from A to B counts, over all users, how often B's basket came after A's: 1 for the next
    basket, `1 / d` for the one `d` baskets later. Its strength is that count per basket with A, shrunk
    where there are few. A user's newest baskets fire their rules, older ones more quietly.

    Parameters
    ----------
    window : int, default 3
        How many baskets apart a rule may reach, and how many of a user's newest baskets fire.
    basket_decay : float in (0, 1], default 0.5
        What a basket of the history counts less per newer basket.
    half_life_days : float or None, default None
        A pair whose later event is this old counts half. None: age does not matter.
    shrinkage : float, default 5.0
        In baskets; larger distrusts rules from rare items more.
    n_rules : int, default 200
        Kept per item, strongest first.

    Attributes
    ----------
    consequents_ : int32 array of shape (n_rules_kept,)
        Items that rules lead to, in the order of the items that they come from.
    strengths_ : float32 array of shape (n_rules_kept,)
    rule_offsets_ : int64 array of shape (n_items + 1,)
        Where each item's rules begin.

    References
    ----------
    Ludewig and Jannach, "Evaluation of session-based recommendation algorithms", 2018: "SR".

    Examples
    --------
    >>> model = SequentialRulesRecommender().fit([[0, 1, 2], [0, 1]], None)
    >>> int(model.recommend([[0]], n=1)[0][0, 0])
    1
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("consequents_", "strengths_", "rule_offsets_")
    learned_values: ClassVar[tuple[str, ...]] = ("n_items_",)

    def __init__(
        self,
        window: int = 3,
        basket_decay: float = 0.5,
        half_life_days: float | None = None,
        shrinkage: float = 5.0,
        n_rules: int = 200,
    ) -> None:
        self.window = window
        self.basket_decay = basket_decay
        self.half_life_days = half_life_days
        self.shrinkage = shrinkage
        self.n_rules = n_rules

    def fit(
        self,
        X: Interactions | Sequence[ArrayLike],
        item_vectors: NDArray[np.float32] | None = None,
        *,
        valid: Split | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Count the rules; see `Recommender.fit`. Text and validation cases are not used."""
        X = check_training_data(X, item_vectors)
        weights = X.event_weights * recency(X, self.half_life_days)
        first = X.first_of_basket
        basket = np.cumsum(first) - 1  # of each event
        n_baskets = int(first.sum())
        shape = (n_baskets, X.n_items)
        held = sparse.csr_array((np.ones(X.n_events, np.float32), (basket, X.items)), shape=shape)
        told = sparse.csr_array((weights, (basket, X.items)), shape=shape)
        users = X.users[first]
        rules = sparse.csr_array((X.n_items, X.n_items), dtype=np.float32)
        for start in range(0, n_baskets, BASKETS_AT_ONCE):
            for distance in range(1, self.window + 1):
                raise_if_stopped(callbacks)
                earlier = np.arange(start, min(start + BASKETS_AT_ONCE, n_baskets - distance))
                earlier = earlier[users[earlier] == users[earlier + distance]]
                rules = rules + held[earlier].T @ told[earlier + distance] / np.float32(distance)
            for callback in callbacks:
                callback.on_progress(min(start + BASKETS_AT_ONCE, n_baskets) / n_baskets)
        support = np.bincount(X.items, minlength=X.n_items) + self.shrinkage
        self.n_items_ = X.n_items
        self._keep_strongest(sparse.csr_array(sparse.diags_array(1 / np.maximum(support, 1e-9)) @ rules))
        return self

    def _keep_strongest(self, rules: sparse.csr_array) -> None:
        rules.sort_indices()
        row = np.repeat(np.arange(rules.shape[0]), np.diff(rules.indptr))
        order = np.lexsort((-rules.data, row))
        place = np.arange(len(order)) - np.repeat(rules.indptr[:-1], np.diff(rules.indptr))
        kept = np.sort(order[place < self.n_rules])
        self.consequents_ = rules.indices[kept].astype(np.int32)
        self.strengths_ = rules.data[kept].astype(np.float32)
        counts = np.bincount(row[kept], minlength=rules.shape[0])
        self.rule_offsets_ = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def _scores(self, histories: Interactions) -> NDArray[np.float32]:
        age = histories.baskets_from_end
        fires = np.where(age < self.window, np.power(np.float32(self.basket_decay), age), 0)
        n = self.n_items_
        seeds = sparse.csr_array(
            (fires.astype(np.float32), histories.items, histories.offsets), shape=(len(histories), n)
        )
        rules = sparse.csr_array((self.strengths_, self.consequents_, self.rule_offsets_), shape=(n, n))
        return (seeds @ rules).toarray().astype(np.float32, copy=False)
