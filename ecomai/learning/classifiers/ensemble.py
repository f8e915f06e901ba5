"""What several classifiers say, as one calibrated probability."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.inference.calibration import Calibration
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics.classification import average_precision

from .base import Classifier, check_labels, check_rows, check_weights, log_odds_of, sigmoid

METHODS = ("sigmoid", "isotonic")
N_FOLDS = 5
STEPS = 10  # a weight is so many parts of 1
REACH = 30.0  # log odds beyond which a curve is level
N_POINTS = 601

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


class CalibratedEnsemble(Classifier):
    """Weigh the log odds of classifiers, and say the probability that belongs to the sum.

    Learn it from cases that the classifiers did not learn from. The weights are those that order these cases
    best (average precision), where none are given. The curve is a sigmoid of the sum, or an isotonic one
    through the centres of its steps, so that it keeps the order: whichever has the smaller log loss in five
    folds of the cases.

    Parameters
    ----------
    weights : sequence of n_models float, optional
        What each classifier says; they are made to add up to 1.
    method : {"best", "sigmoid", "isotonic"}, default "best"
    random_state : int, default 0
        Of the folds.

    Attributes
    ----------
    weights_, scores_, probabilities_ : float64 arrays
        As in `ecomai.inference.calibration.Calibration`.
    method_ : str
        The curve that was taken.
    losses_ : dict of str to float
        Log loss of each curve that was tried, in folds.

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999; Zadrozny and Elkan, "Transforming
    classifier scores into accurate multiclass probability estimates", 2002; Oron and Flournoy, "Centered
    isotonic regression", 2017.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("weights_", "scores_", "probabilities_")
    learned_values: ClassVar[tuple[str, ...]] = ("method_", "losses_")

    def __init__(
        self, weights: Sequence[float] | None = None, method: str = "best", random_state: int = 0
    ) -> None:
        self.weights = weights
        self.method = method
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Self:
        """Learn weights and curve; see `Classifier.fit`.

        Parameters
        ----------
        X : float array-like of shape (n_samples, n_models)
            Log odds.
        """
        rows = _check_log_odds(X)
        labels = check_labels(y, len(rows))
        counts = check_weights(sample_weight, len(rows))
        methods = METHODS if self.method == "best" else (self.method,)
        if not set(methods) <= set(METHODS):
            raise InvalidDataError(f"There is no curve {self.method!r}; there are {', '.join(METHODS)}.")
        self.weights_ = self._choose_weights(rows, labels)
        sums = rows @ self.weights_
        self.losses_ = {name: self._loss(_CURVES[name], sums, labels, counts) for name in methods}
        self.method_ = min(self.losses_, key=self.losses_.__getitem__)
        self.scores_, self.probabilities_ = _CURVES[self.method_](sums, labels, counts)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return calibrated log odds, of log odds; see `Classifier.decision_function`."""
        found = self.calibration.probability(_check_log_odds(X, self.calibration.weights))
        clipped = np.clip(found, 1e-12, 1 - 1e-12)
        return np.asarray(np.log(clipped) - np.log1p(-clipped))

    @property
    def calibration(self) -> Calibration:
        """What was learned, for a web process."""
        self.check_is_fitted()
        return Calibration(self.weights_, self.scores_, self.probabilities_)

    def _choose_weights(self, rows: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
        n_models = rows.shape[1]
        if self.weights is not None:
            given = np.asarray(self.weights, dtype=np.float64)
            if given.shape != (n_models,) or given.min() < 0 or given.sum() <= 0:
                raise InvalidDataError(f"There must be {n_models} weights, none below 0, some above.")
            return given / given.sum()
        tried = [
            np.array(parts) / STEPS
            for parts in product(range(STEPS + 1), repeat=n_models)
            if sum(parts) == STEPS
        ]
        return max(tried, key=lambda weights: average_precision(labels, rows @ weights))

    def _loss(
        self,
        curve: Callable[..., Curve],
        sums: NDArray[np.float64],
        labels: NDArray[np.int64],
        counts: NDArray[np.float64],
    ) -> float:
        from sklearn.metrics import log_loss
        from sklearn.model_selection import StratifiedKFold

        n_folds = min(N_FOLDS, int(labels.sum()), int((1 - labels).sum()))
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=self.random_state)
        found = np.empty(len(sums))
        for train, test in folds.split(sums, labels):
            found[test] = np.interp(sums[test], *curve(sums[train], labels[train], counts[train]))
        return float(log_loss(labels, found, sample_weight=counts, labels=[0, 1]))


def _sigmoid_curve(
    sums: NDArray[np.float64], labels: NDArray[np.int64], counts: NDArray[np.float64]
) -> Curve:
    from sklearn.linear_model import LogisticRegression

    line = LogisticRegression(C=1e6).fit(sums[:, None], labels, sample_weight=counts)
    slope, offset = max(float(line.coef_[0, 0]), 0.0), float(line.intercept_[0])
    if slope == 0:  # a score that says the opposite says nothing
        offset = log_odds_of(float(np.average(labels, weights=counts)))
    points = np.linspace(-REACH, REACH, N_POINTS)
    return points, sigmoid(slope * points + offset)


def _isotonic_curve(
    sums: NDArray[np.float64], labels: NDArray[np.int64], counts: NDArray[np.float64]
) -> Curve:
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression().fit_transform(sums, labels, sample_weight=counts)
    levels, step = np.unique(steps, return_inverse=True)
    totals = np.bincount(step, weights=counts)
    centres = np.bincount(step, weights=counts * sums) / totals
    # No step says never or always, and none reaches the next one.
    inner = levels[(levels > 0) & (levels < 1)]
    least = np.concatenate([[0.5 / counts.sum()], inner / 2, (1 - inner) / 2]).min()
    shares = np.clip(levels, least, 1 - least)
    scores = np.concatenate([[-REACH], np.clip(centres, -REACH + 1, REACH - 1), [REACH]])
    return scores, np.concatenate([[shares[0] / 10], shares, [(shares[-1] + 9) / 10]])


_CURVES: dict[str, Callable[..., Curve]] = {"sigmoid": _sigmoid_curve, "isotonic": _isotonic_curve}


def _check_log_odds(X: ArrayLike, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    rows = check_rows(X, None if weights is None else len(weights))
    if not np.isfinite(rows).all():
        raise InvalidDataError("A log odds is missing.")
    return np.asarray(X, dtype=np.float64)
