"""The contract of what predicts the effect of treatments, and what the learners share."""

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.classifiers.base import check_rows
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.trials import Trial, make_trial

from .regressors import BoostedRegressor, LinearRegressor, Regressor, learn_line

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

LEAST_IN_ARM = 10  # rows, to learn from


class UpliftLearner(Estimator):
    """Base of what predicts by how much each treatment changes the outcome of a customer.

    Columns are numbers known before the treatment; a missing one is NaN. What a customer did may be among
    them as the vector of a sequence encoder (`with_vectors`).

    Attributes
    ----------
    n_features_, n_treatments_ : int
    """

    learned_values: ClassVar[tuple[str, ...]] = ("n_features_", "n_treatments_")

    n_features_: int
    n_treatments_: int

    def fit(
        self, X: ArrayLike, treatment: ArrayLike, y: ArrayLike, *, propensity: ArrayLike | None = None
    ) -> Self:
        """Learn from a campaign.

        Parameters
        ----------
        X : float array-like of shape (n_samples, n_features)
        treatment : int array-like of shape (n_samples,)
            0 is the control, 1 to n_treatments what was done.
        y : float array-like of shape (n_samples,)
            The outcome, such as 1 for a visit, or money spent.
        propensity : float array-like of shape (n_treatments + 1,) or (n_samples, n_treatments + 1), optional
            Probability with which each arm was given. Default: its share.

        Returns
        -------
        UpliftLearner
            Itself.

        Raises
        ------
        InvalidDataError
            If there is no control or an arm has fewer than ten rows, sizes do not fit, or a number is
            infinite.
        """
        rows = check_rows(X)
        trial = make_trial(treatment, y, propensity)
        if len(trial) != len(rows):
            raise InvalidDataError(f"There must be a treatment and an outcome for each of {len(rows)} rows.")
        if (fewest := int(np.bincount(trial.treatment).min())) < LEAST_IN_ARM:
            raise InvalidDataError(f"An arm has {fewest} rows; {LEAST_IN_ARM} are needed to learn from.")
        self._learn(rows, trial)
        self.n_features_, self.n_treatments_ = rows.shape[1], trial.n_arms - 1
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Return the effect of each treatment against the control.

        Parameters
        ----------
        X : float array-like of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples, n_treatments)
            In units of the outcome.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If the number of features differs, or a number is infinite.
        """
        self.check_is_fitted()
        rows = check_rows(X, self.n_features_)
        return self._effects(rows) if len(rows) else np.empty((0, self.n_treatments_))

    @abstractmethod
    def _learn(self, rows: Rows, trial: Trial) -> None:
        """Learn from checked rows."""

    @abstractmethod
    def _effects(self, rows: Rows) -> Floats:
        """Return effects of at least one row, of shape (n_samples, n_treatments)."""


class MetaLearner(UpliftLearner):
    """Base of learners that put an effect together from regressions.

    Parameters
    ----------
    base : {"trees", "linear"}, default "trees"
        What the regressions are: boosted trees, or a ridge on the columns, which wins where effects are
        small and simple.
    n_trees : int, default 60
    n_leaves : int, default 4
    min_leaf : int, default 200
        Rows in a leaf at least; less where an arm is small.
    n_threads : int, default 0
        0 is as many as there are cores.
    random_state : int, default 0
    """

    learned_values: ClassVar[tuple[str, ...]] = (*UpliftLearner.learned_values, "model_names_")

    model_names_: list[str]

    def __init__(
        self,
        base: str = "trees",
        n_trees: int = 60,
        n_leaves: int = 4,
        min_leaf: int = 200,
        n_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.base = base
        self.n_trees = n_trees
        self.n_leaves = n_leaves
        self.min_leaf = min_leaf
        self.n_threads = n_threads
        self.random_state = random_state

    def _regress(self, X: NDArray[Any], y: NDArray[Any]) -> Regressor:
        """Return a regression of `y`, learned."""
        if self.base == "linear":
            return learn_line(X, y)
        if self.base != "trees":
            raise InvalidDataError(f"There is no base {self.base!r}; there are trees and linear.")
        return BoostedRegressor(
            n_trees=self.n_trees, n_leaves=self.n_leaves, min_leaf=max(1, min(self.min_leaf, len(y) // 10)),
            n_threads=self.n_threads, random_state=self.random_state,
        ).fit(X, y)  # fmt: skip

    def _keep(self, models: dict[str, Regressor]) -> None:
        self._models = models
        self.model_names_ = list(models)

    def _save_parts(self, folder: Path) -> None:
        for name, model in self._models.items():
            model.save(folder / name)

    def _load_parts(self, folder: Path) -> None:
        kind = LinearRegressor if self.base == "linear" else BoostedRegressor
        self._models = {name: kind.load(folder / name) for name in self.model_names_}


def fold_of_rows(trial: Trial, n_folds: int, random_state: int) -> NDArray[np.int64]:
    """Return a fold for each row, so that arms and outcomes are spread evenly, of shape (n_samples,)."""
    drawn = np.random.default_rng(random_state).random(len(trial))
    folds = np.empty(len(trial), dtype=np.int64)
    folds[np.lexsort([drawn, trial.y, trial.treatment])] = np.arange(len(trial)) % n_folds
    return folds


def expect_outcomes(
    regress: Callable[[NDArray[Any], NDArray[Any]], Regressor],
    rows: Rows,
    trial: Trial,
    *,
    n_folds: int,
    random_state: int,
) -> Floats:
    """Return the outcome of each row in each arm, as expected by models that did not learn from the row.

    Parameters
    ----------
    regress : callable
        Learns outcomes of rows.
    rows : float32 array of shape (n_samples, n_features)
    trial : Trial
    n_folds : int
    random_state : int
        Of the folds.

    Returns
    -------
    float64 array of shape (n_samples, n_arms)
    """
    folds = fold_of_rows(trial, n_folds, random_state)
    found = np.empty((len(trial), trial.n_arms))
    for fold in range(n_folds):
        is_out = folds == fold
        for arm in range(trial.n_arms):
            known = ~is_out & (trial.treatment == arm)
            found[is_out, arm] = regress(rows[known], trial.y[known]).predict(rows[is_out])
    return found


def with_vectors(X: ArrayLike, vectors: ArrayLike) -> Rows:
    """Return columns and, beside them, what an encoder says of each customer.

    Parameters
    ----------
    X : float array-like of shape (n_samples, n_features)
    vectors : float array-like of shape (n_samples, dim)
        Such as `SequenceRecommender.user_vectors` of each customer's events before the treatment.

    Returns
    -------
    float32 array of shape (n_samples, n_features + dim)

    Raises
    ------
    InvalidDataError
        If there is not one vector for each row, or a number is infinite.
    """
    rows, others = check_rows(X), check_rows(vectors)
    if len(rows) != len(others):
        raise InvalidDataError(f"There must be a vector for each of {len(rows)} rows.")
    return np.hstack([rows, others])
