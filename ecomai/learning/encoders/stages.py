"""Trainings of one encoder that follow each other."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecomai.learning.callbacks import Callback
from ecomai.learning.interactions import Interactions
from ecomai.learning.trainer import TrainingResult, train

from .adapters import allocating_ranks
from .item_judge import METRIC
from .tasks import TextTask

if TYPE_CHECKING:
    from .adapted import AdaptedTextEncoder


class Stages:
    """Trainings that follow each other: each with its share of the progress and its own checkpoints."""

    def __init__(
        self,
        encoder: "AdaptedTextEncoder",
        callbacks: Sequence[Callback],
        checkpoint_folder: str | Path | None,
        inputs: Sequence[Any],
    ) -> None:
        self.encoder = encoder
        self.callbacks = callbacks
        self.folder = None if checkpoint_folder is None else Path(checkpoint_folder)
        is_used = (encoder.pretraining != "none", inputs[-1] is not None)
        self.share = 1 / max(sum(is_used), 1)
        self.start = 0.0
        self.n_steps = 0
        self.fingerprint = {
            "hyperparameters": encoder.get_params(),
            "base": encoder.base_digest_,
            "input": _digest(inputs),
        }

    def train(
        self,
        name: str,
        task: TextTask,
        rows: Any,
        *,
        max_epochs: int,
        judge: Callable[[Any], dict[str, float]] | None = None,
    ) -> TrainingResult:
        stretched = [Stretched(callback, self.start, self.share, self.n_steps) for callback in self.callbacks]
        with allocating_ranks(self.encoder._tuner):
            result = train(
                task,
                rows,
                self.encoder.plan(max_epochs),
                judge=judge,
                metric=METRIC,
                checkpoint_folder=self.folder and self.folder / name,
                fingerprint=self.fingerprint,
                callbacks=stretched,
            )
        self.start += self.share
        self.n_steps += result.n_steps
        return result


class Stretched(Callback):
    """Tells a callback of one stage's progress and steps as a part of the whole."""

    def __init__(self, callback: Callback, start: float, share: float, n_steps: int) -> None:
        self.callback = callback
        self.start = start
        self.share = share
        self.n_steps = n_steps

    def on_start(self, step: int) -> None:
        self.callback.on_start(self.n_steps + step)

    def on_end(self) -> None:
        self.callback.on_end()

    def on_progress(self, progress: float) -> None:
        self.callback.on_progress(self.start + progress * self.share)

    def on_log(self, step: int, metrics: dict[str, float]) -> None:
        self.callback.on_log(self.n_steps + step, metrics)

    def should_stop(self) -> bool:
        return self.callback.should_stop()


def _digest(inputs: Sequence[Any]) -> str:
    digest = hashlib.sha256()
    for value in inputs:
        if isinstance(value, Interactions):
            digest.update(value.items.tobytes() + value.offsets.tobytes())
        elif value is not None:
            digest.update("\0".join(value).encode())
    return digest.hexdigest()
