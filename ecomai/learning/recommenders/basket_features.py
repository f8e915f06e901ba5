"""What a history says about each item of the catalogue, as columns that a ranker learns from."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ecomai.learning.interactions import Interactions

from .base import Recommender, top_n
from .item_item import ItemItemRecommender
from .matrix_factorization import MatrixFactorizationRecommender
from .popularity import recency
from .sequential_rules import SequentialRulesRecommender

POPULARITY_WINDOWS_DAYS = (3, 7, 14, 28, 56, 112)
REBUY_WINDOWS_DAYS = (14, 28, 56)
OWN_HALF_LIVES_DAYS = (15, 30, 90, 180)
LATE_DAYS = 60
TEXT_HALF_LIFE_DAYS = 60.0
NEVER_DAYS = 1000.0  # stands for "not yet", beyond any age that matters

ITEM_COLUMNS = (
    *(f"item_log_rate_{days}d" for days in POPULARITY_WINDOWS_DAYS),
    "item_log_total",
    "item_trend_7_28",
    "item_trend_28_112",
    "item_log_users",
    "item_repeat_share",
    "item_days_since_first",
    "item_days_since_last",
    "item_basket_size",
    *(f"item_{what}_{days}d" for days in REBUY_WINDOWS_DAYS for what in ("rebuy", "adopt")),
)
USER_COLUMNS = (
    "user_baskets",
    "user_basket_size",
    "user_last_basket_size",
    "user_days_since_last",
    "user_days_since_first",
    "user_gap_days",
    "user_items",
    "user_repeat_share",
    "user_last_new_share",
    "user_item_age",
    "user_item_popularity",
)
OWN_COLUMNS = (
    "own_baskets",
    "own_share",
    "own_days_since_last",
    "own_days_since_first",
    "own_newer_baskets",
    "own_late_share",
    *(f"own_recency_{days}d" for days in OWN_HALF_LIVES_DAYS),
    "own_gap_share",
)
SCORES = ("item_item", "item_item_newest", "rules", "factors", "text", "text_newest")
SCORE_COLUMNS = tuple(f"{name}{suffix}" for name in SCORES for suffix in ("", "_share"))
# Whose best items are candidates: for each user, and for all.
PROPOSERS = ("item_item", "factors", "rules", "text")
POPULAR_BY = ("item_log_rate_7d", "item_log_rate_28d")
COLUMNS = (*ITEM_COLUMNS, *USER_COLUMNS, *OWN_COLUMNS, *SCORE_COLUMNS)


@dataclass(frozen=True)
class Pairs:
    """Users and items that may meet, with what is known of each pair."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    is_own: NDArray[np.bool_]
    columns: NDArray[np.float32]  # (n_pairs, len(COLUMNS))


def make_recommenders(random_state: int) -> dict[str, Recommender]:
    """Return the recommenders whose scores are columns, unfitted."""
    return {
        "item_item": ItemItemRecommender(
            window=30,
            step_decay=1.0,
            backward_weight=1.0,
            half_life_days=60.0,
            shrinkage=20.0,
            history_decay=0.99,
            text_support=0.0,
        ),
        "rules": SequentialRulesRecommender(basket_decay=0.8, half_life_days=60.0, shrinkage=20.0),
        "factors": MatrixFactorizationRecommender(
            n_factors=128, alpha=2.0, regularization=10.0, half_life_days=60.0, random_state=random_state
        ),
    }


def event_ages(X: Interactions) -> NDArray[np.float32]:
    """Return the events' ages; without times, an event is as many days old as newer ones follow."""
    return X.positions_from_end.astype(np.float32) if X.ages_days is None else X.ages_days


def with_ages(X: Interactions) -> Interactions:
    """Return the interactions with the ages of `event_ages`."""
    return replace(X, ages_days=event_ages(X))


def item_columns(X: Interactions) -> NDArray[np.float32]:
    """Return what the shop knows of each item: (n_items, len(ITEM_COLUMNS))."""
    ages, n = event_ages(X), X.n_items
    span = max(float(ages.max(initial=1.0)), 1.0)
    counts = {
        days: np.bincount(X.items[ages <= days], minlength=n) / min(days, span)
        for days in POPULARITY_WINDOWS_DAYS
    }
    total = np.bincount(X.items, minlength=n)
    n_users = np.bincount(np.unique(X.users * n + X.items) % n, minlength=n)
    n_repeats = _repeat_buyers(X)
    oldest, newest = np.full(n, -1.0), np.full(n, NEVER_DAYS)
    np.maximum.at(oldest, X.items, ages)
    np.minimum.at(newest, X.items, ages)
    basket = np.cumsum(X.first_of_basket) - 1
    sizes = np.bincount(basket)[basket] if X.n_events else np.empty(0)
    columns = [
        *(np.log1p(100 * counts[days]) for days in POPULARITY_WINDOWS_DAYS),
        np.log1p(total),
        np.log((counts[7] + 0.02) / (counts[28] + 0.02)),
        np.log((counts[28] + 0.02) / (counts[112] + 0.02)),
        np.log1p(n_users),
        n_repeats / np.maximum(n_users, 1),
        np.where(oldest < 0, NEVER_DAYS, oldest),
        newest,
        np.bincount(X.items, weights=sizes, minlength=n) / np.maximum(total, 1),
        *(rate for days in REBUY_WINDOWS_DAYS for rate in _rates_among_shoppers(X, ages, days)),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _rates_among_shoppers(
    X: Interactions, ages: NDArray[np.float32], days: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, of users who shopped lately, the share of an item's owners who took it again, and of others."""
    n, users = X.n_items, X.users
    is_late = ages <= days
    shopped = np.bincount(users[is_late], minlength=len(X)) > 0
    keys = users * n + X.items
    had, took = np.unique(keys[~is_late & shopped[users]]), np.unique(keys[is_late])
    n_had = np.bincount(had % n, minlength=n)
    is_again = np.isin(took, had, assume_unique=True)
    again, anew = np.bincount(took[is_again] % n, minlength=n), np.bincount(took[~is_again] % n, minlength=n)
    prior = is_again.sum() / max(len(had), 1)
    others = max(int(shopped.sum()), 1) - n_had
    return (again + 10 * prior) / (n_had + 10), anew / np.maximum(others, 1)


def _repeat_buyers(X: Interactions) -> NDArray[np.int64]:
    keys, counts = np.unique(X.users * X.n_items + X.items, return_counts=True)
    return np.bincount(keys[counts > 1] % X.n_items, minlength=X.n_items)


class PairColumns:
    """Candidates of each user, and their columns.

    Parameters
    ----------
    recommenders : dict of str to Recommender
        Fitted; see `make_recommenders`.
    items : float32 array of shape (n_items, len(ITEM_COLUMNS))
        See `item_columns`.
    item_vectors : float32 array of shape (n_items, n_features)
        What texts say; no column where there are none.
    n_candidates : int
        How many items each score proposes for a user, besides the user's own.
    """

    def __init__(
        self,
        recommenders: dict[str, Recommender],
        items: NDArray[np.float32],
        item_vectors: NDArray[np.float32],
        n_candidates: int,
    ) -> None:
        self.recommenders = recommenders
        self.items = items
        self.item_vectors = item_vectors
        self.n_candidates = n_candidates
        lists = [top_n(items[None, :, ITEM_COLUMNS.index(name)], n_candidates)[0] for name in POPULAR_BY]
        self.popular = np.unique(np.concatenate(lists))

    def pairs(self, histories: Interactions) -> Pairs:
        """Return the candidates of a few users; an item that nobody ever took is none."""
        scores = self._scores(histories)
        own = _OwnItems(histories)
        is_candidate = np.zeros((len(histories), histories.n_items), dtype=bool)
        is_candidate[histories.users, histories.items] = True
        is_candidate[:, self.popular] = True
        for name in PROPOSERS:
            np.put_along_axis(is_candidate, top_n(scores[name], self.n_candidates), True, axis=1)
        is_candidate &= self.items[:, ITEM_COLUMNS.index("item_log_total")] > 0
        users, items = np.nonzero(is_candidate)
        columns = [self.items[items], own.user_columns(self.items)[users], own.columns(users, items)]
        for score in scores.values():
            columns += [score[users, items][:, None], _share_of_best(score)[users, items][:, None]]
        return Pairs(users, items, own.is_own(users, items), np.concatenate(columns, axis=1))

    def _scores(self, histories: Interactions) -> dict[str, NDArray[np.float32]]:
        newest = histories.where(histories.baskets_from_end == 0)
        return {
            "item_item": self.recommenders["item_item"].scores(histories),
            "item_item_newest": self.recommenders["item_item"].scores(newest),
            "rules": self.recommenders["rules"].scores(histories),
            "factors": self.recommenders["factors"].scores(histories),
            "text": self._text_scores(histories),
            "text_newest": self._text_scores(newest),
        }

    def _text_scores(self, histories: Interactions) -> NDArray[np.float32]:
        shape = (len(histories), histories.n_items)
        weights = recency(histories, TEXT_HALF_LIFE_DAYS)
        taken = sparse.csr_array((weights, histories.items, histories.offsets), shape=shape)
        liked = taken @ self.item_vectors / np.maximum(taken.sum(axis=1), 1e-9)[:, None]
        return (liked @ self.item_vectors.T).astype(np.float32)


def _share_of_best(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return scores / np.maximum(scores.max(axis=1, keepdims=True), np.float32(1e-9))


class _OwnItems:
    """What a few users took before, by user and item."""

    def __init__(self, histories: Interactions) -> None:
        self.X = X = histories
        self.ages = event_ages(X)
        self.n_baskets = np.zeros(len(X), dtype=np.int64)
        np.add.at(self.n_baskets, X.users, X.first_of_basket)
        keys = X.users * X.n_items + X.items
        self.keys, place = np.unique(keys, return_inverse=True)
        n = len(self.keys)
        self.counts = np.bincount(place, minlength=n)
        self.newest, self.oldest = np.full(n, np.inf), np.zeros(n)
        self.newer_baskets = np.full(n, np.iinfo(np.int64).max)
        np.minimum.at(self.newest, place, self.ages)
        np.maximum.at(self.oldest, place, self.ages)
        np.minimum.at(self.newer_baskets, place, X.baskets_from_end)
        is_late = self.ages <= LATE_DAYS
        self.late = np.bincount(place[is_late], minlength=n)
        self.n_late = np.zeros(len(X), dtype=np.int64)
        np.add.at(self.n_late, X.users, X.first_of_basket & is_late)
        self.recencies = [
            np.bincount(place, weights=np.exp2(-self.ages / days), minlength=n)
            for days in OWN_HALF_LIVES_DAYS
        ]

    def _places(
        self, users: NDArray[np.int64], items: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        if not len(self.keys):
            return np.zeros(len(users), dtype=np.int64), np.zeros(len(users), dtype=bool)
        keys = users * self.X.n_items + items
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return places, self.keys[places] == keys

    def is_own(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.bool_]:
        return self._places(users, items)[1]

    def columns(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return `OWN_COLUMNS` of pairs; 0 or never where the user did not take the item."""
        places, is_own = self._places(users, items)
        found = np.zeros((len(users), len(OWN_COLUMNS)), dtype=np.float32)
        found[:, 2:5] = NEVER_DAYS
        at, of = places[is_own], users[is_own]
        gap = np.maximum(self.oldest[at], 1) / self.counts[at]
        found[is_own] = np.stack(
            [
                self.counts[at],
                self.counts[at] / self.n_baskets[of],
                self.newest[at],
                self.oldest[at],
                self.newer_baskets[at],
                self.late[at] / np.maximum(self.n_late[of], 1),
                *(values[at] for values in self.recencies),
                self.newest[at] / gap,
            ],
            axis=1,
        )
        return found

    def user_columns(self, items: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `USER_COLUMNS`: (n_users, len(USER_COLUMNS))."""
        X, n = self.X, len(self.X)
        n_events, n_baskets = X.lengths, np.maximum(self.n_baskets, 1)
        newest, oldest = np.full(n, NEVER_DAYS), np.zeros(n)
        np.minimum.at(newest, X.users, self.ages)
        np.maximum.at(oldest, X.users, self.ages)
        n_items = np.bincount(self.keys // max(X.n_items, 1), minlength=n)
        is_last = X.baskets_from_end == 0
        last_size = np.bincount(X.users[is_last], minlength=n)
        once = (self.counts == 1) & (self.newer_baskets == 0)
        last_new = np.bincount(self.keys[once] // X.n_items, minlength=n)
        age = items[X.items, ITEM_COLUMNS.index("item_days_since_first")] - self.ages
        popularity = items[X.items, ITEM_COLUMNS.index("item_log_total")]
        events = np.maximum(n_events, 1)
        columns = [
            self.n_baskets,
            n_events / n_baskets,
            last_size,
            newest,
            oldest,
            (oldest - np.minimum(newest, oldest)) / np.maximum(n_baskets - 1, 1),
            n_items,
            1 - n_items / events,
            last_new / np.maximum(last_size, 1),
            np.bincount(X.users, weights=age, minlength=n) / events,
            np.bincount(X.users, weights=popularity, minlength=n) / events,
        ]
        return np.stack(columns, axis=1).astype(np.float32)
