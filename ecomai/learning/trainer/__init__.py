"""The one training loop: a wrapper over transformers' `Trainer`."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn
from transformers import TrainerState

from ecomai.learning.callbacks import Callback
from ecomai.learning.quiet import silence_transformers

from .batches import LengthBuckets
from .checkpoints import Checkpoints, clear, keep_only_if_equal, newest_complete_checkpoint, read_state
from .judgements import Judge, Judgements
from .loop import Loop, arguments_of
from .plan import BatchDataset, TrainingPlan, TrainingResult
from .ranks import Ranks
from .watchers import Progress, curve_of

__all__ = [
    "BatchDataset",
    "LengthBuckets",
    "TrainingPlan",
    "TrainingResult",
    "newest_complete_checkpoint",
    "train",
]

silence_transformers()


def train(
    module: nn.Module,
    dataset: BatchDataset,
    plan: TrainingPlan,
    *,
    judge: Judge | None = None,
    metric: str = "",
    checkpoint_folder: str | Path | None = None,
    fingerprint: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
) -> TrainingResult:
    """Train a module in place.

    Mixed precision is used where the device has it. With a checkpoint folder, a training that was
    killed goes on from the newest complete checkpoint, to the same weights. A step that does not fit
    into memory is done in smaller parts. Started by `accelerate launch` or `torchrun`, the processes
    share the rows of each step; rank 0 alone judges, calls back and writes.

    Parameters
    ----------
    module : nn.Module
        `module(**batch)` returns `{"loss": tensor}`, a mean over rows; a mean over something else comes
        with `"weight"`, how much of it the batch has.
    dataset : BatchDataset
        Gives whole batches.
    plan : TrainingPlan
        How to train.
    judge : callable, optional
        Called after each epoch; its metrics join the live curve. Training stops early on `metric`,
        and the module ends with the weights of the best epoch. Default: train for all epochs.
    metric : str, default ""
        Name of the judged metric; greater is better.
    checkpoint_folder : path, optional
        Private to this training. Default: no checkpoints.
    fingerprint : mapping, optional
        What must be equal for checkpoints to fit; checkpoints of another training are removed.
    callbacks : sequence of Callback, default ()

    Returns
    -------
    TrainingResult

    Raises
    ------
    TrainingCancelledError
        If a callback asks for it.
    TrainingDivergedError
        If the loss or a weight is no finite number any more.
    TrainingMemoryError
        If a single row does not fit into memory.
    """
    with tempfile.TemporaryDirectory(prefix="ecomai-training-") as temporary:
        folder = Path(checkpoint_folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        arguments = arguments_of(plan, folder, n_rows=len(dataset))
        ranks = Ranks(arguments)
        judgements = Judgements(folder, judge, metric, plan.patience, callbacks, ranks)
        watchers: list[Any] = [Progress(callbacks, ranks), judgements]
        resumed = None
        if checkpoint_folder:
            watchers.append(Checkpoints(plan.checkpoint_seconds, ranks))
            resumed = ranks.run_on_main(lambda: _find_checkpoint(judgements, fingerprint or {}))
        loop = Loop(module, dataset, plan, arguments, ranks=ranks, watchers=watchers)
        _run(loop, judgements, resumed, callbacks if ranks.is_main else ())
        judgements.restore_best(module)
        return TrainingResult(
            loop.state.global_step,
            judgements.by_epoch,
            judgements.best_epoch,
            curve_of(loop.state.log_history),
        )


def _find_checkpoint(judgements: Judgements, fingerprint: Mapping[str, Any]) -> Path | None:
    keep_only_if_equal(judgements.folder, fingerprint)
    checkpoint = newest_complete_checkpoint(judgements.folder)
    epochs_done = 0.0 if checkpoint is None else float(read_state(checkpoint)["epoch"])
    if not judgements.fit_to(epochs_done):
        clear(judgements.folder)
        return None
    return checkpoint


def _run(loop: Loop, judgements: Judgements, checkpoint: Path | None, callbacks: Sequence[Callback]) -> None:
    """Train from a checkpoint or from the start, unless the training had stopped by itself before."""
    if checkpoint is not None:
        loop.state = TrainerState(**read_state(checkpoint))
        judgements.read(float(loop.state.epoch))
        loop.take_up_micro_batch()
    if judgements.is_over:
        return
    try:
        for callback in callbacks:
            callback.on_start(loop.state.global_step)
        loop.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    finally:
        for callback in callbacks:
            callback.on_end()
