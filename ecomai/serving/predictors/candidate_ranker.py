"""What puts candidates in order: exported trees, or a transformer over the list."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.serving.sessions import open_session
from ecomai.serving.trees import Trees

from .base import Predictor

GRAPH_FILE = "ranker.onnx"


class CandidateRankerPredictor(Predictor):
    """Scores one list of candidates by their features; `features` says what each column is."""

    kind: ClassVar[str] = "candidate_ranker"

    def __init__(self, folder: Path) -> None:
        description = self.read_description(folder)
        self.features: list[str] = description["features"]
        self.form: str = description["form"]
        if self.form == "trees":
            self._trees = Trees(folder / GRAPH_FILE)
        else:
            self._session = open_session(folder / GRAPH_FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(Path(folder))

    def scores(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of shape (n,) for X of shape (n, n_features); greater is better, NaN is missing."""
        if not len(X):
            return np.empty(0, dtype=np.float32)
        X = np.ascontiguousarray(X, dtype=np.float32)
        found: NDArray[np.float32] = (
            self._trees.predict(X) if self.form == "trees" else self._session.run(None, {"X": X})[0]
        )
        return found
