"""The baseline of classifiers: every case is as likely as all."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import Classifier, check_labels, check_rows, check_weights, log_odds_of


class PriorClassifier(Classifier):
    """Say of each case how often the class occurs.

    Attributes
    ----------
    prior_ : float
        Weighted share of class 1.
    n_features_ : int

    Examples
    --------
    >>> float(PriorClassifier().fit([[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1]).predict_proba([[9.0]])[0, 1])
    0.5
    """

    learned_values: ClassVar[tuple[str, ...]] = ("prior_", "n_features_")

    def __init__(self) -> None:
        """It has no hyperparameters."""

    def fit(self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Self:
        """Count the classes; see `Classifier.fit`."""
        rows = check_rows(X)
        labels = check_labels(y, len(rows))
        self.prior_ = float(np.average(labels, weights=check_weights(sample_weight, len(rows))))
        self.n_features_ = rows.shape[1]
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the same log odds for all; see `Classifier.decision_function`."""
        self.check_is_fitted()
        return np.full(len(check_rows(X, self.n_features_)), log_odds_of(self.prior_))
