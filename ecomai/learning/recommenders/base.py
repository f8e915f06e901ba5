"""What every recommender does: score the catalogue for a history, and rank it."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.callbacks import Callback
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions, as_interactions
from ecomai.learning.splits import Split

# Bounds the score matrix held at a time: 256 users of 100,000 items are 100 MB.
USERS_AT_ONCE = 256


class Recommender(Estimator):
    """Base of recommenders from implicit feedback.

    `fit` takes `Interactions` (or lists of item positions, oldest first), the items' text vectors and a
    `Split` to stop early on; a recommender that needs no text or no validation ignores them. Learned:
    `n_items_`.
    """

    @abstractmethod
    def fit(
        self,
        X: Interactions | Sequence[ArrayLike],
        item_vectors: NDArray[np.float32] | None = None,
        *,
        valid: Split | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn from interactions.

        Parameters
        ----------
        X : Interactions or sequence of n_users int sequences
            Each user's items, oldest first.
        item_vectors : float32 array of shape (n_items, n_features), optional
            What each item's text says; a row for every item of the catalogue.
        valid : Split, optional
            Cases later than `X`; only `histories` and `targets` are used.
        callbacks : sequence of Callback, default ()
            Told about progress, and asked whether to stop.

        Returns
        -------
        Recommender
            Itself.

        Raises
        ------
        InvalidDataError
            If there is no item, or shapes disagree.
        """

    @abstractmethod
    def _scores(self, histories: Interactions) -> NDArray[np.float32]:
        """Return scores of shape (n_users, n_items) for a few users."""

    def scores(self, histories: Interactions | Sequence[ArrayLike]) -> NDArray[np.float32]:
        """Score the whole catalogue.

        Parameters
        ----------
        histories : Interactions or sequence of n_users int sequences
            Oldest first; a user may have none.

        Returns
        -------
        float32 array of shape (n_users, n_items)
            Greater is better; comparable within a row only.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an item lies outside the catalogue.
        """
        self.check_is_fitted()
        histories = as_interactions(histories, n_items=self.n_items_)
        if len(histories) == 0:
            return np.empty((0, self.n_items_), dtype=np.float32)
        return np.concatenate([self._scores(part) for part in _parts(histories)])

    def recommend(
        self,
        histories: Interactions | Sequence[ArrayLike],
        *,
        n: int = 10,
        is_candidate: NDArray[np.bool_] | None = None,
        exclude_seen: bool = False,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rank the catalogue and return the best items.

        Parameters
        ----------
        histories : Interactions or sequence of n_users int sequences
            Oldest first; a user may have none.
        n : int, default 10
            Length of the lists.
        is_candidate : bool array of shape (n_items,), optional
            Which items may be recommended. Default: all.
        exclude_seen : bool, default False
            Leave out what is in the user's own history.

        Returns
        -------
        items : int32 array of shape (n_users, n)
            Best first; -1 where fewer items may be recommended. Ties go to the earlier position.
        scores : float32 array of shape (n_users, n)
            Minus infinity where the item is -1.

        Raises
        ------
        NotFittedError, InvalidDataError
            As `scores`; also if the mask is not of the catalogue's size.
        """
        self.check_is_fitted()
        histories = as_interactions(histories, n_items=self.n_items_)
        if is_candidate is not None and is_candidate.shape != (self.n_items_,):
            raise InvalidDataError(f"The mask must have one entry for each of {self.n_items_} items.")
        items = np.full((len(histories), n), -1, dtype=np.int32)
        scores = np.full((len(histories), n), -np.inf, dtype=np.float32)
        start = 0
        for part in _parts(histories):
            part_scores = self._scores(part)
            if is_candidate is not None:
                part_scores[:, ~is_candidate] = -np.inf
            if exclude_seen:
                part_scores[part.users, part.items] = -np.inf
            rows = slice(start, start + len(part))
            best = top_n(part_scores, n)
            best_scores = np.take_along_axis(part_scores, best, axis=1)
            items[rows, : best.shape[1]] = np.where(np.isfinite(best_scores), best, -1)
            scores[rows, : best.shape[1]] = best_scores
            start += len(part)
        return items, scores

    n_items_: int


def top_n(scores: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Return the positions of each row's `n` greatest scores, best first.

    Parameters
    ----------
    scores : float array of shape (n_rows, n_columns)
        Minus infinity sorts last.
    n : int
        At most this many positions.

    Returns
    -------
    int64 array of shape (n_rows, min(n, n_columns))

    Examples
    --------
    >>> top_n(np.array([[0.1, 0.3, 0.2]]), 2)
    array([[1, 2]])
    """
    n = min(n, scores.shape[1])
    best = np.argpartition(-scores, n - 1, axis=1)[:, :n] if n else np.empty((len(scores), 0), dtype=np.int64)
    best.sort(axis=1)  # so that the stable sort below gives ties to the earlier position
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


def check_training_data(
    X: Interactions | Sequence[ArrayLike], item_vectors: NDArray[np.float32] | None
) -> Interactions:
    """Return the interactions, checked against the items' vectors.

    Raises
    ------
    InvalidDataError
        If the catalogue is empty, or there is not one finite vector per item.
    """
    n_items = None if item_vectors is None else len(item_vectors)
    X = as_interactions(X, n_items=n_items)
    if X.n_items == 0:
        raise InvalidDataError("There is no item to recommend.")
    if item_vectors is not None:
        if item_vectors.ndim != 2 or item_vectors.shape[1] == 0:
            raise InvalidDataError("Item vectors must be an array of shape (n_items, n_features).")
        if not np.all(np.isfinite(item_vectors)):
            raise InvalidDataError("Item vectors must be finite.")
    return X


def _parts(histories: Interactions) -> list[Interactions]:
    starts = range(0, len(histories), USERS_AT_ONCE)
    return [
        histories.select(np.arange(start, min(start + USERS_AT_ONCE, len(histories)))) for start in starts
    ]
