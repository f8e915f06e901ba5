"""The benchmark of back-tests, on a folder that is small."""

import gzip
from pathlib import Path

import pytest

from risk.benchmarks import backtest as benchmark

HEAD = "user_id,signup_time,purchase_time,purchase_value,device_id,source,browser,sex,age,ip_address,class\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty purchases in an hour, of ten devices."""
    lines = [
        f"{n},2015-01-01 00:00,2015-01-01 {n // 10:02}:{n % 10:02},{30 + n},device{n % 10},Ads,Opera,M,30,"
        f"{3232235777 + n}.0,{int(n % 10 == 0)}\n"
        for n in range(30)
    ]
    with gzip.open(tmp_path / benchmark.FILE, "wt") as file:
        file.writelines([HEAD, *lines])
    return tmp_path


@pytest.mark.django_db(transaction=True)
def test_all_orders_are_decided_anew_and_the_peer_agrees(folder, monkeypatch):
    monkeypatch.setattr(benchmark, "N_ORDERS", 50)
    monkeypatch.setattr(benchmark, "N_LISTED", 25)
    found = benchmark.backtest(folder, device="cpu", seed=1, report=lambda *_args: None)
    assert found["settings"]["n_orders"] == 50
    assert found["settings"]["n_rules"] == 20
    assert found["settings"]["n_hits"] > 50
    assert found["settings"]["n_fraud"] == 5
    assert found["metrics"]["seconds"] > 0
