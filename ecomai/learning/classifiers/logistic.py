"""A logistic regression over many numbers that mean something together, such as the vectors of texts."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import Classifier, check_labels, check_rows, check_weights

N_FOLDS = 5


class LogisticClassifier(Classifier):
    """Weigh the columns, as strongly shrunk as does best on cases that were not learned from.

    All columns are divided by one number, so that what is large beside the others stays so: columns of a
    vector are not made equal. A missing number counts as the mean of its column.

    Parameters
    ----------
    least_c, most_c : float, default 0.0003 and 0.3
        Inverse strengths of the l2 penalty, of columns whose mean variance is 1.
    n_tried : int, default 7
        So many between them are tried; the one with the smallest log loss in up to five folds is taken.
    random_state : int, default 0
        Of the folds.

    Attributes
    ----------
    coefficients_ : float64 array of shape (n_features,)
        What a unit of each column adds to the log odds.
    means_ : float64 array of shape (n_features,)
    intercept_ : float
    c_ : float
        The inverse strength that was taken.

    Examples
    --------
    >>> model = LogisticClassifier().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> bool(model.coefficients_[0] > 0)
    True
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("coefficients_", "means_")
    learned_values: ClassVar[tuple[str, ...]] = ("intercept_", "c_")

    def __init__(
        self, least_c: float = 0.0003, most_c: float = 0.3, n_tried: int = 7, random_state: int = 0
    ) -> None:
        self.least_c = least_c
        self.most_c = most_c
        self.n_tried = n_tried
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Self:
        """Choose the strength and weigh the columns; see `Classifier.fit`."""
        from sklearn.linear_model import LogisticRegression

        rows = check_rows(X).astype(np.float64)
        labels = check_labels(y, len(rows))
        counts = check_weights(sample_weight, len(rows))
        n_known = np.isfinite(rows).sum(axis=0)
        self.means_ = np.nansum(rows, axis=0) / np.maximum(n_known, 1)
        centred = np.where(np.isnan(rows), 0.0, rows - self.means_)
        scale = float(np.sqrt(np.mean(centred**2))) or 1.0
        scaled = centred / scale
        tried = np.geomspace(self.least_c, self.most_c, self.n_tried).tolist()
        losses = {c: self._loss(c, scaled, labels, counts) for c in tried}
        self.c_ = float(min(losses, key=losses.__getitem__))
        line = LogisticRegression(C=self.c_, max_iter=1000)
        line.fit(scaled, labels, sample_weight=counts)
        self.coefficients_ = np.ascontiguousarray(line.coef_[0] / scale)
        self.intercept_ = float(line.intercept_[0] - self.means_ @ self.coefficients_)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the weighted sums; see `Classifier.decision_function`."""
        self.check_is_fitted()
        rows = check_rows(X, len(self.coefficients_)).astype(np.float64)
        known = np.where(np.isnan(rows), self.means_, rows)
        return np.asarray(known @ self.coefficients_ + self.intercept_)

    def _loss(
        self,
        c: float,
        rows: NDArray[np.float64],
        labels: NDArray[np.int64],
        counts: NDArray[np.float64],
    ) -> float:
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import log_loss
        from sklearn.model_selection import StratifiedKFold

        n_folds = min(N_FOLDS, int(labels.sum()), int((1 - labels).sum()))
        found = np.empty(len(rows))
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=self.random_state)
        for train, test in folds.split(rows, labels):
            line = LogisticRegression(C=c, max_iter=1000)
            line.fit(rows[train], labels[train], sample_weight=counts[train])
            found[test] = line.predict_proba(rows[test])[:, 1]
        return float(log_loss(labels, found, sample_weight=counts, labels=[0, 1]))
