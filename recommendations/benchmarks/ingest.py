"""`ingest`: how fast one web process takes events in over REST, beside COPY of the same rows."""

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import Server, load_average, web_process
from ecomai.benchmarking.scratch import scratch_shop
from ecomai.commerce.models import Event
from ecomai.commerce.services import create_api_key

from .shops import plant_items_and_customers, purchases

N_INGESTED, ROWS_PER_REQUEST, SENDERS, TURNS = 100_000, 500, 4, 6


def ingest(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Send purchases of a shop over REST to one web process, in turns with COPY of the same rows."""
    events = purchases(data, n_max=N_INGESTED)
    with scratch_shop("ingest") as environment:
        report(0.1, "items and customers")
        plant_items_and_customers(events)
        _key, secret = create_api_key(name="benchmark", kind="secret")
        starts = list(range(0, len(events), ROWS_PER_REQUEST))
        n_warm = len(starts) // 10
        with web_process(environment) as server:
            report(0.3, "warm-up")
            _send(server, secret, _bodies(events, starts[:n_warm]))
            n_accepted, seconds, copy_seconds = 0, 0.0, 0.0
            for turn in range(TURNS):
                report(0.4 + 0.6 * turn / TURNS, "REST and COPY")
                turned = starts[n_warm:][turn::TURNS]
                bodies = _bodies(events, turned)
                started = time.perf_counter()
                n_accepted += _send(server, secret, bodies)
                seconds += time.perf_counter() - started
                copy_seconds += _seconds_of_copy(
                    [event for start in turned for event in events[start : start + ROWS_PER_REQUEST]]
                )
        check_stored(len(events))
    rate, copied = n_accepted / seconds, n_accepted / copy_seconds
    return {
        "metrics": {"events_per_second": round(rate), "ratio_to_copy": round(rate / copied, 4)},
        "rows": {},
        "splits": {},
        "peers": {"copy": {"events_per_second": round(copied)}},
        "settings": {"n_events": n_accepted, "rows_per_request": ROWS_PER_REQUEST,
                     "connections": SENDERS, "turns": TURNS, "load_average": load_average()},
    }  # fmt: skip


def check_stored(n_sent: int) -> None:
    """Raise RuntimeError where the shop does not have each event that was sent, once."""
    n_stored = Event.objects.count()
    if n_stored != n_sent:
        raise RuntimeError(f"{n_sent} events were sent, and {n_stored} are stored.")


def _bodies(events: Sequence[Mapping[str, Any]], starts: Sequence[int]) -> list[bytes]:
    return [json.dumps({"events": events[start : start + ROWS_PER_REQUEST]}).encode() for start in starts]


def _send(server: Server, secret: str, bodies: Sequence[bytes]) -> int:
    """Send the batches over some keep-alive connections; return how many events were accepted."""
    with ThreadPoolExecutor(SENDERS) as pool:
        return sum(
            pool.map(partial(_send_share, server, secret), (bodies[n::SENDERS] for n in range(SENDERS)))
        )


def _send_share(server: Server, secret: str, bodies: Sequence[bytes]) -> int:
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    n_accepted = 0
    client = HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        for body in bodies:
            client.request("POST", "/ecomai/events/?results=errors", body, headers)
            response = client.getresponse()
            text = response.read()
            if response.status != 200:
                raise RuntimeError(f"A batch was answered with {response.status}: {text[:500]!r}")
            n_accepted += json.loads(text)["accepted"]
    finally:
        client.close()
    return n_accepted


def _seconds_of_copy(events: Sequence[Mapping[str, Any]]) -> float:
    """Return how long COPY takes to write the rows into a table without an index."""
    names = ("key", "type", "customer_id", "item_id", "quantity", "value", "currency", "occurred_at")
    rows = [tuple(event[name] for name in names) for event in events]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE bare (key text, type text, customer_id text, item_id text, quantity int, "
            "value numeric, currency text, occurred_at timestamptz) ON COMMIT DROP"
        )
        started = time.perf_counter()
        with cursor.copy(f"COPY bare ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return time.perf_counter() - started
