"""Clicks, conversions and, where asked for, the next item, learned by one network."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors.torch import load_file, save_file

from ecomai.inference.exposures import Contents, Exposures, bucket_of
from ecomai.learning.callbacks import Callback
from ecomai.learning.classifiers.base import log_odds_of, sigmoid
from ecomai.learning.devices import detached_state, find_device, seeded, threads
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics.response import log_loss
from ecomai.learning.trainer import TrainingPlan, train

from .base import Outcomes, ResponseModel, Responses, check_outcomes, check_sizes, sizes_of
from .calibrating import fit_line
from .joint_network import JointConfig, JointNetwork

NETWORK_FILE = "network.safetensors"
EXPOSURES_AT_ONCE = 4096
PRIMARY = "response"  # of the live curve: minus the log losses of clicks and of conversions


@dataclass(frozen=True, eq=False)
class NextItems:
    """What customers turned to next: places among the contents of the exposures.

    Parameters
    ----------
    histories : int64 array of shape (n_cases, n_steps)
        Newest first, -1 for none.
    targets : int64 array of shape (n_cases,)
    """

    histories: NDArray[np.int64]
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def of(cls, histories: ArrayLike, targets: ArrayLike, *, n_contents: int) -> Self:
        """Return cases that fit each other and the contents, or raise InvalidDataError."""
        steps, wanted = np.asarray(histories, dtype=np.int64), np.asarray(targets, dtype=np.int64)
        if steps.ndim != 2 or wanted.shape != (len(steps),):
            raise InvalidDataError("There must be one next item for each history.")
        if len(wanted) and not (0 <= wanted.min() <= wanted.max() < n_contents and steps.max() < n_contents):
            raise InvalidDataError("A history or a next item is not among the contents.")
        return cls(steps, wanted)


class JointResponse(ResponseModel):
    """A network that learns clicks and conversions together, over all that was shown.

    Both tasks read the same encoded contents and history; experts are mixed by a gate for each of them.
    `next_items` gives the encoders a third task for which a shop has far more examples: to tell what a
    customer turns to next.

    Parameters
    ----------
    dim : int, default 32
    n_experts : int, default 3
    n_buckets : int, default 2048
        Of each category's hashed names, and of the items' keys.
    dropout : float in [0, 1), default 0.1
    max_epochs : int, default 8
    patience : int, default 2
        Epochs without a better validation after which training stops.
    batch_size : int, default 512
    learning_rate : float, default 3e-3
    weight_decay : float, default 0.01
    next_weight : float, default 0.1
        How much the next item counts beside clicks and conversions.
    n_threads : int or None, default None
        Of the processor; None leaves torch's number.
    device : str, default "auto"
    random_state : int, default 0

    Attributes
    ----------
    sizes_ : dict of str to int
    lines_ : list of two pairs of float
        Slope and shift of the log odds of clicks and conversions.
    network : JointNetwork
        The trained module, for export.

    References
    ----------
    Ma et al., "Entire space multi-task model", 2018; Ma et al., "Modeling task relationships in multi-task
    learning with multi-gate mixture-of-experts", 2018.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("sizes_", "lines_")

    lines_: list[tuple[float, float]]

    def __init__(
        self,
        dim: int = 32,
        n_experts: int = 3,
        n_buckets: int = 2048,
        dropout: float = 0.1,
        max_epochs: int = 8,
        patience: int = 2,
        batch_size: int = 512,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.01,
        next_weight: float = 0.1,
        n_threads: int | None = None,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.dim = dim
        self.n_experts = n_experts
        self.n_buckets = n_buckets
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.next_weight = next_weight
        self.n_threads = n_threads
        self.device = device
        self.random_state = random_state

    @property
    def is_fitted(self) -> bool:
        return hasattr(self, "network")

    def fit(
        self,
        outcomes: Outcomes,
        *,
        valid: Outcomes | None = None,
        next_items: NextItems | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Train the network; see `ResponseModel.fit`.

        Parameters
        ----------
        outcomes, valid
            Training stops early by `valid` and takes the best epoch; without it all epochs are done.
        next_items : NextItems, optional
            Of the contents of `outcomes`.
        callbacks : sequence of Callback, default ()
        checkpoint_folder : path, optional
            Private to this training.
        """
        check_outcomes(outcomes)
        valid = valid if valid is not None and len(valid) else None
        with seeded(self.random_state), threads(self.n_threads):
            network = JointNetwork(self._config(sizes_of(outcomes.exposures)))
            network.set_numbers(*_spread(outcomes.exposures.numbers))
            network.set_priors(_priors(outcomes))
            network.next_weight = self.next_weight
            train(
                network,
                _Rows(outcomes, next_items, self.n_buckets),
                self._plan(),
                judge=None if valid is None else lambda module: self._judge(module, valid),
                metric=PRIMARY,
                checkpoint_folder=checkpoint_folder,
                fingerprint={
                    "hyperparameters": self.get_params(),
                    "input": _digest(outcomes, valid, next_items),
                },
                callbacks=callbacks,
            )
        self.sizes_, self.lines_ = sizes_of(outcomes.exposures), [(1.0, 0.0), (1.0, 0.0)]
        self.network = network.eval()
        if valid is not None:
            odds, judged = self._log_odds(self.network, valid.exposures), valid.is_judged
            self.lines_ = [
                fit_line(odds[:, 0], valid.clicked),
                fit_line(odds[judged, 1], valid.converted[judged]),
            ]
        return self

    def predict(self, exposures: Exposures) -> Responses:
        """Return what the network says; see `ResponseModel.predict`."""
        self.check_is_fitted()
        check_sizes(exposures, self.sizes_)
        odds = self._log_odds(self.network, exposures)
        click, conversion = (
            sigmoid(slope * odds[:, task] + shift) for task, (slope, shift) in enumerate(self.lines_)
        )
        return Responses(click, conversion)

    def _config(self, sizes: dict[str, int]) -> JointConfig:
        return JointConfig(
            **sizes, n_buckets=self.n_buckets, dim=self.dim, n_experts=self.n_experts, dropout=self.dropout
        )

    def _plan(self) -> TrainingPlan:
        return TrainingPlan(
            max_epochs=self.max_epochs, batch_size=self.batch_size, learning_rate=self.learning_rate,
            warmup=0.05, weight_decay=self.weight_decay, patience=self.patience,
            random_state=self.random_state, device=self.device,
        )  # fmt: skip

    def _log_odds(self, network: torch.nn.Module, exposures: Exposures) -> NDArray[np.float64]:
        """Return log odds of shape (n_exposures, 2)."""
        device = next(network.parameters()).device
        found = [np.empty((0, 2))]
        with torch.inference_mode(), threads(self.n_threads):
            for start in range(0, len(exposures), EXPOSURES_AT_ONCE):
                some = exposures.take(slice(start, start + EXPOSURES_AT_ONCE))
                inputs = _tensors(some, np.empty((0, some.histories.shape[1]), np.int64), self.n_buckets)[0]
                logits = network.logits(**{name: value.to(device) for name, value in inputs.items()})  # type: ignore[operator]
                found.append(logits.double().cpu().numpy())
        return np.concatenate(found)

    def _judge(self, network: torch.nn.Module, valid: Outcomes) -> dict[str, float]:
        odds, judged = self._log_odds(network, valid.exposures), valid.is_judged
        losses = {"click_log_loss": log_loss(valid.clicked, sigmoid(odds[:, 0]))}
        known = valid.converted >= 0
        if known.any():
            both = sigmoid(odds[known, 0]) * sigmoid(odds[known, 1])
            losses["click_and_conversion_log_loss"] = log_loss(valid.converted[known], both)
        if judged.any():
            after = sigmoid(odds[judged, 1])
            return {
                **losses, "conversion_log_loss": log_loss(valid.converted[judged], after),
                PRIMARY: -sum(losses.values()),
            }  # fmt: skip
        return {**losses, PRIMARY: -sum(losses.values())}

    def _save_parts(self, folder: Path) -> None:
        save_file(detached_state(self.network), folder / NETWORK_FILE)

    def _load_parts(self, folder: Path) -> None:
        self.lines_ = [(float(slope), float(shift)) for slope, shift in self.lines_]
        self.network = JointNetwork(self._config(self.sizes_))
        self.network.load_state_dict(load_file(folder / NETWORK_FILE))
        self.network.to(find_device(self.device)).eval()


class _Rows:
    """Exposures, and after them cases of next items, as batches that bring the contents they name."""

    def __init__(self, outcomes: Outcomes, next_items: NextItems | None, n_buckets: int) -> None:
        self.outcomes = outcomes
        n_steps = outcomes.exposures.histories.shape[1]
        self.next_items = next_items or NextItems(np.empty((0, n_steps), np.int64), np.empty(0, np.int64))
        self.n_buckets = n_buckets
        self.lengths = np.ones(len(outcomes) + len(self.next_items), dtype=np.int64)
        counts = np.bincount(self.next_items.targets, minlength=len(outcomes.exposures.contents))
        self.log_shares = np.log(np.maximum(counts, 1) / max(counts.sum(), 1)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitems__(self, rows: list[int]) -> dict[str, torch.Tensor]:
        numbers, n_shown = np.asarray(rows), len(self.outcomes)
        shown = self.outcomes.take(numbers[numbers < n_shown])
        cases = numbers[numbers >= n_shown] - n_shown
        targets = self.next_items.targets[cases]
        named = np.column_stack([self.next_items.histories[cases], targets])
        inputs, places = _tensors(shown.exposures, named, self.n_buckets)
        return inputs | {
            "clicked": torch.from_numpy(shown.clicked.astype(np.float32)),
            "converted": torch.from_numpy(shown.converted.astype(np.float32)),
            "next_histories": places[:, :-1],
            "next_items": places[:, -1],
            "next_log_shares": torch.from_numpy(self.log_shares[targets]),
        }


def _tensors(
    exposures: Exposures, others: NDArray[np.int64], n_buckets: int
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Return what the network reads, with those contents alone that are named, and `others` as places."""
    contents: Contents = exposures.contents
    parts = (exposures.items[:, None], exposures.texts[:, None], exposures.histories, others)
    used = np.unique(np.concatenate([part.ravel() for part in parts]))
    used = used[used >= 0]
    if not len(used):
        used = np.zeros(min(1, len(contents)), dtype=np.int64)
    items, texts, histories, more = (
        torch.from_numpy(np.where(part < 0, -1, np.searchsorted(used, part))) for part in parts
    )
    inputs = {
        "vectors": torch.from_numpy(contents.vectors[used]),
        "keys": torch.from_numpy(bucket_of(contents.keys[used], n_buckets)),
        "categories": torch.from_numpy(bucket_of(exposures.categories, n_buckets)),
        "numbers": torch.from_numpy(np.ascontiguousarray(exposures.numbers)),
        "items": items[:, 0],
        "texts": texts[:, 0],
        "histories": histories,
    }
    return inputs, more


def _spread(numbers: NDArray[np.float32]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation of each number; 0 and 1 where none is known."""
    known = np.isfinite(numbers)
    n = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, numbers, 0.0).astype(np.float64)
    means = filled.sum(axis=0) / n
    spread = np.sqrt((np.where(known, filled - means, 0.0) ** 2).sum(axis=0) / n)
    scales = np.where(spread > 1e-6, spread, 1.0)
    return torch.from_numpy(means.astype(np.float32)), torch.from_numpy(scales.astype(np.float32))


def _priors(outcomes: Outcomes) -> tuple[float, float]:
    judged = outcomes.is_judged
    share = (outcomes.converted[judged].sum() + 0.5) / (judged.sum() + 1)
    return log_odds_of(float(outcomes.clicked.mean())), log_odds_of(float(share))


def _digest(*parts: Outcomes | NextItems | None) -> str:
    digest = hashlib.sha256()
    for part in parts:
        arrays: list[Any] = []
        if isinstance(part, Outcomes):
            shown = part.exposures
            arrays = [part.clicked, part.converted, shown.categories, shown.numbers, shown.histories]
            arrays += [shown.items, shown.texts, shown.contents.vectors]
        elif part is not None:
            arrays = list(asdict(part).values())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
