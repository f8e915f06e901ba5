"""The sources of pipelines as they would have been at a past moment; nothing later may enter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy import sparse

from ecomai.commerce.models import EventType
from ecomai.learning.callbacks import ReportTo
from ecomai.learning.interactions import Interactions
from ecomai.registry.runs import Run

from .. import selectors
from ..app_settings import app_settings
from ..catalogue import top_category
from ..datasets import Dataset
from ..pipeline.features import SOURCE_KINDS, Asked, ItemFacts, group_codes
from ..pipeline.rankers import N_SEEDS as N_SIMILAR_SEEDS
from ..pipeline.ranking import normalised
from ..pipeline.sources import MOST_TOGETHER, N_SEEDS, NEW_DAYS
from .next_item import Material, Quiet

#: How many candidates each source names.
N_NAMED = {"sequence": 100, "similar": 50, "together": 50, "trending": 30, "new": 20, "rebuy": 50}
DAY: Any = np.timedelta64(1, "D")
EPOCH = np.datetime64("1970-01-01T00:00:00", "us")


@dataclass(frozen=True, eq=False)
class PastItems:
    """What is known of the items besides what was done with them."""

    prices: np.ndarray
    categories: np.ndarray
    departments: np.ndarray
    brands: np.ndarray
    listed_days: np.ndarray
    paths: Sequence[str]

    def facts(self, popularity: np.ndarray) -> ItemFacts:
        return ItemFacts(
            popularity=popularity, prices=self.prices, categories=self.categories,
            departments=self.departments, brands=self.brands, listed_days=self.listed_days,
        )  # fmt: skip


def read_items(material: Material) -> PastItems:
    """Read the columns that features need, in the order of the dataset's items."""
    columns = ["item_key", "price", "category_path", "brand", "listed_at"]
    table = pq.read_table(material.snapshot.folder / "items.parquet", columns=columns).to_pandas()
    table = table.sort_values("item_key")
    paths = table["category_path"].fillna("").to_numpy(dtype=object)
    tops = np.array([top_category(path) for path in paths], dtype=object)
    listed = table["listed_at"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]")
    return PastItems(
        prices=table["price"].to_numpy(np.float64),
        categories=group_codes(paths),
        departments=group_codes(tops),
        brands=group_codes(table["brand"].fillna("").to_numpy(dtype=object)),
        listed_days=(listed - EPOCH) / DAY,
        paths=paths.tolist(),
    )


class PastSources:
    """The sources of pipelines as they would have been at a moment; each names (n_cases, n_items) scores."""

    def __init__(
        self, run: Run, material: Material, items: PastItems, moment: np.datetime64, *, start: float
    ) -> None:
        from ecomai.learning.recommenders.item_item import ItemItemRecommender
        from ecomai.learning.recommenders.sequence import SequenceRecommender

        self.moment = moment
        X = material.dataset.before(moment)
        epochs, dim = run.hyperparameters.get("sequence_epochs", 5), run.hyperparameters.get("dim", 64)
        self.sequence = SequenceRecommender(dim=dim, max_epochs=epochs, random_state=run.random_state)
        self.sequence.fit(
            X, material.vectors, callbacks=[ReportTo(Quiet(run, "source"), start=start, end=start + 0.1)]
        )
        self.similar = ItemItemRecommender().fit(X, material.vectors)
        self.popularity = _popularity(X)
        self.purchase = _type_number(material.dataset)
        self.together = _pairs(material.dataset, moment, self.purchase)
        self.facts = items.facts(self.popularity)
        self.paths = items.paths
        ages = np.maximum((moment - EPOCH) / DAY - items.listed_days, 0.0)
        self.newness = np.where(items.listed_days <= (moment - EPOCH) / DAY, np.exp(-ages / NEW_DAYS), 0.0)
        self.is_offered = material.is_offered

    def named(
        self, histories: Interactions, seeds: Sequence[Sequence[int]] | None = None
    ) -> list[tuple[np.ndarray, np.ndarray, Asked]]:
        """Return, for each history, the candidates, what each source says of them, and who asks.

        `seeds` are the items asked about, as places: one of a page, or several in a basket.
        """
        seeds = seeds or [()] * len(histories)
        steps = [_steps(history, own) for history, own in zip(histories, seeds, strict=True)]
        sequence = self.sequence.scores(self._as_users(steps))
        similar = self.similar.scores(
            self._as_users([own or one[-N_SIMILAR_SEEDS:] for own, one in zip(seeds, steps, strict=True)])
        )
        found = []
        for row, (history, own) in enumerate(zip(histories, seeds, strict=True)):
            types = None if histories.types is None else _row(histories, histories.types, row)
            bought = np.unique(history[types == self.purchase]) if types is not None else history[:0]
            places = np.array(steps[row], dtype=np.int64)
            scores = self._scores(places, bought, sequence[row], similar[row], own)
            page, n_basket = (own[0], 0) if len(own) == 1 else (-1, len(own))
            asked = Asked(places, bought, page=page, n_basket=n_basket)
            found.append((*self._candidates(scores, bought, own), asked))
        return found

    def _as_users(self, rows: Sequence[Sequence[int]]) -> Interactions:
        return Interactions.from_sequences(rows, n_items=len(self.is_offered))

    def _scores(
        self,
        history: np.ndarray,
        bought: np.ndarray,
        sequence: np.ndarray,
        similar: np.ndarray,
        asked_about: Sequence[int],
    ) -> dict[str, np.ndarray]:
        """Return scores by source; what was looked at is no news to models, and minus infinity is unnamed."""
        seen = np.setdiff1d(history, bought)
        sequence, similar = sequence.astype(np.float64), similar.astype(np.float64)
        similar = np.where(similar > 0, similar, -np.inf)
        sequence[seen] = similar[seen] = -np.inf
        seeds = list(asked_about) or list(dict.fromkeys(history[::-1].tolist()))[:N_SEEDS]
        together = np.asarray(self.together[seeds].sum(axis=0)).ravel()
        counts = np.zeros(len(sequence))
        is_bought = np.isin(history, bought)
        np.add.at(counts, history[is_bought], (np.flatnonzero(is_bought) + 1) / max(len(history), 1))
        everything = {
            "sequence": sequence, "similar": similar, "together": _positive(together),
            "trending": _positive(np.log1p(np.maximum(self.popularity, 0.0))),
            "new": _positive(self.newness), "rebuy": _positive(counts),
        }  # fmt: skip
        return everything

    def _candidates(
        self, scores: Mapping[str, np.ndarray], bought: np.ndarray, asked_about: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        may_show = self.is_offered.copy()
        excluded = selectors.not_again({int(place): self.paths[place] for place in bought})
        may_show[[*excluded, *asked_about]] = False
        named = {}
        for kind in SOURCE_KINDS:
            values = np.where(may_show, scores[kind], -np.inf)
            n = min(N_NAMED[kind], len(values))
            best = np.argpartition(values, len(values) - n)[-n:]
            named[kind] = best[np.isfinite(values[best])]
        places = np.unique(np.concatenate(list(named.values())))
        said = np.zeros((len(places), len(SOURCE_KINDS)))
        for column, kind in enumerate(SOURCE_KINDS):
            said[np.searchsorted(places, named[kind]), column] = normalised(scores[kind][named[kind]])
        return places, said


def _steps(history: np.ndarray, seeds: Sequence[int]) -> list[int]:
    """Return what a model reads: the history, and then what lies in a basket."""
    basket = list(seeds) if len(seeds) > 1 else []
    return [*(place for place in history.tolist() if place not in basket), *basket]


def _positive(scores: np.ndarray) -> np.ndarray:
    return np.where(scores > 0, scores, -np.inf)


def _popularity(X: Interactions) -> np.ndarray:
    ages = np.zeros(X.n_events) if X.ages_days is None else X.ages_days
    kept = (ages <= app_settings.POPULARITY_DAYS) * 0.5 ** (ages / app_settings.POPULARITY_HALF_LIFE_DAYS)
    return np.bincount(X.items, weights=X.event_weights * kept, minlength=X.n_items)


def _type_number(dataset: Dataset) -> int:
    purchase = EventType.PURCHASE.value
    return dataset.event_types.index(purchase) if purchase in dataset.event_types else -1


def _pairs(dataset: Dataset, moment: np.datetime64, purchase: int) -> sparse.csr_array:
    """Return by item the roots of how often others were bought at the same moment by the same customer."""
    X, times = dataset.interactions, dataset.times
    kept = (times < moment) & (X.types == purchase if X.types is not None else True)
    users, items = X.users[kept].astype(np.int64), X.items[kept]
    moments = times[kept].astype("datetime64[s]").astype(np.int64)
    _found, baskets = np.unique(np.stack([users, moments]), axis=1, return_inverse=True)
    n_baskets = int(baskets.max(initial=-1)) + 1
    member = sparse.csr_array((np.ones(len(items)), (baskets.ravel(), items)), shape=(n_baskets, X.n_items))
    member.data[:] = 1.0
    pairs = sparse.csr_array(member.T @ member)
    pairs.setdiag(0)
    return _strongest(pairs)


def _strongest(pairs: sparse.csr_array) -> sparse.csr_array:
    for row in range(pairs.shape[0]):
        part = slice(pairs.indptr[row], pairs.indptr[row + 1])
        values = pairs.data[part]
        if len(values) > MOST_TOGETHER:
            values[np.argsort(-values, kind="stable")[MOST_TOGETHER:]] = 0.0
    pairs.eliminate_zeros()
    pairs.data = np.sqrt(pairs.data)
    return pairs


def _row(X: Interactions, values: np.ndarray, row: int) -> np.ndarray:
    return values[X.offsets[row] : X.offsets[row + 1]]
