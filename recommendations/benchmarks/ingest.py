"""`ingest`: how fast one web process takes events in over REST, beside COPY of the same rows."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from django.db import connection

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import Server, load_average, web_process
from ecomai.benchmarking.scratch import scratch_shop
from ecomai.commerce.services import create_api_key, upsert_customers, upsert_items
from ecomai.exceptions import InvalidInputError

N_INGESTED, ROWS_PER_REQUEST, SENDERS = 100_000, 500, 2
ROWS_AT_ONCE = 5_000
LINES_FILE = "online_retail.csv.gz"


def ingest(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
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
