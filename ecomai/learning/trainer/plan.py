"""What a training is given, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray


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
        Rows per step, over all devices and micro-batches: neither changes what is learned.
    learning_rate : float
        The greatest one, after warming up.
    accumulation : int, default 1
        Micro-batches per step and device to begin with; doubled whenever memory runs out.
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
    accumulation: int = 1
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
    curve : list of (int, dict of str to float)
        What was logged at which step, those before a resume included.
    """

    n_steps: int
    judgements: dict[int, float] = field(default_factory=dict)
    best_epoch: int | None = None
    curve: list[tuple[int, dict[str, float]]] = field(default_factory=list)
