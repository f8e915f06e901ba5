"""Online Retail: nine months of a gift shop's orders foresee the revenue of the next 92 days."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomai.benchmarking import Report

from .clv_models import PEERS, SEQUENCE, TREES, Steps, member_settings

FILE = "online_retail.csv.gz"
START = pd.Timestamp("2010-12-01")
CUT = pd.Timestamp("2011-09-09")  # the first day that is foreseen
HORIZON_DAYS = 92.0

Floats = NDArray[np.float64]
Metrics = dict[str, float]


def measure_retail(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Foresee revenue and whether customers come back."""
    from ecomai.learning.customer_value.ensemble import ValueEnsemble
    from ecomai.learning.customer_value.own_rate import OwnRateModel

    report(0.02, "reading")
    known, purchases, value = read_customers(data / FILE)
    ensemble = ValueEnsemble(member_settings(device, seed))
    ensemble.fit(known, horizon_days=HORIZON_DAYS, callbacks=[Steps(report)])
    report(0.92, "judging")
    models: dict[str, Any] = {
        "own_rate": OwnRateModel().fit(known, horizon_days=HORIZON_DAYS),
        **ensemble.models,
    }
    models["ensemble"] = ensemble
    judged = {
        name: judge(purchases, value, model.predict(known, HORIZON_DAYS)) for name, model in models.items()
    }
    return {
        "metrics": judged["ensemble"],
        "rows": {name: judged[name] for name in ("boosted", "sequence", "ensemble")},
        "splits": {},
        "peers": {name: judged[name] for name in ("own_rate", *PEERS)},
        "settings": {
            "sequence": SEQUENCE, "trees": TREES, "weights": ensemble.weights_, "stretch": ensemble.stretch_,
            "seed": seed,
        },
    }  # fmt: skip


def read_customers(path: Path) -> tuple[Any, Floats, Floats]:
    """Return histories until the cut; each customer's purchase days and revenue in the days from it on.

    Only rows with a customer, of orders that were not cancelled, with a positive quantity and price.
    """
    from ecomai.learning.customer_value.assortment import PurchaseLines
    from ecomai.learning.customer_value.base import PurchaseHistories

    columns = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
    rows = pd.read_csv(
        path, usecols=columns, dtype={"InvoiceNo": str, "StockCode": str}, parse_dates=["InvoiceDate"]
    )
    is_cancelled = rows["InvoiceNo"].str.startswith("C")
    rows = rows[rows["CustomerID"].notna() & ~is_cancelled & (rows["Quantity"] > 0) & (rows["UnitPrice"] > 0)]
    customers = pd.factorize(rows["CustomerID"], sort=True)[0]
    days = (rows["InvoiceDate"].dt.normalize() - START).dt.days
    items = pd.factorize(rows["StockCode"], sort=True)[0]
    histories = PurchaseHistories.of(
        customers,
        days,
        rows["Quantity"] * rows["UnitPrice"],
        lines=PurchaseLines.of(customers, days, items, rows["Quantity"], rows["UnitPrice"]),
        sizes=np.ones(len(rows)),  # lines of an order
        end_day=float((rows["InvoiceDate"].max().normalize() - START).days),
    )
    last_known = float((CUT - START).days - 1)
    known, who = histories.until(last_known)
    purchases, value = histories.between(last_known, last_known + HORIZON_DAYS)
    return known, purchases[who], value[who]


def judge(purchases: Floats, value: Floats, forecast: Any) -> Metrics:
    """Return the metrics of amounts, and of who comes back."""
    from ecomai.learning.metrics import customer_value as metrics
    from ecomai.learning.metrics.classification import roc_auc

    return {
        "gini": metrics.normalized_gini(value, forecast.value),
        "spearman": metrics.spearman(value, forecast.value),
        "repurchase_auc": roc_auc((purchases > 0).astype(np.int64), forecast.buys),
        "rmse": metrics.rmse(value, forecast.value),
        "mae": metrics.mae(value, forecast.value),
        "total_error": metrics.total_error(value, forecast.value),
    }
