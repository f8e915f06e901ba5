"""How well a text encoder finds what a customer takes next from the text of the last item."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics.ranking import mrr_at_k, recall_at_k
from ecomai.learning.splits import Split

from .base import says_something

METRIC = "mrr@10"
JUDGED_CASES = 500
#: Reading the catalogue takes longer than anything else in a judgement, so a sample of it has to do.
JUDGED_ITEMS = 2000


class ItemJudge:
    """Judges vectors of a sample of the catalogue, always the same one.

    Parameters
    ----------
    valid : Split
        Cases later than what is learned from; only `histories` and `targets` are used.
    texts : sequence of n_items str
    max_cases, max_items : int, default 500 and 2000
        Size of the sample.
    random_state : int, default 0

    Attributes
    ----------
    items : int64 array of shape (n,)
        Which items' vectors are judged.

    Raises
    ------
    InvalidDataError
        If no case has a last item and a target with texts.
    """

    def __init__(
        self,
        valid: Split,
        texts: Sequence[str],
        *,
        max_cases: int = JUDGED_CASES,
        max_items: int = JUDGED_ITEMS,
        random_state: int = 0,
    ) -> None:
        rng = np.random.default_rng(random_state)
        speaks = np.array([says_something(text) for text in texts], dtype=bool)
        cases = np.flatnonzero(valid.histories.lengths)
        lasts = valid.histories.items[valid.histories.offsets[cases + 1] - 1].astype(np.int64)
        targets = valid.targets.items[valid.targets.offsets[cases]].astype(np.int64)
        usable = np.flatnonzero(speaks[lasts] & speaks[targets] & (lasts != targets))
        if len(usable) == 0:
            raise InvalidDataError("No validation case has a last item and a next item with texts.")
        usable = rng.permutation(usable)[:max_cases]
        asked = np.unique([lasts[usable], targets[usable]])
        others = rng.permutation(np.setdiff1d(np.flatnonzero(speaks), asked))
        self.items = np.sort(np.concatenate([asked, others[: max(0, max_items - len(asked))]]))
        self.lasts = np.searchsorted(self.items, lasts[usable])
        self.targets = np.searchsorted(self.items, targets[usable])

    def __call__(self, vectors: NDArray[np.float32]) -> dict[str, float]:
        """Return the metrics of vectors.

        Parameters
        ----------
        vectors : float32 array of shape (n, d)
            Of `items`, in their order.

        Returns
        -------
        dict of str to float
            `mrr@10` and `recall@10` of the next item, the last one left out.
        """
        scores = vectors[self.lasts] @ vectors.T
        scores[np.arange(len(scores)), self.lasts] = -np.inf
        n_listed = min(10, len(self.items))
        ranked = np.argsort(-scores, axis=1, kind="stable")[:, :n_listed]
        targets = [[target] for target in self.targets]
        return {
            METRIC: mrr_at_k(ranked, targets, k=10),
            "recall@10": recall_at_k(ranked, targets, k=10),
        }
