"""Which of two things a case is, by its features and by the order of the events before it."""

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.inference.calibration import Calibration
from ecomai.inference.event_windows import EventTable
from ecomai.serving.event_networks import EventNetworkSession
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.trees import Trees

from .base import Predictor, read_arrays
from .tabular_classifier import EDGE, Judgement

#: What the transformer adds to the log odds is a contribution of this name.
EVENT_ORDER = "event_order"


class EventEnsemblePredictor(Predictor):
    """Boosted trees over features and a transformer over events, behind one calibration.

    An artifact has `trees.onnx`, `network.onnx`, `arrays.safetensors` (`weights` of the two, `scores` and
    `probabilities` of the calibration; `typical`, the row, and `typical_log_odds`, the transformer's word,
    that contributions are held against), and in `predictor.json` what `TabularClassifierPredictor` and
    `EventNetworkSession` read, and `streams`: those whose events are read, each with the column that stands
    for it.
    """

    kind: ClassVar[str] = "event_ensemble"

    def __init__(
        self,
        trees: Trees,
        network: EventNetworkSession,
        arrays: dict[str, NDArray[Any]],
        description: dict[str, Any],
    ) -> None:
        self._trees = trees
        self._network = network
        self._calibration = Calibration.of_arrays(arrays)
        self._typical = arrays["typical"].astype(np.float32)
        self._typical_log_odds = float(arrays["typical_log_odds"][0])
        self.columns: list[str] = description["columns"]
        self.streams: dict[str, str] = description["streams"]
        used_by_network = [*description["numbers"], *self.streams.values()]
        self.used_columns: list[str] = list(dict.fromkeys([*description["used_columns"], *used_by_network]))
        self.simple: dict[str, Any] = description.get("simple") or {}
        self.lengths = network.lengths
        self.numbers = network.numbers
        places = {name: place for place, name in enumerate(self.columns)}
        used = set(description["used_columns"])
        self._groups = {
            name: np.array([places[column] for column in columns if column in used], dtype=np.int64)
            for name, columns in description["groups"].items()
            if used.intersection(columns)
        }

    @classmethod
    def load(cls, folder: Path) -> Self:
        folder = Path(folder)
        description = cls.read_description(folder)
        arrays = read_arrays(folder / "arrays.safetensors")
        trees = Trees(folder / "trees.onnx")
        n_columns = len(description["columns"])
        if trees.n_features != n_columns or len(arrays["typical"]) != n_columns:
            raise UnreadableArtifactError(reason="their trees were trained on other columns.")
        return cls(trees, EventNetworkSession(folder / "network.onnx", description), arrays, description)

    def predict_proba(
        self, X: NDArray[np.float32], table: EventTable, cases: ArrayLike
    ) -> NDArray[np.float64]:
        """Return calibrated probabilities.

        Parameters
        ----------
        X : float32 array of shape (n_samples, n_columns)
            NaN is missing.
        table : EventTable
            With `lengths` events of each stream before each case at least; its numbers are those that
            `numbers` names.
        cases : int array-like of shape (n_samples,)
            Which events of the table the rows are.

        Returns
        -------
        float64 array of shape (n_samples,)
        """
        return self._probability(X, self._network.log_odds(table, cases))

    def assess(self, row: NDArray[np.float32], table: EventTable, case: int) -> Judgement:
        """Judge one row of shape (n_columns,), which is an event of the table.

        A group contributes what the log odds would lose, were its columns as they typically are, and the
        order of events what they would lose, did the transformer say what it typically says.
        """
        rows = np.tile(row, (len(self._groups) + 2, 1))
        for place, columns in enumerate(self._groups.values(), start=2):
            rows[place, columns] = self._typical[columns]
        of_events = np.full(len(rows), self._network.log_odds(table, [case])[0])
        of_events[1] = self._typical_log_odds
        found = self._probability(rows, of_events)
        clipped = np.clip(found, EDGE, 1 - EDGE)
        odds = np.log(clipped) - np.log1p(-clipped)
        drops = (odds[0] - odds[1:]).tolist()
        return Judgement(float(found[0]), dict(zip((EVENT_ORDER, *self._groups), drops, strict=True)))

    def _probability(self, X: NDArray[np.float32], of_events: NDArray[np.float64]) -> NDArray[np.float64]:
        log_odds = np.column_stack([self._trees.predict(X).astype(np.float64), of_events])
        return self._calibration.probability(log_odds)
