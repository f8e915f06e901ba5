"""How good ranked lists are, against what users really took."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions


def recall_at_k(ranked: ArrayLike, targets: "Interactions | Sequence[ArrayLike]", *, k: int) -> float:
    """Return the mean share of a user's targets that are among the first `k` items.

    Parameters
    ----------
    ranked : int array of shape (n_users, n)
        Item positions, best first; -1 where a list ends early.
    targets : Interactions or sequence of n_users int sequences
        What each user took, at least one item.
    k : int
        How many items are looked at, at least 1.

    Returns
    -------
    float in [0, 1]

    Raises
    ------
    InvalidDataError
        If there are no users, or their number differs, or a user has no target.

    References
    ----------
    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002, for this
    module's gains.

    Examples
    --------
    >>> recall_at_k([[3, 1], [0, 2]], [[1], [3, 2]], k=2)
    0.75
    """
    hits, n_targets = _hits(ranked, targets, k)
    return float(np.mean(hits.sum(axis=1) / n_targets))


def precision_at_k(ranked: ArrayLike, targets: "Interactions | Sequence[ArrayLike]", *, k: int) -> float:
    """Return the mean share of the first `k` items that are targets.

    Parameters and errors are those of `recall_at_k`.

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> precision_at_k([[3, 1], [0, 2]], [[1], [3, 2]], k=2)
    0.5
    """
    hits, _ = _hits(ranked, targets, k)
    return float(np.mean(hits.sum(axis=1) / k))


def ndcg_at_k(ranked: ArrayLike, targets: "Interactions | Sequence[ArrayLike]", *, k: int) -> float:
    """Return the mean normalised discounted cumulative gain of the first `k` items.

    A target at place `p` (from 1) gains `1 / log2(p + 1)`; the sum is divided by that of the best
    possible list. Parameters and errors are those of `recall_at_k`.

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> ndcg_at_k([[3, 1], [2, 0]], [[3], [2, 0]], k=2)
    1.0
    """
    hits, n_targets = _hits(ranked, targets, k)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(discounts)[np.minimum(n_targets, k) - 1]
    return float(np.mean(hits @ discounts / best))


def mrr_at_k(ranked: ArrayLike, targets: "Interactions | Sequence[ArrayLike]", *, k: int) -> float:
    """Return the mean of 1 / place of the first target among `k` items; 0 where there is none.

    Parameters and errors are those of `recall_at_k`.

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> mrr_at_k([[3, 1], [0, 2]], [[1], [0]], k=2)
    0.75
    """
    hits, _ = _hits(ranked, targets, k)
    first = hits.argmax(axis=1)
    return float(np.mean(np.where(hits.any(axis=1), 1 / (first + 1), 0.0)))


def coverage_at_k(ranked: ArrayLike, *, n_items: int, k: int) -> float:
    """Return the share of the catalogue that appears in at least one user's first `k` items.

    Parameters
    ----------
    ranked : int array of shape (n_users, n)
        Item positions, best first; -1 where a list ends early.
    n_items : int
        Size of the catalogue, at least 1.
    k : int
        How many items are looked at, at least 1.

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> coverage_at_k([[0, 1], [1, -1]], n_items=4, k=2)
    0.5
    """
    shown = np.unique(np.asarray(ranked)[:, :k])
    return float(np.count_nonzero(shown >= 0) / n_items)


def ranking_report(
    ranked: ArrayLike,
    targets: "Interactions | Sequence[ArrayLike]",
    *,
    n_items: int,
    ks: Sequence[int] = (5, 10),
) -> dict[str, float]:
    """Return the usual metrics by their usual names.

    Parameters
    ----------
    ranked, targets, n_items
        As in `recall_at_k` and `coverage_at_k`.
    ks : sequence of int, default (5, 10)
        Lengths of the lists.

    Returns
    -------
    dict of str to float
        `recall@k`, `ndcg@k`, `mrr@k` and `coverage@k` for each `k`.

    Examples
    --------
    >>> ranking_report([[0], [1]], [[0], [0]], n_items=2, ks=(1,))
    {'recall@1': 0.5, 'ndcg@1': 0.5, 'mrr@1': 0.5, 'coverage@1': 1.0}
    """
    report = {}
    for k in ks:
        report[f"recall@{k}"] = recall_at_k(ranked, targets, k=k)
        report[f"ndcg@{k}"] = ndcg_at_k(ranked, targets, k=k)
        report[f"mrr@{k}"] = mrr_at_k(ranked, targets, k=k)
        report[f"coverage@{k}"] = coverage_at_k(ranked, n_items=n_items, k=k)
    return report


def _hits(
    ranked: ArrayLike, targets: "Interactions | Sequence[ArrayLike]", k: int
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which of the first `k` places hold a target, and how many distinct targets each user has."""
    ranked = np.asarray(ranked)
    if ranked.ndim != 2 or len(ranked) == 0 or len(ranked) != len(targets):
        raise InvalidDataError(f"There are {len(ranked)} lists for {len(targets)} users with targets.")
    if k < 1:
        raise InvalidDataError("A list has at least 1 place.")
    n_columns = min(k, ranked.shape[1])
    hits = np.zeros((len(ranked), k), dtype=bool)
    n_targets = np.empty(len(ranked), dtype=np.int64)
    for user, row in enumerate(targets):
        wanted = np.unique(np.asarray(row))
        n_targets[user] = len(wanted)
        hits[user, :n_columns] = np.isin(ranked[user, :n_columns], wanted)
    if n_targets.min() == 0:
        raise InvalidDataError("Every judged user needs at least one target.")
    return hits, n_targets
