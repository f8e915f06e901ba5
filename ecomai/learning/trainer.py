"""The one training loop: a wrapper over transformers' `Trainer`."""

import json
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from .callbacks import Callback, raise_if_stopped
from .devices import detached_state, find_device
from .quiet import silence_transformers

BEST_WEIGHTS = "best.safetensors"
JUDGEMENTS = "judgements.json"
FINGERPRINT = "fingerprint.json"
STATE_FILES = ("optimizer.pt", "scheduler.pt", "rng_state.pth")
LOG_POINTS = 100
BATCHES_IN_BUCKET = 16

silence_transformers()


class BatchDataset(Protocol):
    """What `train` reads: a number of rows, how long each is, and batches as tensors by name."""

    lengths: NDArray[np.int64]

    def __len__(self) -> int: ...

    def __getitems__(self, rows: list[int]) -> Mapping[str, torch.Tensor]: ...


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How to train; what differs between models is the module and the data.

    Parameters
    ----------
    max_epochs : int
        Passes over the data at most.
    batch_size : int
        Rows per step and device.
    learning_rate : float
        The greatest one, after warming up.
    warmup : float in [0, 1), default 0.05
        Share of the steps over which the learning rate rises from 0.
    schedule : str, default "linear"
        Any of transformers' schedules.
    weight_decay : float, default 0.0
    max_grad_norm : float, default 1.0
    patience : int, default 3
        Epochs without a better judgement after which training stops.
    checkpoint_seconds : float, default 30.0
        Least time between two checkpoints.
    random_state : int, default 0
    device : str, default "auto"
    """

    max_epochs: int
    batch_size: int
    learning_rate: float
    warmup: float = 0.05
    schedule: str = "linear"
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    patience: int = 3
    checkpoint_seconds: float = 30.0
    random_state: int = 0
    device: str = "auto"


@dataclass
class TrainingResult:
    """How a training went.

    Attributes
    ----------
    n_steps : int
        Steps taken, those before a resume included.
    judgements : dict of int to float
        The judged metric by epoch.
    best_epoch : int or None
        Whose weights the module holds now; None where nothing was judged.
    """

    n_steps: int
    judgements: dict[int, float] = field(default_factory=dict)
    best_epoch: int | None = None


def train(
    module: nn.Module,
    dataset: BatchDataset,
    plan: TrainingPlan,
    *,
    judge: Callable[[nn.Module], dict[str, float]] | None = None,
    metric: str = "",
    checkpoint_folder: str | Path | None = None,
    fingerprint: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
) -> TrainingResult:
    """Train a module in place.

    Mixed precision is used where the device has it. With a checkpoint folder, a training that was
    killed goes on from the newest complete checkpoint, to the same weights.

    Parameters
    ----------
    module : nn.Module
        `module(**batch)` returns `{"loss": tensor}`.
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
    """
    with tempfile.TemporaryDirectory(prefix="ecomai-training-") as temporary:
        folder = Path(checkpoint_folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        _keep_only_if_equal(folder, fingerprint or {})
        resumed = newest_complete_checkpoint(folder) if checkpoint_folder else None
        judgements = _Judgements(folder, judge, metric, plan.patience, callbacks)
        judgements.resume(_epochs_done(resumed))
        watchers: list[Any] = [judgements, _Progress(callbacks)]
        if checkpoint_folder:
            watchers.append(_Checkpoints(plan.checkpoint_seconds))
        trainer = _Trainer(
            module,
            _arguments(plan, folder, n_rows=len(dataset)),
            train_dataset=dataset,
            data_collator=_as_is,
            callbacks=watchers,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        judgements.restore_best(module)
        return TrainingResult(trainer.state.global_step, judgements.by_epoch, judgements.best_epoch)


def newest_complete_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint that can be read in full, and remove the newer broken ones.

    A process that is killed while it writes leaves a folder of the highest number with files cut off.

    Parameters
    ----------
    folder : Path
        Where a training keeps its checkpoints.

    Returns
    -------
    Path or None
        None where there is no complete checkpoint.
    """
    found = [
        path for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*") if path.name.rsplit("-")[-1].isdigit()
    ]
    for path in sorted(found, key=lambda path: int(path.name.rsplit("-")[-1]), reverse=True):
        if _is_complete(path):
            return path
        shutil.rmtree(path)
    return None


def _is_complete(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        with safe_open(checkpoint / "model.safetensors", "pt") as weights:
            weights.keys()
    except (OSError, ValueError, SafetensorError):
        return False
    # A zip's directory is at its end, so a file that was cut is no zip file.
    return all(zipfile.is_zipfile(checkpoint / name) for name in STATE_FILES)


def _keep_only_if_equal(folder: Path, fingerprint: Mapping[str, Any]) -> None:
    """Remove what another training left in the folder: its weights would not fit, or fit by mistake."""
    wanted = json.dumps(fingerprint, sort_keys=True)
    note = folder / FINGERPRINT
    if note.exists() and note.read_text(encoding="utf-8") == wanted:
        return
    for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        shutil.rmtree(path)
    for name in (BEST_WEIGHTS, JUDGEMENTS):
        (folder / name).unlink(missing_ok=True)
    _write_whole(note, lambda path: path.write_text(wanted, encoding="utf-8"))


def _write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file so that a kill in the middle leaves the one before it."""
    unfinished = path.with_name(f"{path.name}.part")
    write(unfinished)
    unfinished.replace(path)


def _epochs_done(checkpoint: Path | None) -> float:
    if checkpoint is None:
        return 0.0
    return float(json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))["epoch"])


def _as_is(batch: Any) -> Any:
    return batch


def _arguments(plan: TrainingPlan, folder: Path, *, n_rows: int) -> transformers.TrainingArguments:
    device = find_device(plan.device)
    has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported()
    n_steps = plan.max_epochs * -(-n_rows // plan.batch_size)
    return transformers.TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=plan.max_epochs,
        per_device_train_batch_size=plan.batch_size,
        learning_rate=plan.learning_rate,
        warmup_steps=plan.warmup,
        lr_scheduler_type=plan.schedule,
        weight_decay=plan.weight_decay,
        max_grad_norm=plan.max_grad_norm,
        bf16=has_bf16,
        fp16=device.type == "cuda" and not has_bf16,
        use_cpu=device.type == "cpu",
        seed=plan.random_state % 2**32,
        data_seed=plan.random_state % 2**32,
        logging_steps=max(1, n_steps // LOG_POINTS),
        save_strategy="no",
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=device.type == "cuda",
        dataloader_num_workers=0,  # batches are slices of arrays in memory: workers only add copies
    )


class LengthBuckets(torch.utils.data.Sampler[int]):
    """Random rows, those of like length in the same batch, so that little is spent on padding.

    Rows are drawn in buckets of several batches, sorted there, and the batches shuffled.

    Parameters
    ----------
    lengths : int array of shape (n_rows,)
    batch_size : int
    random_state : int
        The order depends on it and on the epoch only, so that a resumed epoch has the same batches.
    """

    def __init__(self, lengths: NDArray[np.int64], batch_size: int, random_state: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.random_state = random_state
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.random_state % 2**32, self.epoch])
        rows = rng.permutation(len(self.lengths))
        n_in_bucket = self.batch_size * BATCHES_IN_BUCKET
        buckets = [rows[start : start + n_in_bucket] for start in range(0, len(rows), n_in_bucket)]
        rows = np.concatenate([bucket[np.argsort(self.lengths[bucket], kind="stable")] for bucket in buckets])
        n_full = len(rows) // self.batch_size
        batches = rows[: n_full * self.batch_size].reshape(n_full, self.batch_size)
        # What does not fill a batch must stay at the end, or all batches after it would shift.
        yield from batches[rng.permutation(n_full)].ravel().tolist()
        yield from rows[n_full * self.batch_size :].tolist()


class _Trainer(transformers.Trainer):
    def _get_train_sampler(self, train_dataset: Any = None) -> LengthBuckets:
        return LengthBuckets(self.train_dataset.lengths, self.args.train_batch_size, self.args.seed)


class _Progress(transformers.TrainerCallback):
    """Tells our callbacks about steps and logs, and stops where they ask for it."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self.callbacks = callbacks

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        raise_if_stopped(self.callbacks)
        for callback in self.callbacks:
            callback.on_progress(min(state.global_step / max(state.max_steps, 1), 1.0))

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        logs = kwargs.get("logs") or {}
        names: tuple[str, ...] = ("loss", "learning_rate")
        points = {name: float(logs[name]) for name in names if name in logs}
        if points:
            for callback in self.callbacks:
                callback.on_log(state.global_step, points)


class _Checkpoints(transformers.TrainerCallback):
    """Asks for a checkpoint when the last one is old enough."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.saved_at = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if time.monotonic() - self.saved_at >= self.seconds:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.saved_at = time.monotonic()


class _Judgements(transformers.TrainerCallback):
    """Judges each epoch, keeps the best weights, stops when they get no better.

    Judgements and best weights are files, so that a resumed training stops where it would have.
    """

    def __init__(
        self,
        folder: Path,
        judge: Callable[[nn.Module], dict[str, float]] | None,
        metric: str,
        patience: int,
        callbacks: Sequence[Callback],
    ) -> None:
        self.folder = folder
        self.judge = judge
        self.metric = metric
        self.patience = patience
        self.callbacks = callbacks
        self.by_epoch: dict[int, float] = {}

    @property
    def best_epoch(self) -> int | None:
        return max(self.by_epoch, key=self.by_epoch.__getitem__) if self.by_epoch else None

    def resume(self, epochs_done: float) -> None:
        """Forget judgements of epochs that will be trained again."""
        note = self.folder / JUDGEMENTS
        if note.exists():
            judged = json.loads(note.read_text(encoding="utf-8"))
            self.by_epoch = {
                int(epoch): value for epoch, value in judged.items() if int(epoch) <= epochs_done
            }

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: nn.Module, **kwargs: Any) -> None:
        if self.judge is None:
            return
        epoch = round(state.epoch)
        metrics = self._judge(model)
        self.by_epoch[epoch] = metrics[self.metric]
        for callback in self.callbacks:
            callback.on_log(state.global_step, metrics)
        if self.best_epoch == epoch:
            _write_whole(self.folder / BEST_WEIGHTS, lambda path: save_file(detached_state(model), path))
        note = json.dumps(self.by_epoch)
        _write_whole(self.folder / JUDGEMENTS, lambda path: path.write_text(note, encoding="utf-8"))
        control.should_training_stop |= epoch - (self.best_epoch or 0) >= self.patience

    def _judge(self, model: nn.Module) -> dict[str, float]:
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad():
                return self.judge(model) if self.judge else {}
        finally:
            model.train(was_training)

    def restore_best(self, module: nn.Module) -> None:
        if self.by_epoch:
            module.load_state_dict(load_file(self.folder / BEST_WEIGHTS))
