"""`ingest`, `scoring` and `growth` on small folders, as the command runs them."""

import csv
import gzip
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ecomai.commerce.models import Event
from ecomai.commerce.services import ingest_events
from recommendations.benchmarks import growth, ingest, shops

ROOT = Path(__file__).resolve().parents[2]
N_LINES, N_CUSTOMERS, N_ITEMS, N_PEOPLE = 1_200, 40, 25, 250
PARTS = {"metrics", "rows", "splits", "peers", "settings", "seconds", "peak_memory_mb"}


@pytest.fixture
def shop_folder(tmp_path):
    """A year of lines: known customers, a guest, and goods that came back."""
    rng = np.random.default_rng(0)
    start = datetime(2025, 1, 1, 9)
    with gzip.open(tmp_path / shops.LINES_FILE, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"])
        for number in range(N_LINES):
            at = start + timedelta(hours=6 * number)
            writer.writerow(
                [f"5{number}", f"s{rng.integers(N_ITEMS)}", 1, at, "2.55", f"c{number % N_CUSTOMERS}"]
            )
        writer.writerow(["6", "s1", 1, start, "2.55", ""])
        writer.writerow(["C7", "s1", -1, start, "2.55", "c1"])
    return tmp_path


@pytest.fixture
def sequence_folder(tmp_path):
    with gzip.open(tmp_path / "sequences.txt.gz", "wt") as file:
        for user in range(1, N_PEOPLE + 1):
            file.write(" ".join(map(str, [user, *((user + step) % N_ITEMS + 1 for step in range(6))])) + "\n")
    return tmp_path


def run(name: str, folder: Path) -> dict:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ecomai_project.settings.test", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "manage.py", "ecomai_benchmark", name, "--data", str(folder)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert set(result) >= PARTS
    return result


@pytest.mark.services
def test_ingest_sends_each_event_and_says_how_fast(shop_folder):
    result = run("ingest", shop_folder)
    metrics = result["metrics"]
    assert metrics["events_per_second"] > 0
    assert metrics["ratio_to_copy"] == pytest.approx(
        metrics["events_per_second"] / result["peers"]["copy"]["events_per_second"], abs=1e-3
    )
    assert result["settings"]["n_events"] == N_LINES


@pytest.mark.services
def test_scoring_scores_each_customer(sequence_folder):
    result = run("scoring", sequence_folder)
    assert result["metrics"]["customers_per_second"] > 0
    assert result["settings"]["n_customers"] == N_PEOPLE


@pytest.mark.django_db
def test_a_lost_or_doubled_event_fails_the_run(shop_folder):
    events = shops.purchases(shop_folder, n_max=10)
    shops.plant_items_and_customers(events)
    ingest_events(events[:-1])
    with pytest.raises(RuntimeError, match="10 events were sent, and 9 are stored"):
        ingest.check_stored(len(events))
    ingest_events(events)
    ingest.check_stored(len(events))


def test_guests_and_returns_are_no_purchases_of_known_customers(shop_folder):
    events = shops.purchases(shop_folder, n_max=10_000)
    assert len(events) == N_LINES
    assert len({event["key"] for event in events}) == N_LINES
    assert len(shops.purchases(shop_folder, n_max=7)) == 7


@pytest.mark.django_db
def test_ten_times_the_events_are_the_same_steps_of_other_customers(shop_folder):
    events = shops.purchases(shop_folder, n_max=100)
    shops.plant_items_and_customers(events)
    ingest_events(events)
    growth.multiply_events(10)
    ingest.check_stored(1000)
    rows = list(Event.objects.values_list("customer", "item", "occurred_at"))
    assert len({customer for customer, _item, _at in rows}) == 10 * len({e["customer_id"] for e in events})
    assert len({(item, at) for _customer, item, at in rows}) == len(events)
    measured = growth._measure(0)
    assert measured["n_events"] == 1000
    assert measured["seconds"] >= measured["snapshot_seconds"] > 0
