"""What a training does when memory runs out, numbers blow up, or files are cut off."""

import itertools
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ecomai.learning.callbacks import Callback, Curve
from ecomai.learning.exceptions import TrainingCancelledError, TrainingDivergedError, TrainingMemoryError
from ecomai.learning.trainer import newest_complete_checkpoint, train

from .tiny_training import Greedy, Network, Notes, Rows, judge, plan, weights


def losses(curve: list[tuple[int, dict[str, float]]]) -> list[float]:
    return [metrics["loss"] for _, metrics in curve if "loss" in metrics]


@pytest.mark.parametrize(
    "error",
    [None, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."), MemoryError()],
    ids=["really", "cuda", "python"],
)
def test_a_batch_that_does_not_fit_is_done_in_parts_with_the_same_curve(error: Exception | None) -> None:
    whole, greedy, curve = Network(), Greedy(3, error), Curve()
    expected = train(whole, Rows(), plan())
    result = train(greedy, Rows(), plan(), callbacks=[curve])
    assert result.n_steps == expected.n_steps
    assert losses(result.curve) == pytest.approx(losses(expected.curve), rel=1e-4)
    np.testing.assert_allclose(weights(greedy), weights(whole), atol=1e-5)
    halved = [metrics["micro_batch_size"] for _, metrics in curve.points if "micro_batch_size" in metrics]
    assert halved == [4, 2]


def test_parts_asked_for_from_the_start_change_nothing_either() -> None:
    whole, parts = Network(), Greedy(2)
    train(whole, Rows(), plan())
    result = train(parts, Rows(), plan(accumulation=4))
    assert not any("micro_batch_size" in metrics for _, metrics in result.curve)
    np.testing.assert_allclose(weights(parts), weights(whole), atol=1e-5)


def test_what_fits_is_remembered_after_a_resume(tmp_path: Path) -> None:
    with pytest.raises(TrainingCancelledError):
        train(Greedy(3), Rows(), plan(), checkpoint_folder=tmp_path, callbacks=[Notes(stop_at=0.5)])
    curve = Curve()
    result = train(Greedy(3), Rows(), plan(), checkpoint_folder=tmp_path, callbacks=[curve])
    assert not any("micro_batch_size" in metrics for _, metrics in curve.points)
    assert sum("micro_batch_size" in metrics for _, metrics in result.curve) == 2


def test_a_row_that_does_not_fit_ends_the_training_with_a_remedy() -> None:
    with pytest.raises(TrainingMemoryError, match=r"One row at a time .* smaller model"):
        train(Greedy(0), Rows(), plan())


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"):
        train(Greedy(3, RuntimeError("shapes differ")), Rows(), plan())


class Broken(Network):
    """Whose loss, or whose gradient, is no number at one of the steps."""

    def __init__(self, step: int, breaks: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.steps = itertools.count(1)
        self.step = step
        self.breaks = breaks

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, torch.Tensor]:
        outputs = super().forward(*args, **kwargs)
        if self.training and next(self.steps) == self.step:
            outputs["loss"] = self.breaks(outputs["loss"])
        return outputs


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_names_the_step_and_the_remedy(value: float, tmp_path: Path) -> None:
    judged = []

    def noted(module: nn.Module) -> dict[str, float]:
        judged.append(weights(module))
        return judge(module)

    module, curve = Broken(9, lambda loss: loss * value), Curve()
    with pytest.raises(TrainingDivergedError, match=r"at step 9\. Lower learning_rate \(now 0\.02\)"):
        train(module, Rows(), plan(), judge=noted, metric="closeness", callbacks=[curve],
              checkpoint_folder=tmp_path)  # fmt: skip
    assert len(judged) == 1
    assert np.isfinite(judged).all()
    assert np.isfinite(losses(curve.points)).all()
    assert newest_complete_checkpoint(tmp_path) == tmp_path / "checkpoint-8"


def test_a_gradient_that_is_no_number_at_the_last_step_is_found() -> None:
    module = Broken(28, lambda loss: loss + torch.sqrt(loss * 0))
    with pytest.raises(TrainingDivergedError, match="A weight is not a finite number at step 28"):
        train(module, Rows(), plan())


@pytest.fixture(scope="module")
def half_way(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints of a training that was stopped in its third epoch."""
    folder = tmp_path_factory.mktemp("half-way")
    with pytest.raises(TrainingCancelledError):
        train_judged(folder, Notes(stop_at=0.6))
    return folder


def train_judged(folder: Path | None, *callbacks: Callback) -> tuple[Network, Notes]:
    module, notes = Network(dropout=0.2), Notes()
    train(module, Rows(), plan(), judge=judge, metric="closeness", checkpoint_folder=folder,
          callbacks=[*callbacks, notes])  # fmt: skip
    return module, notes


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.98])
@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"],
)
def test_a_checkpoint_cut_anywhere_gives_way_to_the_one_before(
    half_way: Path, tmp_path: Path, name: str, share: float
) -> None:
    folder = Path(shutil.copytree(half_way, tmp_path / "copy"))
    older, newest = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    cut(newest / name, share)
    assert newest_complete_checkpoint(folder) == older
    assert not newest.exists()


@pytest.mark.parametrize(
    ("pattern", "n_steps"),
    [
        ("checkpoint-17/optimizer.pt", 12),
        ("checkpoint-*/model.safetensors", 28),
        ("judgements.json", 28),
        ("best-2.safetensors", 28),
        ("fingerprint.json", 28),
    ],
)
def test_whatever_was_cut_the_end_is_the_same(
    half_way: Path, tmp_path: Path, pattern: str, n_steps: int
) -> None:
    folder = Path(shutil.copytree(half_way, tmp_path / "copy"))
    files = list(folder.glob(pattern))
    assert files
    for path in files:
        cut(path, 0.5)
    module, notes = train_judged(folder)
    assert notes.n_steps == n_steps
    np.testing.assert_allclose(weights(module), weights(train_judged(None)[0]), atol=1e-6)


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def test_a_training_that_had_stopped_early_takes_no_further_step(tmp_path: Path) -> None:
    count = itertools.count()
    options = {
        "judge": lambda module: {"closeness": -float(next(count))},
        "metric": "closeness",
        "checkpoint_folder": tmp_path,
    }
    module = Network()
    stopped = train(module, Rows(), plan(patience=1), **options)
    again, notes = Network(), Notes()
    result = train(again, Rows(), plan(patience=1), callbacks=[notes], **options)
    assert notes.n_steps == 0
    assert (result.n_steps, result.best_epoch, result.curve) == (14, 1, stopped.curve)
    np.testing.assert_array_equal(weights(again), weights(module))
