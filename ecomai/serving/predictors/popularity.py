"""What everyone takes: the baseline, and the last fallback."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from .base import Predictor, ScoredItem, best_items, read_arrays, read_json
from .catalogue import Catalogue


class PopularityPredictor(Predictor):
    """The same scores for everyone, in the order of `item_ids`."""

    kind: ClassVar[str] = "popularity"

    def __init__(self, folder: Path) -> None:
        self.read_description(folder)
        self.popularity: NDArray[np.float32] = read_arrays(folder / "popularity.safetensors")["scores"]
        self._items = Catalogue.of_training(read_json(folder / "items.json"), self.popularity[:, None])

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(Path(folder))

    @property
    def item_ids(self) -> Sequence[str]:
        return self._items.item_ids

    def has_item(self, item_id: str) -> bool:
        return item_id in self._items.index

    def scores(self, histories: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Scores of shape (n_histories, n_items), the same in each row."""
        return np.tile(self.popularity, (len(histories), 1))

    def top(
        self,
        n: int = 10,
        *,
        is_candidate: NDArray[np.bool_] | None = None,
        exclude: Sequence[str] = (),
    ) -> list[ScoredItem]:
        """The most popular items."""
        excluded = self._items.positions(exclude)
        return best_items(self.item_ids, self.popularity, n, is_candidate=is_candidate, excluded=excluded)
