"""What customers will buy: several models, the best by a validation period, judged on a later one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.exceptions import NotEnoughDataError
from ecomai.learning.customer_value.base import CustomerValueModel, PurchaseForecast, PurchaseHistories
from ecomai.learning.metrics import customer_value as metrics
from ecomai.learning.metrics.classification import roc_auc
from ecomai.registry.runs import Candidate, Run

from ..datasets import Purchases, moment_of, read_purchases
from ..readiness import LEAST_BUYERS, LEAST_RETURNING
from .value_artifacts import (
    BASELINE,
    KIND,
    LARGE,
    PRIVATE,
    PRIVATE_ONLY,
    SMALL,
    read_value_model,
    write_value_model,
)

#: With fewer buyers or days, models with many parameters learn nothing that holds.
LARGE_BUYERS, LARGE_DAYS = 500, 180
#: Learned from, validation and test: three horizons, or the horizon is shorter.
N_PERIODS, LEAST_HORIZON_DAYS = 3, 7
PRIMARY = "gini"


@dataclass(frozen=True)
class Periods:
    """Days at whose end a forecast begins: to choose by, to judge by, and to serve from."""

    horizon_days: float
    valid: float
    test: float
    end: float


@dataclass(frozen=True)
class Settings:
    """What a run asks of its models; an `epsilon` of 0 is learning without differential privacy."""

    epsilon: float
    random_state: int

    @classmethod
    def of(cls, run: Run) -> "Settings":
        return cls(float(run.hyperparameters["privacy_epsilon"]), run.random_state)

    def make(self, path: str) -> CustomerValueModel:
        """Return an estimator that has not learned yet, with those of the settings that it knows."""
        estimator = import_string(path)
        known = estimator().get_params()
        own = {"epsilon": self.epsilon, "random_state": self.random_state}
        model: CustomerValueModel = estimator(**{name: own[name] for name in own if name in known})
        return model


def train_customer_value(run: Run) -> Candidate:
    """Fit all models before the validation period, the chosen one before the test period, then on all."""
    run.report(0.02, _("Reading orders"))
    purchases = read_purchases(as_of=run.cutoff or timezone.now())
    check_enough(purchases)
    periods = split_periods(purchases, run.hyperparameters)
    settings = Settings.of(run)
    names = names_of(purchases, settings)
    histories = purchases.histories
    fitted = _fit_all(run, names, settings, histories, periods)
    scores = {
        name: judge(model, histories, periods.valid, periods.horizon_days) for name, model in fitted.items()
    }
    chosen = PRIVATE if settings.epsilon else max(scores, key=lambda name: scores[name][PRIMARY])
    run.report(0.7, _("Judging"))
    rows = _test_rows(names, settings, histories, periods)
    live = _live_metrics(run.live_artifact(), histories, periods)
    run.report(0.85, _("Learning from all orders"))
    model = settings.make(names[chosen]).fit(histories, horizon_days=periods.horizon_days)
    folder = write_value_model(
        run.folder / "artifact", model, horizon_days=periods.horizon_days, learned_until=periods.end
    )
    return Candidate(
        folder=folder,
        kind=KIND,
        metrics=rows[chosen],
        baseline_metrics=rows[BASELINE],
        live_metrics=live,
        window_start=moment_of(float(histories.days.min()) - 1),
        window_end=moment_of(periods.end),
        data_fingerprint=purchases.fingerprint,
        hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Ranking customers by what they will bring, and finding who may leave."),
            "estimator": chosen,
            "horizon_days": periods.horizon_days,
            "is_small_shop": is_small(purchases),
            "n_buyers": len(purchases),
            "n_left_out": purchases.n_left_out,
            "rows": rows,
            "rows_validation": scores,
            "refitted": _("Chosen and judged on earlier days, and then learned from all of them."),
            **_privacy(model),
        },
    )  # fmt: skip


def check_enough(purchases: Purchases) -> None:
    """Raise NotEnoughDataError where there are too few buyers, or too few who came back."""
    n_returning = int((purchases.histories.counts > 1).sum())
    for have, need, unit in (
        (len(purchases), LEAST_BUYERS, _("customers who bought and allow marketing")),
        (n_returning, LEAST_RETURNING, _("customers who bought again")),
        (int(purchases.span_days), N_PERIODS * LEAST_HORIZON_DAYS, _("days of orders")),
    ):
        if have < need:
            raise NotEnoughDataError(have=have, need=need, unit=unit)


def names_of(purchases: Purchases, settings: Settings) -> Mapping[str, str]:
    """Return which models are tried: with privacy one alone, as a choice would tell of the data."""
    if settings.epsilon:
        return PRIVATE_ONLY
    return SMALL if is_small(purchases) else LARGE


def is_small(purchases: Purchases) -> bool:
    """Whether only the models with few parameters are tried."""
    return len(purchases) < LARGE_BUYERS or purchases.span_days < LARGE_DAYS


def split_periods(purchases: Purchases, hyperparameters: Mapping[str, Any]) -> Periods:
    """Cut by time; the horizon is shorter where the orders do not reach back far enough."""
    longest = max(int(purchases.span_days) // N_PERIODS, LEAST_HORIZON_DAYS)
    horizon = float(min(int(hyperparameters["horizon_days"]), longest))
    end = purchases.histories.end_day
    return Periods(horizon, end - 2 * horizon, end - horizon, end)


def judge(
    model: CustomerValueModel, histories: PurchaseHistories, start_day: float, horizon_days: float
) -> dict[str, float]:
    """Return metrics of a forecast made at the end of a day, by what was bought in the horizon after it."""
    known, who = histories.until(start_day)
    counts, amounts = histories.between(start_day, start_day + horizon_days)
    return report(model.predict(known, horizon_days), counts[who], amounts[who])


def report(
    forecast: PurchaseForecast, counts: NDArray[np.float64], amounts: NDArray[np.float64]
) -> dict[str, float]:
    """Return metrics of numbers of purchases, and of the rank by amounts.

    `counts` and `amounts` of shape (n_customers,) are what came.
    """
    if not counts.any():
        raise NotEnoughDataError(have=0, need=1, unit=_("customers who bought in the newest period"))
    found = {
        "gini": metrics.normalized_gini(amounts, forecast.value),
        "spearman": metrics.spearman(amounts, forecast.value),
        "rmse": metrics.rmse(counts, forecast.purchases),
        "mae": metrics.mae(counts, forecast.median_purchases),
        "correlation": metrics.correlation(counts, forecast.purchases),
        "total_error": metrics.total_error(counts, forecast.purchases),
        "top_decile_capture": metrics.top_decile_capture(counts, forecast.purchases),
    }
    if not counts.all():
        found["repurchase_auc"] = roc_auc((counts > 0).astype(np.int64), forecast.buys)
    return found


def _privacy(model: CustomerValueModel) -> dict[str, Any]:
    """What the weights that serve may tell of a single customer; metrics are told without noise."""
    if not hasattr(model, "spent_epsilon_"):
        return {}
    spent = {
        "epsilon": round(model.spent_epsilon_, 3), "delta": model.get_params()["delta"],
        "of": _("each customer"), "method": "DP-SGD",
    }  # fmt: skip
    return {"differential_privacy": spent}


def _fit_all(
    run: Run, names: Mapping[str, str], settings: Settings, histories: PurchaseHistories, periods: Periods
) -> dict[str, CustomerValueModel]:
    known, _who = histories.until(periods.valid)
    fitted: dict[str, CustomerValueModel] = {}
    for number, (name, path) in enumerate(names.items()):
        run.report(0.1 + 0.5 * number / len(names), _("Learning: %(model)s") % {"model": name})
        fitted[name] = settings.make(path).fit(known, horizon_days=periods.horizon_days)
    return fitted


def _test_rows(
    names: Mapping[str, str], settings: Settings, histories: PurchaseHistories, periods: Periods
) -> dict[str, dict[str, float]]:
    known, _who = histories.until(periods.test)
    return {
        name: judge(
            settings.make(path).fit(known, horizon_days=periods.horizon_days), histories, periods.test,
            periods.horizon_days,
        )
        for name, path in names.items()
    }  # fmt: skip


def _live_metrics(folder: Path | None, histories: PurchaseHistories, periods: Periods) -> dict[str, float]:
    """Judge what serves as it would have been at the test period: it may have learned from it since."""
    if folder is None:
        return {}
    live = read_value_model(folder)
    model = live.model
    if live.learned_until > periods.test:
        known, _who = histories.until(periods.test)
        model = type(model)(**model.get_params()).fit(known, horizon_days=periods.horizon_days)
    return judge(model, histories, periods.test, periods.horizon_days)
