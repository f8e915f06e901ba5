"""What a customer spends on a purchase, and how sure that is."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import betainc, gammaln

from ecomai.learning.base import Estimator
from ecomai.learning.exceptions import InvalidDataError

from .base import LEAST_CUSTOMERS, Floats, PurchaseHistories

BISECTIONS = 30
MOST_SPLIT = 25  # more purchases than that are taken for so many
LEAST_SHAPE = 1.05  # of the distribution of scales: below 1 no mean exists


class GammaGammaSpend(Estimator):
    """Gamma distributed spends, whose scale is gamma distributed over customers.

    All purchases teach, also the first: with amounts of a customer's only purchase left out, nothing would
    be known of most. Spends of nothing are taken for the least positive one.

    Attributes
    ----------
    p_, q_, gamma_ : float
        As in the paper: shape of spends, shape and rate of their scale over customers.
    least_ : float
        The smallest spend.

    References
    ----------
    Fader, Hardie and Lee, "RFM and CLV: using iso-value curves for customer base analysis", 2005; Fader and
    Hardie, "The gamma-gamma model of monetary value", 2013.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("p_", "q_", "gamma_", "least_")

    p_: float
    q_: float
    gamma_: float
    least_: float

    def __init__(self) -> None:
        """It has no hyperparameters."""

    def fit(self, histories: PurchaseHistories) -> Self:
        """Learn by maximum likelihood.

        Parameters
        ----------
        histories : PurchaseHistories

        Returns
        -------
        GammaGammaSpend
            Itself.

        Raises
        ------
        InvalidDataError
            If there are fewer than ten customers, or nobody ever paid.
        """
        paid = histories.amounts[histories.amounts > 0]
        if histories.n_customers < LEAST_CUSTOMERS or not len(paid):
            raise InvalidDataError(f"There must be {LEAST_CUSTOMERS} customers, and one who paid.")
        self.least_ = float(paid.min())
        n = histories.counts.astype(np.float64)
        unit = float(paid.mean())  # so that the search has numbers near 1
        spent = histories.totals(np.maximum(histories.amounts, self.least_)) / unit

        def negative_log_likelihood(logs: Floats) -> float:
            p, extra, rate = np.exp(logs)
            q = LEAST_SHAPE + extra
            found = (
                gammaln(p * n + q) - gammaln(p * n) - gammaln(q) + q * np.log(rate)
                + (p * n - 1) * np.log(spent) - (p * n + q) * np.log(rate + spent)
            )  # fmt: skip
            return -float(found.mean())

        best = minimize(negative_log_likelihood, np.zeros(3), method="L-BFGS-B", bounds=[(-5.0, 8.0)] * 3).x
        p, extra, rate = np.exp(best)
        self.p_, self.q_, self.gamma_ = float(p), float(LEAST_SHAPE + extra), float(rate * unit)
        return self

    def expected_spend(self, histories: PurchaseHistories) -> Floats:
        """Return what each customer's next purchase is expected to bring: (n_customers,)."""
        self.check_is_fitted()
        shape, rate = self._posterior(histories)
        return self.p_ * rate / (shape - 1)

    def value_quantiles(
        self, histories: PurchaseHistories, distribution: Floats, levels: Sequence[float]
    ) -> Floats:
        """Return quantiles of the amount of so many purchases as are distributed so.

        Given its number of purchases, a sum of spends over the posterior's rate is beta prime distributed.

        Parameters
        ----------
        histories : PurchaseHistories
        distribution : float64 array of shape (n_customers, n_counts)
        levels : sequence of float in (0, 1)

        Returns
        -------
        float64 array of shape (n_customers, n_levels)
        """
        self.check_is_fitted()
        shape, rate = self._posterior(histories)
        chances = distribution[:, : MOST_SPLIT + 1].copy()
        chances[:, -1] += distribution[:, MOST_SPLIT + 1 :].sum(axis=1)
        found = np.zeros((len(shape), len(levels)))
        for column, level in enumerate(levels):
            rows = np.flatnonzero(chances[:, 0] < level)
            share = self._find_share(chances[rows], shape[rows], level)
            found[rows, column] = rate[rows] * share / (1 - share)
        return found

    def _find_share(self, chances: Floats, shape: Floats, level: float) -> Floats:
        low, high = np.zeros(len(shape)), np.full(len(shape), 1 - 1e-9)
        n = np.arange(1, chances.shape[1])
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            below = chances[:, 0] + (
                chances[:, 1:] * betainc(self.p_ * n, shape[:, None], middle[:, None])
            ).sum(axis=1)
            low, high = np.where(below < level, middle, low), np.where(below < level, high, middle)
        return (low + high) / 2

    def _posterior(self, histories: PurchaseHistories) -> tuple[Floats, Floats]:
        spent = histories.totals(np.maximum(histories.amounts, self.least_))
        return self.q_ + self.p_ * histories.counts.astype(np.float64), self.gamma_ + spent
