"""Distributions of counts, as tables of shape (n_customers, MOST_PURCHASES + 1), and of amounts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, ndtri

from .base import MOST_PURCHASES, Floats

COUNTS = np.arange(MOST_PURCHASES + 1)


def close(table: Floats) -> Floats:
    """Return a table whose last column holds all that is missing to 1."""
    closed = np.clip(table, 0, 1)
    closed /= np.maximum(closed.sum(axis=1, keepdims=True), 1)
    closed[:, -1] += np.maximum(1 - closed.sum(axis=1), 0)
    return closed


def negative_binomial(shape: ArrayLike, mean: ArrayLike) -> Floats:
    """Return the open table of counts of a mean (n,) that is gamma distributed with a shape (n,).

    References
    ----------
    Cameron and Trivedi, "Regression analysis of count data", 2013 (NB2).
    """
    r = np.asarray(shape, dtype=np.float64)[:, None]
    m = np.maximum(np.asarray(mean, dtype=np.float64), 1e-12)[:, None]
    log = gammaln(r + COUNTS) - gammaln(r) - gammaln(COUNTS + 1)
    log = log - r * np.log1p(m / r) + COUNTS * (np.log(m) - np.log(r + m))
    return np.asarray(np.exp(log))


def hurdle(buys: Floats, mean: Floats, shape: float) -> Floats:
    """Return counts of who buys with a probability (n,), and then once and so often more.

    Parameters
    ----------
    buys, mean : float64 array of shape (n,)
        The mean is that of all, not only of those who buy; raised to `buys` where below.
    shape : float
        Of the negative binomial of the purchases beyond the first.
    """
    share = np.clip(np.minimum(buys, mean), 1e-9, 1 - 1e-9)
    more = np.maximum(mean / share - 1, 0)
    table = np.zeros((len(share), MOST_PURCHASES + 1))
    table[:, 0] = 1 - share
    table[:, 1:] = share[:, None] * negative_binomial(np.full(len(share), shape), more)[:, :-1]
    return close(table)


def moment_shape(counts: Floats, means: Floats) -> float:
    """Return the shape of a negative binomial by moments: 0.05 to 50, greater is nearer to Poisson."""
    excess = float(((counts - means) ** 2 - means).sum())
    return float(np.clip((means**2).sum() / max(excess, 1e-9), 0.05, 50.0))


def zero_inflated_quantiles(
    buys: Floats, log_value: Floats, spread: Floats, levels: Sequence[float]
) -> Floats:
    """Return quantiles of an amount that is nothing, or log-normal for those who buy.

    Parameters
    ----------
    buys, log_value, spread : float64 array of shape (n,)
        Probability to buy; mean and standard deviation of the logarithm of a buyer's amount.
    levels : sequence of float in (0, 1)

    Returns
    -------
    float64 array of shape (n, n_levels)
    """
    share = buys[:, None]
    inside = np.clip((np.asarray(levels) - (1 - share)) / np.maximum(share, 1e-9), 0, 1 - 1e-9)
    with np.errstate(divide="ignore"):  # a quantile of nothing is the logarithm of 0
        return np.asarray(np.exp(log_value[:, None] + spread[:, None] * ndtri(inside)))
