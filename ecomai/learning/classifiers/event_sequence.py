"""A transformer over a case and what its customer, card or shop did shortly before."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors.torch import load_file, save_file

from ecomai.inference.event_windows import EventTable, EventWindows
from ecomai.learning.base import Estimator
from ecomai.learning.callbacks import Callback
from ecomai.learning.devices import detached_state, find_device, seeded, threads
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.trainer import TrainingPlan, train

from .base import as_probabilities, check_labels, check_weights, keep_some_negatives, log_odds_of
from .event_network import EventConfig, EventNetwork

NETWORK_FILE = "network.safetensors"
CASES_AT_ONCE = 2048
EDGE_SAMPLE = 20_000
OLDEST_DAYS = 90.0  # intervals of ages end there
HIDDEN_SHARE = 0.15  # of the numbers of earlier events, in pretraining
HIDDEN_SHARE_CASE = 0.5  # of those of the case
LEAST_IN_TIME = 256  # cases that are learned from, however short the time is
TIMED_STEPS = 5  # by which it is told how long an epoch takes


class EventSequenceClassifier(Estimator):
    """Judge a case by itself and the newest earlier events of its streams.

    An event is a token: its numbers (as filled intervals), how long ago it was, hashed names, whether it
    shares the case's customer, device and so on, what is known of its outcome by the time of the case, and
    the vector of its text. All tokens attend to each other, and the case's says the log odds.

    Unlabelled history teaches first: numbers are hidden, and the network guesses their intervals. Then a few
    labels suffice.

    Parameters
    ----------
    lengths : sequence of n_streams int, default (16, 32)
        How many earlier events of each stream are looked at.
    dim : int, default 32
    n_layers, n_heads : int, default 2 and 2
        `n_heads` must divide `dim`.
    n_edges : int, default 8
        Of the intervals of each number, at even shares of the events.
    n_buckets : int, default 1024
        Of each category's hashed names; 0 is a missing one.
    dropout : float in [0, 1), default 0.1
    pretraining_epochs, max_epochs : int, default 3 and 15
    batch_size : int, default 128
    pretraining_rate, learning_rate : float, default 3e-3 and 2e-3
    weight_decay : float, default 0.01
    negative_share : float in (0, 1], default 0.1
        How many of the negatives are learned from; they then weigh as much as all.
    positive_weight : float, default 1.0
        How many times a positive counts while learning; taken back from the log odds.
    pretraining_minutes, max_minutes : float, optional
        How long each may take, about: so many epochs as fit, and where not even one does, the newest cases.
    n_threads : int or None, default None
        Of the processor; None leaves torch's number.
    device : str, default "auto"
    random_state : int, default 0

    Attributes
    ----------
    sizes_ : dict of str to int
        Numbers, categories, streams and text features of an event.
    n_epochs_ : int
        Asked for, as many as fit into the minutes.
    network : EventNetwork
        The trained module, for export.

    References
    ----------
    Padhi et al., "Tabular transformers for modeling multivariate time series", 2021; Gorishniy et al., "On
    embeddings for numerical features in tabular deep learning", 2022.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("sizes_", "n_epochs_")

    sizes_: dict[str, int]
    n_epochs_: int

    def __init__(
        self,
        lengths: Sequence[int] = (16, 32),
        dim: int = 32,
        n_layers: int = 2,
        n_heads: int = 2,
        n_edges: int = 8,
        n_buckets: int = 1024,
        dropout: float = 0.1,
        pretraining_epochs: int = 3,
        max_epochs: int = 15,
        batch_size: int = 128,
        pretraining_rate: float = 3e-3,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.01,
        negative_share: float = 0.1,
        positive_weight: float = 1.0,
        pretraining_minutes: float | None = None,
        max_minutes: float | None = None,
        n_threads: int | None = None,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.lengths = lengths
        self.dim = dim
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.n_edges = n_edges
        self.n_buckets = n_buckets
        self.dropout = dropout
        self.pretraining_epochs = pretraining_epochs
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.pretraining_rate = pretraining_rate
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.negative_share = negative_share
        self.positive_weight = positive_weight
        self.pretraining_minutes = pretraining_minutes
        self.max_minutes = max_minutes
        self.n_threads = n_threads
        self.device = device
        self.random_state = random_state

    @property
    def is_fitted(self) -> bool:
        return hasattr(self, "network")

    def pretrain(
        self,
        table: EventTable,
        cases: ArrayLike,
        *,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Learn what events look like, without labels; each `fit` of such tables then starts from there.

        Parameters
        ----------
        table : EventTable
        cases : int array-like of shape (n_cases,)
            Events whose windows teach.
        callbacks : sequence of Callback, default ()
        checkpoint_folder : path, optional
            Private to this training.

        Returns
        -------
        EventSequenceClassifier
            Itself; not fitted yet.

        Raises
        ------
        InvalidDataError
            If there is no case, or the table has no numbers or other streams than `lengths`.
        TrainingCancelledError
            If a callback asks for it.
        """
        windows, rows = self._windows(table, cases)
        if not len(rows):
            raise InvalidDataError("There is no event to learn from.")
        with seeded(self.random_state), threads(self.n_threads):
            network = self._new_network(table, rows)
            dataset = _HiddenNumbers(windows, rows, self.random_state)
            n_epochs = self._keep_in_time(network, dataset, self.pretraining_minutes, self.pretraining_epochs)
            plan = self._plan(n_epochs, self.pretraining_rate)
            self._train(
                network,
                dataset,
                plan,
                callbacks,
                checkpoint_folder,
                _digest(table.times, table.numbers, rows),
            )
        self.pretrained_ = detached_state(network)
        self.pretrained_sizes_ = _sizes_of(table)
        return self

    def fit(
        self,
        table: EventTable,
        cases: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Learn to judge cases, from what `pretrain` learned on, where it went before.

        Parameters
        ----------
        table : EventTable
        cases : int array-like of shape (n_cases,)
            Which events are judged.
        y : array-like of shape (n_cases,)
            1 is what is looked for, 0 the rest.
        sample_weight : array-like of shape (n_cases,), optional
        callbacks, checkpoint_folder
            As in `pretrain`.

        Returns
        -------
        EventSequenceClassifier
            Itself.

        Raises
        ------
        InvalidDataError
            As in `pretrain`, and if labels do not fit, a class has fewer than two cases, or the table
            differs from that of the pretraining.
        TrainingCancelledError
            If a callback asks for it.
        """
        windows, rows = self._windows(table, cases)
        labels = check_labels(y, len(rows))
        rng = np.random.default_rng(self.random_state)
        weights = check_weights(sample_weight, len(rows))
        weights = np.where(labels == 1, self.positive_weight, 1.0) * weights
        kept, kept_weights = keep_some_negatives(labels, weights, self.negative_share, rng)
        with seeded(self.random_state), threads(self.n_threads):
            network = self._start(table, rows)
            network.set_prior(log_odds_of(float(np.average(labels, weights=weights))))
            dataset = _LabelledCases(windows, rows[kept], labels[kept], kept_weights)
            n_epochs = self._keep_in_time(network, dataset, self.max_minutes, self.max_epochs)
            plan = self._plan(n_epochs, self.learning_rate)
            self._train(
                network,
                dataset,
                plan,
                callbacks,
                checkpoint_folder,
                _digest(table.times, table.numbers, rows, labels),
            )
        self.sizes_, self.n_epochs_ = _sizes_of(table), n_epochs
        self.network = network.eval()
        return self

    def decision_function(self, table: EventTable, cases: ArrayLike) -> NDArray[np.float64]:
        """Return the log odds of class 1.

        Parameters
        ----------
        table : EventTable
            With the same numbers, categories, streams and texts as the one that was learned from.
        cases : int array-like of shape (n_cases,)

        Returns
        -------
        float64 array of shape (n_cases,)

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If the table differs.
        """
        self.check_is_fitted()
        _check_sizes(table, self.sizes_)
        windows, rows = self._windows(table, cases)
        device = find_device(self.device)
        found = [np.empty(0)]
        with torch.inference_mode(), threads(self.n_threads):
            for start in range(0, len(rows), CASES_AT_ONCE):
                inputs = _tensors(windows.inputs(rows[start : start + CASES_AT_ONCE]))
                logits = self.network.logits(**{name: value.to(device) for name, value in inputs.items()})
                found.append(logits.double().cpu().numpy())
        return np.concatenate(found) - np.log(self.positive_weight)

    def predict_proba(self, table: EventTable, cases: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities of the classes 0 and 1, of shape (n_cases, 2); see `decision_function`."""
        return as_probabilities(self.decision_function(table, cases))

    def _windows(self, table: EventTable, cases: ArrayLike) -> tuple[EventWindows, NDArray[np.int64]]:
        rows = np.asarray(cases, dtype=np.int64).ravel()
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(table):
            raise InvalidDataError(f"Cases must be positions among {len(table)} events.")
        if table.numbers.shape[1] == 0 or table.n_streams != len(self.lengths):
            raise InvalidDataError(f"Events must have a number at least, and {len(self.lengths)} streams.")
        return EventWindows(table, self.lengths, n_buckets=self.n_buckets), rows

    def _start(self, table: EventTable, rows: NDArray[np.int64]) -> EventNetwork:
        network = self._new_network(table, rows)
        if hasattr(self, "pretrained_"):
            _check_sizes(table, self.pretrained_sizes_)
            network.load_state_dict(self.pretrained_)
        return network

    def _new_network(self, table: EventTable, rows: NDArray[np.int64]) -> EventNetwork:
        network = EventNetwork(self._config(_sizes_of(table)))
        sample = np.random.default_rng(self.random_state).permutation(rows)[:EDGE_SAMPLE]
        numbers = np.stack([_edges(column, self.n_edges) for column in table.numbers[sample].T])
        ages = np.linspace(0, np.log1p(OLDEST_DAYS * 24), self.n_edges)[None]
        network.set_edges(*(torch.from_numpy(edges.astype(np.float32)) for edges in (numbers, ages)))
        return network

    def _config(self, sizes: Mapping[str, int]) -> EventConfig:
        return EventConfig(
            **sizes,
            n_edges=self.n_edges,
            n_buckets=self.n_buckets,
            dim=self.dim,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            dropout=self.dropout,
        )

    def _keep_in_time(
        self, network: EventNetwork, dataset: "_Cases", minutes: float | None, most: int
    ) -> int:
        """Return how many epochs fit; where not even one does, only the newest cases are kept."""
        if minutes is None:
            return most
        share = 60 * minutes / max(self._seconds_of_epoch(network, dataset), 1e-9)
        if share < 1:
            dataset.keep(max(int(share * len(dataset)), min(LEAST_IN_TIME, len(dataset))))
        return min(max(int(share), 1), most)

    def _seconds_of_epoch(self, network: EventNetwork, dataset: "_Cases") -> float:
        """Time steps that change nothing; the first of them warms up."""
        drawn = np.random.default_rng(self.random_state).permutation(len(dataset))
        device = find_device(self.device)
        timed = network.to(device).train()
        seconds = []
        for start in range(0, min((TIMED_STEPS + 1) * self.batch_size, len(dataset)), self.batch_size):
            began = time.perf_counter()
            batch = dataset.__getitems__(drawn[start : start + self.batch_size].tolist())
            timed(**{name: tensor.to(device) for name, tensor in batch.items()})["loss"].backward()
            seconds.append(time.perf_counter() - began)
        timed.zero_grad(set_to_none=True)
        return float(np.median(seconds[1:] or seconds)) * len(dataset) / self.batch_size

    def _plan(self, n_epochs: int, learning_rate: float) -> TrainingPlan:
        return TrainingPlan(
            max_epochs=n_epochs,
            batch_size=self.batch_size,
            learning_rate=learning_rate,
            warmup=0.1,
            weight_decay=self.weight_decay,
            random_state=self.random_state,
            device=self.device,
        )

    def _train(
        self,
        network: EventNetwork,
        dataset: "_Cases",
        plan: TrainingPlan,
        callbacks: Sequence[Callback],
        checkpoint_folder: str | Path | None,
        digest: str,
    ) -> None:
        train(
            network,
            dataset,
            plan,
            checkpoint_folder=checkpoint_folder,
            fingerprint={
                "hyperparameters": {**self.get_params(), "lengths": list(self.lengths)},
                "input": digest,
            },
            callbacks=callbacks,
        )

    def _save_parts(self, folder: Path) -> None:
        save_file(detached_state(self.network), folder / NETWORK_FILE)

    def _load_parts(self, folder: Path) -> None:
        self.lengths = tuple(self.lengths)  # JSON knows lists alone
        self.network = EventNetwork(self._config(self.sizes_))
        self.network.load_state_dict(load_file(folder / NETWORK_FILE))
        self.network.to(find_device(self.device)).eval()


class _Cases:
    """Windows of cases as batches of tensors."""

    def __init__(self, windows: EventWindows, cases: NDArray[np.int64]) -> None:
        self.windows = windows
        self.cases = cases
        self.lengths = np.ones(len(cases), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.cases)

    def keep(self, n: int) -> None:
        """Forget all but the `n` newest cases."""
        self.cases, self.lengths = self.cases[-n:], self.lengths[-n:]

    def __getitems__(self, rows: list[int]) -> dict[str, torch.Tensor]:
        return _tensors(self.windows.inputs(self.cases[rows]))


class _LabelledCases(_Cases):
    def __init__(
        self,
        windows: EventWindows,
        cases: NDArray[np.int64],
        labels: NDArray[np.int64],
        weights: NDArray[np.float64],
    ) -> None:
        super().__init__(windows, cases)
        self.labels = torch.from_numpy(labels.astype(np.float32))
        self.weights = torch.from_numpy(weights.astype(np.float32))

    def keep(self, n: int) -> None:
        super().keep(n)
        self.labels, self.weights = self.labels[-n:], self.weights[-n:]

    def __getitems__(self, rows: list[int]) -> dict[str, torch.Tensor]:
        return super().__getitems__(rows) | {"labels": self.labels[rows], "weights": self.weights[rows]}


class _HiddenNumbers(_Cases):
    """Which numbers are hidden follows from the batch alone, so that a resumed training goes on alike."""

    def __init__(self, windows: EventWindows, cases: NDArray[np.int64], random_state: int) -> None:
        super().__init__(windows, cases)
        self.random_state = random_state

    def __getitems__(self, rows: list[int]) -> dict[str, torch.Tensor]:
        inputs = super().__getitems__(rows)
        rng = np.random.default_rng([self.random_state, *rows[:4]])
        drawn = rng.random(inputs["numbers"].shape)
        hidden = drawn < HIDDEN_SHARE
        hidden[:, 0] = drawn[:, 0] < HIDDEN_SHARE_CASE
        return inputs | {"hidden": torch.from_numpy(hidden)}


def _tensors(inputs: Mapping[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in inputs.items()}


def _edges(column: NDArray[np.float32], n_edges: int) -> NDArray[np.float64]:
    """Return rising edges at even shares of the values; a column without values has edges from 0 to 1."""
    values = column[np.isfinite(column)].astype(np.float64)
    if not len(values):
        return np.linspace(0, 1, n_edges)
    edges = np.quantile(values, np.linspace(0, 1, n_edges))
    least = max(float(edges[-1] - edges[0]), 1.0) * 1e-5
    return np.maximum.accumulate(edges) + np.arange(n_edges) * least


def _sizes_of(table: EventTable) -> dict[str, int]:
    return {
        "n_numbers": table.numbers.shape[1],
        "n_categories": table.categories.shape[1],
        "n_streams": table.n_streams,
        "n_text": 0 if table.texts is None else table.texts.shape[1],
    }


def _check_sizes(table: EventTable, sizes: Mapping[str, int]) -> None:
    if _sizes_of(table) != dict(sizes):
        raise InvalidDataError(
            f"The model learned from events of {dict(sizes)}, these are {_sizes_of(table)}."
        )


def _digest(*arrays: NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
