"""Early stopping on what a judge says of each epoch."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn

from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import detached_state

from .checkpoints import is_readable, write_whole
from .ranks import Ranks

JUDGEMENTS = "judgements.json"
BEST_KEPT = 2  # the best but one is needed where the newest checkpoint is broken

Judge = Callable[[nn.Module], dict[str, float]]


class Judgements(transformers.TrainerCallback):
    """Judges each epoch, keeps the best weights, stops when they get no better.

    Judgements and best weights are files, so that a resumed training stops where it would have.
    """

    def __init__(
        self,
        folder: Path,
        judge: Judge | None,
        metric: str,
        patience: int,
        callbacks: Sequence[Callback],
        ranks: Ranks,
    ) -> None:
        self.folder = folder
        self.judge = judge
        self.metric = metric
        self.patience = patience
        self.callbacks = callbacks
        self.ranks = ranks
        self.by_epoch: dict[int, float] = {}

    @property
    def best_epoch(self) -> int | None:
        return max(self.by_epoch, key=self.by_epoch.__getitem__) if self.by_epoch else None

    @property
    def is_over(self) -> bool:
        return max(self.by_epoch, default=0) - (self.best_epoch or 0) >= self.patience

    def read(self, epochs_done: float) -> None:
        """Take up what was judged, without the epochs that will be trained again."""
        note = self.folder / JUDGEMENTS
        if note.exists():
            judged = json.loads(note.read_text(encoding="utf-8"))
            self.by_epoch = {
                int(epoch): value for epoch, value in judged.items() if int(epoch) <= epochs_done
            }

    def fit_to(self, epochs_done: float) -> bool:
        """Whether all judgements of so many epochs are there, and the weights of the best of them."""
        if self.judge is None:
            return True
        try:
            self.read(epochs_done)
        except (OSError, ValueError):
            return False
        has_all = len(self.by_epoch) == int(epochs_done)
        return has_all and (self.best_epoch is None or is_readable(self._weights(self.best_epoch)))

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: nn.Module, **kwargs: Any) -> None:
        """Judge, tell the callbacks, keep the weights where they are the best so far."""
        if self.judge is None:
            return
        epoch = round(state.epoch)
        metrics = self.ranks.run_on_main(lambda: self._judge(model, state.global_step))
        self.by_epoch[epoch] = metrics[self.metric]
        state.log_history.append({**metrics, "step": state.global_step})
        if self.ranks.is_main:
            self._write(model, epoch)
        control.should_training_stop |= self.is_over

    def _judge(self, model: nn.Module, step: int) -> dict[str, float]:
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad():
                metrics = self.judge(model) if self.judge else {}
        finally:
            model.train(was_training)
        for callback in self.callbacks:
            callback.on_log(step, metrics)
        return metrics

    def _write(self, model: nn.Module, epoch: int) -> None:
        if self.best_epoch == epoch:
            write_whole(self._weights(epoch), lambda path: save_file(detached_state(model), path))
        note = json.dumps(self.by_epoch)
        write_whole(self.folder / JUDGEMENTS, lambda path: path.write_text(note, encoding="utf-8"))
        ranked = sorted(self.folder.glob("best-*.safetensors"), key=lambda path: int(path.stem[5:]))
        for path in ranked[:-BEST_KEPT]:
            path.unlink()

    def _weights(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch}.safetensors"

    def restore_best(self, module: nn.Module) -> None:
        """Give the module the weights of the best epoch, where any was judged."""
        if self.best_epoch is None:
            return
        if self.ranks.is_main:
            module.load_state_dict(load_file(self._weights(self.best_epoch)))
        self.ranks.copy_from_main(module)
