"""Items that go with items: the exported neighbours."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.exceptions import InvalidInputError

from .base import Explanation, Predictor, ScoredItem, best_items, read_arrays, read_json
from .catalogue import Catalogue, GrowingCatalogue
from .neighbours import NEIGHBOURS_FILE, Neighbours
from .text_encoder import TextEncoder


class SimilarItemsPredictor(Predictor):
    """Neighbours of one item, or of the items of a basket. Unknown ids are passed over."""

    kind: ClassVar[str] = "similar_items"

    def __init__(self, folder: Path) -> None:
        description = self.read_description(folder)
        self.folder = folder
        # Artifacts from before read new texts with the encoder of the other model.
        self.has_text_encoder: bool = description.get("has_text_encoder", False)
        self.n_features: int = description["n_features"]
        arrays = read_arrays(folder / NEIGHBOURS_FILE)
        self._neighbours = Neighbours.read(arrays, description)
        item_ids = read_json(folder / "items.json")
        texts = arrays.get("text_vectors", np.empty((len(item_ids), 0), dtype=np.float16))
        self._items = GrowingCatalogue(Catalogue.of_training(item_ids, texts))

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(Path(folder))

    @property
    def item_ids(self) -> Sequence[str]:
        """Ids in the order of the columns of scores. Grows at its end when items are added."""
        return self._items.current.item_ids

    def item_vectors(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (n_items, n_dimensions) that tell how alike items are, zeros where unknown."""
        return self._items.current.vectors_of(item_ids)

    @cached_property
    def text_encoder(self) -> TextEncoder:
        """What turns texts into the vectors that `add_items` takes. Loaded when first used."""
        return TextEncoder.load(self.folder)

    def has_item(self, item_id: str) -> bool:
        return item_id in self._items.current.index

    def similar(
        self,
        item_id: str,
        n: int = 10,
        *,
        is_candidate: NDArray[np.bool_] | None = None,
        exclude: Sequence[str] = (),
    ) -> list[ScoredItem]:
        """The nearest items of one, never itself; nothing for an unknown item."""
        return self.for_basket([item_id], n, is_candidate=is_candidate, exclude=exclude)

    def for_basket(
        self,
        item_ids: Sequence[str],
        n: int = 10,
        *,
        is_candidate: NDArray[np.bool_] | None = None,
        exclude: Sequence[str] = (),
    ) -> list[ScoredItem]:
        """The items that go best with all items of a basket, none of which comes itself."""
        catalogue = self._items.current
        scores = self._basket_scores(catalogue, item_ids)
        scores[scores <= 0] = -np.inf
        excluded = catalogue.positions([*item_ids, *exclude])
        return best_items(catalogue.item_ids, scores, n, is_candidate=is_candidate, excluded=excluded)

    def scores_for_basket(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Scores of shape (n_items,): the sum of each item's similarities to the basket's items."""
        return self._basket_scores(self._items.current, item_ids)

    def scores(self, histories: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Scores of shape (n_histories, n_items) for histories, oldest first; newer events count more."""
        catalogue = self._items.current
        rows = []
        for history in histories:
            items = catalogue.positions(history)
            rows.append(self._neighbours.scores(catalogue, items, self._neighbours.decayed(len(items))))
        return np.array(rows, dtype=np.float32).reshape(len(histories), len(catalogue.item_ids))

    def explain(self, basket: Sequence[str], item_ids: Sequence[str]) -> list[Explanation | None]:
        """For each item, the basket's item without which its basket score would fall the most.

        None where no item of the basket is a neighbour.
        """
        catalogue = self._items.current
        seeds = [(place, catalogue.index[i]) for place, i in enumerate(basket) if i in catalogue.index]
        items = catalogue.positions(item_ids)
        if not seeds or not items:
            return [None] * len(item_ids)
        parts = self._neighbours.between(catalogue, [seed for _place, seed in seeds], items)
        found = {}
        for column, item in enumerate(items):
            row = int(parts[:, column].argmax())
            if parts[row, column] > 0:
                place = seeds[row][0]
                found[item] = Explanation(place, basket[place], float(parts[row, column]))
        return [found.get(catalogue.index.get(item_id, -1)) for item_id in item_ids]

    def add_items(self, item_ids: Sequence[str], text_vectors: NDArray[np.float32]) -> None:
        """Let items that came after training have neighbours by their text; safe while others read."""
        if not self.n_features or text_vectors.ndim != 2 or text_vectors.shape[1] != self.n_features:
            raise InvalidInputError(reason=f"text vectors must have {self.n_features} numbers.")
        self._items.add(item_ids, text_vectors.astype(np.float16))

    def _basket_scores(self, catalogue: Catalogue, item_ids: Sequence[str]) -> NDArray[np.float32]:
        seeds = catalogue.positions(item_ids)
        return self._neighbours.scores(catalogue, seeds, np.ones(len(seeds), dtype=np.float32))
