"""`tastes` on a small shop of the same format: what is like what was bought is taken next."""

import numpy as np
import pandas as pd
import pytest

from ecomai.exceptions import InvalidInputError
from marketing.benchmarks import tastes as benchmark
from marketing.benchmarks.clv_retail import CUT, FILE


@pytest.fixture
def shop(tmp_path):
    """Customers of two worlds, each with words of its own; the next kind is another one of the same world."""
    rng, rows = np.random.default_rng(0), []
    worlds = {
        "copper kitchen": ("mug", "bowl", "plate", "jug"),
        "paper office": ("card", "pen", "tag", "file"),
    }
    for customer in range(240):
        material, kinds = list(worlds.items())[customer % 2]
        chosen = rng.permutation(kinds)
        first = CUT - pd.Timedelta(days=int(rng.choice([110, 100, 60, 30])) + int(rng.integers(9)))
        for number, day in enumerate((first, first + pd.Timedelta(days=100))):
            rows.append(
                {"InvoiceNo": f"{customer}-{number}", "Description": f"{material} {chosen[number]}".upper(),
                 "Quantity": 1, "InvoiceDate": day, "CustomerID": float(customer)}
            )  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / FILE, index=False)
    return tmp_path


def test_likeness_beats_counts_where_worlds_are_apart(shop, monkeypatch):
    monkeypatch.setattr(benchmark, "N_CATEGORIES", 8)
    found = benchmark.tastes(shop, device="cpu", seed=0, report=lambda share, text="": None)
    assert found["metrics"]["mrr"] > found["peers"]["counts_and_popularity"]["mrr"]
    assert found["metrics"]["mrr_gain_low"] > 0
    for row in (found["metrics"], *found["peers"].values()):
        assert {"mrr", "hit_rate@5", "recall@5", "log_loss"} <= set(row)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=FILE):
        benchmark.tastes(tmp_path, device="cpu", seed=0, report=lambda share, text="": None)
