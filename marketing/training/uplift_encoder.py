"""What the order of a customer's steps says: a sequence model of the next item, read as it will serve."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.event_context import EventContext
from ecomai.serving.predictors.next_item import NextItemPredictor

from ..targeting.histories import KINDS, LONGEST, Histories

#: A vector is small beside the customers of a campaign, as each number of it is one more to weigh.
DIM = 16
MAX_EPOCHS = 8
#: With few histories there are more epochs, so that it is learned by as many steps at least.
LEAST_STEPS, BATCH_SIZE = 200, 128
#: Histories of two steps at least, without which no order can be learned; and how many are learned from.
LEAST_HISTORIES, MOST_HISTORIES = 200, 20_000
_AT_ONCE = 2048


class HistoryEncoder:
    """The exported model, by ONNX Runtime: a worker that sends needs no torch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._predictor = NextItemPredictor.load(folder)

    @property
    def dim(self) -> int:
        return self._predictor.dim

    def vectors(self, histories: Histories) -> NDArray[np.float32]:
        """Return what it makes of each customer's steps, of shape (n_customers, dim)."""
        parts = [
            self._encode(histories.select(np.arange(start, min(start + _AT_ONCE, len(histories)))))
            for start in range(0, len(histories), _AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.dim), dtype=np.float32)

    def _encode(self, histories: Histories) -> NDArray[np.float32]:
        items = [str(item) for item in histories.items.tolist()]
        steps = zip(histories.kinds.tolist(), histories.days.tolist(), strict=True)
        contexts = [EventContext(KINDS[kind], day) for kind, day in steps]
        ends = histories.offsets.tolist()
        rows = [slice(first, last) for first, last in pairwise(ends)]
        return self._predictor.user_vectors([items[row] for row in rows], [contexts[row] for row in rows])


def learn_encoder(histories: Histories, folder: Path, *, random_state: int) -> HistoryEncoder | None:
    """Learn what customers turn to next, from histories alone; None where too few have two steps."""
    from ecomai.learning.export import export_next_item
    from ecomai.learning.interactions import Interactions
    from ecomai.learning.recommenders.sequence import SequenceRecommender

    telling = np.flatnonzero(histories.lengths > 1)
    if len(telling) < LEAST_HISTORIES:
        return None
    drawn = np.random.default_rng(random_state).permutation(telling)[:MOST_HISTORIES]
    known = histories.select(np.sort(drawn))
    item_pks, positions = np.unique(known.items, return_inverse=True)
    ages = known.days.max() - known.days
    interactions = Interactions(
        items=positions.astype(np.int32), offsets=known.offsets, n_items=len(item_pks),
        ages_days=ages.astype(np.float32), types=known.kinds.astype(np.int64),
    )  # fmt: skip
    model = SequenceRecommender(
        dim=DIM, max_length=LONGEST, max_epochs=max(MAX_EPOCHS, -(-LEAST_STEPS * BATCH_SIZE // len(known))),
        batch_size=BATCH_SIZE, has_context=True, device="cpu", random_state=random_state,
    ).fit(interactions)  # fmt: skip
    names = [str(pk) for pk in item_pks.tolist()]
    return HistoryEncoder(export_next_item(model, folder, item_ids=names, event_types=KINDS))
