"""What the benchmark of customer value knows, and what it foresees."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecomai.exceptions import InvalidInputError
from marketing.benchmarks import clv_cdnow, clv_retail
from marketing.benchmarks.clv import clv

SHARED = Path(__file__).parents[3] / "shared" / "data"


def folder_of(name: str) -> Path:
    if not (SHARED / name).is_dir():
        pytest.skip(f"The public data set {name} is not beside the project.")
    return SHARED / name


def write(path: Path, rows: list[tuple[int, str, int, float]]) -> Path:
    columns = ["customer_id", "date", "number_of_cds", "dollar_value"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


def test_a_folder_without_purchases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="holds neither"):
        clv(tmp_path, device="cpu", seed=0, report=lambda progress, message="": None)


def test_nothing_after_the_cut_is_known_and_days_count_once(tmp_path: Path) -> None:
    path = write(
        tmp_path / "purchases.csv",
        [
            (1, "1997-01-01", 1, 10.0), (1, "1997-09-30", 1, 5.0), (1, "1997-10-01", 1, 5.0),
            (1, "1998-06-30", 2, 5.0), (1, "1998-06-30", 1, 7.0), (2, "1997-02-01", 1, 3.0),
            (2, "1998-07-01", 1, 3.0),
        ],
    )  # fmt: skip
    known, y_true = clv_cdnow.read_customers(path)
    np.testing.assert_array_equal(known.counts, [2, 1])
    assert known.days.max() == known.end_day == 272
    np.testing.assert_array_equal(y_true, [2, 0])


@pytest.mark.data
def test_the_peers_are_those_of_the_papers() -> None:
    found = clv_cdnow._published(folder_of("cdnow"))
    bg_nbd, pareto_nbd = found["bg_nbd"], found["pareto_nbd"]
    for name, value in {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}.items():
        assert bg_nbd[name] == pytest.approx(value, abs=6e-4)
    assert bg_nbd["log_likelihood"] == pytest.approx(-9582.4, abs=0.1)
    for name, value in {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}.items():
        assert pareto_nbd[name] == pytest.approx(value, rel=2e-3)
    assert pareto_nbd["log_likelihood"] == pytest.approx(-9595.0, abs=0.1)
    # As computed for the data's description from the same models.
    assert (bg_nbd["mae_of_mean"], bg_nbd["rmse"]) == pytest.approx((0.785, 1.608), abs=1e-3)
    assert (pareto_nbd["mae_of_mean"], pareto_nbd["rmse"]) == pytest.approx((0.755, 1.603), abs=1e-3)


@pytest.mark.data
def test_online_retail_is_cut_as_described() -> None:
    known, purchases, value = clv_retail.read_customers(folder_of("online-retail") / clv_retail.FILE)
    assert known.n_customers == 3362
    assert (purchases > 0).mean() == pytest.approx(0.571, abs=5e-4)
    assert value.mean() == pytest.approx(853.95, abs=0.01)
