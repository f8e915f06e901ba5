"""`ads`: how well clicks and orders after them are foretold, and how long a page waits for the choice."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import timezone

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import load_average
from ecomai.benchmarking.scratch import scratch_shop
from ecomai.commerce.models import Customer
from ecomai.exceptions import InvalidInputError
from ecomai.registry.models import ModelVersion, TrainingRun
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.registry.tasks import run_training
from ecomai.serving import live

from ..ads.outcomes import read_history
from ..names import AD_RESPONSE
from ..services.ads import choose_ads
from ..services.ads.shelf import forget_shelf
from .ads_shop import PLACEMENTS, PlantedShop, Size, plant_shop

SIZE = Size()
N_SHOWN, N_CHOICES, N_VISITORS = 3, 400, 300
#: Names of the rows of a version's card that are other libraries or counts.
PEERS = {"boosted": "lightgbm", "creative_rate": "counted_rates", "placement_rate": "placement_rate"}


def ads(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Train on a drawn shop by the real training, judge on its newest fifth, and choose by what it made.

    `metrics` is what would be promoted, `rows` joint training with and without the next item as a task.
    `peers` has LightGBM, counted rates, and `truth`, the chances by which the shop was drawn: nobody can be
    better. `chosen_click_chance` is the true chance of a click on what is shown first to a visitor. `data`
    is not read: the shop is made.
    """
    with scratch_shop("ads"):
        shop = plant_shop(SIZE, seed=seed, report=report)
        report(0.3, "training")
        version = train(seed)
        known = judge_truth(shop)
        counted = measure_choice(shop, seed)
        promote_version(version=version)
        go_live(model_name=AD_RESPONSE)
        live.forget()
        live.refresh()
        report(0.9, "choosing")
        chosen = measure_choice(shop, seed)
    rows = version.card["rows"]
    return {
        "metrics": rows[version.card["estimator"]] | chosen,
        "rows": {name: row for name, row in rows.items() if name not in PEERS},
        "splits": {},
        "peers": {
            **{ours: rows[name] for name, ours in PEERS.items()}, "truth": known,
            "choice_by_counted_rates": counted, "choice_at_best": best_choice(shop, seed),
        },
        "settings": {
            "estimator": version.card["estimator"], "n_clicks": version.card["n_clicks"],
            "n_conversions": version.card["n_conversions"], **asdict(SIZE), "n_shown": N_SHOWN,
            "n_choices": N_CHOICES, "load_average": load_average(), "seed": seed,
        },
    }  # fmt: skip


def train(seed: int) -> ModelVersion:
    """Train as a shop does; raises InvalidInputError with the reason where that fails."""
    run = request_training(model_name=AD_RESPONSE, random_state=seed)
    run_training(run.pk)
    found = TrainingRun.objects.select_related("version", "job").get(pk=run.pk)
    if found.version is None:
        raise InvalidInputError(reason=f"The training failed: {found.job.error_message}")
    return found.version


def judge_truth(shop: PlantedShop) -> dict[str, float]:
    """Return what the true chances reach on the period by which models are judged."""
    from ecomai.learning.metrics.response import response_report

    from ..training.ad_response import CHOSEN

    history = read_history(as_of=timezone.now())
    test = slice(int(CHOSEN * len(history)), None)
    click, conversion = shop.chances[test].T
    return response_report(history.clicked[test], history.converted[test], click=click, conversion=conversion)


def measure_choice(shop: PlantedShop, seed: int) -> dict[str, float]:
    """Return how long choices take, and how likely the first of each is truly clicked."""
    forget_shelf()
    seconds, chances = [], []
    for customer, placement in _visits(shop, seed):
        now = timezone.now()
        began = time.perf_counter()
        answer = choose_ads(placement=placement, customer=customer, n=N_SHOWN)
        seconds.append(time.perf_counter() - began)
        chances.append(shop.truth.click(answer.ads[0].creative, customer.pk, placement, 1, now))
    p50, p95 = np.percentile(1000 * np.array(seconds), [50, 95])
    return {
        "choose_p50_ms": round(float(p50), 2), "choose_p95_ms": round(float(p95), 2),
        "chosen_click_chance": float(np.mean(chances)),
    }  # fmt: skip


def best_choice(shop: PlantedShop, seed: int) -> dict[str, float]:
    """Return the chance of a click where the advertisement of the highest one is shown."""
    now = timezone.now()
    chances = [
        max(shop.truth.click(ad, customer.pk, placement, 1, now) for ad in shop.ads)
        for customer, placement in _visits(shop, seed)
    ]
    return {"chosen_click_chance": float(np.mean(chances))}


def _visits(shop: PlantedShop, seed: int) -> list[tuple[Customer, str]]:
    rng = np.random.default_rng(seed)
    some = rng.choice(len(shop.customers), min(N_VISITORS, len(shop.customers)), replace=False)
    return [
        (shop.customers[int(rng.choice(some))], PLACEMENTS[number % len(PLACEMENTS)])
        for number in range(N_CHOICES)
    ]
