"""The simple model that a version brings along: a logistic regression over a few features."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..features import FEATURE_NAMES
from ..scorecard import STARTER, Scorecard

#: A feature that is known so rarely says too little to weigh.
LEAST_KNOWN = 0.05
MOST = 5.0


def fit_scorecard(
    X: NDArray[np.float32], y: NDArray[np.int64], *, forbidden: Sequence[str] = ()
) -> Scorecard:
    """Weigh the features of `STARTER`, and the amount, by X of shape (n_samples, n_features) and y."""
    from sklearn.linear_model import LogisticRegression

    names = [name for name in ("amount", *STARTER.weights) if name not in forbidden]
    columns = X[:, [FEATURE_NAMES.index(name) for name in names]].astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns of NaN alone, which are left out next
        centres, scales = np.nanmean(columns, axis=0), np.nanstd(columns, axis=0)
    is_known = (np.isfinite(columns).mean(axis=0) >= LEAST_KNOWN) & (scales > 0)
    if not is_known.any():  # nothing differs: all are as probable as all together
        share = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
        return Scorecard(math.log(share) - math.log1p(-share), {}, MOST)
    scaled = (columns[:, is_known] - centres[is_known]) / scales[is_known]
    scaled = np.clip(np.nan_to_num(scaled), -MOST, MOST)
    line = LogisticRegression(C=0.1, max_iter=500).fit(scaled, y)
    kept = [name for name, is_kept in zip(names, is_known, strict=True) if is_kept]
    triples = zip(line.coef_[0].tolist(), centres[is_known].tolist(), scales[is_known].tolist(), strict=True)
    return Scorecard(float(line.intercept_[0]), dict(zip(kept, triples, strict=True)), MOST)


def score_rows(card: Scorecard, X: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities of shape (n_samples,)."""
    return np.array([card.probability(row) for row in X.tolist()])
