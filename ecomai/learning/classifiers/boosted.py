"""Boosted trees that judge cases by their features."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.boosting import lightgbm_parameters

from .base import Classifier, check_labels, check_rows, check_weights, keep_some_negatives, names_of

if TYPE_CHECKING:
    from lightgbm import Booster


class BoostedClassifier(Classifier):
    """LightGBM on features of a case.

    Few positives ask for small trees that each see a part of rows and features. Most negatives teach nothing
    that the others do not: leaving them out makes learning faster, and here even a little better.

    Parameters
    ----------
    n_trees : int, default 250
    n_leaves : int, default 8
    learning_rate : float, default 0.03
    min_leaf : int, default 20
        Rows in a leaf at least.
    feature_share, row_share : float in (0, 1], default 0.3 and 0.7
        What each tree sees.
    l2 : float, default 5.0
        Shrinks what a leaf says.
    negative_share : float in (0, 1], default 0.2
        How many of the negatives are learned from; they then weigh as much as all.
    n_threads : int, default 0
        0 is as many as there are cores.
    random_state : int, default 0

    Attributes
    ----------
    trees_ : str
        As LightGBM writes them.
    feature_names_ : list of str
    n_features_ : int

    References
    ----------
    Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", 2017.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("trees_", "feature_names_", "n_features_")

    trees_: str

    def __init__(
        self,
        n_trees: int = 250,
        n_leaves: int = 8,
        learning_rate: float = 0.03,
        min_leaf: int = 20,
        feature_share: float = 0.3,
        row_share: float = 0.7,
        l2: float = 5.0,
        negative_share: float = 0.2,
        n_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.n_trees = n_trees
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.min_leaf = min_leaf
        self.feature_share = feature_share
        self.row_share = row_share
        self.l2 = l2
        self.negative_share = negative_share
        self.n_threads = n_threads
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> Self:
        """Grow the trees; see `Classifier.fit`.

        Parameters
        ----------
        feature_names : sequence of n_features str, optional
            For explanations.
        """
        import lightgbm

        rows = check_rows(X)
        labels = check_labels(y, len(rows))
        names = names_of(feature_names, rows.shape[1])
        rng = np.random.default_rng(self.random_state)
        kept, weights = keep_some_negatives(
            labels, check_weights(sample_weight, len(rows)), self.negative_share, rng
        )
        known = lightgbm.Dataset(rows[kept], labels[kept], weight=weights, params={"verbosity": -1})
        booster = lightgbm.train(
            lightgbm_parameters(self, objective="binary"), known, num_boost_round=self.n_trees
        )
        self.feature_names_, self.n_features_ = names, rows.shape[1]
        self.trees_ = booster.model_to_string()
        self._prepare()
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the trees' sum; see `Classifier.decision_function`."""
        self.check_is_fitted()
        rows = check_rows(X, self.n_features_)
        if not len(rows):
            return np.empty(0)
        return np.asarray(self._trees.predict(rows, raw_score=True, num_threads=self.n_threads))

    def contributions(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return what each feature adds to the log odds.

        Parameters
        ----------
        X : float array-like of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples, n_features + 1)
            The last column is what a case has without any feature; a row's sum is its log odds.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            As in `decision_function`.

        References
        ----------
        Lundberg et al., "From local explanations to global understanding with explainable AI for trees",
        2020.
        """
        self.check_is_fitted()
        rows = check_rows(X, self.n_features_)
        if not len(rows):
            return np.empty((0, self.n_features_ + 1))
        found = self._trees.predict(rows, pred_contrib=True, num_threads=self.n_threads)
        return np.asarray(found, dtype=np.float64)

    def importances(self) -> NDArray[np.float64]:
        """Return how much each feature has lowered the loss, of shape (n_features,)."""
        self.check_is_fitted()
        return np.asarray(self._trees.feature_importance("gain"), dtype=np.float64)

    def _prepare(self) -> None:
        import lightgbm

        self._trees: Booster = lightgbm.Booster(model_str=self.trees_)

    def _load_parts(self, folder: object) -> None:
        self._prepare()
