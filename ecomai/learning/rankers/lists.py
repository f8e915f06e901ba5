"""Lists of candidates with features, and what each candidate turned out to be worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecomai.learning.exceptions import InvalidDataError


@dataclass(frozen=True, eq=False)
class CandidateLists:
    """Rows of candidates, list after list.

    Parameters
    ----------
    X : float32 array of shape (n_rows, n_features)
        NaN is missing.
    gains : float32 array of shape (n_rows,)
        At least 0; 0 where nothing was done with the candidate.
    offsets : int64 array of shape (n_lists + 1,)
        Where each list begins in the rows.
    ideals : float64 array of shape (n_lists,), optional
        The best discounted gain that a list could have had, where some of what was done is in no list.
    weights : float64 array of shape (n_lists,), optional
        How much each list counts, greater than 0; all count 1 where it is missing.
    """

    X: NDArray[np.float32]
    gains: NDArray[np.float32]
    offsets: NDArray[np.int64]
    ideals: NDArray[np.float64] | None = None
    weights: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n_rows = len(self.X)
        if self.X.ndim != 2 or len(self.gains) != n_rows or len(self.offsets) < 2:
            raise InvalidDataError("Each row needs a gain, and there must be at least one list.")
        if self.offsets[0] != 0 or self.offsets[-1] != n_rows or (np.diff(self.offsets) < 1).any():
            raise InvalidDataError("Lists must follow each other, and none may be empty.")
        if not (self.gains >= 0).all():
            raise InvalidDataError("Gains must be numbers that are at least 0.")
        if self.weights is not None and (len(self.weights) != len(self) or not (self.weights > 0).all()):
            raise InvalidDataError("Each list needs a weight greater than 0.")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)

    @property
    def n_features(self) -> int:
        return self.X.shape[1]

    @property
    def list_weights(self) -> NDArray[np.float64]:
        return np.ones(len(self)) if self.weights is None else self.weights

    def select(self, lists: NDArray[np.int64]) -> "CandidateLists":
        """Return some of the lists."""
        lengths = self.lengths[lists]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.repeat(self.offsets[lists] - offsets[:-1], lengths) + np.arange(offsets[-1])
        ideals = None if self.ideals is None else self.ideals[lists]
        weights = None if self.weights is None else self.weights[lists]
        return CandidateLists(self.X[rows], self.gains[rows], offsets, ideals, weights)


def joined(parts: Sequence[CandidateLists]) -> CandidateLists:
    """Return all lists of all parts, to learn from; ideals are for judging, and are left out."""
    lengths = np.concatenate([part.lengths for part in parts])
    return CandidateLists(
        np.concatenate([part.X for part in parts]),
        np.concatenate([part.gains for part in parts]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        weights=np.concatenate([part.list_weights for part in parts]),
    )


def column_scale(X: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and deviation of each column over what is not missing, both of shape (n_features,)."""
    is_known = ~np.isnan(X)
    n_known = np.maximum(is_known.sum(axis=0), 1)
    means = np.where(is_known, X, 0.0).sum(axis=0, dtype=np.float64) / n_known
    variances = (np.where(is_known, X - means, 0.0) ** 2).sum(axis=0) / n_known
    return means.astype(np.float32), np.maximum(np.sqrt(variances), 1e-6).astype(np.float32)


def scaled(
    X: NDArray[np.float32], means: NDArray[np.float32], scales: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return features of mean 0 and deviation 1, bounded; what is missing is as usual."""
    return np.clip(np.nan_to_num((X - means) / scales), -8.0, 8.0).astype(np.float32)


def discounted_gain(gains: NDArray[np.floating], k: int) -> float:
    """Return the discounted cumulated gain of the first `k`, best first."""
    first = np.asarray(gains, dtype=np.float64)[:k]
    return float((first / np.log2(np.arange(2, len(first) + 2))).sum())


def mean_ndcg(lists: CandidateLists, scores: NDArray[np.floating], *, k: int = 10) -> float:
    """Return the mean normalised discounted gain of lists in the order of scores, each by its weight.

    Parameters
    ----------
    lists : CandidateLists
    scores : float array of shape (n_rows,)
        Greater is better.
    k : int, default 10

    Returns
    -------
    float in [0, 1]
        Over the lists in which anything could be gained; 0 where there is none.

    References
    ----------
    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002.
    """
    found, weights = [], []
    for row in range(len(lists)):
        part = slice(lists.offsets[row], lists.offsets[row + 1])
        gains = lists.gains[part]
        ideal = discounted_gain(np.sort(gains)[::-1], k) if lists.ideals is None else lists.ideals[row]
        if ideal > 0:
            order = np.argsort(-scores[part], kind="stable")
            found.append(discounted_gain(gains[order], k) / ideal)
            weights.append(lists.list_weights[row])
    return float(np.average(found, weights=weights)) if found else 0.0
