"""How fond a customer probably is of things, by what the customer turned to last."""

from collections.abc import Sequence

import numpy as np

from ecomai.serving.predictors.search import SearchPredictor

from ...catalogue import top_category

#: How much that counts against what was searched for.
PERSONAL_WEIGHT = 0.25
N_HISTORY = 30
#: Those that a training measures with and without it.
PERSONAL_METRICS = ("ndcg@10", "mrr@10", "recall@10")


def liking_of(
    history: Sequence[int],
    own_categories: Sequence[str],
    predictor: SearchPredictor,
    categories: Sequence[str],
) -> np.ndarray | None:
    """Return how fond somebody probably is of each item of a predictor, from 0 to 1; None: nothing is known.

    By the texts of the items of `history` (keys, oldest first) and by their categories; `categories` are
    those of the predictor's items, in its order.
    """
    tops = [top_category(path) for path in own_categories]
    if not tops:
        return None
    share = {top: tops.count(top) / len(tops) for top in set(tops)}
    in_favourites = np.array([share.get(top_category(path), 0.0) for path in categories])
    in_favourites = in_favourites / max(float(in_favourites.max(initial=0)), 1e-9)
    likeness = np.maximum(predictor.likeness([str(key) for key in history])[: len(categories)], 0)
    if not likeness.any():  # nothing is known by its text
        return in_favourites
    return 0.5 * in_favourites + 0.5 * likeness / float(likeness.max())
