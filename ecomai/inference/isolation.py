"""Trees that isolate what is unusual, as arrays; numpy alone, so that a web process can ask them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

ARRAYS = ("features", "thresholds", "lefts", "rights", "depths", "roots", "fill", "levels")
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class IsolationTrees:
    """An isolation forest.

    Parameters
    ----------
    features : int32 array of shape (n_nodes,)
        What a node asks for; -1 in a leaf.
    thresholds : float64 array of shape (n_nodes,)
        Up to it, a case goes left.
    lefts, rights : int32 arrays of shape (n_nodes,)
    depths : float64 array of shape (n_nodes,)
        In a leaf, how deep a case is expected to lie there.
    roots : int32 array of shape (n_trees,)
    fill : float64 array of shape (n_features,)
        Taken for what is missing.
    levels : float64 array of shape (n_levels,)
        Scores of ordinary cases at even shares, rising.
    """

    features: NDArray[np.int32]
    thresholds: NDArray[np.float64]
    lefts: NDArray[np.int32]
    rights: NDArray[np.int32]
    depths: NDArray[np.float64]
    roots: NDArray[np.int32]
    fill: NDArray[np.float64]
    levels: NDArray[np.float64]

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the trees of arrays by name; KeyError where one is missing."""
        return cls(**{name: arrays[name] for name in ARRAYS})

    def mean_depth(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return how deep cases lie on average: (n_samples,), of (n_samples, n_features); NaN is missing."""
        rows = np.asarray(X, dtype=np.float64)
        rows = np.where(np.isnan(rows), self.fill, rows)
        parts = [self._mean_depth(rows[at : at + ROWS_AT_ONCE]) for at in range(0, len(rows), ROWS_AT_ONCE)]
        return np.concatenate([np.empty(0), *parts])

    def _mean_depth(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        nodes = np.repeat(self.roots[None, :], len(rows), axis=0)  # (n_samples, n_trees)
        samples = np.arange(len(rows))[:, None]
        while (is_inner := self.features[nodes] >= 0).any():
            asked = rows[samples, np.maximum(self.features[nodes], 0)]
            children = np.where(asked <= self.thresholds[nodes], self.lefts[nodes], self.rights[nodes])
            nodes = np.where(is_inner, children, nodes)
        return self.depths[nodes].mean(axis=1)

    def unusualness(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return which share of ordinary cases is more usual, in [0, 1]: (n_samples,)."""
        places = np.searchsorted(self.levels, -self.mean_depth(X), side="left")
        return places / len(self.levels)
