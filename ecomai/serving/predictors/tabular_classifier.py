"""Which of two things a row of numbers is, how sure that is, and which numbers say so."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.calibration import Calibration
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.trees import Trees

from .base import Predictor, read_arrays

#: Probabilities nearer to 0 and 1 are taken for this one where differences of log odds are asked for.
EDGE = 1e-6


@dataclass(frozen=True)
class Judgement:
    """A calibrated probability, and by how much each group of columns raises its log odds."""

    probability: float
    contributions: Mapping[str, float]


class TabularClassifierPredictor(Predictor):
    """Boosted trees behind a calibration.

    An artifact has `trees.onnx`, `arrays.safetensors` (`weights`, `scores`, `probabilities` of the
    calibration, and `typical`, the row that contributions are held against), and in `predictor.json`:
    `columns`, `used_columns` (that the trees look at), `groups` (name to columns that are explained
    together), `simple` (the simple model that it brings along, as its scenario writes it).
    """

    kind: ClassVar[str] = "tabular_classifier"

    def __init__(
        self,
        trees: Trees,
        calibration: Calibration,
        typical: NDArray[np.float32],
        description: dict[str, Any],
    ) -> None:
        self._trees = trees
        self._calibration = calibration
        self.columns: list[str] = description["columns"]
        self.used_columns: list[str] = description["used_columns"]
        self.simple: dict[str, Any] = description.get("simple") or {}
        places = {name: place for place, name in enumerate(self.columns)}
        used = set(self.used_columns)
        self._typical = typical
        self._groups = {
            name: np.array([places[column] for column in columns if column in used], dtype=np.int64)
            for name, columns in description["groups"].items()
            if used.intersection(columns)
        }

    @classmethod
    def load(cls, folder: Path) -> Self:
        folder = Path(folder)
        description = cls.read_description(folder)
        arrays, trees, calibration = cls.read_parts(folder, description)
        return cls(trees, calibration, arrays["typical"].astype(np.float32), description)

    @staticmethod
    def read_parts(
        folder: Path, description: dict[str, Any]
    ) -> tuple[dict[str, NDArray[Any]], Trees, Calibration]:
        """Read arrays, trees and calibration. Raises `UnreadableArtifactError` where they do not fit."""
        arrays = read_arrays(folder / "arrays.safetensors")
        trees = Trees(folder / "trees.onnx")
        n_columns = len(description["columns"])
        if trees.n_features != n_columns or len(arrays["typical"]) != n_columns:
            raise UnreadableArtifactError(reason="their trees were trained on other columns.")
        return arrays, trees, Calibration.of_arrays(arrays)

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of shape (n_samples,) for X of shape (n_samples, n_columns); NaN is missing."""
        return self._calibration.probability(self._trees.predict(X).astype(np.float64)[:, None])

    def assess(self, row: NDArray[np.float32]) -> Judgement:
        """Judge one row of shape (n_columns,).

        A group contributes what the log odds would lose, were its columns as they typically are: a group that
        speaks against it has a negative number.
        """
        found = self.predict_proba(self._without_each_group(row))
        odds = log_odds(found)
        drops = odds[0] - odds[1:]
        return Judgement(float(found[0]), dict(zip(self._groups, drops.tolist(), strict=True)))

    def _without_each_group(self, row: NDArray[np.float32]) -> NDArray[np.float32]:
        """The row, and the same with each group as it typically is: of shape (n_groups + 1, n_columns)."""
        rows = np.tile(row, (len(self._groups) + 1, 1))
        for place, columns in enumerate(self._groups.values(), start=1):
            rows[place, columns] = self._typical[columns]
        return rows


def log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log odds of probabilities, those nearest to 0 and 1 taken for `EDGE` and 1 - `EDGE`."""
    clipped = np.clip(probabilities, EDGE, 1 - EDGE)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
