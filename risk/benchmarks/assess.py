"""`assess`: how long the checkout waits, with a million assessments in the database."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import timezone

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import Load, Server, load_average, put_load, raw_request, web_process
from ecomai.benchmarking.scratch import scratch_shop
from ecomai.commerce.services import create_api_key

from ..models import Assessment
from .assess_shop import SHARES, make_past, plant_shop, put_model_live, values_of

N_EVENTS = 1_000_000
N_PROCESSES = 2  # as many as the cores of the figure
WARM_UP_SECONDS, SECONDS = 10, 30
PER_SECOND = 400  # questions prepared for each second: more than are asked


def assess(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Ask about orders of a shop that has a long past; each is new, and each names what the past knows.

    `metrics` hold the time inside the service, from the question to the committed answer, under the load of
    callers who ask again as soon as they are answered, one for each web process; `per_second` is what all get
    done.
    The whole request stands beside it. `data` may hold `benchmark.json` with `n_events`, `seconds` and
    `n_processes`. Raises RuntimeError where a request failed.
    """
    settings = {"n_events": N_EVENTS, "seconds": SECONDS, "n_processes": N_PROCESSES} | _given(data)
    with scratch_shop("assess") as environment, ExitStack() as stack:
        plant_shop(settings["n_events"], seed=seed, report=report)
        put_model_live(make_past(seed), seed=seed, report=report)
        servers = [stack.enter_context(web_process(environment)) for _each in range(settings["n_processes"])]
        report(0.7, "warm-up")
        asking = _Asking(settings["n_events"], seed)
        asking.put_load(servers, seconds=min(WARM_UP_SECONDS, settings["seconds"]))
        report(0.8, "measuring")
        began = timezone.now()
        load = asking.put_load(servers, seconds=settings["seconds"])
        inside = load.durations_ms
        rows = Assessment.objects.filter(occurred_at__gte=began, external_id__startswith="new-")
        model_share = rows.filter(answered_by="model").count() / rows.count()
        resident = [server.ask("GET", "/process/")["resident_mb"] for server in servers]
    return {
        "metrics": {
            "p50_ms": round(float(np.percentile(inside, 50)), 2),
            "p99_ms": round(float(np.percentile(inside, 99)), 2),
            "per_second": round(len(load.latencies_ms) / settings["seconds"], 1),
            "request_p50_ms": round(load.percentile(50), 2),
            "request_p99_ms": round(load.percentile(99), 2),
            "resident_mb": round(max(resident), 1),
        },
        "rows": {},
        "splits": {},
        "peers": {},
        "settings": {
            **settings, "n_asked": len(inside), "model_share": round(model_share, 4),
            "load_average": load_average(),
        },
    }  # fmt: skip


def _given(data: Path) -> dict[str, Any]:
    file = data / "benchmark.json"
    given: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return {name: given[name] for name in ("n_events", "seconds", "n_processes") if name in given}


class _Asking:
    """Orders of people, cards and devices of the planted shop, some of them new."""

    def __init__(self, n_events: int, seed: int) -> None:
        _key, secret = create_api_key(name="benchmark", kind="secret", scopes=["risk:assess"])
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self._values = {kind: values_of(kind, n_events) for kind in SHARES}
        self._rng = np.random.default_rng(seed + 1)
        self._n_made = 0

    def put_load(self, servers: Sequence[Server], *, seconds: float) -> Load:
        """Ask all web processes at a time, each by one caller."""
        n_questions = int(PER_SECOND * seconds)
        requests = [[self._request() for _each in range(n_questions)] for _server in servers]
        with ThreadPoolExecutor(len(servers)) as pool:
            loads = list(
                pool.map(lambda pair: put_load(pair[0], pair[1], connections=1, seconds=seconds),
                         zip(servers, requests, strict=True))
            )  # fmt: skip
        load = sum(loads[1:], loads[0])
        if load.n_failed or not len(load.latencies_ms):
            raise RuntimeError(f"{load.n_failed} of {len(load.latencies_ms)} requests failed.")
        return load

    def _request(self) -> bytes:
        self._n_made += 1
        body = {
            "kind": "payment_fraud", "external_id": f"new-{self._n_made}",
            "customer_id": self._one("customer"),
            "amount": round(float(self._rng.lognormal(3.5, 1)), 2), "currency": "EUR",
            "card_fingerprint": self._one("card"), "device_id": self._one("device"),
            "email": self._one("email"), "ip_address": self._one("ip"), "ip_country": "DE",
            "billing_country": "DE",
            "shipping_address": self._one("address"), "billing_address": self._one("address"),
            "lines": [{"item_id": f"i-{n}", "category": f"c-{n}", "unit_price": "9.90"} for n in range(3)],
        }  # fmt: skip
        path = "/ecomai/risk/assessments/"
        return raw_request("POST", path, headers=self._headers, body=json.dumps(body).encode())

    def _one(self, kind: str) -> str:
        """One in ten is new."""
        values = self._values[kind]
        number = int(self._rng.integers(0, len(values) * 10 // 9))
        return values[number] if number < len(values) else f"new{kind}{number}@new.example"
