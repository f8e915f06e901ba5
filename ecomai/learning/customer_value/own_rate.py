"""The baseline of customer value: everybody goes on as before."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from ecomai.learning.callbacks import Callback

from .base import (
    CustomerValueModel,
    Floats,
    PurchaseForecast,
    PurchaseHistories,
    check_histories,
    check_horizon,
)
from .distributions import close, negative_binomial
from .gamma_gamma import GammaGammaSpend

POISSON_SHAPE = 1e6  # a negative binomial of so even customers is Poisson


class OwnRateModel(CustomerValueModel):
    """Foresee each customer's own rate of repeat purchases at the customer's mean spend.

    Parameters
    ----------
    least_days : float, default 30.0
        A customer is taken for so old at least: a rate of two days says nothing.

    Attributes
    ----------
    mean_spend_ : float
        Of all purchases.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("mean_spend_",)

    def __init__(self, least_days: float = 30.0) -> None:
        self.least_days = least_days

    def fit(
        self, histories: PurchaseHistories, *, horizon_days: float, callbacks: Sequence[Callback] = ()
    ) -> Self:
        """Keep what a purchase brings; see `CustomerValueModel.fit`."""
        check_histories(histories, horizon_days)
        self.spend = GammaGammaSpend().fit(histories)
        self.mean_spend_ = float(histories.amounts.mean())
        return self

    def predict(self, histories: PurchaseHistories, horizon_days: float) -> PurchaseForecast:
        """Say rates times the horizon; see `CustomerValueModel.predict`."""
        self.check_is_fitted()
        check_horizon(horizon_days)
        mean = (histories.counts - 1) / np.maximum(histories.ages, self.least_days) * horizon_days
        table = close(negative_binomial(np.full(len(mean), POISSON_SHAPE), mean))
        spend = histories.totals(histories.amounts) / np.maximum(histories.counts, 1)
        return PurchaseForecast(mean, table, mean * spend, 1 - table[:, 0])

    def value_quantiles(
        self, histories: PurchaseHistories, horizon_days: float, levels: Sequence[float]
    ) -> Floats:
        """See `CustomerValueModel.value_quantiles`."""
        return self.spend.value_quantiles(
            histories, self.predict(histories, horizon_days).distribution, levels
        )

    def _save_parts(self, folder: Path) -> None:
        self.spend.save(folder / "spend")

    def _load_parts(self, folder: Path) -> None:
        self.spend = GammaGammaSpend.load(folder / "spend")
