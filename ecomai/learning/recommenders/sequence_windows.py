"""Histories as tensors: the windows that a sequence model is trained on and asked with."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ecomai.inference.event_context import gap_buckets
from ecomai.learning.interactions import Interactions

from .sequence_network import IGNORED


class SequenceWindows:
    """Training rows: windows of a user's events, each event a target once.

    Parameters
    ----------
    X : Interactions
        A user of more than `max_length` events gives several windows.
    max_length : int
        Items per window.
    context : int64 array of shape (n_events, 2), optional
        See `context_of`.
    """

    def __init__(self, X: Interactions, max_length: int, context: NDArray[np.int64] | None = None) -> None:
        self.X = X
        self.context = context
        self.max_length = max_length
        self.weights = X.event_weights
        n_windows = -(-X.lengths // max_length)
        user = np.repeat(np.arange(len(X)), n_windows)
        number = np.arange(len(user)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows)
        self.starts = X.offsets[user] + number * max_length
        self.stops = np.minimum(self.starts + max_length, X.offsets[user + 1])
        self.lengths = self.stops - self.starts
        self.is_first = number == 0

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def mean_length(self) -> float:
        return float(np.mean(self.lengths))

    def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> dict[str, torch.Tensor]:
        starts, stops = self.starts[rows], self.stops[rows]
        lengths = stops - starts
        steps = np.arange(lengths.max())
        is_event = steps < lengths[:, None]  # (B, T)
        events = np.where(is_event, starts[:, None] + steps, starts[:, None])
        items = self.X.items[events].astype(np.int64)
        targets = np.full((len(rows), len(steps) + 1), IGNORED, dtype=np.int64)
        weights = np.zeros(targets.shape, dtype=np.float32)
        targets[:, :-1] = np.where(is_event, items, IGNORED)
        weights[:, :-1] = self.weights[events]
        # The start only knows that nothing is known, which is true of a user's first window.
        targets[~self.is_first[rows], 0] = IGNORED
        batch = {"items": items, "targets": targets, "weights": weights}
        if self.context is not None:
            batch["context"] = self.context[events]  # (B, T, 2)
        return {name: torch.from_numpy(values) for name, values in batch.items()}


def pad(histories: Interactions) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return histories as one array, padded on the right, and their lengths.

    Parameters
    ----------
    histories : Interactions

    Returns
    -------
    items : int32 array of shape (n_users, max(longest, 1))
        0 where a history has ended.
    lengths : int64 array of shape (n_users,)
    """
    return pad_rows(histories.items, histories.lengths), histories.lengths


def pad_rows(values: NDArray[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
    """Return users' values one after the other, (n_events, ...), as (n_users, max(longest, 1), ...)."""
    padded = np.zeros((len(lengths), max(int(lengths.max(initial=0)), 1), *values.shape[1:]), values.dtype)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = values
    return padded


def context_of(X: Interactions, *, n_types: int) -> NDArray[np.int64]:
    """Return each event's kind and the time since the user's event before it, as the network reads them.

    The time until the next event, or until now, is no input: in training it would say when the target
    comes, which nobody knows when asking.

    Parameters
    ----------
    X : Interactions
    n_types : int
        Kinds that are told apart; others count as not known.

    Returns
    -------
    int64 array of shape (n_events, 2)
        The kind, and the bucket of the time; each from 1, and 0 where it is not known.
    """
    context = np.zeros((X.n_events, 2), dtype=np.int64)
    if X.types is not None:
        context[:, 0] = np.where(X.types < n_types, X.types + 1, 0)
    if X.ages_days is not None and X.n_events:
        context[1:, 1] = gap_buckets(X.ages_days[:-1] - X.ages_days[1:])
        context[X.offsets[:-1][X.lengths > 0], 1] = 0
    return context
