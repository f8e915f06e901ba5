"""Shops to measure speed on: imported, with a model live."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from django.core.management import call_command

from ecomai.benchmarking import Report
from ecomai.commerce.services import upsert_customers, upsert_items
from ecomai.exceptions import InvalidInputError
from ecomai.registry.models import Job, ModelDeployment
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.registry.tasks import run_training

from ..scenario import NEXT_ITEM

#: A small model is trained: how good it is costs the answer nothing, its sizes are the real ones.
QUICK = {"max_epochs": 1, "is_refitted": False, "encoder": "char_ngram"}
ROWS_AT_ONCE = 5_000
LINES_FILE = "online_retail.csv.gz"


def prepare_shop(data: Path, *, seed: int, report: Report) -> None:
    """Import a folder and have a model live; what an earlier run left is used as it is."""
    if not ModelDeployment.objects.filter(model_name=NEXT_ITEM, live_version__isnull=False).exists():
        report(0.05, "import")
        call_command("ecomai_import", data, stdout=StringIO(), stderr=StringIO())
        report(0.3, "training")
        put_model_live(seed=seed)
    from ..services import refresh_popularity

    refresh_popularity()


def put_model_live(
    *, seed: int, model_name: str = NEXT_ITEM, hyperparameters: dict[str, Any] | None = None
) -> None:
    quick = QUICK if model_name == NEXT_ITEM else {}
    run = request_training(
        model_name=model_name, actor_label="benchmark", hyperparameters={**quick, **(hyperparameters or {})},
        random_state=seed,
    )  # fmt: skip
    run_training(run.pk)
    run.refresh_from_db()
    if run.version is None:
        raise RuntimeError(Job.objects.get(training_run=run).error_message)
    promote_version(version=run.version, actor_label="benchmark")
    if not ModelDeployment.objects.filter(model_name=model_name, live_version=run.version).exists():
        go_live(model_name=model_name, actor_label="benchmark")


def purchases(data: Path, *, n_max: int) -> list[dict[str, Any]]:
    """Return purchases of known customers as events, such as a shop's server sends them."""
    path = data / LINES_FILE
    if not path.is_file():
        raise InvalidInputError(reason=f"{LINES_FILE} is missing in {data.name}.")
    lines = pd.read_csv(path, dtype=str)
    lines = lines[lines.CustomerID.notna() & ~lines.Quantity.str.startswith("-")].head(n_max)
    columns = (lines.StockCode, lines.CustomerID, lines.InvoiceDate, lines.Quantity, lines.UnitPrice)
    return [
        {"type": "purchase", "key": f"line {number}", "item_id": item, "customer_id": customer,
         "occurred_at": at.replace(" ", "T") + "Z", "quantity": int(quantity), "value": price,
         "currency": "GBP"}
        for number, (item, customer, at, quantity, price) in enumerate(zip(*columns, strict=True))
    ]  # fmt: skip


def plant_items_and_customers(events: Sequence[dict[str, Any]]) -> None:
    """Make what the events name known to the shop."""
    items = sorted({event["item_id"] for event in events})
    customers = sorted({event["customer_id"] for event in events})
    for start in range(0, len(items), ROWS_AT_ONCE):
        upsert_items([{"external_id": i, "title": i} for i in items[start : start + ROWS_AT_ONCE]])
    for start in range(0, len(customers), ROWS_AT_ONCE):
        upsert_customers([{"external_id": i} for i in customers[start : start + ROWS_AT_ONCE]])
