"""A predictor's items: those it was trained with, and those that came since."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomai.exceptions import InvalidInputError
from ecomai.serving.exceptions import UnreadableArtifactError

# Bounds the cosines that are held: 1,000 new items against so many are 64 MB.
TRAINED_AT_ONCE = 16_384


@dataclass(frozen=True)
class Catalogue:
    """Items and a vector for each; never changed, only replaced by a longer one.

    An item that came after training has a twin: the trained item whose vector is most like its own.
    `likeness` is the cosine between the two; a trained item is its own twin.
    """

    item_ids: Sequence[str]
    index: dict[str, int]
    vectors: NDArray[np.float32]
    n_trained: int
    twins: NDArray[np.int64]
    likeness: NDArray[np.float32]

    @classmethod
    def of_training(cls, item_ids: Sequence[str], vectors: NDArray[np.float32]) -> "Catalogue":
        index = {item_id: position for position, item_id in enumerate(item_ids)}
        if not len(index) == len(item_ids) == len(vectors):
            raise UnreadableArtifactError(
                reason=f"they name {len(index)} distinct items and hold {len(vectors)} vectors."
            )
        n_items = len(item_ids)
        return cls(item_ids, index, vectors, n_items, np.arange(n_items), np.ones(n_items, dtype=np.float32))

    def vectors_of(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (n, n_dimensions), zeros for an item that is not known."""
        found = np.zeros((len(item_ids), self.vectors.shape[1]), dtype=np.float32)
        known = [(row, self.index[item_id]) for row, item_id in enumerate(item_ids) if item_id in self.index]
        if known:
            rows, places = zip(*known, strict=True)
            found[list(rows)] = self.vectors[list(places)]
        return found

    def positions(self, item_ids: Sequence[str]) -> list[int]:
        """Positions of the items that are known; others are passed over."""
        return [self.index[item_id] for item_id in item_ids if item_id in self.index]


class GrowingCatalogue:
    """Holds the newest catalogue. Readers take `current` once and work on that."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.current = catalogue
        self._lock = threading.Lock()

    def add(self, item_ids: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Append items; one that was added before gets its new vector, a trained one keeps its own."""
        if len(item_ids) != len(vectors):
            raise InvalidInputError(reason=f"there are {len(vectors)} vectors for {len(item_ids)} items.")
        with self._lock:
            now = self.current
            added = dict(zip(item_ids, vectors, strict=True))
            fresh = [item_id for item_id in added if item_id not in now.index]
            known = [i for i in added if now.n_trained <= now.index.get(i, -1)]
            if not fresh and not known:
                return
            places = [
                *(now.index[item_id] for item_id in known),
                *range(len(now.index), len(now.index) + len(fresh)),
            ]
            rows = np.stack([added[item_id] for item_id in [*known, *fresh]]).astype(now.vectors.dtype)
            twins, likeness = _twins(rows, now.vectors[: now.n_trained])
            self.current = Catalogue(
                item_ids=[*now.item_ids, *fresh],
                index={**now.index, **{item_id: len(now.index) + n for n, item_id in enumerate(fresh)}},
                vectors=_grown(now.vectors, places, rows),
                n_trained=now.n_trained,
                twins=_grown(now.twins, places, twins),
                likeness=_grown(now.likeness, places, likeness),
            )


def _grown(rows: NDArray[Any], places: Sequence[int], added: NDArray[Any]) -> NDArray[Any]:
    """Return the rows with some of them replaced, or added at the end."""
    grown = np.empty((max(len(rows), *(place + 1 for place in places)), *rows.shape[1:]), dtype=rows.dtype)
    grown[: len(rows)] = rows
    grown[places] = added
    return grown


def _twins(vectors: NDArray[Any], trained: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return which trained vector each is most like, and how much."""
    best = np.zeros(len(vectors), dtype=np.int64)
    likeness = np.zeros(len(vectors), dtype=np.float32)
    rows = _normalized(vectors)
    for start in range(0, len(trained), TRAINED_AT_ONCE):
        cosines = rows @ _normalized(trained[start : start + TRAINED_AT_ONCE]).T
        nearest = cosines.argmax(axis=1)
        values = np.take_along_axis(cosines, nearest[:, None], axis=1)[:, 0]
        is_better = values > likeness
        best[is_better], likeness[is_better] = start + nearest[is_better], values[is_better]
    return best, likeness


def _normalized(vectors: NDArray[Any]) -> NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), np.finfo(np.float32).tiny)
