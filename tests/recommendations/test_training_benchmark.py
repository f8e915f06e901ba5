"""`training`: our loop and a bare one take turns, and both really train."""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from recommendations.benchmarks import training as benchmark

STAND_IN = """
import json, sys
print(json.dumps({"n_steps": 7, "n_rows": 70}), flush=True)
for line in sys.stdin:
    print(json.dumps({"seconds": 2.0 * int(line), "processor_seconds": 1.0 * int(line)}), flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    with gzip.open(tmp_path / "sequences.txt.gz", "wt") as file:
        for user in range(200):
            file.write(" ".join(map(str, [user, *rng.integers(1, 30, size=6)])) + "\n")
    return tmp_path


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "SETTINGS", {**benchmark.SETTINGS, "dim": 8, "n_layers": 1})
    monkeypatch.setattr(benchmark, "N_TURNS", 4)
    monkeypatch.setattr(benchmark, "PEER_TURNS", 1)
    monkeypatch.delenv(benchmark.RECBOLE_PYTHON, raising=False)


def run(folder: Path) -> dict:
    return benchmark.training(folder, device="cpu", seed=0, report=lambda share, text: None)


def test_both_sizes_are_measured_and_the_peer_is_left_out_with_a_reason(folder: Path) -> None:
    result = run(folder)
    for row in (result["metrics"], result["rows"]["short_steps"]):
        assert row["steps_per_second"] > 0
        assert row["tokens_per_second"] > row["steps_per_second"]
        assert 0.2 < row["ratio_of_processor_time"] < 1.5
        assert 0 < row["matrix_share"] < 1
    assert result["peers"] == {}
    assert benchmark.RECBOLE_PYTHON in result["settings"]["recbole"]
    json.dumps(result)


def test_with_an_interpreter_for_it_the_peer_is_a_row(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    monkeypatch.setattr(benchmark, "PEER", script)
    monkeypatch.setenv(benchmark.RECBOLE_PYTHON, sys.executable)
    result = run(folder)
    peer = result["peers"]["recbole"]
    assert peer["epoch_seconds"] == 14.0  # 7 steps of 2 seconds
    assert result["metrics"]["ratio_to_recbole"] == pytest.approx(14.0 / peer["our_epoch_seconds"])


def test_a_peer_that_fails_is_left_out_with_a_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(benchmark.RECBOLE_PYTHON, "/no/such/python")
    result = run(folder)
    assert result["peers"] == {}
    assert "left out" in result["settings"]["recbole"]


def test_the_peer_learns_from_the_same_events(folder: Path, tmp_path: Path) -> None:
    from ecomai.learning.interactions import Interactions

    benchmark._write_atomic(Interactions.from_sequences([[3, 1], [2]], n_items=4), tmp_path)
    lines = (tmp_path / "interactions" / "interactions.inter").read_text().splitlines()
    # RecBole keeps a user's last two items for itself, here repeated ones of no meaning.
    assert lines[1:] == [
        "u0\ti3\t0",
        "u0\ti1\t1",
        "u0\ti3\t2",
        "u0\ti3\t3",
        "u1\ti2\t0",
        "u1\ti2\t1",
        "u1\ti2\t2",
    ]
