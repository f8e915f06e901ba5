"""What models of customers who buy at random times, until they unnoticed leave, have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from scipy.optimize import minimize

from ecomai.learning.callbacks import Callback, raise_if_stopped

from .base import (
    CustomerValueModel,
    Floats,
    PurchaseForecast,
    PurchaseHistories,
    check_histories,
    check_horizon,
)
from .gamma_gamma import GammaGammaSpend

WEEK = 7.0  # parameters are in weeks, as in the papers
REACH = 10.0  # of the logarithm of a parameter

# The likelihoods are written out here rather than taken from PyMC-Marketing, the library that is kept: its
# import took 70 seconds and more and a fit of 2,357 customers 94, it needs a C compiler for that, and its
# priors move the estimates (a = 0.71 instead of the published 0.79).


class AttritionModel(CustomerValueModel):
    """Base of purchase models with unseen death, fitted by maximum likelihood.

    Attributes
    ----------
    parameters_ : float64 array of shape (4,)
        As the paper names them; see `parameter_names`.
    log_likelihood_ : float
        Of the histories learned from.
    spend : GammaGammaSpend
        What a purchase brings, independent of how many there are.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("parameters_",)
    learned_values: ClassVar[tuple[str, ...]] = ("log_likelihood_",)
    parameter_names: ClassVar[tuple[str, ...]] = ()
    start: ClassVar[tuple[float, ...]] = ()

    parameters_: Floats
    log_likelihood_: float

    def __init__(self) -> None:
        """It has no hyperparameters."""

    def fit(
        self, histories: PurchaseHistories, *, horizon_days: float, callbacks: Sequence[Callback] = ()
    ) -> Self:
        """Find the parameters under which the histories are the likeliest; see `CustomerValueModel.fit`."""
        check_histories(histories, horizon_days)
        raise_if_stopped(callbacks)
        # Customers of equal summaries are one with a weight.
        summaries, weights = np.unique(np.column_stack(summarize(histories)), axis=0, return_counts=True)
        x, recency, age = summaries.T

        def loss(logs: Floats) -> float:
            return -float(np.average(self._log_likelihood(np.exp(logs), x, recency, age), weights=weights))

        best = minimize(
            loss,
            np.log(self.start),
            method="L-BFGS-B",
            bounds=[(-REACH, REACH)] * len(self.start),
            options={"ftol": 1e-13, "gtol": 1e-7, "maxls": 50},
        )
        self.parameters_ = np.exp(best.x)
        self.log_likelihood_ = -float(best.fun) * int(weights.sum())
        self.spend = GammaGammaSpend().fit(histories)
        return self

    def predict(self, histories: PurchaseHistories, horizon_days: float) -> PurchaseForecast:
        """Foresee by the posterior of each customer; see `CustomerValueModel.predict`."""
        self.check_is_fitted()
        check_horizon(horizon_days)
        x, recency, age = summarize(histories)
        alive = self._alive(x, recency, age)
        purchases = alive * self._expected_if_alive(x, age, horizon_days / WEEK)
        table = alive[:, None] * self._distribution_if_alive(x, age, horizon_days / WEEK)
        table[:, 0] += 1 - alive
        return PurchaseForecast(purchases, table, purchases * self.spend.expected_spend(histories), alive)

    def value_quantiles(
        self, histories: PurchaseHistories, horizon_days: float, levels: Sequence[float]
    ) -> Floats:
        """See `CustomerValueModel.value_quantiles`."""
        return self.spend.value_quantiles(
            histories, self.predict(histories, horizon_days).distribution, levels
        )

    @property
    def named_parameters(self) -> dict[str, float]:
        """The parameters by their names in the paper."""
        self.check_is_fitted()
        return dict(zip(self.parameter_names, self.parameters_.tolist(), strict=True))

    @abstractmethod
    def _log_likelihood(self, parameters: Floats, x: Floats, recency: Floats, age: Floats) -> Floats:
        """Return the log-likelihood of each summary: (n,)."""

    @abstractmethod
    def _alive(self, x: Floats, recency: Floats, age: Floats) -> Floats:
        """Return the probability of being a customer still: (n,)."""

    @abstractmethod
    def _expected_if_alive(self, x: Floats, age: Floats, weeks: float) -> Floats:
        """Return the expected purchases within so many weeks, of who is a customer still: (n,)."""

    @abstractmethod
    def _distribution_if_alive(self, x: Floats, age: Floats, weeks: float) -> Floats:
        """Return the distribution of purchases, of who is a customer still: (n, n_counts)."""

    def _save_parts(self, folder: Path) -> None:
        self.spend.save(folder / "spend")

    def _load_parts(self, folder: Path) -> None:
        self.spend = GammaGammaSpend.load(folder / "spend")


def summarize(histories: PurchaseHistories) -> tuple[Floats, Floats, Floats]:
    """Return repeat purchases, weeks until the last of them, and weeks since the first: (n,) each."""
    recency = (histories.last_days - histories.first_days) / WEEK
    return histories.counts.astype(np.float64) - 1, recency, histories.ages / WEEK
