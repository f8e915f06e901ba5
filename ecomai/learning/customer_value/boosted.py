"""Boosted trees that say by how much BG/NBD is wrong."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.learning.boosting import lightgbm_parameters
from ecomai.learning.callbacks import Callback, raise_if_stopped
from ecomai.learning.classifiers.base import sigmoid

from .assortment import Assortment
from .base import (
    CustomerValueModel,
    Floats,
    PurchaseForecast,
    PurchaseHistories,
    check_histories,
    check_horizon,
)
from .bg_nbd import BgNbdModel
from .distributions import hurdle, moment_shape
from .features import make_features
from .windows import LEAST_EXPECTED, Prior, assortment_of, past_windows, prior_of

if TYPE_CHECKING:
    from lightgbm import Booster

TWEEDIE_POWER = 1.5  # between counts and amounts: most are nothing, few are very much
OBJECTIVES: dict[str, dict[str, Any]] = {
    "purchases": {"objective": "poisson"},
    "buys": {"objective": "binary"},
    "value": {"objective": "tweedie", "tweedie_variance_power": TWEEDIE_POWER},
    "log_value": {"objective": "regression"},
}
LEAST_LOG_VALUE = 0.01  # a mean of logarithms below it is that of next to nothing


class BoostedValueModel(CustomerValueModel):
    """LightGBM on windows of recency, frequency and money, gaps and calendar.

    Ensembles of trees for the number of purchases (Poisson), whether there is one, the amount (Tweedie), and
    its logarithm (squares). The amount foreseen is the geometric mean of the last two, set to the total of
    the first of them: few great amounts say how much there is, and all of them who spends more than whom.
    Each begins with what BG/NBD and gamma-gamma say of the same horizon, and so holds for horizons that were
    never seen. They learn from several past moments at once.

    Parameters
    ----------
    n_windows : int, default 5
        Past moments.
    n_trees : int, default 150
    n_leaves : int, default 8
    learning_rate : float, default 0.03
    min_leaf : int, default 100
        Rows in a leaf at least.
    feature_share, row_share : float in (0, 1], default 0.5 and 0.7
        What each tree sees.
    l2 : float, default 5.0
    n_threads : int, default 0
        0 is as many as there are cores.
    random_state : int, default 0

    Attributes
    ----------
    trees_ : dict of str to str
        As LightGBM writes them.
    shape_ : float
        How evenly the purchases of those who buy are spread beyond the first.
    value_scale_ : float
        Sets the geometric mean of both amounts to the right total.
    prior : BgNbdModel
    assortment : Assortment

    References
    ----------
    Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", 2017.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("trees_", "shape_", "value_scale_")

    trees_: dict[str, str]
    shape_: float
    value_scale_: float

    def __init__(
        self,
        n_windows: int = 5,
        n_trees: int = 150,
        n_leaves: int = 8,
        learning_rate: float = 0.03,
        min_leaf: int = 100,
        feature_share: float = 0.5,
        row_share: float = 0.7,
        l2: float = 5.0,
        n_threads: int = 0,
        random_state: int = 0,
    ) -> None:
        self.n_windows = n_windows
        self.n_trees = n_trees
        self.n_leaves = n_leaves
        self.learning_rate = learning_rate
        self.min_leaf = min_leaf
        self.feature_share = feature_share
        self.row_share = row_share
        self.l2 = l2
        self.n_threads = n_threads
        self.random_state = random_state

    def fit(
        self, histories: PurchaseHistories, *, horizon_days: float, callbacks: Sequence[Callback] = ()
    ) -> Self:
        """Grow the trees at past moments; see `CustomerValueModel.fit`."""
        check_histories(histories, horizon_days)
        windows = past_windows(histories, horizon_days, self.n_windows)
        self.prior = BgNbdModel().fit(histories, horizon_days=horizon_days)
        priors = [prior_of(self.prior, window.histories, window.horizon_days) for window in windows]
        self.assortment = assortment_of(histories)
        X = np.concatenate(
            [
                make_features(window.histories, prior, assortment_of(window.histories))
                for window, prior in zip(windows, priors, strict=True)
            ]
        )
        purchases = np.concatenate([window.purchases for window in windows])
        value = np.concatenate([window.value for window in windows])
        targets = {
            "purchases": purchases, "buys": purchases > 0, "value": value, "log_value": np.log1p(value),
        }  # fmt: skip
        offsets = {name: np.concatenate([_offset(name, prior) for prior in priors]) for name in OBJECTIVES}
        self.trees_ = {}
        for name in OBJECTIVES:
            raise_if_stopped(callbacks)
            self.trees_[name] = self._grow(name, X, targets[name].astype(np.float64), offsets[name])
        self._prepare()
        buys = sigmoid(self._raw("buys", X, offsets["buys"]))
        mean = np.exp(self._raw("purchases", X, offsets["purchases"]))
        mixed, plain = self._values(X, offsets)
        self.value_scale_ = float(plain.sum() / max(mixed.sum(), 1e-9))
        is_buyer = purchases > 0
        more = np.maximum(mean[is_buyer] / np.maximum(buys[is_buyer], 1e-9) - 1, 0)
        self.shape_ = moment_shape(purchases[is_buyer] - 1, more)
        return self

    def predict(self, histories: PurchaseHistories, horizon_days: float) -> PurchaseForecast:
        """Let the trees correct BG/NBD; see `CustomerValueModel.predict`."""
        self.check_is_fitted()
        check_horizon(horizon_days)
        prior = prior_of(self.prior, histories, horizon_days)
        X = make_features(histories, prior, self.assortment)
        offsets = {name: _offset(name, prior) for name in OBJECTIVES}
        purchases = np.exp(self._raw("purchases", X, offsets["purchases"]))
        buys = sigmoid(self._raw("buys", X, offsets["buys"]))
        value = self.value_scale_ * self._values(X, offsets)[0]
        return PurchaseForecast(purchases, hurdle(buys, purchases, self.shape_), value, prior.alive)

    def value_quantiles(
        self, histories: PurchaseHistories, horizon_days: float, levels: Sequence[float]
    ) -> Floats:
        """Spread purchases by gamma-gamma around this model's own mean; see the base class."""
        forecast = self.predict(histories, horizon_days)
        found = self.prior.spend.value_quantiles(histories, forecast.distribution, levels)
        plain = forecast.purchases * self.prior.spend.expected_spend(histories)
        return found * (forecast.value / np.maximum(plain, 1e-9))[:, None]

    def contributions(self, histories: PurchaseHistories, horizon_days: float) -> Floats:
        """Return what each feature adds to the log odds of buying: (n_customers, n_features)."""
        self.check_is_fitted()
        X = make_features(histories, prior_of(self.prior, histories, horizon_days), self.assortment)
        found = self._boosters["buys"].predict(X, pred_contrib=True, num_threads=self.n_threads)
        return np.asarray(found, dtype=np.float64)[:, :-1]

    def _grow(self, name: str, X: NDArray[np.float32], target: Floats, offset: Floats) -> str:
        import lightgbm

        settings = lightgbm_parameters(self, max_bin=127, **OBJECTIVES[name])
        known = lightgbm.Dataset(X, target, init_score=offset, params={"verbosity": -1})
        return lightgbm.train(settings, known, num_boost_round=self.n_trees).model_to_string()

    def _values(self, X: NDArray[np.float32], offsets: dict[str, Floats]) -> tuple[Floats, Floats]:
        """Return the geometric mean of both amounts, and the first of them."""
        plain = np.exp(self._raw("value", X, offsets["value"]))
        by_logarithm = np.expm1(np.maximum(self._raw("log_value", X, offsets["log_value"]), LEAST_LOG_VALUE))
        return np.sqrt(plain * by_logarithm), plain

    def _raw(self, name: str, X: NDArray[np.float32], offset: Floats) -> Floats:
        if not len(X):
            return np.empty(0)
        found = self._boosters[name].predict(X, raw_score=True, num_threads=self.n_threads)
        return np.asarray(found, dtype=np.float64) + offset

    def _prepare(self) -> None:
        import lightgbm

        self._boosters: dict[str, Booster] = {
            name: lightgbm.Booster(model_str=text) for name, text in self.trees_.items()
        }

    def _save_parts(self, folder: Path) -> None:
        self.prior.save(folder / "prior")
        self.assortment.save(folder / "assortment")

    def _load_parts(self, folder: Path) -> None:
        self.prior = BgNbdModel.load(folder / "prior")
        self.assortment = Assortment.load(folder / "assortment")
        self._prepare()


def _offset(name: str, prior: Prior) -> Floats:
    if name == "log_value":
        # Of an amount that is nothing but for those who buy.
        return prior.buys * np.log1p(np.exp(prior.log_value) / np.maximum(prior.buys, LEAST_EXPECTED))
    return {"purchases": prior.log_purchases, "buys": prior.log_odds, "value": prior.log_value}[name]
