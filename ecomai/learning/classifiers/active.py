"""Which cases a reviewer should be asked about: those that teach most."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.exceptions import InvalidDataError

from .base import check_rows


def choose_questions(
    probabilities: ArrayLike, X: ArrayLike, n: int, *, threshold: float = 0.5
) -> NDArray[np.int64]:
    """Return cases that the model is unsure of and that differ from each other.

    The first is the one nearest to the threshold; each next one has the greatest product of doubt and
    distance to those that were taken.

    Parameters
    ----------
    probabilities : float array-like of shape (n_samples,)
        Of class 1.
    X : float array-like of shape (n_samples, n_features)
        What cases are compared by; NaN counts as the mean.
    n : int
        How many are asked about; fewer where there are fewer.
    threshold : float in (0, 1), default 0.5
        Where decisions change; a shop that declines from 0.1 on has doubts there.

    Returns
    -------
    int64 array of shape (min(n, n_samples),)
        Positions, the most instructive first.

    Raises
    ------
    InvalidDataError
        If sizes differ, a probability or the threshold is none, or `n` is below 0.

    References
    ----------
    Brinker, "Incorporating diversity in active learning with support vector machines", 2003; Sener and
    Savarese, "Active learning for convolutional neural networks: a core-set approach", 2018.

    Examples
    --------
    >>> choose_questions([0.5, 0.5, 0.45, 0.0], [[0.0], [0.0], [1.0], [9.0]], 2).tolist()
    [0, 2]
    """
    found = np.asarray(probabilities, dtype=np.float64)
    if found.ndim != 1 or not ((found >= 0) & (found <= 1)).all() or not 0 < threshold < 1 or n < 0:
        raise InvalidDataError("Questions need probabilities, a threshold between 0 and 1, and a number.")
    if not len(found) or not n:
        return np.empty(0, dtype=np.int64)
    rows = check_rows(X)
    if len(rows) != len(found):
        raise InvalidDataError("Each case needs a probability and its features.")
    return _spread_out(_doubt(found, threshold), _scaled(rows), min(n, len(found)))


def _doubt(probabilities: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """Return 1 at the threshold and 0 where the model is sure."""
    reach = np.where(probabilities < threshold, threshold, 1 - threshold)
    return 1 - np.abs(probabilities - threshold) / reach


def _scaled(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    known = ~np.isnan(rows)
    n_known = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, rows - np.where(known, rows, 0).sum(axis=0) / n_known, 0).astype(np.float64)
    spread = np.sqrt((centred**2).sum(axis=0) / n_known)
    return np.clip(centred / np.where(spread > 0, spread, 1), -5, 5)


def _spread_out(doubt: NDArray[np.float64], points: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    chosen = [int(np.argmax(doubt))]
    distance = np.linalg.norm(points - points[chosen[0]], axis=1)
    for _ in range(n - 1):
        worth = (doubt + 1e-9) * (distance + 1e-9)
        worth[chosen] = -1
        chosen.append(int(np.argmax(worth)))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen, dtype=np.int64)
