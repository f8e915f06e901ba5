"""Log odds that were learned on some days, mended by what came on later ones."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.classifiers.base import sigmoid

#: With fewer cases of a class a slope cannot be told from chance; the shift alone is mended.
LEAST_FOR_SLOPE = 30
N_STEPS = 50
PRECISION = 1.0  # of the prior: slope 1, shift 0


def fit_line(log_odds: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """Return slope and shift that make log odds fit what came.

    Parameters
    ----------
    log_odds : float array-like of shape (n_samples,)
    y : int array-like of shape (n_samples,)
        1 or 0.

    Returns
    -------
    tuple of float
        Slope 1 where one class has fewer than 30 cases, shift 0 as well where one has none.

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", 1999.

    Examples
    --------
    >>> fit_line([0.0, 0.0], [0, 0])
    (1.0, 0.0)
    """
    scores, labels = np.asarray(log_odds, dtype=np.float64), np.asarray(y, dtype=np.float64)
    rarest = min(labels.sum(), len(labels) - labels.sum()) if len(labels) else 0
    if rarest < 1:
        return 1.0, 0.0
    columns = np.stack([scores, np.ones_like(scores)], axis=1)
    used = [0, 1] if rarest >= LEAST_FOR_SLOPE else [1]
    line = np.array([1.0, 0.0])
    for _step in range(N_STEPS):
        change = _newton_step(columns, labels, line, used)
        line[used] -= change
        if np.abs(change).max() < 1e-9:
            break
    return (float(line[0]), float(line[1])) if line[0] > 0 else (1.0, 0.0)


def _newton_step(
    columns: NDArray[np.float64], labels: NDArray[np.float64], line: NDArray[np.float64], used: list[int]
) -> NDArray[np.float64]:
    chance = sigmoid(columns @ line)
    gradient = columns.T @ (chance - labels) + PRECISION * (line - [1.0, 0.0])
    curvature = (columns * (chance * (1 - chance))[:, None]).T @ columns + PRECISION * np.eye(2)
    return np.asarray(np.linalg.solve(curvature[np.ix_(used, used)], gradient[used]), dtype=np.float64)
