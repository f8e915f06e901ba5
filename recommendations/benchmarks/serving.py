"""`serving`: how fast one web process answers, beside a view that answers a constant."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import Load, Server, load_average, put_load, raw_request, web_process
from ecomai.benchmarking.scratch import scratch_shop
from ecomai.commerce.models import Customer, Item
from ecomai.commerce.services import create_api_key, upsert_items
from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import store_vectors
from ecomai.registry.models import ModelDeployment

from ..pipeline import predictors
from ..scenario import NEXT_ITEM
from ..services.vectors import stored_vectors
from .shops import prepare_shop

CONNECTIONS = 16
WARM_UP_SECONDS, SECONDS, TURNS = 5, 30, 3
EVENTS_PER_BATCH, BATCH_PAUSE_SECONDS = 10, 0.25
MOST_TAKING_IN_SECONDS = 300
CONSTANT = [raw_request("GET", "/constant/")]
GROWN = "grown-"  # ids of the items that are added to see what a larger catalogue costs


def serving(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Ask one web process for recommendations, in turns with a view that answers a constant.

    `data` is a shop to import. Raises RuntimeError where a request failed.
    """
    with scratch_shop("serving") as environment:
        prepare_shop(data, seed=seed, report=report)
        asking = _Asking.of_shop(seed)
        with web_process(environment) as server:
            report(0.5, "warm-up")
            asking.warm_up(server)
            report(0.55, "measuring")
            ours, peer = asking.measure(server, seed=seed)
            said = server.ask("GET", "/process/")
    return _serving_report(ours, peer, said, asking)


def serving_p95(
    data: Path, *, times: Sequence[int] = (1, 10), seed: int, report: Report
) -> dict[int, dict[str, float]]:
    """Return, by how many times the catalogue has its items, how long an answer takes (`p95_ms`).

    The added items have texts of others and vectors near theirs, and all of them are ranked. Beside it stand
    `p95_ratio`, in units of the constant view asked in turns, and `processor_ms` of the web process.
    """
    found = {}
    with scratch_shop("serving") as environment:
        shrink_catalogue()
        prepare_shop(data, seed=seed, report=report)
        asking = _Asking.of_shop(seed)
        try:
            for place, n_times in enumerate(times):
                report(0.4 + 0.5 * place / len(times), f"{n_times} times the catalogue")
                grow_catalogue(n_times, seed=seed)
                with web_process(environment) as server:
                    asking.warm_up(server)
                    _wait_for_items(server, asking, Item.objects.filter(is_active=True).count())
                    ours, peer = asking.measure(server, seed=seed)
                found[n_times] = {
                    "p95_ms": round(ours.load.percentile(95), 2),
                    "p95_ratio": round(ours.load.percentile(95) / peer.load.percentile(95), 3),
                    "processor_ms": ours.processor_ms,
                }
        finally:
            shrink_catalogue()
    return found


@dataclass(frozen=True)
class Measured:
    """What callers saw of one address, and what it cost the web process."""

    load: Load
    processor_seconds: float

    @property
    def processor_ms(self) -> float:
        return round(self.processor_seconds * 1000 / len(self.load.latencies_ms), 3)


@dataclass(frozen=True)
class _Asking:
    """Who asks for what: all customers of the shop in a fixed order, with a server's key."""

    headers: dict[str, str]
    customers: list[str]
    items: list[str]

    @classmethod
    def of_shop(cls, seed: int) -> "_Asking":
        _key, secret = create_api_key(name="benchmark", kind="secret")
        customers = np.random.default_rng(seed).permutation(
            list(Customer.objects.order_by("pk").values_list("external_id", flat=True))
        )
        items = Item.objects.filter(is_active=True).order_by("pk").values_list("external_id", flat=True)
        return cls({"Authorization": f"Bearer {secret}"}, customers.tolist(), list(items))

    @property
    def requests(self) -> list[bytes]:
        return [
            raw_request("GET", f"/ecomai/recommendations/?customer={one}&n=10", headers=self.headers)
            for one in self.customers
        ]

    def warm_up(self, server: Server) -> None:
        for requests in (CONSTANT, self.requests):
            put_load(server, requests, connections=CONNECTIONS, seconds=WARM_UP_SECONDS)

    def measure(self, server: Server, *, seed: int) -> tuple[Measured, Measured]:
        """Return what was seen of the recommendations, and of the constant view, in turns."""
        ours, peer, requests = [], [], self.requests
        for turn in range(TURNS):
            peer.append(_measured(server, CONSTANT))
            start = turn * len(requests) // TURNS
            with events_arriving(server, self.headers, self.customers, self.items, seed=seed + turn):
                ours.append(_measured(server, [*requests[start:], *requests[:start]]))
        return _sum(ours), _sum(peer)


def _measured(server: Server, requests: Sequence[bytes]) -> Measured:
    before = server.ask("GET", "/process/")["processor_seconds"]
    load = put_load(
        server, requests, connections=CONNECTIONS, seconds=SECONDS / TURNS, marker='"source":"model"'
    )
    if load.n_failed or not len(load.latencies_ms):
        raise RuntimeError(f"{load.n_failed} of {len(load.latencies_ms)} requests failed.")
    return Measured(load, server.ask("GET", "/process/")["processor_seconds"] - before)


def _sum(parts: Sequence[Measured]) -> Measured:
    total, *others = (part.load for part in parts)
    for other in others:
        total = total + other
    return Measured(total, sum(part.processor_seconds for part in parts))


def _serving_report(ours: Measured, peer: Measured, said: dict[str, Any], asking: _Asking) -> dict[str, Any]:
    mine, other = ours.load, peer.load
    return {
        "metrics": {
            "throughput_ratio": round(mine.per_second / other.per_second, 3),
            "per_second": round(mine.per_second, 1),
            "p50_ms": round(mine.percentile(50), 2),
            "p99_ms": round(mine.percentile(99), 2),
            "p99_ratio": round(mine.percentile(99) / other.percentile(99), 2),
            "resident_mb": round(said["resident_mb"], 1),
            "processor_ms": ours.processor_ms,
        },
        "rows": {},
        "splits": {},
        "peers": {
            "constant": {
                "per_second": round(other.per_second, 1),
                "p50_ms": round(other.percentile(50), 2),
                "p99_ms": round(other.percentile(99), 2),
                "processor_ms": peer.processor_ms,
            }
        },
        "settings": {
            "connections": CONNECTIONS, "seconds": SECONDS, "warm_up_seconds": WARM_UP_SECONDS,
            "n_customers": len(asking.customers), "n_items": len(asking.items), "n_failed": 0,
            "model_share": round(mine.n_marked / len(mine.latencies_ms), 4),
            "heavy_modules": said["heavy_modules"], "load_average": load_average(),
        },
    }  # fmt: skip


# -- growth -----------------------------------------------------------------------------------------


def grow_catalogue(n_times: int, *, seed: int) -> int:
    """Add items until there are `n_times` as many, with vectors that the live model understands."""
    version = ModelDeployment.objects.get(model_name=NEXT_ITEM).live_version
    if version is None:
        raise RuntimeError("No model is live.")
    encoder = predictors.encoder_key(version.pk)
    likes = list(Item.objects.filter(is_active=True).exclude(external_id__startswith=GROWN))
    vectors = stored_vectors([item.external_id for item in likes], encoder_key=encoder, storefront="")
    rng = np.random.default_rng(seed)
    for copy in range(1, n_times):
        names = [f"{GROWN}{copy}-{item.external_id}" for item in likes]
        upsert_items([
            {"external_id": name, "title": f"{item.title} {copy}", "category_path": item.category_path}
            for name, item in zip(names, likes, strict=True)
        ])  # fmt: skip
        near = {
            name: vector + rng.normal(0, 0.01, len(vector)).astype(vector.dtype)
            for name, item in zip(names, likes, strict=True)
            if (vector := vectors.get(item.external_id)) is not None
        }
        store_vectors(entity="item", encoder=encoder, vectors=near)
    return (n_times - 1) * len(likes)


def shrink_catalogue() -> None:
    """Remove what `grow_catalogue` added."""
    Item.objects.filter(external_id__startswith=GROWN).delete()
    EntityVector.objects.filter(entity="item", entity_id__startswith=GROWN).delete()


def _wait_for_items(server: Server, asking: _Asking, n_items: int) -> None:
    """Ask on until the web process ranks all items; it takes in some of the new ones each second."""
    until = time.monotonic() + MOST_TAKING_IN_SECONDS
    while server.ask("GET", "/process/")["n_items"].get(NEXT_ITEM, 0) < n_items:
        if time.monotonic() > until:
            raise RuntimeError("The web process did not take all items in.")
        put_load(server, asking.requests, connections=1, seconds=1)


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
