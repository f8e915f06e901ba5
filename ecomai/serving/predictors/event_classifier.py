"""Which of two things a case is, by itself and the events shortly before it."""

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.inference.calibration import Calibration
from ecomai.inference.event_windows import EventTable
from ecomai.serving.event_networks import EventNetworkSession

from .base import Predictor, read_arrays


class EventClassifierPredictor(Predictor):
    """The transformer over events behind a calibration.

    An artifact has `network.onnx`, `arrays.safetensors` (`weights`, `scores`, `probabilities` of the
    calibration), and in `predictor.json` what `EventNetworkSession` reads, `n_categories` and `n_text`.
    """

    kind: ClassVar[str] = "event_classifier"

    def __init__(self, network: EventNetworkSession, calibration: Calibration) -> None:
        self._network = network
        self._calibration = calibration
        self.lengths = network.lengths
        self.numbers = network.numbers

    @classmethod
    def load(cls, folder: Path) -> Self:
        folder = Path(folder)
        network = EventNetworkSession(folder / "network.onnx", cls.read_description(folder))
        return cls(network, Calibration.of_arrays(read_arrays(folder / "arrays.safetensors")))

    def log_odds(self, table: EventTable, cases: ArrayLike) -> NDArray[np.float64]:
        """Log odds of shape (n_cases,) of events of the table; `lengths` events before each are enough."""
        return self._network.log_odds(table, cases)

    def predict_proba(self, table: EventTable, cases: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities of shape (n_cases,); see `log_odds`."""
        return self._calibration.probability(self.log_odds(table, cases)[:, None])
