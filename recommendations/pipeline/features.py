"""What a ranker knows of a candidate: the item, who asks, and where; the same in training and serving."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..catalogue import Catalogue
from ..models import PipelineSource

SOURCE_KINDS = tuple(kind.value for kind in PipelineSource.Kind)
DAY_MICROSECONDS = 86_400_000_000
#: The columns, in their order.
FEATURES = (
    *(f"said_{kind}" for kind in SOURCE_KINDS),
    *(f"rank_{kind}" for kind in SOURCE_KINDS),
    "n_sources", "popularity", "popularity_rank", "age", "price", "price_ratio", "same_category",
    "same_department", "same_brand", "is_last_category", "times_seen", "last_seen", "is_bought", "n_history",
    "has_page", "is_page_category", "page_price_ratio", "n_basket",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ItemFacts:
    """Columns of all items; what is not known of one is NaN, or -1 for a group."""

    popularity: np.ndarray  # (n_items,) float64
    prices: np.ndarray  # (n_items,) float64
    categories: np.ndarray  # (n_items,) int
    departments: np.ndarray  # (n_items,) int
    brands: np.ndarray  # (n_items,) int
    listed_days: np.ndarray  # (n_items,) float64, since 1970

    @classmethod
    def of_catalogue(cls, catalogue: Catalogue) -> "ItemFacts":
        return cls(
            popularity=catalogue.popularity,
            prices=catalogue.prices,
            categories=np.where(catalogue.categories == "", -1, catalogue.category_codes),
            departments=np.where(catalogue.categories == "", -1, catalogue.departments),
            brands=group_codes(catalogue.brands),
            listed_days=catalogue.listed / DAY_MICROSECONDS,
        )

    @cached_property
    def popularity_ranks(self) -> np.ndarray:
        """From 0 for the most popular to 1."""
        ranks = np.empty(len(self.popularity))
        ranks[np.argsort(-self.popularity, kind="stable")] = np.arange(len(ranks)) / max(len(ranks), 1)
        return ranks


def group_codes(names: np.ndarray) -> np.ndarray:
    """Return a number for each name, -1 for an empty one."""
    codes = np.unique(names.astype(str), return_inverse=True)[1] if len(names) else np.empty(0, dtype=int)
    return np.where(names == "", -1, codes)


@dataclass(frozen=True, eq=False)
class Asked:
    """Who asks and where, as places of items; `history` is oldest first."""

    history: np.ndarray
    bought: np.ndarray
    page: int = -1
    n_basket: int = 0
    now_days: float = 0.0


def feature_matrix(items: ItemFacts, asked: Asked, places: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return features of shape (n, n_features). `said` has a column for each of `SOURCE_KINDS`."""
    history = asked.history
    popularity, prices = items.popularity[places], items.prices[places]
    with np.errstate(divide="ignore", invalid="ignore"):
        log_prices = np.where(prices > 0, np.log(prices), np.nan)
        usual = _usual_log_price(items.prices[history])
        page_price = _usual_log_price(items.prices[[asked.page]]) if asked.page >= 0 else np.nan
    last, times = _seen(history, places)
    columns = [
        *said.T,
        *_reciprocal_ranks(said).T,
        (said > 0).sum(axis=1),
        np.log1p(np.maximum(popularity, 0.0)),
        items.popularity_ranks[places],
        np.log1p(np.maximum(asked.now_days - items.listed_days[places], 0.0)),
        log_prices,
        log_prices - usual,
        _share(items.categories, history, places),
        _share(items.departments, history, places),
        _share(items.brands, history, places),
        _is_same(items.categories, history[-1] if len(history) else -1, places),
        times,
        last,
        np.isin(places, asked.bought),
        np.full(len(places), np.log1p(len(history))),
        np.full(len(places), asked.page >= 0),
        _is_same(items.categories, asked.page, places),
        log_prices - page_price,
        np.full(len(places), asked.n_basket),
    ]
    return np.stack([np.asarray(column, dtype=np.float32) for column in columns], axis=1)


def _usual_log_price(prices: np.ndarray) -> float:
    known = prices[prices > 0]
    return float(np.log(np.median(known))) if len(known) else np.nan


def _reciprocal_ranks(said: np.ndarray) -> np.ndarray:
    """Return 1 for the first item of a source, 1/2 for its second, 0 for what it did not name."""
    order = np.argsort(-said, axis=0, kind="stable")
    ranks = np.empty(said.shape)
    np.put_along_axis(ranks, order, 1.0 / np.arange(1, len(said) + 1)[:, None], axis=0)
    return np.where(said > 0, ranks, 0.0)


def _share(groups: np.ndarray, history: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return which part of the history is of each candidate's group."""
    if not len(history):
        return np.full(len(places), np.nan)
    own, of_history = groups[places], groups[history]
    shares = (own[:, None] == of_history[None, :]).mean(axis=1)
    return np.where(own < 0, np.nan, shares)


def _is_same(groups: np.ndarray, place: int, places: np.ndarray) -> np.ndarray:
    if place < 0 or groups[place] < 0:
        return np.full(len(places), np.nan)
    return (groups[places] == groups[place]).astype(float)


def _seen(history: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 over the steps since a candidate was last in the history, and how often it was there."""
    is_there = places[:, None] == history[None, ::-1]
    times = is_there.sum(axis=1)
    since = np.where(times > 0, is_there.argmax(axis=1), 0) + 1 if len(history) else np.ones(len(places))
    return np.where(times > 0, 1.0 / since, 0.0), times
