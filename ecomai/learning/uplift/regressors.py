"""Regressions that effects are put together from: boosted trees, and a ridge."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.boosting import lightgbm_parameters
from ecomai.learning.classifiers.base import check_rows
from ecomai.learning.exceptions import InvalidDataError

if TYPE_CHECKING:
    from lightgbm import Booster

#: Strengths of the ridge that are tried.
PENALTIES = tuple(10.0**power for power in range(7))


class Regressor(Estimator):
    """Base of what predicts the mean of a number."""

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from rows.

        Parameters
        ----------
        X : float array-like of shape (n_samples, n_features)
            A missing number is NaN.
        y : float array-like of shape (n_samples,)

        Returns
        -------
        Regressor
            Itself.

        Raises
        ------
        InvalidDataError
            If sizes differ, or a number is infinite.
        """

    @abstractmethod
    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the expected number of each row.

        Parameters
        ----------
        X : float array-like of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples,)

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If the number of features differs, or a number is infinite.
        """


class LinearRegressor(Regressor):
    """Weigh the columns, each by its spread, as strongly shrunk as does best on rows left out.

    Of an outcome that is 0 or 1 it is the linear probability model, whose differences between arms are
    effects as they are counted. A missing number counts as the mean of its column.

    Attributes
    ----------
    coefficients_, means_ : float64 arrays of shape (n_features,)
    intercept_, penalty_ : float

    References
    ----------
    Golub, Heath and Wahba, "Generalized cross-validation as a method for choosing a good ridge parameter",
    1979.

    Examples
    --------
    >>> model = LinearRegressor().fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 2, 3])
    >>> bool(model.coefficients_[0] > 0.5)
    True
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("coefficients_", "means_")
    learned_values: ClassVar[tuple[str, ...]] = ("intercept_", "penalty_")

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Choose the strength and weigh the columns; see `Regressor.fit`."""
        from sklearn.linear_model import RidgeCV

        rows = check_rows(X).astype(np.float64)
        numbers = _check_numbers(y, len(rows))
        n_known = np.isfinite(rows).sum(axis=0)
        self.means_ = np.nansum(rows, axis=0) / np.maximum(n_known, 1)
        centred = np.where(np.isnan(rows), 0.0, rows - self.means_)
        spread = centred.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        line = RidgeCV(alphas=PENALTIES).fit(centred / scale, numbers)
        self.coefficients_ = np.ascontiguousarray(line.coef_ / scale)
        self.intercept_, self.penalty_ = float(line.intercept_), float(line.alpha_)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the weighted sums; see `Regressor.predict`."""
        self.check_is_fitted()
        rows = check_rows(X, len(self.coefficients_)).astype(np.float64)
        centred = np.where(np.isnan(rows), 0.0, rows - self.means_)
        return np.asarray(centred @ self.coefficients_ + self.intercept_)


def learn_line(X: ArrayLike, y: ArrayLike) -> LinearRegressor:
    """Return a `LinearRegressor` that learned from rows; parameters and errors are those of its `fit`."""
    return LinearRegressor().fit(X, y)


class BoostedRegressor(Regressor):
    """LightGBM; of an outcome that is 0 or 1 it learns the log odds and says the probability.

    Parameters
    ----------
    n_trees : int, default 60
    n_leaves : int, default 4
    learning_rate : float, default 0.07
    min_leaf : int, default 200
        Rows in a leaf at least.
    feature_share, row_share : float in (0, 1], default 0.7
        What each tree sees.
    l2 : float, default 10.0
        Shrinks what a leaf says.
    n_threads : int, default 0
        0 is as many as there are cores.
    random_state : int, default 0

    Attributes
    ----------
    trees_ : str
        As LightGBM writes them.
    n_features_ : int

    References
    ----------
    Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", 2017.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("trees_", "n_features_")

    def __init__(
        self,
        n_trees: int = 60,
        n_leaves: int = 4,
        learning_rate: float = 0.07,
        min_leaf: int = 200,
        feature_share: float = 0.7,
        row_share: float = 0.7,
        l2: float = 10.0,
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
        self.n_threads = n_threads
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Grow the trees; see `Regressor.fit`."""
        import lightgbm

        rows = check_rows(X)
        numbers = _check_numbers(y, len(rows))
        is_binary = np.isin(numbers, (0, 1)).all() and np.ptp(numbers) > 0
        parameters = lightgbm_parameters(self, objective="binary" if is_binary else "regression")
        known = lightgbm.Dataset(rows, numbers, params={"verbosity": -1})
        booster = lightgbm.train(parameters, known, num_boost_round=self.n_trees)
        self.n_features_, self.trees_ = rows.shape[1], booster.model_to_string()
        self._prepare()
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return what the trees say; see `Regressor.predict`."""
        self.check_is_fitted()
        rows = check_rows(X, self.n_features_)
        if not len(rows):
            return np.empty(0)
        return np.asarray(self._trees.predict(rows, num_threads=self.n_threads))

    def _prepare(self) -> None:
        import lightgbm

        self._trees: Booster = lightgbm.Booster(model_str=self.trees_)

    def _load_parts(self, folder: object) -> None:
        self._prepare()


def _check_numbers(y: ArrayLike, n_samples: int) -> NDArray[np.float64]:
    numbers = np.asarray(y, dtype=np.float64)
    if numbers.shape != (n_samples,) or not n_samples or not np.isfinite(numbers).all():
        raise InvalidDataError(f"There must be a number for each of {n_samples} rows.")
    return numbers
