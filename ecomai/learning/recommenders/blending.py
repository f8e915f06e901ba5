"""Recommenders whose scores are added up, and what each of them is to say."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions
from ecomai.learning.metrics.ranking import ndcg_at_k
from ecomai.learning.splits import Split

from .base import USERS_AT_ONCE, Recommender, top_n

Weights = Mapping[str, float]

#: What item-item is tried to say beside a network whose scores are logarithms of probabilities.
NEIGHBOUR_WEIGHTS = (0.0, *(2.0**power for power in range(11)))


def blended_ranking(
    recommenders: Mapping[str, Recommender],
    weights: Sequence[Weights],
    histories: Interactions,
    *,
    n: int = 10,
    is_candidate: NDArray[np.bool_] | None = None,
) -> list[NDArray[np.int64]]:
    """Rank by weighted sums of scores, once for each way of weighing; each recommender scores once.

    Parameters
    ----------
    recommenders : mapping of str to Recommender
        Fitted on the same catalogue.
    weights : sequence of n_ways mappings of str to float
        What each recommender's scores are multiplied by.
    histories : Interactions of n_users
        What is in them is not ranked.
    n : int, default 10
        Length of the lists.
    is_candidate : bool array of shape (n_items,), optional
        Which items may be ranked. Default: all.

    Returns
    -------
    list of n_ways int64 arrays of shape (n_users, min(n, n_items))
        Best first; -1 where fewer items may be ranked.
    """
    found: list[list[NDArray[np.int64]]] = [[] for _ in weights]
    for start in range(0, len(histories), USERS_AT_ONCE):
        part = histories.select(np.arange(start, min(start + USERS_AT_ONCE, len(histories))))
        scores = {name: recommender.scores(part) for name, recommender in recommenders.items()}
        for ranked, way in zip(found, weights, strict=True):
            total = np.zeros(next(iter(scores.values())).shape, dtype=np.float32)
            for name, weight in way.items():
                if weight:
                    total += np.float32(weight) * scores[name]
            total[part.users, part.items] = -np.inf
            if is_candidate is not None:
                total[:, ~is_candidate] = -np.inf
            best = top_n(total, n)
            ranked.append(np.where(np.isfinite(np.take_along_axis(total, best, axis=1)), best, -1))
    return [np.concatenate(ranked) for ranked in found]


def choose_weights(
    recommenders: Mapping[str, Recommender],
    tried: Sequence[Weights],
    valid: Split,
    *,
    is_candidate: NDArray[np.bool_] | None = None,
    n_cases: int = 5000,
    random_state: int = 0,
) -> tuple[Weights, list[float]]:
    """Return the weights by which the validation cases are ranked best.

    Parameters
    ----------
    recommenders : mapping of str to Recommender
        Fitted without the validation cases.
    tried : sequence of mappings of str to float
        Ways of weighing; of equally good ones the first is taken.
    valid : Split
        Only `histories` and `targets` are used.
    is_candidate : bool array of shape (n_items,), optional
        As in `blended_ranking`.
    n_cases : int, default 5000
        How many of the cases are ranked at most.
    random_state : int, default 0
        Which ones.

    Returns
    -------
    weights : mapping of str to float
        One of those tried.
    ndcg : list of float
        NDCG@10 of each of those tried.

    Raises
    ------
    InvalidDataError
        If there is nothing to try, or no case.
    """
    if not tried or not len(valid.targets):
        raise InvalidDataError("Weights are chosen among some, on at least one case.")
    cases = np.sort(np.random.default_rng(random_state).permutation(len(valid.targets))[:n_cases])
    histories, targets = valid.histories.select(cases), valid.targets.select(cases)
    ranked = blended_ranking(recommenders, tried, histories, is_candidate=is_candidate)
    ndcg = [ndcg_at_k(one, targets, k=10) for one in ranked]
    return tried[int(np.argmax(ndcg))], ndcg
