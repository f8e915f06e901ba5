"""Grades of a query's first texts by trees that look at words, places and a cosine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.pair_columns import COLUMNS, WordFacts, pair_columns
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.trees import Trees

from .base import Predictor, check_format, read_json


class PairRankerPredictor(Predictor):
    """Says how well texts answer a query, about 0 for useless and about 1 for perfect.

    Loads from an artifact of its own kind, or from one of search that carries its files.
    """

    kind: ClassVar[str] = "pair_ranker"

    def __init__(self, folder: Path) -> None:
        description: dict[str, Any] = read_json(folder / "pair_ranker.json")
        check_format(description, self.format_version)
        if description["columns"] != [*COLUMNS, "cosine"]:
            raise UnreadableArtifactError(reason="their trees were trained on other columns.")
        self._facts = WordFacts(**description["facts"])
        self._trees = Trees(folder / "pair_ranker_trees.onnx")

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(Path(folder))

    def grade(
        self, query: str, texts: Sequence[str], *, typed: str = "",
        cosines: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:  # fmt: skip
        """Grades of shape (n_texts,). `query` is as it was understood, `typed` as it was typed."""
        near = np.full(len(texts), np.nan) if cosines is None else cosines
        columns = pair_columns(self._facts, query, texts, typed=typed)
        return self._trees.predict(np.column_stack([columns, near]).astype(np.float32))
