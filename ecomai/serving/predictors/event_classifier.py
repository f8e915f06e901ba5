"""Which of two things a case is, by itself and the events shortly before it."""

from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.inference.calibration import Calibration
from ecomai.inference.event_windows import EventTable, EventWindows
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.sessions import open_session

from .base import Predictor, read_arrays


class EventClassifierPredictor(Predictor):
    """The transformer over events behind a calibration.

    An artifact has `network.onnx`, `arrays.safetensors` (`weights`, `scores`, `probabilities` of the
    calibration), and in `predictor.json`: `inputs` of the graph in order, `lengths` (how many events of each
    stream are read), `numbers` (names of an event's numbers), `n_categories`, `n_text`, `n_buckets`, and
    `correction`, which is taken off the log odds.
    """

    kind: ClassVar[str] = "event_classifier"

    def __init__(self, session: Any, calibration: Calibration, description: dict[str, Any]) -> None:
        self._session = session
        self._calibration = calibration
        self._inputs: list[str] = description["inputs"]
        self._n_buckets: int = description["n_buckets"]
        self._correction: float = description["correction"]
        self.lengths: tuple[int, ...] = tuple(description["lengths"])
        self.numbers: list[str] = description["numbers"]

    @classmethod
    def load(cls, folder: Path) -> Self:
        folder = Path(folder)
        description = cls.read_description(folder)
        session = open_session(folder / "network.onnx")
        if [each.name for each in session.get_inputs()] != description["inputs"]:
            raise UnreadableArtifactError(reason="their network reads something else.")
        return cls(session, Calibration.of_arrays(read_arrays(folder / "arrays.safetensors")), description)

    def log_odds(self, table: EventTable, cases: ArrayLike) -> NDArray[np.float64]:
        """Log odds of shape (n_cases,) of events of the table; `lengths` events before each are enough."""
        rows = np.asarray(cases, dtype=np.int64).ravel()
        if not len(rows):
            return np.empty(0)
        inputs = EventWindows(table, self.lengths, n_buckets=self._n_buckets).inputs(rows)
        (found,) = self._session.run(None, {name: inputs[name] for name in self._inputs})
        return np.asarray(found, dtype=np.float64) - self._correction

    def predict_proba(self, table: EventTable, cases: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities of shape (n_cases,); see `log_odds`."""
        return self._calibration.probability(self.log_odds(table, cases)[:, None])
