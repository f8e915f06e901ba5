"""Lists of candidates with features, and what each candidate turned out to be worth."""

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
    """

    X: NDArray[np.float32]
    gains: NDArray[np.float32]
    offsets: NDArray[np.int64]
    ideals: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n_rows = len(self.X)
        if self.X.ndim != 2 or len(self.gains) != n_rows or len(self.offsets) < 2:
            raise InvalidDataError("Each row needs a gain, and there must be at least one list.")
        if self.offsets[0] != 0 or self.offsets[-1] != n_rows or (np.diff(self.offsets) < 1).any():
            raise InvalidDataError("Lists must follow each other, and none may be empty.")
        if not (self.gains >= 0).all():
            raise InvalidDataError("Gains must be numbers that are at least 0.")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)

    @property
    def n_features(self) -> int:
        return self.X.shape[1]

    def select(self, lists: NDArray[np.int64]) -> "CandidateLists":
        """Return some of the lists."""
        lengths = self.lengths[lists]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.repeat(self.offsets[lists] - offsets[:-1], lengths) + np.arange(offsets[-1])
        ideals = None if self.ideals is None else self.ideals[lists]
        return CandidateLists(self.X[rows], self.gains[rows], offsets, ideals)


def discounted_gain(gains: NDArray[np.floating], k: int) -> float:
    """Return the discounted cumulated gain of the first `k`, best first."""
    first = np.asarray(gains, dtype=np.float64)[:k]
    return float((first / np.log2(np.arange(2, len(first) + 2))).sum())


def mean_ndcg(lists: CandidateLists, scores: NDArray[np.floating], *, k: int = 10) -> float:
    """Return the mean normalised discounted gain of lists in the order of scores.

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
    found = []
    for row in range(len(lists)):
        part = slice(lists.offsets[row], lists.offsets[row + 1])
        gains = lists.gains[part]
        ideal = discounted_gain(np.sort(gains)[::-1], k) if lists.ideals is None else lists.ideals[row]
        if ideal > 0:
            order = np.argsort(-scores[part], kind="stable")
            found.append(discounted_gain(gains[order], k) / ideal)
    return float(np.mean(found)) if found else 0.0
