"""`segments` on a small shop: what is planted hangs together, and what is measured is what is promised."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ecomai.commerce.models import Customer, Event, Order
from marketing.benchmarks import segments as benchmark
from marketing.benchmarks import segments_shop
from marketing.models import CustomerActivity, CustomerProfile, Segment
from marketing.segments import conditions


def test_each_new_segment_has_five_conditions():
    for given in benchmark.SEGMENTS.values():
        assert len(list(conditions.tests_of(conditions.parse_condition(given)))) == 5


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_small_shop_is_planted_counted_and_followed(monkeypatch, tmp_path: Path):
    """Inside the test's own database: making another would need a connection of its own."""
    if connection.vendor != "postgresql":
        pytest.skip("the shop is made inside PostgreSQL")
    monkeypatch.setattr(benchmark, "N_CUSTOMERS", 500)
    monkeypatch.setattr(benchmark, "N_EVENTS", 8000)
    monkeypatch.setattr(benchmark, "N_UPDATES", 3)
    monkeypatch.setattr(segments_shop, "N_ITEMS", 100)
    monkeypatch.setattr(segments_shop, "PART", 3000)
    monkeypatch.setattr(benchmark, "scratch_shop", lambda name: nullcontext())
    result = benchmark.segments(tmp_path, device="cpu", seed=1, report=lambda share, text: None)
    metrics: dict[str, Any] = result["metrics"]
    assert 0 < metrics["update_seconds_median"] <= metrics["update_seconds"]
    assert 0 < metrics["count_seconds_median"] <= metrics["count_seconds"]
    assert set(result["splits"]) == set(benchmark.SEGMENTS)
    assert Customer.objects.count() == CustomerProfile.objects.count() == 500
    assert Event.objects.count() == 8000 + 2 * 4
    assert Order.objects.count() == Event.objects.filter(type="purchase").count()
    assert sum(CustomerActivity.objects.values_list("n", flat=True)) >= 8000
    assert Segment.objects.get(slug="followed").n_members >= 3
