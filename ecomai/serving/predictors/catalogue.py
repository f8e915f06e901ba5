"""A predictor's items: those it was trained with, and those that came since."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecomai.exceptions import InvalidInputError
from ecomai.serving.exceptions import UnreadableArtifactError


@dataclass(frozen=True)
class Catalogue:
    """Items and a vector for each; never changed, only replaced by a longer one."""

    item_ids: Sequence[str]
    index: dict[str, int]
    vectors: NDArray[np.float32]
    n_trained: int

    @classmethod
    def of_training(cls, item_ids: Sequence[str], vectors: NDArray[np.float32]) -> "Catalogue":
        index = {item_id: position for position, item_id in enumerate(item_ids)}
        if not len(index) == len(item_ids) == len(vectors):
            raise UnreadableArtifactError(
                reason=f"they name {len(index)} distinct items and hold {len(vectors)} vectors."
            )
        return cls(item_ids, index, vectors, len(item_ids))

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
            rows = [now.vectors, *(added[item_id][None] for item_id in fresh)]
            grown = np.concatenate(rows)
            for item_id in known:
                grown[now.index[item_id]] = added[item_id]
            ids = [*now.item_ids, *fresh]
            index = {**now.index, **{item_id: len(now.index) + n for n, item_id in enumerate(fresh)}}
            self.current = Catalogue(ids, index, grown, now.n_trained)
