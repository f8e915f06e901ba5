"""Items that go together: co-occurrence in users' histories, completed by what their texts say."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ecomai.learning.callbacks import Callback, raise_if_stopped
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import Split

from .base import Recommender, check_training_data, top_n
from .popularity import recency

# Bounds memory by so many pairs of events, and not by the square of the catalogue.
PAIRS_AT_ONCE = 5_000_000
ITEMS_AT_ONCE = 1024
LEAST_SIMILARITY = 1e-6  # what is less is rounding


class ItemItemRecommender(Recommender):
    """Recommend the neighbours of what a user took.

    Two items are near when users take them within a few steps of each other: each pair counts less
    the farther apart and the older it is, and less when the neighbour came before. Counts become a
    cosine, shrunk where there are few. With item vectors, items with little or no support borrow
    neighbours from their text, so every item of the catalogue has some.

    Parameters
    ----------
    n_neighbours : int, default 100
        Kept per item.
    window : int, default 10
        How many steps apart two events of a user may be.
    step_decay : float in (0, 1], default 0.8
        What a pair counts less per step apart.
    backward_weight : float in [0, 1], default 0.5
        What "came before" counts, where "came after" counts 1. At 1 similarity is symmetric.
    half_life_days : float or None, default None
        A pair this old counts half. None: age does not matter.
    shrinkage : float, default 5.0
        In units of support; larger distrusts rare pairs more.
    history_decay : float in (0, 1], default 0.6
        What an event of a history counts less per step from its end.
    text_support : float, default 5.0
        A pair whose rarer item has this much support listens to texts and to users equally. 0 ignores texts.
    text_weight : float, default 0.5
        What the nearest text counts, where the best neighbour by co-occurrence counts 1.
    own_weight : float, default 0.0
        What an item of the history counts for itself; above 0 where people take the same things again.

    Attributes
    ----------
    neighbours_ : int32 array of shape (n_items, n_neighbours)
        Nearest first; -1 where an item has fewer.
    similarities_ : float32 array of shape (n_items, n_neighbours)
        At least 0; 0 where there is no neighbour.
    support_ : float32 array of shape (n_items,)
        Sum of the weights of each item's events.
    text_scale_ : float
        Similarity of two items of which only texts are known, per unit of cosine; 0 without texts.

    References
    ----------
    Linden, Smith and York, "Amazon.com recommendations: item-to-item collaborative filtering", 2003;
    Sarwar et al., "Item-based collaborative filtering recommendation algorithms", 2001.

    Examples
    --------
    >>> model = ItemItemRecommender(n_neighbours=2).fit([[0, 1], [0, 1], [2, 0]])
    >>> int(model.neighbours_[0, 0])
    1
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("neighbours_", "similarities_", "support_")
    learned_values: ClassVar[tuple[str, ...]] = ("n_items_", "text_scale_")

    def __init__(
        self,
        n_neighbours: int = 100,
        window: int = 10,
        step_decay: float = 0.8,
        backward_weight: float = 0.5,
        half_life_days: float | None = None,
        shrinkage: float = 5.0,
        history_decay: float = 0.6,
        text_support: float = 5.0,
        text_weight: float = 0.5,
        own_weight: float = 0.0,
    ) -> None:
        self.n_neighbours = n_neighbours
        self.window = window
        self.step_decay = step_decay
        self.backward_weight = backward_weight
        self.half_life_days = half_life_days
        self.shrinkage = shrinkage
        self.history_decay = history_decay
        self.text_support = text_support
        self.text_weight = text_weight
        self.own_weight = own_weight

    def fit(
        self,
        X: Interactions | Sequence[ArrayLike],
        item_vectors: NDArray[np.float32] | None = None,
        *,
        valid: Split | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn the neighbours; see `Recommender.fit`. Validation cases are not used."""
        X = check_training_data(X, item_vectors)
        weights = X.event_weights * recency(X, self.half_life_days)
        support = np.bincount(X.items, weights=weights, minlength=X.n_items).astype(np.float32)
        similarity = self._cosine(self._count_pairs(X, weights, callbacks), support)
        text = self._text_similarity(item_vectors, support, similarity)
        neighbours = np.full((X.n_items, self.n_neighbours), -1, dtype=np.int32)
        similarities = np.zeros((X.n_items, self.n_neighbours), dtype=np.float32)
        for start in range(0, X.n_items, ITEMS_AT_ONCE):
            raise_if_stopped(callbacks)
            rows = slice(start, min(start + ITEMS_AT_ONCE, X.n_items))
            near = similarity[rows].toarray()  # (rows, n_items)
            if text is not None:
                near = text.blend(near, rows)
            near[np.arange(len(near)), np.arange(rows.start, rows.stop)] = (
                0  # an item is not its own neighbour
            )
            best = top_n(near, self.n_neighbours)
            values = np.take_along_axis(near, best, axis=1)
            neighbours[rows, : best.shape[1]] = np.where(values > LEAST_SIMILARITY, best, -1)
            similarities[rows, : best.shape[1]] = np.where(values > LEAST_SIMILARITY, values, 0)
        self.n_items_ = X.n_items
        self.neighbours_, self.similarities_, self.support_ = neighbours, similarities, support
        self.text_scale_ = 0.0 if text is None else float(text.scale)
        self._prepare()
        return self

    def _text_similarity(
        self, vectors: NDArray[np.float32] | None, support: NDArray[np.float32], similarity: sparse.csr_array
    ) -> "_TextSimilarity | None":
        if vectors is None or self.text_support <= 0:
            return None
        trust = support / (support + np.float32(self.text_support))
        return _TextSimilarity(vectors, trust, similarity.max(axis=1).toarray().ravel(), self.text_weight)

    def similar_items(
        self, items: ArrayLike, *, n: int = 10
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the nearest items of some items.

        Parameters
        ----------
        items : int array of shape (n_queries,)
            Positions in the catalogue.
        n : int, default 10
            At most `n_neighbours`.

        Returns
        -------
        items : int32 array of shape (n_queries, n)
            Nearest first; -1 where an item has fewer neighbours.
        similarities : float32 array of shape (n_queries, n)

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        self.check_is_fitted()
        items = np.asarray(items)
        return self.neighbours_[items, :n], self.similarities_[items, :n]

    def _count_pairs(
        self, X: Interactions, weights: NDArray[np.float32], callbacks: Sequence[Callback]
    ) -> sparse.csr_array:
        """Return what each pair of items counts, a bounded number of events at a time."""
        total = sparse.csr_array((X.n_items, X.n_items), dtype=np.float32)
        users = X.users
        n_at_once = max(PAIRS_AT_ONCE // self.window, 1)
        for start in range(0, X.n_events, n_at_once):
            raise_if_stopped(callbacks)
            stop = min(start + n_at_once, X.n_events)
            total = total + self._pairs(X, users, weights, start, stop)
            for callback in callbacks:
                callback.on_progress(stop / X.n_events)
        return total

    def _pairs(
        self, X: Interactions, users: NDArray[np.int64], weights: NDArray[np.float32], start: int, stop: int
    ) -> sparse.csr_array:
        earlier, later, counts = [], [], []
        for lag in range(1, self.window + 1):
            first = np.arange(start, min(stop, X.n_events - lag))
            first = first[users[first] == users[first + lag]]
            earlier.append(X.items[first])
            later.append(X.items[first + lag])
            # A pair is as old and as telling as its weaker event.
            pair = np.minimum(weights[first], weights[first + lag])
            counts.append(pair * np.float32(self.step_decay ** (lag - 1)))
        places = (np.concatenate(earlier), np.concatenate(later))
        forward = sparse.coo_array((np.concatenate(counts), places), shape=(X.n_items, X.n_items)).tocsr()
        return forward + forward.T.tocsr() * np.float32(self.backward_weight)

    def _cosine(self, pairs: sparse.csr_array, support: NDArray[np.float32]) -> sparse.csr_array:
        pairs = pairs.tocoo()
        norms = np.sqrt(support[pairs.row] * support[pairs.col]) + np.float32(self.shrinkage)
        return sparse.coo_array((pairs.data / norms, (pairs.row, pairs.col)), shape=pairs.shape).tocsr()

    def _scores(self, histories: Interactions) -> NDArray[np.float32]:
        counts = np.power(np.float32(self.history_decay), histories.positions_from_end.astype(np.float32))
        seeds = sparse.csr_array(
            (counts, histories.items, histories.offsets), shape=(len(histories), self.n_items_)
        )
        return (seeds @ self._similarity + seeds * np.float32(self.own_weight)).toarray()

    def _prepare(self) -> None:
        """Hold the neighbours as a sparse matrix too, for scoring."""
        is_neighbour = self.neighbours_ >= 0
        offsets = np.concatenate([[0], np.cumsum(is_neighbour.sum(axis=1))])
        self._similarity = sparse.csr_array(
            (self.similarities_[is_neighbour], self.neighbours_[is_neighbour], offsets),
            shape=(self.n_items_, self.n_items_),
        )

    def _load_parts(self, folder: Path) -> None:
        self._prepare()


class _TextSimilarity:
    """Similarity of texts, on the scale of co-occurrence, for pairs that users say little about."""

    def __init__(
        self,
        vectors: NDArray[np.float32],
        trust: NDArray[np.float32],
        best: NDArray[np.float32],
        weight: float,
    ) -> None:
        self.vectors = vectors
        self.trust = trust
        self.scale = np.float32(1.0)
        if np.any(best > 0):
            # A text neighbour counts `weight` of what a typical best neighbour by co-occurrence counts.
            sample = vectors[: min(len(vectors), ITEMS_AT_ONCE)]
            nearest = np.sort(sample @ vectors.T, axis=1)[:, -2:][:, 0]  # the greatest is the item itself
            typical = max(float(np.median(nearest)), 1e-6)
            self.scale = np.float32(weight * np.median(best[best > 0]) / typical)

    def blend(self, near: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
        trust = np.minimum(self.trust[rows, None], self.trust[None, :])  # (n_rows, n_items)
        text = np.maximum(self.vectors[rows] @ self.vectors.T, 0) * self.scale  # (n_rows, n_items)
        return trust * near + (1 - trust) * text
