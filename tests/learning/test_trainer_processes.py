"""Trainings that are processes of their own: killed with -9, or two that train together."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomai.learning.tensorboard_logs import read_curves
from ecomai.learning.trainer import train

from .tiny_training import Network, Rows, judge, plan, train_resumably, weights

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
MODULE = ["-m", "tests.learning.tiny_training"]


def without_speed(curve: list[tuple[int, dict[str, float]]]) -> list[tuple[int, dict[str, float]]]:
    return [
        (step, {name: value for name, value in metrics.items() if name != "rows_per_second"})
        for step, metrics in curve
    ]


@pytest.mark.slow
def test_a_training_killed_twice_has_the_curve_and_the_weights_of_one_that_was_not(tmp_path: Path) -> None:
    for share in (0.3, 0.75):
        killed = subprocess.run(
            [sys.executable, *MODULE, "kill", str(tmp_path), str(share)],
            cwd=ROOT, env=ENVIRONMENT, timeout=200, check=False,
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL
    module, resumed = train_resumably(tmp_path)
    expected_module, whole = train_resumably(tmp_path / "whole")
    assert [step for step, _ in resumed.curve] == [step for step, _ in whole.curve]
    for (_, metrics), (_, expected) in zip(
        without_speed(resumed.curve), without_speed(whole.curve), strict=True
    ):
        assert metrics == pytest.approx(expected, rel=1e-5, abs=1e-7)
    np.testing.assert_allclose(weights(module), weights(expected_module), rtol=0, atol=1e-7)
    assert resumed.judgements == pytest.approx(whole.judgements)
    assert resumed.best_epoch == whole.best_epoch
    curves, expected_curves = read_curves(tmp_path / "logs"), read_curves(tmp_path / "whole" / "logs")
    assert curves.keys() == expected_curves.keys()
    for name in ("loss", "learning_rate", "gradient_norm", "closeness"):
        np.testing.assert_allclose(curves[name], expected_curves[name], rtol=1e-5)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """What two processes saw that trained together, by rank."""
    folder = tmp_path_factory.mktemp("twins")
    launched = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *MODULE, "twin",
         str(folder)],
        cwd=ROOT, env=ENVIRONMENT, timeout=280, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert launched.returncode == 0, launched.stderr[-4000:]
    return folder, [json.loads((folder / f"seen-{rank}.json").read_text()) for rank in (0, 1)]


def test_two_processes_learn_what_one_does_from_the_same_batches(twins: Any) -> None:
    folder, seen = twins
    alone = Network()
    result = train(alone, Rows(), plan(), judge=judge, metric="closeness")
    for rank in (0, 1):
        np.testing.assert_allclose(np.load(folder / f"weights-{rank}.npy"), weights(alone), atol=1e-5)
    for (step, metrics), (expected_step, expected) in zip(
        without_speed(seen[0]["curve"]), without_speed(result.curve), strict=True
    ):
        assert step == expected_step
        assert metrics == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_memory_that_runs_out_in_one_process_changes_nothing_that_is_learned(twins: Any) -> None:
    folder, _ = twins
    alone = Network()
    train(alone, Rows(), plan())
    for rank in (0, 1):
        np.testing.assert_allclose(np.load(folder / f"greedy-{rank}.npy"), weights(alone), atol=1e-5)


def test_only_the_first_process_judges_calls_back_and_writes(twins: Any) -> None:
    _, (first, second) = twins
    assert first["n_logs"] > 28
    assert first["n_steps"] == 28
    assert first["n_judged"] == 3
    assert len(first["resumable"]) == 2
    assert (second["n_logs"], second["n_steps"], second["n_judged"]) == (0, 0, 0)


def test_all_processes_stop_together(twins: Any) -> None:
    _, (first, second) = twins
    assert first["stopped"] == second["stopped"] == [21, 1]
    assert first["cancelled"] == "TrainingCancelledError: The training was cancelled."
    assert second["cancelled"].startswith("TrainingCancelledError")
