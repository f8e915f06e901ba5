"""Baselines for baskets, and the recommender of next baskets, on shops whose right answers are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions
from ecomai.learning.recommenders import sequential_rules as sequential_rules_module
from ecomai.learning.recommenders.basket_features import COLUMNS
from ecomai.learning.recommenders.matrix_factorization import MatrixFactorizationRecommender
from ecomai.learning.recommenders.next_basket import NextBasketRecommender
from ecomai.learning.recommenders.own_frequency import OwnFrequencyRecommender
from ecomai.learning.recommenders.popularity import PopularityRecommender
from ecomai.learning.recommenders.sequential_rules import SequentialRulesRecommender
from ecomai.learning.splits import split_first_basket

FAST = {"n_trees": 30, "n_threads": 1, "n_folds": 4, "fold_days": 7.0, "horizon_days": 21.0}


def baskets(rows: list[tuple[int, float, list[int]]], n_items: int) -> Interactions:
    """Build from rows of user, age in days, and items."""
    events = [(user, item, age) for user, age, items in rows for item in items]
    users, items, ages = (np.array(column) for column in zip(*events, strict=True))
    return Interactions.from_columns(users, items, n_items=n_items, ages_days=ages)


# -- baskets and splits -------------------------------------------------------------------------


def test_events_of_one_user_at_one_time_are_a_basket() -> None:
    X = baskets([(0, 9, [0, 1]), (0, 5, [2]), (2, 5, [0, 1]), (2, 1, [2])], 3)
    assert X.first_of_basket.tolist() == [True, False, True, True, False, True]
    assert X.baskets_from_end.tolist() == [1, 1, 0, 1, 1, 0]


def test_without_ages_each_event_is_a_basket() -> None:
    X = Interactions.from_sequences([[], [0, 1, 2]], n_items=3)
    assert X.baskets_from_end.tolist() == [2, 1, 0]


def test_the_first_basket_after_the_cut_is_judged_whole_and_alone() -> None:
    X = baskets([(0, 9, [0]), (0, 5, [1, 2]), (0, 2, [3]), (1, 4, [1]), (2, 9, [0])], 4)
    split = split_first_basket(X, age_days=6)
    assert [row.tolist() for row in split.targets] == [[1, 2]]
    assert [row.tolist() for row in split.histories] == [[0]]
    assert split.train.ages_days is not None
    assert split.train.ages_days.tolist() == [3, 3]
    everyone = split_first_basket(X, age_days=6, min_history=0)
    assert [row.tolist() for row in everyone.targets] == [[1, 2], [1]]


def test_a_basket_beyond_the_horizon_is_no_case() -> None:
    X = baskets([(0, 9, [0]), (0, 1, [1]), (1, 9, [0]), (1, 4, [2]), (1, 1, [1])], 3)
    split = split_first_basket(X, age_days=5, horizon_days=2)
    assert [row.tolist() for row in split.targets] == [[2]]


# -- baselines ----------------------------------------------------------------------------------


def test_popularity_counts_within_its_window() -> None:
    X = baskets([(0, 40, [0, 1]), (1, 40, [0]), (2, 3, [1])], 2)
    assert PopularityRecommender(window_days=28).fit(X).scores([[]]).tolist() == [[0, 1]]


def test_own_frequency_counts_the_users_own_baskets_and_forgets() -> None:
    model = OwnFrequencyRecommender(half_life_days=10, basket_decay=0.5, popularity_weight=0)
    X = baskets([(0, 20, [0, 1]), (0, 0, [1])], 3)
    assert model.fit(X).scores(X).tolist() == [[0.125, 1.125, 0]]


def test_own_frequency_leaves_the_rest_to_popularity() -> None:
    X = baskets([(0, 1, [0]), (1, 1, [1, 2]), (2, 1, [2])], 4)
    ranked, _scores = OwnFrequencyRecommender().fit(X).recommend(X.select(np.array([0])), n=4)
    assert ranked.tolist() == [[0, 2, 1, 3]]


def test_rules_lead_forward_and_nearer_baskets_say_more() -> None:
    X = baskets([(0, 9, [0]), (0, 5, [1, 2]), (0, 1, [3])], 4)
    model = SequentialRulesRecommender(window=2, shrinkage=0).fit(X)
    assert model.scores([[0]]).tolist() == [[0, 1, 1, 0.5]]
    assert model.scores([[1]]).tolist() == [[0, 0, 0, 1]]
    assert not model.scores([[3]]).any()


def test_older_baskets_fire_more_quietly_and_not_beyond_the_window() -> None:
    X = Interactions.from_sequences([[0, 1], [2, 3]], n_items=5)
    model = SequentialRulesRecommender(window=2, basket_decay=0.5, shrinkage=0).fit(X)
    assert model.scores([[2, 0]]).tolist() == [[0, 1, 0, 0.5, 0]]
    assert model.scores([[2, 0, 4]]).tolist() == [[0, 0.5, 0, 0, 0]]


def test_only_the_strongest_rules_are_kept() -> None:
    X = Interactions.from_sequences([[0, 1], [0, 1], [0, 2]], n_items=3)
    model = SequentialRulesRecommender(n_rules=1).fit(X)
    assert model.consequents_.tolist() == [1]


def test_rules_do_not_depend_on_how_many_baskets_are_counted_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X = Interactions.from_sequences(np.random.default_rng(0).integers(6, size=(8, 5)).tolist(), n_items=6)
    whole = SequentialRulesRecommender().fit(X).scores(X)
    monkeypatch.setattr(sequential_rules_module, "BASKETS_AT_ONCE", 3)
    np.testing.assert_allclose(SequentialRulesRecommender().fit(X).scores(X), whole, rtol=1e-6)


def test_factors_find_the_taste_of_a_user_who_came_later() -> None:
    X = Interactions.from_sequences([[0, 1, 2]] * 5 + [[3, 4, 5]] * 5, n_items=6)
    model = MatrixFactorizationRecommender(n_factors=4).fit(X)
    ranked, _scores = model.recommend([[0], [4]], n=2, exclude_seen=True)
    assert [set(row) for row in ranked.tolist()] == [{1, 2}, {3, 5}]


def test_factors_of_a_history_are_those_of_training() -> None:
    """The library's own factors of a user and ours solve the same equation."""
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy import sparse

    X = Interactions.from_sequences(np.random.default_rng(1).integers(9, size=(12, 4)).tolist(), n_items=9)
    model = MatrixFactorizationRecommender(n_factors=3, alpha=2.0).fit(X)
    library = AlternatingLeastSquares(factors=3, regularization=0.1, num_threads=1)
    library.item_factors = model.item_factors_
    known = sparse.csr_matrix((2.0 * X.event_weights, X.items, X.offsets), shape=(12, 9), copy=True)
    known.sum_duplicates()
    known.data += 1
    expected = library.recalculate_user(np.arange(12), known)
    np.testing.assert_allclose(model.user_factors(X), expected, rtol=1e-3, atol=1e-4)


def test_learning_leaves_the_interactions_as_they_are() -> None:
    X = baskets([(0, 9, [2, 1, 2]), (0, 5, [2, 0]), (1, 5, [1, 1])], 3)
    before = (X.items.copy(), X.offsets.copy())
    for model in (MatrixFactorizationRecommender(n_factors=2), SequentialRulesRecommender()):
        model.fit(X).scores(X)
    np.testing.assert_array_equal(X.items, before[0])
    np.testing.assert_array_equal(X.offsets, before[1])


# -- next basket --------------------------------------------------------------------------------


def planted_shop(n_users: int = 60, n_weeks: int = 12, n_items: int = 40) -> Interactions:
    """Each week a user takes two staples of their own, and something from a seasonal shelf that moves on."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(n_users):
        staples = rng.choice(20, 2, replace=False).tolist()
        for week in range(n_weeks):
            seasonal = 20 + (2 * (n_weeks - week) + int(rng.integers(2))) % 20
            rows.append((user, 7.0 * week + float(rng.uniform(1, 6)), [*staples, seasonal]))
    return baskets(rows, n_items)


@pytest.fixture(scope="module")
def shop() -> Interactions:
    return planted_shop()


@pytest.fixture(scope="module")
def model(shop: Interactions) -> NextBasketRecommender:
    return NextBasketRecommender(**FAST).fit(shop)


def test_what_is_taken_each_week_comes_first(model: NextBasketRecommender, shop: Interactions) -> None:
    assert model.own_ranker_ is not None
    staples = np.array([np.sort(np.bincount(row, minlength=40).argsort()[-2:]) for row in shop])
    ranked, scores = model.recommend(shop, n=2)
    assert (np.sort(ranked, axis=1) == staples).mean() > 0.95
    assert scores.min() > 0.5


def test_probabilities_of_both_rankers_share_one_list(
    model: NextBasketRecommender, shop: Interactions
) -> None:
    scores = model.scores(shop)
    assert scores.max() <= 1
    assert scores.min() >= -1
    is_own = np.zeros(scores.shape, dtype=bool)
    is_own[shop.users, shop.items] = True
    assert (scores[~is_own] > 0).any()


def test_what_nobody_ever_took_comes_last() -> None:
    X = planted_shop(n_items=41)
    scores = NextBasketRecommender(**FAST).fit(X).scores(X)
    assert (scores[:, 40] == scores.min(axis=1)).all()


def test_columns_know_nothing_of_what_came_after_the_cut(shop: Interactions) -> None:
    """Other items after the cut change the targets, and not one column of a user's own items."""
    age_days = 14.0
    assert shop.ages_days is not None
    later = shop.ages_days <= age_days
    other = replace(shop, items=np.where(later, 39 - shop.items, shop.items).astype(np.int32))
    model, vectors = NextBasketRecommender(**FAST), np.empty((40, 0), np.float32)
    one, two = (model._examples(X, vectors, age_days=age_days) for X in (shop, other))
    np.testing.assert_array_equal(one.columns[one.is_own], two.columns[two.is_own])
    assert one.is_target.tolist() != two.is_target.tolist()


def test_columns_at_a_cut_are_those_of_a_shop_that_ends_there(shop: Interactions) -> None:
    """What rankers learn from and what they answer from is computed the same way."""
    split = split_first_basket(shop, age_days=14.0)
    model, vectors = NextBasketRecommender(**FAST), np.empty((40, 0), np.float32)
    learned = model._examples(shop, vectors, age_days=14.0)
    answered = model._fit_columns(split.train, vectors).pairs(split.histories)
    np.testing.assert_array_equal(learned.columns[learned.is_own], answered.columns[answered.is_own])


def test_too_little_data_is_answered_by_the_users_own_frequency() -> None:
    X = baskets([(0, 9, [0, 1]), (0, 2, [1]), (1, 5, [2])], 3)
    model = NextBasketRecommender(**FAST).fit(X)
    assert model.own_ranker_ is None
    assert model.recommend(X, n=1)[0].tolist() == [[1], [2]]


def test_a_group_of_columns_can_be_left_out(shop: Interactions) -> None:
    model = NextBasketRecommender(**FAST, left_out=["own_", "item_item"])
    used = [COLUMNS[place] for place in model._used_columns()]
    assert "rules" in used
    assert not any(name.startswith(("own_", "item_item")) for name in used)
    assert np.isfinite(model.fit(shop).scores(shop)).all()


def test_trees_are_saved_as_text(model: NextBasketRecommender, shop: Interactions, tmp_path: Path) -> None:
    loaded = NextBasketRecommender.load(model.save(tmp_path))
    np.testing.assert_array_equal(loaded.scores(shop), model.scores(shop))
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".json", ".safetensors"}


def test_a_split_needs_ages() -> None:
    with pytest.raises(InvalidDataError, match="ages"):
        split_first_basket(Interactions.from_sequences([[0, 1]], n_items=2), age_days=1)
