"""Boosted trees that answer in ONNX Runtime."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .sessions import open_session


class Trees:
    """What `ecomai.learning.export.trees` wrote; may be used by many threads at a time."""

    def __init__(self, path: Path) -> None:
        self._session = open_session(path)
        self.n_features: int = self._session.get_inputs()[0].shape[1]

    def predict(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw margins of shape (n_samples,) for X of shape (n_samples, n_features); NaN is missing."""
        if not len(X):
            return np.empty(0, dtype=np.float32)
        return self._session.run(None, {"X": np.asarray(X, dtype=np.float32)})[0].ravel()
