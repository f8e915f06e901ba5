"""How fast this scenario answers, takes events in and scores, each beside a peer of the same run."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from django.core.management import call_command
from django.db import connection

from ecomai.benchmarking.processes import Load, Server, load_average, put_load, raw_request, web_process
from ecomai.benchmarking.scratch import scratch_shop, start_in_scratch_shop
from ecomai.commerce.models import Customer, Item
from ecomai.commerce.services import create_api_key, ingest_events, upsert_customers, upsert_items
from ecomai.exceptions import InvalidInputError
from ecomai.registry.models import Job, ModelDeployment
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.registry.tasks import run_training

from .scenario import NEXT_ITEM

Report = Callable[[float, str], None]

CONNECTIONS = 16
WARM_UP_SECONDS, SECONDS, TURNS = 5, 30, 3
EVENTS_PER_BATCH, BATCH_PAUSE_SECONDS = 10, 0.25
#: A small model is trained: how good it is costs the answer nothing, its sizes are the real ones.
QUICK = {"max_epochs": 1, "is_refitted": False, "encoder": "char_ngram"}
N_INGESTED, ROWS_PER_REQUEST, SENDERS = 100_000, 500, 2
ROWS_AT_ONCE = 5_000
LINES_FILE = "online_retail.csv.gz"
SCORING_PROCESSES = 2


def measure_serving(data: Path, *, seed: int, report: Report) -> dict[str, Any]:
    """Ask one web process for recommendations, in turns with a view that answers a constant."""
    with scratch_shop("serving") as environment:
        prepare_shop(data, seed=seed, report=report)
        _key, secret = create_api_key(name="benchmark", kind="secret")
        headers = {"Authorization": f"Bearer {secret}"}
        rng = np.random.default_rng(seed)
        customers = rng.permutation(list(Customer.objects.values_list("external_id", flat=True))).tolist()
        items = list(Item.objects.filter(is_active=True).values_list("external_id", flat=True))
        asked = [raw_request("GET", f"/ecomai/recommendations/?customer={one}&n=10", headers=headers)
                 for one in customers]  # fmt: skip
        constant = [raw_request("GET", "/constant/")]
        with web_process(environment) as server:
            report(0.5, "warm-up")
            put_load(server, constant, connections=CONNECTIONS, seconds=WARM_UP_SECONDS)
            put_load(server, asked, connections=CONNECTIONS, seconds=WARM_UP_SECONDS)
            ours, peer = [], []
            for turn in range(TURNS):
                report(0.55 + 0.4 * turn / TURNS, "measuring")
                peer.append(put_load(server, constant, connections=CONNECTIONS, seconds=SECONDS / TURNS))
                start = turn * len(asked) // TURNS
                turned = [*asked[start:], *asked[:start]]
                with events_arriving(server, headers, customers, items, seed=seed + turn):
                    ours.append(
                        put_load(server, turned, connections=CONNECTIONS, seconds=SECONDS / TURNS,
                                 marker='"source":"model"')
                    )  # fmt: skip
            said = server.ask("GET", "/process/")
    return _serving_report(_sum(ours), _sum(peer), said, len(customers), len(items))


def _sum(parts: Sequence[Load]) -> Load:
    total, *others = parts
    for other in others:
        total = total + other
    return total


def _serving_report(
    ours: Load, peer: Load, said: dict[str, Any], n_customers: int, n_items: int
) -> dict[str, Any]:
    return {
        "metrics": {
            "throughput_ratio": round(ours.per_second / peer.per_second, 3),
            "per_second": round(ours.per_second, 1),
            "p50_ms": round(ours.percentile(50), 2),
            "p99_ms": round(ours.percentile(99), 2),
            "p99_ratio": round(ours.percentile(99) / peer.percentile(99), 2),
            "resident_mb": round(said["resident_mb"], 1),
        },
        "rows": {},
        "splits": {},
        "peers": {
            "constant": {
                "per_second": round(peer.per_second, 1),
                "p50_ms": round(peer.percentile(50), 2),
                "p99_ms": round(peer.percentile(99), 2),
            }
        },
        "settings": {
            "connections": CONNECTIONS, "seconds": SECONDS, "warm_up_seconds": WARM_UP_SECONDS,
            "n_customers": n_customers, "n_items": n_items, "n_failed": ours.n_failed + peer.n_failed,
            "model_share": round(ours.n_marked / max(len(ours.latencies_ms), 1), 4),
            "heavy_modules": said["heavy_modules"], "load_average": load_average(),
        },
    }  # fmt: skip


def prepare_shop(data: Path, *, seed: int, report: Report) -> None:
    """Import a folder and have a model live; what an earlier run left is used as it is."""
    if not ModelDeployment.objects.filter(model_name=NEXT_ITEM, live_version__isnull=False).exists():
        report(0.05, "import")
        call_command("ecomai_import", data, stdout=StringIO(), stderr=StringIO())
        report(0.3, "training")
        put_model_live(seed=seed)
    from .services import refresh_popularity

    refresh_popularity()


def put_model_live(*, seed: int, hyperparameters: dict[str, Any] | None = None) -> None:
    run = request_training(
        model_name=NEXT_ITEM, actor_label="benchmark", hyperparameters={**QUICK, **(hyperparameters or {})},
        random_state=seed,
    )  # fmt: skip
    run_training(run.pk)
    run.refresh_from_db()
    if run.version is None:
        raise RuntimeError(Job.objects.get(training_run=run).error_message)
    promote_version(version=run.version, actor_label="benchmark")
    if not ModelDeployment.objects.filter(model_name=NEXT_ITEM, live_version=run.version).exists():
        go_live(model_name=NEXT_ITEM, actor_label="benchmark")


@contextmanager
def events_arriving(
    server: Server, headers: dict[str, str], customers: Sequence[str], items: Sequence[str], *, seed: int
) -> Iterator[None]:
    """Send what customers look at meanwhile, so that the next answer for them is another one."""
    is_over = threading.Event()
    rng = np.random.default_rng(seed)
    failed: list[Exception] = []

    def send() -> None:
        while not is_over.wait(BATCH_PAUSE_SECONDS):
            now = datetime.now(UTC)
            events = [
                {"type": "view", "customer_id": str(rng.choice(customers)), "item_id": str(rng.choice(items)),
                 "occurred_at": (now - timedelta(milliseconds=place)).isoformat()}
                for place in range(EVENTS_PER_BATCH)
            ]  # fmt: skip
            try:
                server.ask("POST", "/ecomai/events/", json.dumps({"events": events}).encode(), headers)
            except (OSError, RuntimeError) as error:
                failed.append(error)
                return

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        is_over.set()
        sender.join()
    if failed:
        raise failed[0]


def measure_ingest(data: Path, *, seed: int, report: Report) -> dict[str, Any]:
    """Send purchases of a shop over REST to one web process; the peer is COPY of the same rows."""
    events = purchases(data)
    with scratch_shop("ingest") as environment:
        report(0.1, "items and customers")
        _fill("item_id", events, lambda ids: upsert_items([{"external_id": i, "title": i} for i in ids]))
        _fill("customer_id", events, lambda ids: upsert_customers([{"external_id": i} for i in ids]))
        _key, secret = create_api_key(name="benchmark", kind="secret")
        bodies = [
            json.dumps({"events": events[start : start + ROWS_PER_REQUEST]}).encode()
            for start in range(0, len(events), ROWS_PER_REQUEST)
        ]
        with web_process(environment) as server:
            report(0.3, "REST")
            warm, timed = bodies[: len(bodies) // 10], bodies[len(bodies) // 10 :]
            _send(server, secret, warm)
            started = time.perf_counter()
            n_accepted = _send(server, secret, timed)
            seconds = time.perf_counter() - started
        report(0.8, "COPY")
        copied = _copy_rows(events)
    rate = n_accepted / seconds
    return {
        "metrics": {"events_per_second": round(rate), "ratio_to_copy": round(rate / copied, 4)},
        "rows": {},
        "splits": {},
        "peers": {"copy": {"events_per_second": round(copied)}},
        "settings": {"n_events": n_accepted, "rows_per_request": ROWS_PER_REQUEST, "connections": SENDERS,
                     "load_average": load_average()},
    }  # fmt: skip


def purchases(data: Path) -> list[dict[str, Any]]:
    """Return purchases of known customers as events, such as a shop's server sends them."""
    path = data / LINES_FILE
    if not path.is_file():
        raise InvalidInputError(reason=f"{LINES_FILE} is missing in {data.name}.")
    lines = pd.read_csv(path, dtype=str)
    lines = lines[lines.CustomerID.notna() & ~lines.Quantity.str.startswith("-")].head(N_INGESTED)
    columns = (lines.StockCode, lines.CustomerID, lines.InvoiceDate, lines.Quantity, lines.UnitPrice)
    return [
        {"type": "purchase", "key": f"line {number}", "item_id": item, "customer_id": customer,
         "occurred_at": at.replace(" ", "T") + "Z", "quantity": int(quantity), "value": price,
         "currency": "GBP"}
        for number, (item, customer, at, quantity, price) in enumerate(zip(*columns, strict=True))
    ]  # fmt: skip


def _fill(name: str, events: Sequence[dict[str, Any]], write: Callable[[list[str]], Any]) -> None:
    ids = sorted({event[name] for event in events})
    for start in range(0, len(ids), ROWS_AT_ONCE):
        write(ids[start : start + ROWS_AT_ONCE])


def _send(server: Server, secret: str, bodies: Sequence[bytes]) -> int:
    """Send the batches from some threads; return how many events were accepted."""
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    waiting, counts = iter(bodies), []
    lock = threading.Lock()

    def send() -> None:
        while True:
            with lock:
                body = next(waiting, None)
            if body is None:
                return
            answer = server.ask("POST", "/ecomai/events/?results=errors", body, headers)
            counts.append(answer["accepted"])

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) != len(bodies):
        raise RuntimeError("Some batches were not taken; the reason is above.")
    return sum(counts)


def _copy_rows(events: Sequence[Mapping[str, Any]]) -> float:
    """Return how many rows a second COPY writes into a table without an index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE bare (key text, type text, customer_id text, item_id text, "
            "quantity int, value numeric, currency text, occurred_at timestamptz)"
        )
        names = ("key", "type", "customer_id", "item_id", "quantity", "value", "currency", "occurred_at")
        rows = [tuple(event[name] for name in names) for event in events]
        started = time.perf_counter()
        with cursor.copy(f"COPY bare ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return len(rows) / (time.perf_counter() - started)


def measure_scoring(data: Path, *, seed: int, report: Report) -> dict[str, Any]:
    """Store the best items of every customer, with two worker processes."""
    from .benchmarks import read_folder
    from .scoring import shards

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
    from .scoring import score_shard

    return score_shard(shard)
