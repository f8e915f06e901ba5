"""`pipeline`: how long one web process takes from candidates to 20 re-ranked items."""

from pathlib import Path
from typing import Any

import numpy as np

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import Load, load_average, put_load, raw_request, web_process
from ecomai.benchmarking.scratch import scratch_shop
from ecomai.commerce.models import Customer, Item
from ecomai.commerce.services import create_api_key
from ecomai.registry.models import ModelDeployment

from ..models import Answer, Pipeline
from ..scenario import NEXT_ITEM, RANKER, SIMILAR_ITEMS
from ..services.pipelines import plant_usual_sources, put_pipeline_live
from .serving import events_arriving
from .shops import prepare_shop, put_model_live

N_SHOWN = 20
WARM_UP_SECONDS, SECONDS = 40, 30
PLACEMENT = "home"
#: Small models are trained, of the real sizes: how good they are costs the answer nothing.
TRAININGS: dict[str, dict[str, Any]] = {
    NEXT_ITEM: {},
    SIMILAR_ITEMS: {"encoder": "char_ngram"},
    RANKER: {"encoder": "char_ngram", "sequence_epochs": 1},
}


def pipeline(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Ask for 20 items of a pipeline with all sources and steps, one customer after the other.

    The time is that of the answer inside the web process, from the reading of the history on; that of the
    whole request stands beside it, and what the process needed of a processor for one, events included.
    `data` is a shop to import. Raises RuntimeError where a request failed.
    """
    with scratch_shop("pipeline") as environment:
        prepare_shop(data, seed=seed, report=report)
        for share, (model_name, parameters) in zip((0.3, 0.4, 0.5), TRAININGS.items(), strict=True):
            report(share, model_name)
            live = ModelDeployment.objects.filter(model_name=model_name, live_version__isnull=False)
            if not live.exists():
                put_model_live(seed=seed, model_name=model_name, hyperparameters=parameters)
        _plant_pipeline()
        Answer.objects.all().delete()
        asking = _Asking(seed)
        with web_process(environment) as server:
            report(0.7, "warm-up")
            asking.put_load(server, seconds=WARM_UP_SECONDS)
            report(0.8, "measuring")
            before = server.ask("GET", "/process/")["processor_seconds"]
            with events_arriving(server, asking.headers, asking.customers, asking.items, seed=seed):
                load = asking.put_load(server, seconds=SECONDS)
            said = server.ask("GET", "/process/")
            processor_ms = (said["processor_seconds"] - before) * 1000 / len(load.latencies_ms)
        times = Answer.objects.order_by("-created_at").values_list("milliseconds", flat=True)
        inside = np.array(times[: len(load.latencies_ms)])
        card = ModelDeployment.objects.get(model_name=RANKER).live_version.card  # type: ignore[union-attr]
    return {
        "metrics": {
            "p50_ms": round(float(np.percentile(inside, 50)), 2),
            "p95_ms": round(float(np.percentile(inside, 95)), 2),
            "resident_mb": round(said["resident_mb"], 1),
            "processor_ms": round(processor_ms, 2),
            "request_p50_ms": round(load.percentile(50), 2),
            "request_p95_ms": round(load.percentile(95), 2),
        },
        "rows": card["rankers"],
        "splits": {},
        "peers": card["peers"],
        "settings": {
            "n_shown": N_SHOWN, "n_answers": len(inside), "n_items": len(asking.items),
            "ranker": card["form"],
            "pipeline_share": round(load.n_marked / len(load.latencies_ms), 4),
            "n_customers": len(asking.customers), "heavy_modules": said["heavy_modules"],
            "load_average": load_average(),
        },
    }  # fmt: skip


class _Asking:
    """All customers of the shop in a fixed order, with a server's key, over one connection."""

    def __init__(self, seed: int) -> None:
        _key, secret = create_api_key(name="benchmark", kind="secret")
        ids = Customer.objects.order_by("pk").values_list("external_id", flat=True)
        self.headers = {"Authorization": f"Bearer {secret}"}
        self.customers: list[str] = np.random.default_rng(seed).permutation(list(ids)).tolist()
        offered = Item.objects.filter(is_active=True).order_by("pk")
        self.items = list(offered.values_list("external_id", flat=True))
        self._n_asked = 0

    def put_load(self, server: Any, *, seconds: float) -> Load:
        """Go on with the customers where the last load ended."""
        at = self._n_asked % len(self.customers)
        order = [*self.customers[at:], *self.customers[:at]]
        path = f"/ecomai/recommendations/?placement={PLACEMENT}&n={N_SHOWN}&customer="
        requests = [raw_request("GET", path + one, headers=self.headers) for one in order]
        load = put_load(server, requests, connections=1, seconds=seconds, marker='"source":"pipeline"')
        self._n_asked += len(load.latencies_ms)
        if load.n_failed or not len(load.latencies_ms):
            raise RuntimeError(f"{load.n_failed} of {len(load.latencies_ms)} requests failed.")
        return load


def _plant_pipeline() -> None:
    """All sources and all steps, with rules of each kind."""
    if Pipeline.objects.exists():
        return
    row = Pipeline.objects.create(
        name="All steps", placement=PLACEMENT, diversity=0.3, most_per_category=8, most_per_brand=8,
        bought_policy=Pipeline.BoughtPolicy.EXCLUDE, cap_shown=3, cap_days=7, tail_share=0.3,
    )  # fmt: skip
    plant_usual_sources(row)
    row.sources.create(kind="rebuy", n_items=50, weight=0.4)
    item = Item.objects.filter(is_active=True).order_by("pk").first()
    row.rules.create(name="Pinned", action="pin", item=item, position=3)
    row.rules.create(name="Dear", action="bury", condition="price > 50")
    row.rules.create(name="Christmas", action="boost", condition='"CHRISTMAS" in title', factor=1.5)
    row.rules.create(
        name="Manuals", action="exclude", condition='title in ["Manual", "POSTAGE"] or price < 0.1'
    )
    put_pipeline_live(pipeline=row)
