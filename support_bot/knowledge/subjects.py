"""Which article a question is about, by all ways to ask taken together; or none of them."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FILE = Path(__file__).parent / "elsewhere.txt"
#: Of the kernel exp((cosine - 1) / WIDTH), and of the ridge: chosen by leaving each way to ask of the demo's
#: articles out in turn, where a logistic regression finds as many.
WIDTH, RIDGE = 0.8, 0.2
#: More texts are thinned out evenly: the time to learn grows with their third power; so many take 0.2 s.
MOST_TEXTS = 2_000
#: A general question whose cosine to a shop's own way to ask is as high is a way to ask for an article there.
SAME = 0.8
NO_ARTICLE = -1


@cache
def general_questions() -> tuple[str, ...]:
    """Return what customers of many shops ask, whatever a shop's articles say."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


class Subjects:
    """A kernel ridge regression from texts to their articles, with general questions as one more article.

    It has no state of its own: a change of an article makes another one.

    References
    ----------
    Rifkin, Yeo and Poggio, "Regularized least-squares classification", 2003; Hendrycks, Mazeika and
    Dietterich, "Deep anomaly detection with outlier exposure", 2019.
    """

    def __init__(self, vectors: Floats, article_ids: Sequence[int], general: Floats) -> None:
        """Learn from vectors of length 1: (n_texts, n_features), their articles, and general questions."""
        if len(vectors) and len(general):
            general = general[(general @ vectors.T).max(axis=1) < SAME]
        step = max(1, -(-len(vectors) // MOST_TEXTS))
        known, ids = vectors[::step], np.asarray(article_ids, dtype=np.int64)[::step]
        if len(general):
            known = np.concatenate([known, general])
            ids = np.concatenate([ids, np.full(len(general), NO_ARTICLE)])
        self._known = known
        self.article_ids, places = np.unique(ids, return_inverse=True)
        targets = np.eye(len(self.article_ids))[places]
        ridge = RIDGE * np.eye(len(known))
        self._weights = np.linalg.solve(self._likeness(known.T).astype(np.float64) + ridge, targets)

    def _likeness(self, vectors: Floats) -> Floats:
        found: Floats = np.exp((self._known @ vectors - 1) / WIDTH)
        return found

    def shares(self, vector: Floats) -> dict[int, float]:
        """Return how much a question is of each article, about 0 to 1; of none of them under `NO_ARTICLE`."""
        found = self._likeness(vector) @ self._weights
        return dict(zip(self.article_ids.tolist(), found.tolist(), strict=True))
