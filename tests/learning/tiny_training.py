"""A training small enough for a second, also as a process of its own that is killed or has a twin.

As a script: `python -m tests.learning.tiny_training SCENARIO FOLDER`.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import seeded
from ecomai.learning.exceptions import LearningError
from ecomai.learning.tensorboard_logs import TensorBoardLogs
from ecomai.learning.trainer import TrainingPlan, TrainingResult, train

N_ROWS = 50  # with batches of 8: 7 steps an epoch, the last of 2 rows


class Rows:
    """Sequences of unlike length, each step with a number to predict from five others."""

    def __init__(self, n_rows: int = N_ROWS) -> None:
        rng = np.random.default_rng(0)
        self.lengths = rng.integers(1, 9, n_rows)
        self.x = rng.normal(size=(n_rows, 8, 5)).astype(np.float32)
        self.y = self.x @ np.array([1.0, -2.0, 0.5, 0.0, 3.0], dtype=np.float32)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitems__(self, rows: list[int]) -> Mapping[str, torch.Tensor]:
        is_step = np.arange(8) < self.lengths[rows][:, None]
        return {
            "x": torch.from_numpy(self.x[rows]),
            "y": torch.from_numpy(self.y[rows]),
            "is_step": torch.from_numpy(is_step),
        }


class Network(nn.Module):
    """Its loss is a mean over steps, of which a row may have one or eight."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        with seeded(0):
            self.layers = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1))

    def forward(self, x: torch.Tensor, y: torch.Tensor, is_step: torch.Tensor) -> dict[str, torch.Tensor]:
        errors = (self.layers(x).squeeze(-1) - y) ** 2
        return {"loss": errors[is_step].mean(), "weight": is_step.sum()}


class Greedy(Network):
    """Really asks for more memory than there is whenever it is given too many rows."""

    def __init__(self, n_rows_that_fit: int, error: Exception | None = None) -> None:
        super().__init__()
        self.n_rows_that_fit = n_rows_that_fit
        self.error = error

    def forward(self, x: torch.Tensor, y: torch.Tensor, is_step: torch.Tensor) -> dict[str, torch.Tensor]:
        outputs = super().forward(x, y, is_step)
        if len(x) > self.n_rows_that_fit:
            if self.error is not None:
                raise self.error
            torch.empty(2**50, dtype=torch.uint8)  # more than a process can address
        return outputs


def plan(**options: Any) -> TrainingPlan:
    defaults = {
        "max_epochs": 4, "batch_size": 8, "learning_rate": 0.02, "checkpoint_seconds": 0.0, "device": "cpu",
        "weight_decay": 0.01,
    }  # fmt: skip
    return TrainingPlan(**{**defaults, **options})


def judge(module: nn.Module) -> dict[str, float]:
    with torch.no_grad():
        batch = Rows().__getitems__(list(range(10)))
        return {"closeness": -float(module(**batch)["loss"])}


def weights(module: nn.Module) -> np.ndarray:
    return torch.cat([tensor.flatten() for tensor in module.state_dict().values()]).numpy()


class Kill(Callback):
    """Ends its own process as `kill -9` does, at a share of the steps."""

    def __init__(self, share: float) -> None:
        self.share = share

    def on_progress(self, progress: float) -> None:
        if progress >= self.share:
            os.kill(os.getpid(), signal.SIGKILL)


def train_and_be_killed(folder: Path, share: float) -> None:
    train_resumably(folder, Kill(share))


def train_resumably(folder: Path, *callbacks: Callback) -> tuple[Network, TrainingResult]:
    module = Network(dropout=0.3)
    result = train(
        module, Rows(), plan(max_epochs=30, checkpoint_seconds=0.1), judge=judge, metric="closeness",
        checkpoint_folder=folder / "checkpoints", callbacks=[TensorBoardLogs(folder / "logs"), *callbacks],
    )  # fmt: skip
    return module, result


class Notes(Callback):
    """Counts its calls, and asks to stop at a share of the steps."""

    def __init__(self, stop_at: float = 2.0) -> None:
        self.stop_at = stop_at
        self.is_reached = False
        self.n_logs = 0
        self.n_steps = 0

    def on_progress(self, progress: float) -> None:
        self.n_steps += 1
        self.is_reached = progress >= self.stop_at

    def on_log(self, step: int, metrics: dict[str, float]) -> None:
        self.n_logs += 1

    def should_stop(self) -> bool:
        return self.is_reached


def train_as_a_twin(folder: Path) -> None:
    """Go through what processes do together, and note what this one saw."""
    rank = int(os.environ["RANK"])
    notes = Notes()
    n_judged = 0

    def worse_each_time(module: nn.Module) -> dict[str, float]:
        nonlocal n_judged
        n_judged += 1
        return {"closeness": -float(n_judged)}

    module, greedy, stopping = Network(), Greedy(2 if rank else 8), Network()
    result = train(module, Rows(), plan(), judge=judge, metric="closeness", callbacks=[notes],
                   checkpoint_folder=folder / "checkpoints")  # fmt: skip
    np.save(folder / f"weights-{rank}.npy", weights(module))
    train(greedy, Rows(), plan())
    np.save(folder / f"greedy-{rank}.npy", weights(greedy))
    stopped = train(stopping, Rows(), plan(patience=2), judge=worse_each_time, metric="closeness")
    cancelled, reason = Notes(stop_at=0.5), ""
    try:
        train(Network(), Rows(), plan(), callbacks=[cancelled])
    except LearningError as error:
        reason = f"{type(error).__name__}: {error}"
    seen = {
        "n_logs": notes.n_logs, "n_steps": notes.n_steps, "curve": result.curve, "n_judged": n_judged,
        "stopped": [stopped.n_steps, stopped.best_epoch], "cancelled": reason,
        "resumable": sorted(path.name for path in folder.glob("checkpoints/checkpoint-*")),
    }  # fmt: skip
    (folder / f"seen-{rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    torch.set_num_threads(1)
    scenario, where, *options = sys.argv[1:]
    if scenario == "twin":
        train_as_a_twin(Path(where))
    else:
        train_and_be_killed(Path(where), float(options[0]))
