"""What a customer's own order of a search gains, on later searches of those who had done something before."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..selectors import interaction_types
from ..services.search.liking import N_HISTORY, PERSONAL_METRICS, PERSONAL_WEIGHT, liking_of
from .led import Search

#: Of whom fewer searches are known, nothing can be said.
LEAST_CASES = 20

#: What is added to the scores of all items for who searches.
Fondness = Callable[[Search], np.ndarray]
#: Metrics of searches in the order that comes of it.
Judging = Callable[[Sequence[Search], Fondness], Mapping[str, float]]


class Histories:
    """What each person of a snapshot turned to, and when."""

    def __init__(self, folder: Path) -> None:
        columns = ["user_key", "item_key", "type", "occurred_at"]
        events = pq.read_table(folder / "events.parquet", columns=columns).to_pandas()
        is_told = events["user_key"].notna() & events["item_key"].notna()
        events = events[is_told & events["type"].isin(interaction_types())]
        self._steps: dict[Any, list[tuple[Any, int]]] = defaultdict(list)
        for user, item, moment in zip(
            events["user_key"], events["item_key"], events["occurred_at"], strict=True
        ):
            self._steps[user].append((pd.Timestamp(moment), int(item)))
        for steps in self._steps.values():
            steps.sort()

    def before(self, search: Search) -> list[int]:
        """Return the keys of the last items before a search, oldest first."""
        moment = pd.Timestamp(search.moment)
        return [item for at, item in self._steps.get(search.person, ()) if at < moment][-N_HISTORY:]


def personal_gain(
    folder: Path, predictor: Any, item_keys: np.ndarray, searches: Sequence[Search], judging: Judging
) -> dict[str, Any] | None:
    """Return metrics with and without the customer's own order; None where too few had a history.

    The predictor must hold the items of the dataset in its order.
    """
    histories = Histories(folder)
    past = {id(search): histories.before(search) for search in searches}
    cases = [search for search in searches if past[id(search)]]
    if len(cases) < LEAST_CASES:
        return None
    categories = _categories(folder)
    place_of = {int(key): place for place, key in enumerate(item_keys.tolist())}

    nothing = np.zeros(len(item_keys))

    def fondness(search: Search) -> np.ndarray:
        own = [categories[place_of[key]] for key in past[id(search)] if key in place_of]
        liking = liking_of(past[id(search)], own, predictor, categories)
        return nothing if liking is None else PERSONAL_WEIGHT * liking

    plain, personal = judging(cases, lambda _search: nothing), judging(cases, fondness)
    return {
        "n_cases": len(cases),
        "weight": PERSONAL_WEIGHT,
        **{
            name: {"plain": round(plain[name], 4), "personal": round(personal[name], 4)}
            for name in PERSONAL_METRICS
        },
    }


def _categories(folder: Path) -> list[str]:
    items = pq.read_table(folder / "items.parquet", columns=["item_key", "category_path"]).to_pandas()
    return [str(path or "") for path in items.sort_values("item_key")["category_path"]]
