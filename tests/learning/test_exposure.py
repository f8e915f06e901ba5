"""Exposure: its measures on known distributions, and lists that reach a share of tail items at least cost."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomai.learning.exceptions import InvalidDataError, NotFittedError
from ecomai.learning.metrics.exposure import (
    count_exposures,
    coverage,
    gini,
    least_popular,
    lorenz_curve,
    novelty,
    place_weights,
    tail_share,
)
from ecomai.learning.recommenders.exposure import ExposureAccount, TailReranker

NOTHING = -np.inf


def lists(seed: int, n_lists: int = 200, n_candidates: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Lists in which tail items are likely to be worth less."""
    rng = np.random.default_rng(seed)
    is_tail = rng.random((n_lists, n_candidates)) < 0.5
    return rng.exponential(np.where(is_tail, 0.5, 1.0)), is_tail


def share_of(ranked: np.ndarray, is_tail: np.ndarray) -> float:
    return float(np.take_along_axis(is_tail, ranked, axis=1).mean())


def worth(ranked: np.ndarray, gains: np.ndarray) -> float:
    return float((np.take_along_axis(gains, ranked, axis=1) @ place_weights(ranked.shape[1])).sum())


# -- measures -----------------------------------------------------------------------------------


def test_equal_exposure_lies_on_the_diagonal() -> None:
    items, shares = lorenz_curve([2, 2, 2, 2])
    np.testing.assert_allclose(items, shares)
    assert gini([2, 2, 2, 2]) == pytest.approx(0)


def test_gini_of_one_to_n_is_known() -> None:
    n = 10
    assert gini(range(1, n + 1)) == pytest.approx((n - 1) / (3 * n))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_the_curve_rises_below_the_diagonal_and_order_does_not_matter(values: list[float]) -> None:
    items, shares = lorenz_curve(values)
    assert np.all(np.diff(shares) >= 0)
    assert np.all(shares <= items + 1e-9)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)
    assert gini(values) == pytest.approx(gini(values[::-1]))


def test_a_catalogue_that_nobody_saw_is_even_and_not_covered() -> None:
    assert gini([0, 0]) == 0
    assert coverage([0, 0]) == 0


def test_exposure_by_place_gives_the_first_place_more() -> None:
    counts = count_exposures([[0, 1]], n_items=2, is_position_weighted=True)
    np.testing.assert_allclose(counts, [1, 1 / np.log2(3)])


def test_empty_places_belong_to_nobody() -> None:
    is_tail = np.array([False, True])
    assert tail_share([[0, -1], [1, 0]], is_tail, k=2) == pytest.approx(1 / 3)
    assert tail_share([[-1]], is_tail, k=1) == 0
    assert novelty([[-1]], [1, 1], n_users=2) == 0


def test_what_half_of_the_users_took_is_one_bit_of_news() -> None:
    assert novelty([[0]], [2, 4], n_users=4) == pytest.approx(1)
    assert novelty([[1]], [2, 4], n_users=4) == pytest.approx(0)


def test_half_of_an_odd_catalogue_is_rounded_down() -> None:
    assert least_popular([3, 1, 2]).tolist() == [False, True, False]


@pytest.mark.parametrize("values", [[], [-1.0], [float("nan")], [[1.0]]])
def test_exposures_that_cannot_be_are_refused(values: list) -> None:
    with pytest.raises(InvalidDataError):
        gini(values)


# -- re-ranking ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_position_weighted", [False, True])
@pytest.mark.parametrize("target", [0.0, 0.2, 0.5, 0.8])
def test_the_target_is_met_in_the_lists_it_was_learned_from(
    target: float, is_position_weighted: bool
) -> None:
    gains, is_tail = lists(1)
    reranker = TailReranker(target, n=10, is_position_weighted=is_position_weighted).fit(gains, is_tail)
    ranked = reranker.rerank(gains, is_tail)
    weights = place_weights(10, is_position_weighted=is_position_weighted)
    found = np.take_along_axis(is_tail, ranked, axis=1) @ weights / weights.sum()
    assert found.mean() >= target - 1e-9
    assert found.mean() == pytest.approx(reranker.share_)


def test_a_target_that_is_met_anyway_costs_nothing() -> None:
    gains, is_tail = lists(2)
    reranker = TailReranker(0.01, n=10).fit(gains, is_tail)
    np.testing.assert_array_equal(reranker.rerank(gains, is_tail), np.argsort(-gains, axis=1)[:, :10])
    assert reranker.price_ == 0


def test_no_other_lists_with_as_many_tail_items_are_worth_more() -> None:
    gains, is_tail = lists(3, n_lists=3, n_candidates=5)
    ranked = TailReranker(0.6, n=2).fit(gains, is_tail).rerank(gains, is_tail)
    n_tail = np.take_along_axis(is_tail, ranked, axis=1).sum()
    rows = list(itertools.permutations(range(5), 2))
    best = max(
        worth(np.array(choice), gains)
        for choice in itertools.product(rows, repeat=3)
        if np.take_along_axis(is_tail, np.array(choice), axis=1).sum() >= n_tail
    )
    assert worth(ranked, gains) == pytest.approx(best)


def test_a_price_costs_less_than_a_quota_in_each_list() -> None:
    gains, is_tail = lists(4)
    reranker = TailReranker(0.5, n=10).fit(gains, is_tail)
    quota = TailReranker(0.0, n=10).fit(gains, is_tail).rerank(gains, is_tail, n_tail_least=5)
    assert share_of(quota, is_tail) >= 0.5
    assert worth(reranker.rerank(gains, is_tail), gains) > worth(quota, gains)


def test_a_list_alone_is_the_list_in_the_batch() -> None:
    gains, is_tail = lists(5)
    reranker = TailReranker(0.5, n=10).fit(gains, is_tail)
    together = reranker.rerank(gains, is_tail)
    alone = np.concatenate([reranker.rerank(gains[[i]], is_tail[[i]]) for i in range(20)])
    np.testing.assert_array_equal(alone, together[:20])


def test_a_price_learned_from_other_lists_comes_close_and_an_account_keeps_the_target() -> None:
    reranker = TailReranker(0.5, n=10).fit(*lists(6, n_lists=1000))
    gains, is_tail = lists(7)
    assert share_of(reranker.rerank(gains, is_tail), is_tail) == pytest.approx(0.5, abs=0.03)
    account = ExposureAccount(0.5, price=reranker.price_)
    for row, marks in zip(gains, is_tail, strict=True):
        account.rerank(row, marks)
        assert account.n_tail >= 0.5 * account.n_places - 1e-9


def test_an_account_makes_up_for_lists_without_tail_items() -> None:
    account = ExposureAccount(0.5)
    assert account.rerank([3.0, 2.0], [False, False], n=2).tolist() == [0, 1]
    assert account.rerank([3.0, 2.0, 0.1, 0.2], [False, False, True, True], n=2).tolist() == [3, 2]


def test_an_account_learns_its_price_and_then_costs_less_than_a_quota() -> None:
    gains, is_tail = lists(9, n_lists=2000)
    account = ExposureAccount(0.5, step=0.01)
    ranked = np.array([account.rerank(row, marks) for row, marks in zip(gains, is_tail, strict=True)])
    best = TailReranker(0.5, n=10).fit(gains, is_tail)
    assert account.price == pytest.approx(best.price_, rel=0.3)
    late, late_tail = gains[1000:], is_tail[1000:]
    assert share_of(ranked, is_tail) == pytest.approx(0.5, abs=0.01)
    quota = TailReranker(0.0, n=10).fit(late, late_tail).rerank(late, late_tail, n_tail_least=5)
    assert worth(ranked[1000:], late) > worth(quota, late)


def test_a_list_that_is_only_looked_at_is_not_counted() -> None:
    account = ExposureAccount(0.5, step=0.1)
    account.rerank([1.0, 0.9], [False, True], n=1, is_kept=False)
    assert (account.n_places, account.price) == (0, 0.0)
    assert account.rerank([], [], n=3).tolist() == []


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_lists_hold_each_candidate_once_and_are_as_long_as_they_can_be(seed: int) -> None:
    gains, is_tail = lists(seed, n_lists=5, n_candidates=6)
    gains[0, :4] = NOTHING
    gains[1] = NOTHING
    for is_position_weighted in (False, True):
        reranker = TailReranker(0.7, n=4, is_position_weighted=is_position_weighted).fit(gains, is_tail)
        ranked = reranker.rerank(gains, is_tail)
        assert (ranked >= 0).sum(axis=1).tolist() == [2, 0, 4, 4, 4]
        for row, shown in zip(gains, ranked, strict=True):
            shown = shown[shown >= 0]
            assert len(set(shown.tolist())) == len(shown)
            assert np.isfinite(row[shown]).all()


def test_too_few_tail_items_are_all_shown_and_the_share_says_so() -> None:
    reranker = TailReranker(0.9, n=2).fit([[0.5, 0.4, 0.0]], [[False, False, True]])
    assert reranker.rerank([[0.5, 0.4, 0.0]], [[False, False, True]]).tolist() == [[0, 2]]
    assert reranker.share_ == 0.5


def test_lists_shorter_than_wanted_end_early() -> None:
    reranker = TailReranker(0.5, n=5).fit([[0.1, 0.2]], [[False, True]])
    assert reranker.rerank([[0.1, 0.2]], [[False, True]]).tolist() == [[1, 0, -1, -1, -1]]


def test_a_saved_reranker_ranks_the_same(tmp_path: Path) -> None:
    gains, is_tail = lists(8)
    reranker = TailReranker(0.5, n=3).fit(gains, is_tail)
    loaded = TailReranker.load(reranker.save(tmp_path))
    np.testing.assert_array_equal(loaded.rerank(gains, is_tail), reranker.rerank(gains, is_tail))


@pytest.mark.parametrize(
    ("gains", "is_tail"),
    [([[np.nan]], [[True]]), ([[-0.1]], [[True]]), ([[1.0]], [[True, False]]), ([], []), ([1.0], [True])],
)
def test_gains_that_cannot_be_are_refused(gains: list, is_tail: list) -> None:
    with pytest.raises(InvalidDataError):
        TailReranker(0.5).fit(gains, is_tail)


def test_ranking_before_learning_a_price_is_refused() -> None:
    with pytest.raises(NotFittedError):
        TailReranker().rerank([[1.0]], [[True]])
    with pytest.raises(InvalidDataError, match="between 0 and 1"):
        TailReranker(1.2).fit([[1.0]], [[True]])
    with pytest.raises(InvalidDataError, match="between 0 and 1"):
        ExposureAccount(-0.1)
