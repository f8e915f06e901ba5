"""Several models of customer value as one, weighed and set to the right total."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from ecomai.learning.callbacks import Callback
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics.customer_value import normalized_gini

from .activity import ActivityCurve
from .base import (
    CustomerValueModel,
    Floats,
    PurchaseForecast,
    PurchaseHistories,
    check_histories,
    check_horizon,
)
from .bg_nbd import BgNbdModel
from .boosted import BoostedValueModel
from .pareto_nbd import ParetoNbdModel
from .sequence import SequenceValueModel

KINDS: dict[str, type[CustomerValueModel]] = {
    "bg_nbd": BgNbdModel,
    "pareto_nbd": ParetoNbdModel,
    "boosted": BoostedValueModel,
    "sequence": SequenceValueModel,
}
STEPS = 10  # a weight is so many parts of 1
LEAST_STRETCH, MOST_STRETCH = 0.5, 2.0


class ValueEnsemble(CustomerValueModel):
    """Weigh models by how they foresaw the last days of what is known, then set the total.

    All models learn first without the last days, and foresee them: weights of the numbers of purchases are
    those of the least squared error, of distributions those of the least log loss of buying, of amounts those
    that rank best (normalised Gini). Then they learn from everything. Time runs faster or slower for all, so
    that in total they foresee what the customer base's activity curve says; so mean, distribution and amount
    still fit together.

    Parameters
    ----------
    members : dict of str to dict, default BG/NBD, Pareto/NBD, boosted trees and the transformer
        Names as in `KINDS`, with their hyperparameters.

    Attributes
    ----------
    weights_ : dict of str to list of float
        Of `purchases`, `distribution` and `value`, in the order of the members.
    stretch_ : float
        How many days of the models a day is.

    References
    ----------
    Bates and Granger, "The combination of forecasts", 1969.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("weights_", "stretch_")

    weights_: dict[str, list[float]]
    stretch_: float

    def __init__(self, members: dict[str, dict[str, Any]] | None = None) -> None:
        self.members = members

    def fit(
        self, histories: PurchaseHistories, *, horizon_days: float, callbacks: Sequence[Callback] = ()
    ) -> Self:
        """Weigh, learn again from all, set the total; see `CustomerValueModel.fit`."""
        check_histories(histories, horizon_days)
        settings = {name: {} for name in KINDS} if self.members is None else self.members
        if not settings or not set(settings) <= set(KINDS):
            raise InvalidDataError(f"Members must be among {', '.join(KINDS)}.")
        span = histories.end_day - float(histories.days.min())
        days = float(np.floor(min(horizon_days, span / 3)))
        earlier, who = histories.until(histories.end_day - days)
        purchases, value = (found[who] for found in histories.between(earlier.end_day, histories.end_day))
        forecasts = [
            KINDS[name](**own).fit(earlier, horizon_days=days, callbacks=callbacks).predict(earlier, days)
            for name, own in settings.items()
        ]
        self.weights_ = _choose_weights(forecasts, purchases, value)
        self.models = {
            name: KINDS[name](**own).fit(histories, horizon_days=horizon_days, callbacks=callbacks)
            for name, own in settings.items()
        }
        self.stretch_ = self._find_stretch(histories, horizon_days)
        return self

    def predict(self, histories: PurchaseHistories, horizon_days: float) -> PurchaseForecast:
        """Weigh what the models say; see `CustomerValueModel.predict`."""
        self.check_is_fitted()
        check_horizon(horizon_days)
        return self._weigh(histories, horizon_days * self.stretch_)

    def value_quantiles(
        self, histories: PurchaseHistories, horizon_days: float, levels: Sequence[float]
    ) -> Floats:
        """Weigh the models' quantiles; see `CustomerValueModel.value_quantiles`."""
        self.check_is_fitted()
        check_horizon(horizon_days)
        days = horizon_days * self.stretch_
        return _mean(
            [self.models[name].value_quantiles(histories, days, levels) for name in self.models],
            self.weights_["value"],
        )

    def _weigh(self, histories: PurchaseHistories, days: float) -> PurchaseForecast:
        found = [model.predict(histories, days) for model in self.models.values()]
        weights = self.weights_
        return PurchaseForecast(
            _mean([forecast.purchases for forecast in found], weights["purchases"]),
            _mean([forecast.distribution for forecast in found], weights["distribution"]),
            _mean([forecast.value for forecast in found], weights["value"]),
            _mean([forecast.alive for forecast in found], weights["purchases"]),
        )

    def _find_stretch(self, histories: PurchaseHistories, horizon_days: float) -> float:
        """Return the stretch at which the total is the curve's, by the power law through two totals."""
        wanted = ActivityCurve.of(histories).expected_purchases(histories, horizon_days)
        plain = float(self._weigh(histories, horizon_days).purchases.sum())
        if wanted <= 0 or plain <= 0:
            return 1.0
        tried = float(np.clip(wanted / plain, LEAST_STRETCH, MOST_STRETCH))
        if abs(tried - 1) < 0.01:
            return 1.0
        power = np.log(self._weigh(histories, horizon_days * tried).purchases.sum() / plain) / np.log(tried)
        return float(np.clip((wanted / plain) ** (1 / np.clip(power, 0.3, 1.0)), LEAST_STRETCH, MOST_STRETCH))

    def _save_parts(self, folder: Path) -> None:
        for name, model in self.models.items():
            model.save(folder / name)

    def _load_parts(self, folder: Path) -> None:
        names = KINDS if self.members is None else self.members
        self.models = {name: KINDS[name].load(folder / name) for name in names}


def _choose_weights(
    forecasts: list[PurchaseForecast], purchases: Floats, value: Floats
) -> dict[str, list[float]]:
    is_buyer = purchases > 0

    def squared_error(weights: Floats) -> float:
        mean = _mean([forecast.purchases for forecast in forecasts], weights)
        return float(((mean - purchases) ** 2).mean())

    def log_loss(weights: Floats) -> float:
        buys = np.clip(_mean([forecast.buys for forecast in forecasts], weights), 1e-6, 1 - 1e-6)
        return -float(np.where(is_buyer, np.log(buys), np.log1p(-buys)).mean())

    def misranked(weights: Floats) -> float:
        if not value.any():
            return 0.0
        return -normalized_gini(value, _mean([forecast.value for forecast in forecasts], weights))

    tried = [
        np.array(parts) / STEPS
        for parts in product(range(STEPS + 1), repeat=len(forecasts))
        if sum(parts) == STEPS
    ]
    losses = {"purchases": squared_error, "distribution": log_loss, "value": misranked}
    return {name: min(tried, key=loss).tolist() for name, loss in losses.items()}


def _mean(values: Sequence[Floats], weights: Sequence[float] | Floats) -> Floats:
    return np.asarray(sum(weight * each for weight, each in zip(weights, values, strict=True)))
