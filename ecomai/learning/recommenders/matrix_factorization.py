"""Tastes as a few numbers: a factorisation of who took what."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from ecomai.learning.callbacks import Callback, raise_if_stopped
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import Split

from .base import Recommender, check_training_data
from .popularity import recency


class MatrixFactorizationRecommender(Recommender):
    """Weighted matrix factorisation by alternating least squares, from the library `implicit`.

    Users are not stored: an answer solves for the user's factors from the history it is given, so
    users who came after training are answered too.

    Parameters
    ----------
    n_factors : int, default 64
    regularization : float, default 0.1
        Above 0.
    alpha : float, default 10.0
        Confidence that one event gives.
    n_iterations : int, default 15
    half_life_days : float or None, default None
        An event this old gives half the confidence. None: age does not matter.
    n_threads : int, default 1
    random_state : int, default 0

    Attributes
    ----------
    item_factors_ : float32 array of shape (n_items, n_factors)

    References
    ----------
    Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", 2008;
    B. Frederickson, `implicit`.

    Examples
    --------
    >>> model = MatrixFactorizationRecommender(n_factors=2).fit([[0, 1], [0, 1], [2, 3], [2, 3]])
    >>> int(model.recommend([[0]], n=1, exclude_seen=True)[0][0, 0])
    1
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("item_factors_",)
    learned_values: ClassVar[tuple[str, ...]] = ("n_items_",)

    def __init__(
        self,
        n_factors: int = 64,
        regularization: float = 0.1,
        alpha: float = 10.0,
        n_iterations: int = 15,
        half_life_days: float | None = None,
        n_threads: int = 1,
        random_state: int = 0,
    ) -> None:
        self.n_factors = n_factors
        self.regularization = regularization
        self.alpha = alpha
        self.n_iterations = n_iterations
        self.half_life_days = half_life_days
        self.n_threads = n_threads
        self.random_state = random_state

    def fit(
        self,
        X: Interactions | Sequence[ArrayLike],
        item_vectors: NDArray[np.float32] | None = None,
        *,
        valid: Split | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Learn the items' factors; see `Recommender.fit`. Text and validation cases are not used."""
        from implicit.cpu.als import AlternatingLeastSquares

        X = check_training_data(X, item_vectors)

        def on_iteration(iteration: int, _seconds: float, *_loss: float) -> None:
            raise_if_stopped(callbacks)
            for callback in callbacks:
                callback.on_progress((iteration + 1) / self.n_iterations)

        with threadpool_limits(1, "blas"):  # its own threads solve; more of them would wait for each other
            als = AlternatingLeastSquares(
                factors=self.n_factors,
                regularization=self.regularization,
                iterations=self.n_iterations,
                num_threads=self.n_threads,
                random_state=self.random_state,
            )
            als.fit(sparse.csr_matrix(self._confidences(X)), show_progress=False, callback=on_iteration)
        self.n_items_ = X.n_items
        self.item_factors_ = np.asarray(als.item_factors, dtype=np.float32)
        return self

    def user_factors(self, histories: Interactions) -> NDArray[np.float32]:
        """Return the least-squares factors of histories.

        Parameters
        ----------
        histories : Interactions

        Returns
        -------
        float32 array of shape (n_users, n_factors)
        """
        self.check_is_fitted()
        items = self.item_factors_.astype(np.float64)
        base = items.T @ items + self.regularization * np.eye(items.shape[1])
        confidences = self._confidences(histories)
        factors = np.zeros((len(histories), items.shape[1]), dtype=np.float32)
        with threadpool_limits(1, "blas"):  # systems so small are solved faster by one thread
            for user in np.flatnonzero(np.diff(confidences.indptr)):
                row = slice(confidences.indptr[user], confidences.indptr[user + 1])
                taken = items[confidences.indices[row]]
                confidence = confidences.data[row].astype(np.float64)
                normal = base + (taken.T * (confidence - 1)) @ taken
                factors[user] = np.linalg.solve(normal, taken.T @ confidence)
        return factors

    def _confidences(self, X: Interactions) -> sparse.csr_array:
        """Return 1 + alpha times what each user's events of an item weigh: (n_users, n_items)."""
        weights = np.float32(self.alpha) * X.event_weights * recency(X, self.half_life_days)
        shape = (len(X), X.n_items)
        summed = sparse.csr_array((weights, X.items, X.offsets), shape=shape, copy=True)
        summed.sum_duplicates()  # in place, hence the copy
        summed.data = summed.data + np.float32(1)
        return summed

    def _scores(self, histories: Interactions) -> NDArray[np.float32]:
        return self.user_factors(histories) @ self.item_factors_.T
