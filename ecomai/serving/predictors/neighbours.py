"""Items that stand near each other: what users take together, completed by what texts say."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .catalogue import Catalogue

NEIGHBOURS_FILE = "neighbours.safetensors"


class Neighbours:
    """The neighbours of each item of the training. What came since stands where its twin does.

    So an answer reads a few rows of a table, however many items are new.
    """

    def __init__(
        self,
        neighbours: NDArray[np.int32],
        similarities: NDArray[np.float32],
        *,
        text_scale: float,
        history_decay: float,
    ) -> None:
        # Where an item has fewer neighbours, the first item stands for none: its similarity is 0.
        self._at = np.maximum(neighbours, 0)
        self._similarities = np.where(neighbours >= 0, similarities, np.float32(0))
        self._text_scale = np.float32(text_scale)
        self._history_decay = np.float32(history_decay)

    @classmethod
    def read(cls, arrays: Mapping[str, NDArray[Any]], description: Mapping[str, Any]) -> Self:
        """Return what an artifact holds; see `ecomai.learning.export`."""
        return cls(
            arrays["neighbours"], arrays["similarities"],
            text_scale=description["text_scale"], history_decay=description["history_decay"],
        )  # fmt: skip

    def decayed(self, n_steps: int) -> NDArray[np.float32]:
        """What each step of a history counts, oldest first."""
        return np.power(self._history_decay, np.arange(n_steps, dtype=np.float32)[::-1])

    def scores(
        self, catalogue: Catalogue, seeds: ArrayLike, weights: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the weighted sum of all items' similarities to some, of shape (n_items,).

        An item is not similar to itself, but its twin is to it.
        """
        places = np.asarray(seeds, dtype=np.int64)
        weights = weights * catalogue.likeness[places]
        twins = catalogue.twins[places]
        near = self._similarities[twins] * weights[:, None]
        found = _sums(self._at[twins].ravel(), near.ravel(), catalogue.n_trained)
        if catalogue.n_trained == len(catalogue.item_ids):
            return found
        found += self._text_scale * _sums(twins, weights, catalogue.n_trained)
        everything = found[catalogue.twins] * catalogue.likeness
        own = self._text_scale * weights * catalogue.likeness[places]
        np.subtract.at(everything, places, own)
        return everything

    def between(self, catalogue: Catalogue, seeds: ArrayLike, items: ArrayLike) -> NDArray[np.float32]:
        """Return the similarities of some items to others, of shape (n_seeds, n_items)."""
        rows, columns = np.asarray(seeds, dtype=np.int64), np.asarray(items, dtype=np.int64)
        twins, other_twins = catalogue.twins[rows], catalogue.twins[columns]
        is_near = self._at[twins][:, :, None] == other_twins  # (n_seeds, n_neighbours, n_items)
        found: NDArray[np.float32] = (is_near * self._similarities[twins][:, :, None]).sum(axis=1)
        found[twins[:, None] == other_twins] = self._text_scale
        found *= catalogue.likeness[rows][:, None] * catalogue.likeness[columns]
        found[rows[:, None] == columns] = 0
        return found


def _sums(places: NDArray[np.integer], values: NDArray[np.float32], n_items: int) -> NDArray[np.float32]:
    return np.bincount(places, weights=values, minlength=n_items).astype(np.float32)
