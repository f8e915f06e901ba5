"""The customers most like some others: an exact search, a block at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..models import VectorVersion
from .vectors import blocks, vectors_of

#: So many of the others are compared with, drawn evenly: a block of similarities is 20 MB.
N_SEEDS = 256
#: Whoever is like a few of them is alike, though they differ among each other.
N_NEAREST = 5


@dataclass(frozen=True, eq=False)
class Similar:
    """Customers, most alike first; `alikeness` is from -1 to 1, both of shape (n,)."""

    pks: NDArray[np.int64]
    alikeness: NDArray[np.float32]
    n_seeds: int


def find_similar(
    version: VectorVersion, seed_pks: Sequence[int], *, n: int, storefront: str | None = None
) -> Similar:
    """Return the `n` customers most like the seeds, who are not among them; ties by primary key."""
    seeds = vectors_of(_drawn(seed_pks), version)
    pks, alikeness = np.empty(0, np.int64), np.empty(0, np.float32)
    if not len(seeds.pks):
        return Similar(pks, alikeness, 0)
    excluded = np.array(sorted(seed_pks))
    for block in blocks(version, storefront=storefront):
        is_other = ~np.isin(block.pks, excluded)
        found = _alikeness(block.vectors[is_other] @ seeds.vectors.T)
        pks = np.concatenate([pks, block.pks[is_other]])
        alikeness = np.concatenate([alikeness, found])
        best = np.lexsort((pks, -alikeness))[:n]
        pks, alikeness = pks[best], alikeness[best]
    return Similar(pks, alikeness, len(seeds.pks))


def _alikeness(similarities: NDArray[np.float32]) -> NDArray[np.float32]:
    k = min(N_NEAREST, similarities.shape[1])
    if not len(similarities):
        return np.empty(0, np.float32)
    return np.partition(similarities, -k, axis=1)[:, -k:].mean(axis=1).astype(np.float32)


def _drawn(pks: Sequence[int]) -> list[int]:
    """Some of them, spread evenly, and the same each time."""
    ordered = sorted(pks)
    if len(ordered) <= N_SEEDS:
        return ordered
    return [ordered[int(place)] for place in np.linspace(0, len(ordered) - 1, N_SEEDS)]
