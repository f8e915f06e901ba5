"""Lists for a ranker as they are put together: features of candidates, what was gained, and other orders."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..models import PipelineSource
from ..pipeline.features import SOURCE_KINDS, Asked, feature_matrix
from .past_sources import DAY, EPOCH, PastSources

if TYPE_CHECKING:
    from ecomai.learning.rankers.lists import CandidateLists

#: Judged are the first so many places.
K = 10


@dataclass(frozen=True, eq=False)
class PastLists:
    """Lists of candidates with features and gains, and other orders of the same lists."""

    lists: "CandidateLists"
    peers: Mapping[str, np.ndarray]
    coverage: float  # which part of what was gained after is among the candidates

    def __len__(self) -> int:
        return len(self.lists)


class Collected:
    """Lists of candidates of the same sources, added one after the other."""

    def __init__(self, sources: PastSources) -> None:
        self.sources = sources
        self._features: list[np.ndarray] = []
        self._gains: list[np.ndarray] = []
        self._places: list[np.ndarray] = []
        self._said: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self._features)

    def add(
        self,
        asked: Asked,
        moment: np.datetime64,
        places: np.ndarray,
        said: np.ndarray,
        gains: np.ndarray,
        kept: np.ndarray | slice = slice(None),
    ) -> np.ndarray:
        """Add a list: who asked and when, candidates, what sources say, and the gains of what is `kept`.

        Returns the features of all candidates, (n_candidates, n_features).
        """
        asked = replace(asked, now_days=float((moment - EPOCH) / DAY))
        X = feature_matrix(self.sources.facts, asked, places, said)
        self._features.append(X[kept])
        self._gains.append(gains)
        self._places.append(places[kept])
        self._said.append(said[kept])
        return X

    def as_lists(
        self,
        coverage: float = 1.0,
        *,
        ideals: np.ndarray | None = None,
        peers: Mapping[str, np.ndarray] | None = None,
    ) -> PastLists:
        """Return all that was added, with more `peers` beside those that sources give."""
        from ecomai.learning.rankers.lists import CandidateLists

        lengths = [len(part) for part in self._features]
        lists = CandidateLists(
            np.concatenate(self._features),
            np.concatenate(self._gains),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            ideals,
        )
        said = np.concatenate(self._said)
        weights = np.array([PipelineSource.WEIGHTS[kind] for kind in SOURCE_KINDS])
        orders = {
            "popularity": self.sources.popularity[np.concatenate(self._places)],
            "blend": said @ weights,
            **{kind: said[:, column] for column, kind in enumerate(SOURCE_KINDS[:3])},
        }
        return PastLists(lists, {**orders, **(peers or {})}, coverage)
