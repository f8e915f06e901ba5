"""What is told of a training while it runs."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import transformers
from torch import nn

from ecomai.learning.callbacks import Callback, raise_if_stopped
from ecomai.learning.exceptions import TrainingDivergedError

from .ranks import Ranks

MICRO_BATCH = "micro_batch_size"
NAMES = {
    "loss": "loss",
    "learning_rate": "learning_rate",
    "grad_norm": "gradient_norm",
    MICRO_BATCH: MICRO_BATCH,
}
# What transformers adds to each point, and what it says of the whole at the end.
NOT_OF_THE_CURVE = {"step", "epoch", "total_flos"}


class Progress(transformers.TrainerCallback):
    """Tells our callbacks about steps and logs, and stops where they ask for it."""

    def __init__(self, callbacks: Sequence[Callback], ranks: Ranks) -> None:
        self.callbacks = callbacks
        self.ranks = ranks
        self.since = (0, 0.0)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin to measure anew: judging the epoch before is no part of the throughput."""
        self.since = (state.global_step, time.monotonic())

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell how far the training is."""
        self.ranks.attempt(lambda: self._tell(min(state.global_step / max(state.max_steps, 1), 1.0)))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **kwargs: Any) -> None:
        """Tell the points of the curve."""
        points = {ours: float(logs[theirs]) for theirs, ours in NAMES.items() if theirs in logs}
        if "loss" in points:
            points["rows_per_second"] = self._rows_per_second(state, args.train_batch_size)
        if points:
            state.log_history[-1] |= points
            self.ranks.attempt(lambda: self._log(state.global_step, points))

    def _tell(self, progress: float) -> None:
        raise_if_stopped(self.callbacks)
        for callback in self.callbacks:
            callback.on_progress(progress)

    def _log(self, step: int, points: dict[str, float]) -> None:
        for callback in self.callbacks:
            callback.on_log(step, points)

    def _rows_per_second(self, state: Any, batch_size: int) -> float:
        (step, then), now = self.since, time.monotonic()
        self.since = (state.global_step, now)
        return (state.global_step - step) * batch_size / max(now - then, 1e-9)


class Finiteness(transformers.TrainerCallback):
    """Ends a training whose loss or weights are no numbers any more.

    Losses are kept as tensors and looked at together: looking at each would make a GPU wait each step.
    """

    def __init__(self) -> None:
        self.losses: list[torch.Tensor] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **kwargs: Any) -> None:
        """Look before the point is told and a checkpoint kept."""
        if "loss" in logs:
            self._check_losses(args, state)

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: nn.Module, **kwargs: Any) -> None:
        """Look before the weights are judged."""
        self._check_losses(args, state)
        if not all(bool(weights.isfinite().all()) for weights in model.parameters()):
            raise _diverged("A weight", state.global_step, args)

    def _check_losses(self, args: Any, state: Any) -> None:
        losses = torch.stack(self.losses).tolist() if self.losses else []
        self.losses.clear()
        for step, loss in enumerate(losses, state.global_step - len(losses) + 1):
            if not math.isfinite(loss):
                raise _diverged("The loss", step, args)


def _diverged(what: str, step: int, args: Any) -> TrainingDivergedError:
    return TrainingDivergedError(
        f"{what} is not a finite number at step {step}. Lower learning_rate (now {args.learning_rate:g}) or "
        f"max_grad_norm (now {args.max_grad_norm:g}), raise warmup, and look for NaN and very large values "
        "in the data."
    )


def curve_of(log_history: Sequence[Mapping[str, float]]) -> list[tuple[int, dict[str, float]]]:
    """Return the points of a training in their order, those before a resume included."""
    names = set(NAMES) - set(NAMES.values()) | NOT_OF_THE_CURVE
    points = [
        (int(log["step"]), {name: value for name, value in log.items() if name not in names})
        for log in log_history
        if "train_runtime" not in log
    ]
    return [(step, metrics) for step, metrics in points if metrics]
