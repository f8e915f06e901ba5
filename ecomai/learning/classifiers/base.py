"""The contract of classifiers of two classes, of which the one looked for is rare."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.exceptions import InvalidDataError

LEAST_CASES = 2  # of each class


class Classifier(Estimator):
    """Base of what judges rows of numbers: `fit`, `decision_function`, `predict_proba`.

    A missing number is NaN. A class may be as rare as one in a thousand; probabilities are of the data as
    they are, whatever a subclass leaves out while it learns.
    """

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from labelled rows.

        Parameters
        ----------
        X : float array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            1 is what is looked for, 0 the rest.
        sample_weight : array-like of shape (n_samples,), optional
            How much a row counts.

        Returns
        -------
        Classifier
            Itself.

        Raises
        ------
        InvalidDataError
            If sizes do not fit, a label is neither 0 nor 1, a number is infinite, or a class has fewer than
            two rows.
        """

    @abstractmethod
    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the log odds of class 1.

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

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities of the classes 0 and 1: (n_samples, 2); see `decision_function`."""
        return as_probabilities(self.decision_function(X))


def as_probabilities(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities of the classes 0 and 1, of shape (n_samples, 2)."""
    positive = sigmoid(log_odds)
    return np.stack([1 - positive, positive], axis=1)


def sigmoid(log_odds: ArrayLike) -> NDArray[np.float64]:
    """Return probabilities, from 0 to 1, of log odds of any shape."""
    return np.asarray(1 / (1 + np.exp(-np.clip(np.asarray(log_odds, dtype=np.float64), -60, 60))))


def log_odds_of(share: float) -> float:
    """Return the log odds of a share, which lies between 0 and 1 and is neither."""
    return float(np.log(share) - np.log1p(-share))


def check_rows(X: ArrayLike, n_features: int | None = None) -> NDArray[np.float32]:
    """Return rows as float32, or raise InvalidDataError; NaN is missing."""
    rows = np.asarray(X, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise InvalidDataError("Rows must have two dimensions and at least one feature.")
    if n_features is not None and rows.shape[1] != n_features:
        raise InvalidDataError(f"The model learned from {n_features} features, these are {rows.shape[1]}.")
    if np.isinf(rows).any():
        raise InvalidDataError("A feature is infinite.")
    return rows


def check_labels(y: ArrayLike, n_samples: int) -> NDArray[np.int64]:
    """Return labels as integers, or raise InvalidDataError."""
    labels = np.asarray(y)
    if labels.shape != (n_samples,):
        raise InvalidDataError(f"There must be a label for each of {n_samples} rows.")
    if not np.isin(labels, (0, 1)).all():
        raise InvalidDataError("Labels must be 0 or 1.")
    labels = labels.astype(np.int64)
    if min(labels.sum(), n_samples - labels.sum()) < LEAST_CASES:
        raise InvalidDataError(f"There must be at least {LEAST_CASES} rows of each class.")
    return labels


def check_weights(sample_weight: ArrayLike | None, n_samples: int) -> NDArray[np.float64]:
    """Return weights, 1 where none are given, or raise InvalidDataError."""
    if sample_weight is None:
        return np.ones(n_samples)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_samples,) or not np.isfinite(weights).all() or weights.min(initial=0) < 0:
        raise InvalidDataError(f"There must be a weight of at least 0 for each of {n_samples} rows.")
    return weights


def keep_some_negatives(
    y: NDArray[np.int64], weights: NDArray[np.float64], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return rows to learn from and their weights: all positives, and a share of the negatives.

    The rest counts as much more, so that probabilities stay what they were.
    """
    if not 0 < share <= 1:
        raise InvalidDataError("The share of negatives that are kept must be above 0 and at most 1.")
    negatives = np.flatnonzero(y == 0)
    n_kept = max(LEAST_CASES, round(share * len(negatives)))
    kept = rng.permutation(negatives)[:n_kept]
    rows = np.sort(np.concatenate([np.flatnonzero(y == 1), kept]))
    kept_weights = np.where(y[rows] == 1, weights[rows], weights[rows] * len(negatives) / len(kept))
    return rows, kept_weights


def names_of(names: Sequence[str] | None, n_features: int) -> list[Any]:
    """Return names of features, or raise InvalidDataError where they are too few, too many or equal."""
    found = list(names) if names is not None else [f"feature_{number}" for number in range(n_features)]
    if len(found) != n_features or len(set(found)) != n_features:
        raise InvalidDataError(f"There must be {n_features} distinct names of features.")
    return found
