"""How well purchases and values of customers were foreseen."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from ecomai.learning.exceptions import InvalidDataError

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], float]

N_RESAMPLES = 1000
LEVEL = 0.95


def rmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the root mean squared error.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_customers,)

    Returns
    -------
    float in [0, inf)

    Raises
    ------
    InvalidDataError
        If sizes differ, there is no customer, or a number is not finite.

    Examples
    --------
    >>> rmse([0, 2], [0, 4])
    1.4142135623730951
    """
    true, predicted = _check(y_true, y_pred)
    return float(np.sqrt(np.mean((true - predicted) ** 2)))


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean absolute error; the best prediction for it is the median. See `rmse`.

    Examples
    --------
    >>> mae([0, 2], [0, 4])
    1.0
    """
    true, predicted = _check(y_true, y_pred)
    return float(np.mean(np.abs(true - predicted)))


def correlation(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return Pearson's correlation; 0 where either does not vary. See `rmse`.

    Examples
    --------
    >>> round(correlation([0, 1, 2], [0, 2, 4]), 6)
    1.0
    """
    true, predicted = _check(y_true, y_pred)
    if true.std() == 0 or predicted.std() == 0:
        return 0.0
    return float(np.corrcoef(true, predicted)[0, 1])


def spearman(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the correlation of ranks, equal ones sharing theirs. See `rmse`.

    Examples
    --------
    >>> round(spearman([0, 1, 2], [0, 9, 10]), 6)
    1.0
    """
    true, predicted = _check(y_true, y_pred)
    return correlation(rankdata(true), rankdata(predicted))


def total_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return by which share the total was foreseen too great. See `rmse`.

    Raises
    ------
    InvalidDataError
        Also if the total is 0.

    Examples
    --------
    >>> total_error([1, 1], [1, 0.5])
    -0.25
    """
    true, predicted = _check(y_true, y_pred)
    if true.sum() == 0:
        raise InvalidDataError("The total is 0: no error has a share of it.")
    return float(predicted.sum() / true.sum() - 1)


def top_decile_capture(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of the total that the tenth of customers with the greatest predictions has.

    Customers of equal predictions at the border count in part. Errors are those of `total_error`.

    Examples
    --------
    >>> top_decile_capture([0, 0, 0, 0, 0, 0, 0, 0, 1, 3], [0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
    0.75
    """
    true, predicted = _check(y_true, y_pred)
    if true.sum() == 0:
        raise InvalidDataError("The total is 0: nobody has a share of it.")
    n = max(len(true) // 10, 1)
    border = np.partition(predicted, -n)[-n]
    above, level = predicted > border, predicted == border
    share = (n - above.sum()) / level.sum()
    return float((true[above].sum() + share * true[level].sum()) / true.sum())


def normalized_gini(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the Gini coefficient of values in the order of predictions, over that of the best order.

    Errors are those of `total_error`.

    References
    ----------
    Wang, Liu and Miao, "A deep probabilistic model for customer lifetime value prediction", 2019.

    Examples
    --------
    >>> normalized_gini([0, 1, 5], [1, 2, 3])
    1.0
    """
    true, predicted = _check(y_true, y_pred)
    if true.sum() == 0:
        raise InvalidDataError("The total is 0: there is no order of shares.")
    best = _gini(true, true)
    return _gini(true, predicted) / best if best > 0 else 0.0


def _gini(true: Floats, predicted: Floats) -> float:
    # Equal predictions share a rank, so that the order of rows tells nothing.
    ranks = rankdata(predicted)
    return float((true * (2 * ranks - len(true) - 1)).sum() / (len(true) * true.sum()))


def paired_difference(
    metric: Metric, y_true: ArrayLike, ours: ArrayLike, theirs: ArrayLike, *, random_state: int = 0
) -> tuple[float, float, float]:
    """Return how much greater a metric is for one prediction than for another, with a 95 % interval.

    Customers are drawn with replacement; each draw judges both.

    Parameters
    ----------
    metric : callable of (y_true, y_pred)
    y_true, ours, theirs : array-like of shape (n_customers,)
    random_state : int, default 0

    Returns
    -------
    tuple of float
        Difference, lower and upper end.

    References
    ----------
    Efron and Tibshirani, "An introduction to the bootstrap", 1993.
    """
    true, mine = _check(y_true, ours)
    _, other = _check(y_true, theirs)
    rng = np.random.default_rng(random_state)
    found = []
    for _ in range(N_RESAMPLES):
        rows = rng.integers(0, len(true), len(true))
        if true[rows].any():
            found.append(metric(true[rows], mine[rows]) - metric(true[rows], other[rows]))
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if found else (0.0, 0.0)
    return metric(true, mine) - metric(true, other), float(low), float(high)


def _check(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Floats, Floats]:
    true, predicted = np.asarray(y_true, np.float64), np.asarray(y_pred, np.float64)
    if true.shape != predicted.shape or true.ndim != 1 or not len(true):
        raise InvalidDataError("There must be a prediction for each of at least one customer.")
    if not (np.isfinite(true).all() and np.isfinite(predicted).all()):
        raise InvalidDataError("A number is not finite.")
    return true, predicted
