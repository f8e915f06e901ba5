"""`ads` on a small drawn shop: the real training, judged beside peers and beside the truth."""

from contextlib import nullcontext

import pytest

from ecomai.serving import live
from marketing.benchmarks import ads as benchmark
from marketing.benchmarks.ads_shop import Size
from marketing.models import AdConversion, AdSpend
from marketing.services.ads.shelf import forget_shelf

from .test_ad_response import _own_folder  # noqa: F401 - a folder of its own, and n-grams

SMALL = Size(n_customers=150, n_items=48, n_ads=12, n_views=3000, n_impressions=6000)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_small_shop_is_drawn_trained_on_and_served(monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "scratch_shop", lambda name: nullcontext())
    monkeypatch.setattr(benchmark, "SIZE", SMALL)
    monkeypatch.setattr(benchmark, "N_CHOICES", 30)
    try:
        found = benchmark.ads(tmp_path, device="cpu", seed=1, report=lambda share, text="": None)
    finally:
        live.forget()
        forget_shelf()
    assert set(found["rows"]) == {"joint", "joint_next_item"}
    assert {"lightgbm", "counted_rates", "placement_rate", "truth"} <= set(found["peers"])
    names = {
        f"{task}_{name}"
        for task in ("click", "conversion")
        for name in ("log_loss", "roc_auc", "average_precision", "calibration_error")
    }
    for row in (found["metrics"], *found["rows"].values(), found["peers"]["truth"]):
        assert names <= set(row)
    truth, metrics = found["peers"]["truth"], found["metrics"]
    assert truth["click_log_loss"] < min(row["click_log_loss"] for row in found["rows"].values())
    assert metrics["click_roc_auc"] > found["peers"]["placement_rate"]["click_roc_auc"]
    assert 0 < metrics["choose_p50_ms"] <= metrics["choose_p95_ms"]
    assert metrics["chosen_click_chance"] <= found["peers"]["choice_at_best"]["chosen_click_chance"]
    assert AdConversion.objects.count() == found["settings"]["n_conversions"] > 10
    assert sum(AdSpend.objects.values_list("n_impressions", flat=True)) >= SMALL.n_impressions
