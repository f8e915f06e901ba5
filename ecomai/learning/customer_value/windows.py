"""Past moments to learn from: what was known then, what came after, and what BG/NBD would have said."""

from dataclasses import dataclass

import numpy as np

from ecomai.learning.exceptions import InvalidDataError

from .assortment import Assortment
from .base import Floats, PurchaseHistories
from .bg_nbd import BgNbdModel

LEAST_EXPECTED = 1e-4


@dataclass(frozen=True)
class Prior:
    """What BG/NBD with gamma-gamma says of customers; learned models say by how much it is wrong."""

    purchases: Floats
    buys: Floats
    alive: Floats
    spend: Floats

    @property
    def log_purchases(self) -> Floats:
        return np.log(np.maximum(self.purchases, LEAST_EXPECTED))

    @property
    def log_odds(self) -> Floats:
        share = np.clip(self.buys, LEAST_EXPECTED, 1 - LEAST_EXPECTED)
        return np.log(share) - np.log1p(-share)

    @property
    def log_value(self) -> Floats:
        return self.log_purchases + np.log(np.maximum(self.spend, LEAST_EXPECTED))


def prior_of(model: BgNbdModel, histories: PurchaseHistories, horizon_days: float) -> Prior:
    forecast = model.predict(histories, horizon_days)
    return Prior(forecast.purchases, forecast.buys, forecast.alive, model.spend.expected_spend(histories))


def assortment_of(histories: PurchaseHistories) -> Assortment:
    return Assortment().fit(histories.lines, histories.end_day)


@dataclass(frozen=True)
class Window:
    """A past moment: histories until then, and what each customer did in the days after."""

    histories: PurchaseHistories
    horizon_days: float
    purchases: Floats
    value: Floats


def past_windows(histories: PurchaseHistories, horizon_days: float, n_windows: int) -> list[Window]:
    """Return moments whose horizons all end now, from half of the greatest horizon to all of it.

    The greatest is `horizon_days`, or half of the days there are: at least as much is known before.

    Raises
    ------
    InvalidDataError
        If nobody bought in the windows.
    """
    span = histories.end_day - float(histories.days.min())
    greatest = min(horizon_days, span / 2)
    windows = []
    for horizon in np.unique(np.round(np.linspace(greatest / 2, greatest, n_windows))):
        moment = histories.end_day - float(horizon)
        known, who = histories.until(moment)
        purchases, value = histories.between(moment, histories.end_day)
        windows.append(Window(known, float(horizon), purchases[who], value[who]))
    if not any(window.purchases.any() for window in windows):
        raise InvalidDataError("Nobody came back lately: there is nothing to learn from.")
    return windows
