"""Items that the same customer took near each other, and items alike that never went together."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions

from .base import says_something
from .tokens import TokenisedTexts, distinct

# Items this near in a customer's history are known to go together, and never count as wrong.
KNOWN_WINDOW = 10
# Hard negatives are drawn from so many nearest items.
N_NEAREST = 20
ROWS_AT_ONCE = 1024


def co_taken(X: Interactions, window: int) -> sparse.csr_array:
    """Return how often two items were taken within some steps of each other by one customer.

    Parameters
    ----------
    X : Interactions
    window : int
        Steps of a history, at least 1.

    Returns
    -------
    csr_array of shape (n_items, n_items)
        Symmetric; the diagonal is empty.

    Examples
    --------
    >>> co_taken(Interactions.from_sequences([[0, 1, 2]], n_items=3), 1).toarray().tolist()
    [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    """
    users, firsts, seconds = X.users, [], []
    for step in range(1, window + 1):
        is_pair = (users[step:] == users[:-step]) & (X.items[step:] != X.items[:-step])
        firsts.append(X.items[:-step][is_pair])
        seconds.append(X.items[step:][is_pair])
    rows, columns = np.concatenate([*firsts, *seconds]), np.concatenate([*seconds, *firsts])
    ones = np.ones(len(rows), dtype=np.int32)
    counts = sparse.coo_array((ones, (rows, columns)), shape=(X.n_items, X.n_items))
    return sparse.csr_array(counts)


def draw_pairs(
    X: Interactions, texts: Sequence[str], *, window: int, max_pairs: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return different pairs of items with different texts, in a random order.

    Parameters
    ----------
    X : Interactions
    texts : sequence of n_items str
    window : int
        How many steps apart in a history.
    max_pairs : int
        No more than this; a pair that was taken more often is drawn rather.
    rng : numpy Generator

    Returns
    -------
    int64 array of shape (n_pairs, 2)

    Raises
    ------
    InvalidDataError
        If there is no such pair.
    """
    counts = sparse.coo_array(sparse.triu(co_taken(X, window), 1))
    pairs = np.stack([counts.row, counts.col], axis=1).astype(np.int64)
    groups = distinct(texts)
    speaks = np.array([says_something(text) for text in texts], dtype=bool)
    is_kept = speaks[pairs].all(axis=1) & (groups[pairs[:, 0]] != groups[pairs[:, 1]])
    pairs, weights = pairs[is_kept], counts.data[is_kept].astype(np.float64)
    if len(pairs) == 0:
        raise InvalidDataError(
            "No customer took two items with different texts: what goes together cannot be learned."
        )
    n_drawn = min(max_pairs, len(pairs))
    chosen = rng.choice(len(pairs), size=n_drawn, replace=False, p=weights / weights.sum())
    drawn = pairs[chosen]
    is_turned = rng.random(n_drawn) < 0.5
    drawn[is_turned] = drawn[is_turned, ::-1]
    return drawn


def nearest_never_taken(
    vectors: NDArray[np.float32],
    items: NDArray[np.int64],
    known: sparse.csr_array,
    groups: NDArray[np.int64],
    *,
    n: int = N_NEAREST,
) -> NDArray[np.int64]:
    """Return for each item those with the nearest text that nobody took together with it.

    Parameters
    ----------
    vectors : float32 array of shape (n, d)
        Of length 1, one for each of `items`.
    items : int64 array of shape (n,)
        Which are compared.
    known : csr_array of shape (n_items, n_items)
        What went together.
    groups : int64 array of shape (n_items,)
        Equal for equal texts.
    n : int, default 20

    Returns
    -------
    int64 array of shape (n_items, n)
        Nearest first; -1 where there are fewer, and for items that were not compared.
    """
    nearest = np.full((len(groups), n), -1, dtype=np.int64)
    for start in range(0, len(items), ROWS_AT_ONCE):
        rows = items[start : start + ROWS_AT_ONCE]
        cosines = vectors[start : start + ROWS_AT_ONCE] @ vectors.T
        cosines[known[rows][:, items].toarray() > 0] = -np.inf
        cosines[groups[rows][:, None] == groups[items]] = -np.inf
        n_found = min(n, len(items))
        best = np.argpartition(-cosines, n_found - 1, axis=1)[:, :n_found]
        found = np.take_along_axis(cosines, best, axis=1)
        order = np.argsort(-found, axis=1)
        best, found = np.take_along_axis(best, order, axis=1), np.take_along_axis(found, order, axis=1)
        nearest[rows, :n_found] = np.where(np.isfinite(found), items[best], -1)
    return nearest


class ItemPairs:
    """Training rows: pairs of items, and in a batch also items that look like the anchors.

    Parameters
    ----------
    texts : TokenisedTexts of n_items
    pairs : int64 array of shape (n_pairs, 2)
    known : csr_array of shape (n_items, n_items)
        What went together; never counts as wrong.
    groups : int64 array of shape (n_items,)
        Equal for equal texts, which cannot be told apart.
    nearest : int64 array of shape (n_items, k)
        From `nearest_never_taken`; of no column where hard negatives are not wanted.
    n_hard : int
        How many a pair brings.
    strength : float in [0, 1)
        Of the change of titles.
    random_state : int
    """

    def __init__(
        self,
        texts: TokenisedTexts,
        pairs: NDArray[np.int64],
        known: sparse.csr_array,
        groups: NDArray[np.int64],
        nearest: NDArray[np.int64],
        *,
        n_hard: int,
        strength: float,
        random_state: int,
    ) -> None:
        self.texts = texts
        self.pairs = pairs
        self.known = known
        self.groups = groups
        self.nearest = nearest
        self.n_hard = n_hard
        self.strength = strength
        self.random_state = random_state
        self.lengths = texts.lengths[pairs].max(axis=1)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, row: int) -> dict[str, Tensor]:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> dict[str, Tensor]:
        # The rows decide, so that a resumed training sees what it would have seen.
        rng = np.random.default_rng([self.random_state % 2**32, *rows])
        anchors, partners = self.pairs[rows].T
        candidates = np.concatenate([partners, self._hard_negatives(anchors, rng)])
        items = np.concatenate([anchors, candidates])
        input_ids, attention_mask = self.texts.changed_batch(items, rng, self.strength)
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "is_allowed": torch.from_numpy(self._may_be_wrong(anchors, partners, candidates)),
        }

    def _hard_negatives(self, anchors: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        if self.n_hard == 0:
            return np.empty(0, dtype=np.int64)
        columns = rng.integers(0, self.nearest.shape[1], size=(len(anchors), self.n_hard))
        found = self.nearest[anchors[:, None], columns].ravel()
        return np.unique(found[found >= 0])

    def _may_be_wrong(
        self, anchors: NDArray[np.int64], partners: NDArray[np.int64], candidates: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        groups = self.groups
        is_same = groups[anchors][:, None] == groups[candidates]
        is_same |= groups[partners][:, None] == groups[candidates]
        went_together = self.known[anchors][:, candidates].toarray() > 0
        return ~(is_same | went_together)
