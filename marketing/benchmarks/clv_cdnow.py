"""CDNOW: 39 weeks of a cohort's purchases foresee the next 39."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomai.benchmarking import Report

from .clv_models import PEERS, SEQUENCE, TREES, Steps, member_settings

FILE = "cdnow_master.csv.gz"
SAMPLE = "cdnow_sample.csv.gz"
START = pd.Timestamp("1997-01-01")
CUT = pd.Timestamp("1997-09-30")  # the last day that is known
END = pd.Timestamp("1998-06-30")

Floats = NDArray[np.float64]
Metrics = dict[str, float]


def measure_cdnow(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Foresee the repeat purchase days of all customers; the usual sample is a split."""
    from ecomai.learning.customer_value.ensemble import ValueEnsemble
    from ecomai.learning.customer_value.own_rate import OwnRateModel

    report(0.02, "reading")
    known, y_true = read_customers(data / FILE)
    horizon = float((END - CUT).days)
    ensemble = ValueEnsemble(member_settings(device, seed))
    ensemble.fit(known, horizon_days=horizon, callbacks=[Steps(report)])
    report(0.92, "judging")
    models: dict[str, Any] = {"own_rate": OwnRateModel().fit(known, horizon_days=horizon), **ensemble.models}
    forecasts = {name: model.predict(known, horizon) for name, model in models.items()}
    forecasts["ensemble"] = ensemble.predict(known, horizon)
    predictions = {
        name: (found.purchases, found.median_purchases.astype(np.float64))
        for name, found in forecasts.items()
    }
    judged = {name: judge(y_true, *found) for name, found in predictions.items()}
    sample = _sample_rows(data)
    return {
        "metrics": judged["ensemble"],
        "rows": {name: judged[name] for name in ("boosted", "sequence", "ensemble")},
        "splits": {
            "sample": judge(y_true[sample], *(part[sample] for part in predictions["ensemble"])),
            **{f"sample_{name}": found for name, found in _published(data).items()},
        },
        "peers": {name: judged[name] for name in ("own_rate", *PEERS)},
        "differences": {
            name: compare(y_true, predictions["ensemble"], predictions[name], seed) for name in PEERS
        },
        "settings": {
            "sequence": SEQUENCE, "trees": TREES, "weights": ensemble.weights_, "stretch": ensemble.stretch_,
            "parameters": {name: models[name].named_parameters for name in PEERS}, "seed": seed,
        },
    }  # fmt: skip


def read_customers(path: Path) -> tuple[Any, Floats]:
    """Return histories until the cut, and each customer's purchase days after it."""
    from ecomai.learning.customer_value.base import PurchaseHistories

    rows = pd.read_csv(path, parse_dates=["date"])
    histories = PurchaseHistories.of(
        rows["customer_id"].to_numpy() - 1,
        (rows["date"] - START).dt.days,
        rows["dollar_value"],
        sizes=rows["number_of_cds"],
        end_day=float((END - START).days),
    )
    cut = float((CUT - START).days)
    known, who = histories.until(cut)
    return known, histories.between(cut, histories.end_day)[0][who]


def judge(y_true: Floats, mean: Floats, median: Floats) -> Metrics:
    """Return the metrics: of the mean, and the absolute error of the median."""
    from ecomai.learning.metrics import customer_value as metrics

    return {
        "rmse": metrics.rmse(y_true, mean),
        "mae": metrics.mae(y_true, median),
        "mae_of_mean": metrics.mae(y_true, mean),
        "correlation": metrics.correlation(y_true, mean),
        "spearman": metrics.spearman(y_true, mean),
        "total_error": metrics.total_error(y_true, mean),
        "top_decile_capture": metrics.top_decile_capture(y_true, mean),
    }


def compare(
    y_true: Floats, ours: tuple[Floats, Floats], theirs: tuple[Floats, Floats], seed: int
) -> dict[str, tuple[float, float, float]]:
    """Return our metrics less a peer's, with 95 % intervals over customers."""
    from ecomai.learning.metrics import customer_value as metrics

    chosen = {
        "rmse": (metrics.rmse, 0),
        "mae": (metrics.mae, 1),
        "mae_of_mean": (metrics.mae, 0),
        "correlation": (metrics.correlation, 0),
        "total_error": (metrics.total_error, 0),
        "top_decile_capture": (metrics.top_decile_capture, 0),
    }
    return {
        name: metrics.paired_difference(metric, y_true, ours[part], theirs[part], random_state=seed)
        for name, (metric, part) in chosen.items()
    }


def _sample_rows(data: Path) -> NDArray[np.int64]:
    rows = pd.read_csv(data / SAMPLE, usecols=["master_customer_id"])
    return np.unique(rows["master_customer_id"].to_numpy(np.int64)) - 1


def _published(data: Path) -> dict[str, Metrics]:
    """Return what the peers say when they learn from the sample alone, as the papers have it."""
    from ecomai.learning.customer_value.bg_nbd import BgNbdModel
    from ecomai.learning.customer_value.pareto_nbd import ParetoNbdModel

    known, y_true = read_customers(data / SAMPLE)
    horizon = float((END - CUT).days)
    found = {}
    for name, model in (("bg_nbd", BgNbdModel()), ("pareto_nbd", ParetoNbdModel())):
        forecast = model.fit(known, horizon_days=horizon).predict(known, horizon)
        found[name] = {
            **judge(y_true, forecast.purchases, forecast.median_purchases.astype(np.float64)),
            **model.named_parameters,
            "log_likelihood": model.log_likelihood_,
        }
    return found
