"""Customers who may leave after each purchase."""

from typing import ClassVar

import numpy as np
from scipy.special import betaln, gammaln, hyp2f1

from .attrition import AttritionModel
from .base import Floats
from .distributions import COUNTS, close, negative_binomial


class BgNbdModel(AttritionModel):
    """Poisson purchases at a gamma distributed rate; after each, death at a beta distributed probability.

    References
    ----------
    Fader, Hardie and Lee, "“Counting your customers” the easy way: an alternative to the Pareto/NBD model",
    2005; Fader, Hardie and Lee, "Computing P(alive) using the BG/NBD model", 2008.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    start: ClassVar[tuple[float, ...]] = (0.3, 5.0, 0.8, 2.5)

    def _log_likelihood(self, parameters: Floats, x: Floats, recency: Floats, age: Floats) -> Floats:
        r, alpha, a, b = parameters
        earlier = np.maximum(x, 1)  # without a repeat purchase nobody died
        common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
        is_alive = betaln(a, b + x) - (r + x) * np.log(alpha + age)
        is_dead = betaln(a + 1, b + earlier - 1) - (r + x) * np.log(alpha + recency)
        return common + np.logaddexp(is_alive, np.where(x > 0, is_dead, -np.inf))

    def _alive(self, x: Floats, recency: Floats, age: Floats) -> Floats:
        r, alpha, a, b = self.parameters_
        log_odds = (r + x) * (np.log(alpha + recency) - np.log(alpha + age)) + np.log(
            b + np.maximum(x, 1) - 1
        )
        return np.where(x > 0, 1 / (1 + a * np.exp(-np.clip(log_odds, -60, 60))), 1.0)

    def _expected_if_alive(self, x: Floats, age: Floats, weeks: float) -> Floats:
        r, alpha, a, b = self.parameters_
        a = a if abs(a - 1) > 1e-6 else 1 + 1e-6  # the formula has a gap there
        # Euler's transformation: the series itself outgrows a float where customers buy hundreds of times.
        share = weeks / (alpha + age + weeks)
        series = (1 - share) ** (a - 1) * hyp2f1(a + b - r - 1, a - 1, a + b + x - 1, share)
        return np.asarray((a + b + x - 1) / (a - 1) * (1 - series))

    def _distribution_if_alive(self, x: Floats, age: Floats, weeks: float) -> Floats:
        r, alpha, a, b = self.parameters_
        shape = r + x
        bought = negative_binomial(shape, shape * weeks / (alpha + age))
        fewer = np.cumsum(bought, axis=1) - bought  # purchases of someone who never dies, below each count
        b_now = (b + x)[:, None]
        stays = np.exp(betaln(a, b_now + COUNTS) - betaln(a, b_now))
        leaves = np.exp(betaln(a + 1, b_now + np.maximum(COUNTS - 1, 0)) - betaln(a, b_now))
        return close(stays * bought + np.where(COUNTS > 0, leaves * (1 - fewer), 0))
