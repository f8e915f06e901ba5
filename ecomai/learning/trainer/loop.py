"""transformers' `Trainer` with steps of our own: as many micro-batches as memory asks for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from torch import Tensor, nn
from transformers.trainer_callback import PrinterCallback

from ecomai.learning.devices import find_device
from ecomai.learning.exceptions import TrainingMemoryError

from .batches import LengthBuckets, RowNumbers
from .plan import BatchDataset, TrainingPlan
from .ranks import Ranks
from .watchers import MICRO_BATCH, Finiteness

LOG_POINTS = 100


class Arguments(transformers.TrainingArguments):
    """transformers' arguments, made from a plan by `arguments_of`."""

    @property
    def n_gpu(self) -> int:
        """One process drives one GPU; left alone, the `Trainer` would drive all with `DataParallel`."""
        return min(int(super().n_gpu), 1)


def arguments_of(plan: TrainingPlan, folder: Path, *, n_rows: int) -> Arguments:
    """Return a plan in transformers' terms.

    Parameters
    ----------
    plan : TrainingPlan
    folder : Path
        For checkpoints.
    n_rows : int
        Size of the data, which says how often to log.

    Returns
    -------
    Arguments
    """
    device = find_device(plan.device)
    has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported()
    n_steps = plan.max_epochs * -(-n_rows // plan.batch_size)
    return Arguments(
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
        logging_nan_inf_filter=False,  # `Finiteness` looks, and not at each step
        save_strategy="no",
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        ddp_broadcast_buffers=False,  # a process that tries a step again must not wait for the others there
    )


class Loop(transformers.Trainer):
    """The loop of epochs, logs and checkpoints is transformers', a step is ours.

    A step that runs out of memory is tried again with micro-batches of half the size: the steps, their
    rows and what they add up to stay the same, and nothing that was learned is lost. accelerate's
    `find_executable_batch_size`, which the `Trainer` offers, starts the whole training anew instead, with
    smaller steps and hence other learning.

    Parameters
    ----------
    module : nn.Module
    dataset : BatchDataset
    plan : TrainingPlan
    arguments : Arguments
    ranks : Ranks
    watchers : sequence of transformers.TrainerCallback
    """

    def __init__(
        self,
        module: nn.Module,
        dataset: BatchDataset,
        plan: TrainingPlan,
        arguments: Arguments,
        *,
        ranks: Ranks,
        watchers: Sequence[transformers.TrainerCallback],
    ) -> None:
        self.finiteness = Finiteness()
        super().__init__(module, arguments, train_dataset=dataset, callbacks=[self.finiteness, *watchers])
        self.remove_callback(PrinterCallback)
        self.dataset = dataset
        self.plan = plan
        self.ranks = ranks
        self.micro_batch = -(-plan.batch_size // (ranks.n_ranks * plan.accumulation))
        if not ranks.is_main:
            torch.manual_seed(arguments.seed + ranks.rank)  # else all would drop out the same units

    def take_up_micro_batch(self) -> None:
        """Begin a resumed training with what was found to fit before, for the same random numbers."""
        found = [log[MICRO_BATCH] for log in self.state.log_history if MICRO_BATCH in log]
        self.micro_batch = int(found[-1]) if found else self.micro_batch

    def get_train_dataloader(self) -> RowNumbers:
        """Return the numbers of this device's rows, step by step."""
        lengths, seed = self.dataset.lengths, self.args.seed
        return RowNumbers(
            LengthBuckets(lengths, self.plan.batch_size, seed, self.ranks.rank, self.ranks.n_ranks)
        )

    def training_step(self, model: nn.Module, inputs: list[int], num_items_in_batch: Any = None) -> Tensor:
        """Leave the gradient of a step's mean loss in the parameters, and return that loss."""
        if not model.training:  # asked first, because switching walks through all parts of it
            model.train()
        while (loss := self._try_step(model, inputs)) is None:
            model.zero_grad()
            self._halve_micro_batch()
        self.finiteness.losses.append(loss)
        return loss

    def _try_step(self, model: nn.Module, rows: list[int]) -> Tensor | None:
        """Return None where memory ran out, here or on another device."""
        is_whole = self.ranks.is_alone and len(rows) <= self.micro_batch
        sums = torch.zeros(2, device=self.args.device)
        has_memory = True
        try:
            # The devices' gradients are added up once all have theirs: one may need another try.
            with self.accelerator.no_sync(model):
                for start in range(0, len(rows), self.micro_batch):
                    sums += self._add_gradient(model, rows[start : start + self.micro_batch], is_whole)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            has_memory = False
        if self.ranks.agree(not has_memory):
            return None
        if not is_whole:
            self._average_gradients(sums)
        return sums[0] / sums[1]

    def _add_gradient(self, model: nn.Module, rows: list[int], is_whole: bool) -> Tensor:
        """Return the micro-batch's loss times its weight, and its weight.

        A module that averages over something else than rows returns as `weight` how much of it there was.
        """
        outputs = model(**self._fetch(rows))
        loss = outputs["loss"]
        weight = torch.as_tensor(outputs.get("weight", len(rows)), dtype=torch.float32, device=loss.device)
        # Divided by something near the sum of weights, so that 16 bits do not overflow.
        self.accelerator.backward(loss if is_whole else loss * (weight / self.plan.batch_size))
        return torch.stack([loss.detach().float() * weight, weight.detach()])

    def _average_gradients(self, sums: Tensor) -> None:
        """Make of sums of weighted gradients, also of other devices, their mean; add up `sums` too."""
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        if not self.ranks.is_alone:
            for parameter in parameters:  # another device may have used what this one did not
                parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        self.ranks.add_up([sums, *gradients])
        torch._foreach_mul_(gradients, self.plan.batch_size / sums[1])

    def _fetch(self, rows: list[int]) -> dict[str, Tensor]:
        batch = self.dataset.__getitems__(rows)
        if self.args.device.type == "cpu":
            return dict(batch)
        return {
            name: tensor.pin_memory().to(self.args.device, non_blocking=True)
            for name, tensor in batch.items()
        }

    def _halve_micro_batch(self) -> None:
        if self.micro_batch == 1:
            raise TrainingMemoryError(
                "One row at a time does not fit into memory. Train a smaller model or shorter rows, or on a "
                "device with more memory."
            )
        self.micro_batch = -(-self.micro_batch // 2)
        clear_device_cache(garbage_collection=True)
        self.log({MICRO_BATCH: self.micro_batch})


def is_out_of_memory(error: Exception) -> bool:
    """Whether less at once may help: the GPU's memory, torch's on the CPU, or Python's ran out."""
    is_cublas = isinstance(error, RuntimeError) and "CUBLAS_STATUS_ALLOC_FAILED" in str(error)
    is_memory = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return is_memory or is_cublas or bool(should_reduce_batch_size(error))
