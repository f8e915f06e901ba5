"""`growth`: what ten times the events and ten times the catalogue cost."""

import os
import resource
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from django.db import connection

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import load_average
from ecomai.benchmarking.scratch import scratch_shop, start_in_scratch_shop
from ecomai.commerce.models import Customer, Event
from ecomai.commerce.services import StoredEvent, ingest_events
from ecomai.commerce.snapshots import freeze

from .ingest import check_stored
from .shops import ROWS_AT_ONCE, plant_items_and_customers, purchases

N_EVENTS, TIMES, TURNS = 100_000, 10, 3
N_CASES = 5_000
SHARE = 0.1  # of the events, in the validation and in the test period each


def growth(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Freeze and prepare a shop and one with ten times its events; ask one with ten times its items."""
    from .serving import serving_p95

    rows = events_growth(data, seed=seed, report=lambda share, text: report(0.5 * share, text))
    p95 = serving_p95(
        data, times=(1, TIMES), seed=seed, report=lambda share, text: report(0.5 + 0.5 * share, text)
    )
    small, large = rows["1"], rows[str(TIMES)]
    return {
        "metrics": {
            "time_ratio": round(large["seconds"] / small["seconds"], 2),
            "processor_ratio": round(large["processor_seconds"] / small["processor_seconds"], 2),
            "memory_ratio": round(large["peak_memory_mb"] / small["peak_memory_mb"], 2),
            "serving_p95_ratio": round(p95[TIMES]["p95_ms"] / p95[1]["p95_ms"], 2),
        },
        "rows": {
            **{f"{times} times the events": row for times, row in rows.items()},
            **{f"{times} times the catalogue": row for times, row in p95.items()},
        },
        "splits": {},
        "peers": {},
        "settings": {"turns": TURNS, "load_average": load_average()},
    }


def events_growth(data: Path, *, seed: int, report: Report) -> dict[str, dict[str, float]]:
    """Return seconds and memory of snapshot and preparation, by how many times the events there are.

    The added events are the same steps of other customers. Each size is measured some times, in a process
    of its own each, and the fastest counts; nothing is subtracted for what costs the same at any size.
    """
    events = purchases(data, n_max=N_EVENTS)
    rows = {}
    with scratch_shop("growth") as environment:
        os.environ.update(environment)
        report(0.1, "customers and events")
        plant_items_and_customers(events)
        for start in range(0, len(events), ROWS_AT_ONCE):
            ingest_events(events[start : start + ROWS_AT_ONCE], source="benchmark")
        for times in (1, TIMES):
            if times > 1:
                report(0.4, f"{times} times the events")
                multiply_events(times)
            _settle()
            check_stored(times * len(events))
            report(0.3 if times == 1 else 0.7, f"snapshot and preparation of {times * len(events)} events")
            rows[str(times)] = _fastest(seed=seed, n_events=times * len(events))
    return rows


def multiply_events(times: int) -> None:
    """Give each customer twins who do the same; keys are new, and are not needed by what is measured."""
    people, stream = Customer._meta.db_table, Event._meta.db_table
    fields: list[Any] = [Event._meta.get_field(name) for name in StoredEvent._fields]
    columns: list[str] = [field.column for field in fields]
    values = {"key": "gen_random_uuid()", "customer_id": "twin.id"}
    taken = ", ".join(values.get(column, f"done.{column}") for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {people} (storefront, external_id, language, country, traits, first_seen_at, "  # noqa: S608
            "updated_at) SELECT storefront, external_id || ' ' || copy, language, country, traits, "
            f"first_seen_at, updated_at FROM {people} CROSS JOIN generate_series(2, %s) AS copy",
            [times],
        )
        cursor.execute(
            f"INSERT INTO {stream} ({', '.join(columns)}) SELECT {taken} FROM {stream} AS done "  # noqa: S608
            f"JOIN {people} AS owner ON owner.id = done.customer_id "
            "CROSS JOIN generate_series(2, %s) AS copy "
            f"JOIN {people} AS twin ON twin.external_id = owner.external_id || ' ' || copy",
            [times],
        )


def _settle() -> None:
    """Do what the database does by itself after a while, so that it does not do it in the middle."""
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {Event._meta.db_table}")


def _fastest(*, seed: int, n_events: int) -> dict[str, float]:
    measured = []
    for _turn in range(TURNS):
        with ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=start_in_scratch_shop
        ) as pool:
            measured.append(pool.submit(_measure, seed).result())
    best = min(measured, key=lambda row: row["seconds"])
    if best["n_events"] != n_events:
        raise RuntimeError(
            f"{n_events} events are stored, and {best['n_events']:.0f} came into the snapshot."
        )
    return dict(best)


def _measure(seed: int) -> Mapping[str, float]:
    """Freeze and prepare once, as a training run does before it learns."""
    from ..datasets import cases_between, groups_of, period_starts, read_dataset

    connection.ensure_connection()
    cutoff = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        started, busy = time.perf_counter(), time.process_time()
        snapshot = freeze(Path(folder), cutoff=cutoff)
        frozen = time.perf_counter()
        dataset = read_dataset(Path(folder), cutoff=cutoff)
        valid, test = period_starts(dataset, valid_share=SHARE, test_share=SHARE)
        cases_between(dataset, valid, test, n_max=N_CASES, random_state=seed)
        cases = cases_between(dataset, test, n_max=N_CASES, random_state=seed)
        groups_of(cases, dataset.before(test))
        done = time.perf_counter()
    return {
        "seconds": round(done - started, 3),
        "snapshot_seconds": round(frozen - started, 3),
        "preparation_seconds": round(done - frozen, 3),
        "processor_seconds": round(time.process_time() - busy, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "n_events": snapshot.n_events,
    }
