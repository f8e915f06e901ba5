"""The transformer over events, answering in ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.inference.event_windows import EventTable, EventWindows

from .exceptions import UnreadableArtifactError
from .sessions import open_session

#: So many windows are in memory at a time.
AT_ONCE = 1024


class EventNetworkSession:
    """What `ecomai.learning.export` wrote of an event network; may be used by many threads at a time.

    `description` says `inputs` of the graph in order, `lengths` (how many events of each stream are read),
    `numbers` (names of an event's numbers), `n_buckets`, and `correction`, which is taken off the log odds.
    """

    def __init__(self, path: Path, description: dict[str, Any]) -> None:
        self._session = open_session(path)
        if [each.name for each in self._session.get_inputs()] != description["inputs"]:
            raise UnreadableArtifactError(reason="their network reads something else.")
        self._inputs: list[str] = description["inputs"]
        self._n_buckets: int = description["n_buckets"]
        self._correction: float = description["correction"]
        self.lengths: tuple[int, ...] = tuple(description["lengths"])
        self.numbers: list[str] = description["numbers"]

    def log_odds(self, table: EventTable, cases: ArrayLike) -> NDArray[np.float64]:
        """Log odds of shape (n_cases,) of events of the table; `lengths` events before each are enough."""
        rows = np.asarray(cases, dtype=np.int64).ravel()
        if not len(rows):
            return np.empty(0)
        windows = EventWindows(table, self.lengths, n_buckets=self._n_buckets)
        found = []
        for start in range(0, len(rows), AT_ONCE):
            inputs = windows.inputs(rows[start : start + AT_ONCE])
            found.append(self._session.run(None, {name: inputs[name] for name in self._inputs})[0])
        return np.concatenate(found).astype(np.float64) - self._correction
