"""Aspects by meaning: how near a sentence is to an aspect's own words and examples. Arrays alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

#: Of so many sentences must it be known that they are about an aspect, to choose a threshold of its own.
LEAST_KNOWN = 20
#: A wrong aspect is worse than a missing one: precision counts twice as much as recall.
BETA = 0.5


@dataclass(frozen=True)
class Prototypes:
    """Vectors of length 1 of shape (n_prototypes, n_features), and whose each is: places of aspects."""

    vectors: Floats
    owners: NDArray[np.int64]
    n_aspects: int

    def scores(self, sentences: Floats) -> Floats:
        """Return the cosine with the nearest prototype of each aspect.

        Parameters
        ----------
        sentences : float32 array of shape (n_sentences, n_features)

        Returns
        -------
        float32 array of shape (n_sentences, n_aspects)
            -1 for an aspect without a prototype.
        """
        found = np.full((len(sentences), self.n_aspects), -1.0, dtype=np.float32)
        cosines = sentences @ self.vectors.T
        for aspect in range(self.n_aspects):
            own = self.owners == aspect
            if own.any():
                found[:, aspect] = cosines[:, own].max(axis=1)
        return found


def choose_thresholds(scores: Floats, is_about: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return from which score on each aspect is given, by sentences of which it is known.

    An aspect of which too few are known takes the threshold of all together; inf, which gives it to nobody,
    where even these are too few.

    Parameters
    ----------
    scores : float32 array of shape (n_sentences, n_aspects)
    is_about : bool array of shape (n_sentences, n_aspects)

    Returns
    -------
    float64 array of shape (n_aspects,)
    """
    shared = best_threshold(scores.ravel(), is_about.ravel())
    return np.array(
        [
            best_threshold(scores[:, aspect], is_about[:, aspect])
            if is_about[:, aspect].sum() >= LEAST_KNOWN
            else shared
            for aspect in range(scores.shape[1])
        ]
    )


def best_threshold(scores: NDArray[np.floating], is_about: NDArray[np.bool_]) -> float:
    """Return the score from which on F-beta is highest; inf where too few are known.

    Examples
    --------
    >>> about = np.array([True] * 20 + [False] * 20)
    >>> best_threshold(np.array([0.6] * 20 + [0.2] * 20), about)
    0.6
    """
    n_about = int(is_about.sum())
    if n_about < LEAST_KNOWN:
        return float("inf")
    order = np.argsort(-scores, kind="stable")
    n_given, right = np.arange(1, len(order) + 1), np.cumsum(is_about[order])
    # Equal scores are given together: only the last of them can be a bound.
    is_bound = np.append(np.diff(scores[order]) != 0, True)
    value = np.where(is_bound, (1 + BETA**2) * right / (BETA**2 * n_about + n_given), -1.0)
    return float(scores[order][int(value.argmax())])


def give_aspects(scores: Floats, thresholds: NDArray[np.float64]) -> list[int | None]:
    """Return of each sentence the aspect whose threshold it exceeds furthest; None where it reaches none.

    One at most: of the second ones more are wrong than right.
    """
    above = scores - thresholds[None, :]
    best = above.argmax(axis=1)
    return [int(aspect) if above[place, aspect] >= 0 else None for place, aspect in enumerate(best)]


def owners_of(counts: Sequence[int]) -> NDArray[np.int64]:
    """Return whose each prototype is, where aspects bring so many each.

    >>> owners_of([2, 0, 1]).tolist()
    [0, 0, 2]
    """
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)
