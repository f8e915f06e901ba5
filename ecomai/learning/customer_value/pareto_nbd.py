"""Customers who may leave at any time."""

from typing import ClassVar

import numpy as np
from scipy.special import gammaln, hyp2f1

from .attrition import AttritionModel
from .base import Floats
from .distributions import close, negative_binomial

N_NODES = 24  # of the integral over the time of death


class ParetoNbdModel(AttritionModel):
    """Poisson purchases at a gamma distributed rate, until a death at another gamma distributed rate.

    References
    ----------
    Schmittlein, Morrison and Colombo, "Counting your customers: who are they and what will they do next?",
    1987; Fader and Hardie, "A note on deriving the Pareto/NBD model and related expressions", 2005.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    start: ClassVar[tuple[float, ...]] = (0.6, 10.0, 0.6, 10.0)

    def _log_likelihood(self, parameters: Floats, x: Floats, recency: Floats, age: Floats) -> Floats:
        r, alpha, s, beta = parameters
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        is_alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
        is_dead = np.log(s) - np.log(r + s + x) + _log_gap(parameters, x, recency, age)
        return np.asarray(common + np.logaddexp(is_alive, is_dead))

    def _alive(self, x: Floats, recency: Floats, age: Floats) -> Floats:
        r, alpha, s, beta = self.parameters_
        is_alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
        is_dead = np.log(s) - np.log(r + s + x) + _log_gap(self.parameters_, x, recency, age)
        return np.asarray(1 / (1 + np.exp(np.clip(is_dead - is_alive, -60, 60))))

    def _expected_if_alive(self, x: Floats, age: Floats, weeks: float) -> Floats:
        r, alpha, s, beta = self.parameters_
        s = s if abs(s - 1) > 1e-6 else 1 + 1e-6  # the formula has a gap there
        lives = (beta + age) / (s - 1) * (1 - ((beta + age) / (beta + age + weeks)) ** (s - 1))
        return np.asarray((r + x) / (alpha + age) * lives)

    def _distribution_if_alive(self, x: Floats, age: Floats, weeks: float) -> Floats:
        r, alpha, s, beta = self.parameters_
        shape = r + x

        def until(time: float) -> Floats:
            return negative_binomial(shape, shape * time / (alpha + age))

        survives = ((beta + age) / (beta + age + weeks)) ** s
        table = survives[:, None] * until(weeks)
        nodes, weights = np.polynomial.legendre.leggauss(N_NODES)
        for time, weight in zip((nodes + 1) / 2 * weeks, weights / 2 * weeks, strict=True):
            dies = s / (beta + age) * ((beta + age) / (beta + age + time)) ** (s + 1)
            table += (weight * dies)[:, None] * until(time)
        return close(table)


def _log_gap(parameters: Floats, x: Floats, recency: Floats, age: Floats) -> Floats:
    """Return the logarithm of what all times of death between the last purchase and now add up to."""
    r, alpha, s, beta = parameters
    greater, second = (alpha, s + 1) if alpha >= beta else (beta, r + x)
    order, apart = r + s + x, abs(alpha - beta)

    def log_term(time: Floats) -> Floats:
        # Euler's transformation: the series itself outgrows a float where customers buy hundreds of times.
        share = apart / (greater + time)
        series = hyp2f1(1.0, order + 1 - second, order + 1, share)
        return np.asarray(np.log(series) + (1 - second) * np.log1p(-share) - order * np.log(greater + time))

    sooner, later = log_term(recency), log_term(age)
    # Who bought this very day has had no time to die.
    return np.asarray(sooner + np.log(np.maximum(-np.expm1(np.minimum(later - sooner, 0)), 1e-300)))
