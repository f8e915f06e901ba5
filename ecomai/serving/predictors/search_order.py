"""A better order of the first items that a search found, by what query and title have in common."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .cross_encoder import CrossEncoderPredictor
from .pair_ranker import PairRankerPredictor

#: Between what was read and what was not.
APART = 1e-3


class FirstOrder:
    """Orders a list's first items anew: by trees always, by reading each title for as long as there is time.

    Parameters
    ----------
    n_first : int
        Items that the trees look at; what lies behind them stays where it is.
    n_read : int
        Items that are read, of those that the trees put first.
    trees_share, reading_share : float in [0, 1]
        How much of an item's place comes from each; the rest is what was there before.
    trees, reader
        Either may be absent.
    """

    def __init__(
        self, *, n_first: int, n_read: int = 0, trees_share: float = 0.0, reading_share: float = 0.0,
        trees: PairRankerPredictor | None = None, reader: CrossEncoderPredictor | None = None,
    ) -> None:  # fmt: skip
        self.n_first = n_first
        self.n_read = n_read
        self.trees_share = trees_share
        self.reading_share = reading_share
        self._trees = trees
        self._reader = reader

    @classmethod
    def load(cls, folder: Path, description: dict[str, Any]) -> Self:
        """Read what an artifact of search carries; raises `UnreadableArtifactError`."""
        has_trees, is_read = description["trees_share"] > 0, description["reading_share"] > 0
        return cls(
            **description,
            trees=PairRankerPredictor.load(folder) if has_trees else None,
            reader=CrossEncoderPredictor.load(folder) if is_read else None,
        )

    def scores(
        self, query: str, titles: Sequence[str], scores: NDArray[np.floating], *, typed: str = "",
        cosines: NDArray[np.float32] | None = None, seconds: float | None = None,
    ) -> NDArray[np.float64]:  # fmt: skip
        """Return new scores of a list's first items, the best of them about 1.

        `query` is as it was understood, `typed` as it was typed; `scores` are those of the list so far,
        `cosines` those of the vectors. With `seconds`, titles are read as long as that lasts; those that
        were not read stay behind those that were, in the trees' order.
        """
        found = _shares(scores)
        if self._trees is not None:
            grades = self._trees.grade(query, titles, typed=typed, cosines=cosines)
            found = (1 - self.trees_share) * found + self.trees_share * _shares(grades)
        if self._reader is not None and (seconds is None or seconds > 0):
            found = self._read(query, titles, found, seconds)
        return found

    def _read(
        self, query: str, titles: Sequence[str], scores: NDArray[np.float64], seconds: float | None
    ) -> NDArray[np.float64]:
        assert self._reader is not None  # noqa: S101  (the caller has looked)
        first = np.argsort(-scores, kind="stable")[: self.n_read]
        grades = self._reader.grade(query, [titles[place] for place in first], budget_seconds=seconds)
        is_read = ~np.isnan(grades)
        if not is_read.any():
            return scores
        at = first[is_read]
        found = scores.copy()
        found[at] = (1 - self.reading_share) * scores[at] + self.reading_share * _shares(grades[is_read])
        rest = np.ones(len(found), dtype=bool)
        rest[at] = False
        if rest.any():
            found[rest] += min(float(found[at].min()) - APART - float(found[rest].max()), 0.0)
        return found


def _shares(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return scores as shares of the best; nothing is below 0."""
    found = np.maximum(np.asarray(scores, dtype=np.float64), 0)
    return found / max(float(found.max(initial=0)), 1e-9)
