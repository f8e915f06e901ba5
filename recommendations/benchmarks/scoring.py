"""`scoring`: how fast the best items of every customer are computed and stored."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import load_average
from ecomai.benchmarking.scratch import scratch_shop, start_in_scratch_shop
from ecomai.commerce.services import ingest_events, upsert_items
from ecomai.registry.models import ModelDeployment

from ..scenario import NEXT_ITEM
from .shops import put_model_live

ROWS_AT_ONCE = 5_000
SCORING_PROCESSES = 2


def scoring(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Store the best items of every customer, with two worker processes."""
    from ..scoring import shards
    from .sequential import read_folder

    sequences, titles = read_folder(data, seed=seed)
    with scratch_shop("scoring") as environment:
        if not ModelDeployment.objects.filter(model_name=NEXT_ITEM, live_version__isnull=False).exists():
            report(0.05, "customers and events")
            _plant(sequences, titles)
            report(0.3, "training")
            put_model_live(seed=seed)
        report(0.7, "scoring")
        cut = shards()
        os.environ.update(environment)
        with ProcessPoolExecutor(
            SCORING_PROCESSES, mp_context=get_context("spawn"), initializer=start_in_scratch_shop
        ) as pool:
            list(pool.map(_nothing, range(SCORING_PROCESSES)))  # processes start before the clock does
            started = time.perf_counter()
            n_scored = sum(pool.map(_score, cut))
            seconds = time.perf_counter() - started
    return {
        "metrics": {"customers_per_second": round(n_scored / seconds, 1)},
        "rows": {},
        "splits": {},
        "peers": {},
        "settings": {"n_customers": n_scored, "n_items": sequences.n_items, "n_shards": len(cut),
                     "processes": SCORING_PROCESSES, "load_average": load_average()},
    }  # fmt: skip


def _plant(sequences: Any, titles: Sequence[str]) -> None:
    """Make a shop of sequences: a day between two steps, the last one yesterday."""
    items = [{"external_id": f"i{n}", "title": (titles[n] if titles else "") or f"Item {n}"}
             for n in range(sequences.n_items)]  # fmt: skip
    for start in range(0, len(items), ROWS_AT_ONCE):
        upsert_items(items[start : start + ROWS_AT_ONCE])
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    rows: list[dict[str, Any]] = []
    for user in range(len(sequences)):
        taken = sequences.select(np.array([user])).items.tolist()
        rows += [
            {"type": "purchase", "key": f"{user} {step}", "customer_id": f"c{user}", "item_id": f"i{item}",
             "occurred_at": (yesterday - timedelta(days=len(taken) - step)).isoformat()}
            for step, item in enumerate(taken)
        ]  # fmt: skip
    for start in range(0, len(rows), ROWS_AT_ONCE):
        ingest_events(rows[start : start + ROWS_AT_ONCE], source="benchmark")


def _nothing(_number: int) -> None:
    connection.ensure_connection()


def _score(shard: Mapping[str, Any]) -> int:
    from ..scoring import score_shard

    return score_shard(shard)
