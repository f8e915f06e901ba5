"""`serving`: how fast one web process answers, beside a view that answers a constant."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import Load, Server, load_average, put_load, raw_request, web_process
from ecomai.benchmarking.scratch import scratch_shop
from ecomai.commerce.models import Customer, Item
from ecomai.commerce.services import create_api_key

from .shops import prepare_shop

CONNECTIONS = 16
WARM_UP_SECONDS, SECONDS, TURNS = 5, 30, 3
EVENTS_PER_BATCH, BATCH_PAUSE_SECONDS = 10, 0.25


def serving(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Ask one web process for recommendations, in turns with a view that answers a constant.

    `data` is a shop to import.
    """
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
