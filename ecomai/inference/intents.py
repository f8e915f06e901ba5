"""From the vector of a text to what it wants, how sure that is, and whether it is anything known."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: So many of the known texts that are nearest say how strange a text is.
N_NEIGHBOURS = 3
#: Places in `temperatures` and `thresholds`: texts the transformer reads, and those it does not.
KNOWN_SCRIPT, OTHER_SCRIPT = 0, 1


@dataclass(frozen=True)
class IntentHead:
    """A linear map over vectors, its calibration, and the texts it learned from.

    Parameters
    ----------
    coefficients : float64 array of shape (n_classes, n_features)
    intercepts : float64 array of shape (n_classes,)
    references : float32 array of shape (n_references, n_features)
        Vectors of length 1 of the texts that were learned from.
    temperatures : float64 array of shape (2,)
        What log odds are divided by, for texts in a script that the transformer knows and for others.
    thresholds : float64 array of shape (2,)
        From which strangeness on a text is out of scope, likewise.
    mixture : float64 array of shape (3,)
        Weights of the three signs of strangeness; see `signs`.
    """

    coefficients: Floats
    intercepts: Floats
    references: NDArray[np.float32]
    temperatures: Floats
    thresholds: Floats
    mixture: Floats

    def log_odds(self, vectors: NDArray[np.float32], routes: NDArray[np.int64]) -> Floats:
        """Return the calibrated scores of shape (n_texts, n_classes); `routes` are 0 or 1 of each text."""
        return self.raw(vectors) / self.temperatures[routes][:, None]

    def raw(self, vectors: NDArray[np.float32]) -> Floats:
        """Return scores before calibration: (n_texts, n_classes)."""
        return vectors.astype(np.float64) @ self.coefficients.T + self.intercepts

    def strangeness(self, vectors: NDArray[np.float32], routes: NDArray[np.int64]) -> Floats:
        """Return by how much each text is stranger than a known one may be: above 0 is out of scope."""
        return self.signs(vectors) @ self.mixture - self.thresholds[routes]

    def signs(self, vectors: NDArray[np.float32]) -> Floats:
        """Return three signs that a text is none of the classes: (n_texts, 3), greater is stranger.

        The odds against the likeliest class, the energy (minus the log of the sum of all odds), and how far
        the nearest known texts are. All are of the order of 1, so that weights can be compared.
        """
        scores = self.raw(vectors)
        energy = -log_sum_exp(scores)
        doubt = 1 - np.exp(scores.max(axis=1) + energy)
        return np.stack([doubt, energy / 10, self._distance(vectors)], axis=1)

    def _distance(self, vectors: NDArray[np.float32]) -> Floats:
        if not len(self.references):
            return np.ones(len(vectors))
        cosines = vectors @ self.references.T
        n = min(N_NEIGHBOURS, cosines.shape[1])
        nearest = np.partition(cosines, -n, axis=1)[:, -n:]
        return 1 - nearest.mean(axis=1).astype(np.float64)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Return what `as_arrays` gave; KeyError where a part is missing."""
        return cls(**{each.name: arrays[each.name] for each in fields(cls)})


def log_sum_exp(scores: Floats) -> Floats:
    """Return the log of the sum of exponentials of each row: (n, m) to (n,)."""
    greatest = scores.max(axis=1)
    return np.asarray(greatest + np.log(np.exp(scores - greatest[:, None]).sum(axis=1)))


def softmax(scores: Floats) -> Floats:
    """Return probabilities of each row: (n, m) to (n, m)."""
    if not len(scores):
        return scores
    return np.asarray(np.exp(scores - log_sum_exp(scores)[:, None]))
