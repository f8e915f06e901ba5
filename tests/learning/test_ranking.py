"""Ranking metrics, on lists whose value is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics.ranking import coverage_at_k, mrr_at_k, ndcg_at_k, precision_at_k, recall_at_k

METRICS = (recall_at_k, ndcg_at_k, precision_at_k, mrr_at_k)


def test_a_target_on_the_third_place() -> None:
    ranked, targets = [[7, 8, 9]], [[9]]
    assert recall_at_k(ranked, targets, k=3) == 1
    assert recall_at_k(ranked, targets, k=2) == 0
    assert ndcg_at_k(ranked, targets, k=3) == pytest.approx(1 / math.log2(4))
    assert mrr_at_k(ranked, targets, k=3) == pytest.approx(1 / 3)
    assert precision_at_k(ranked, targets, k=3) == pytest.approx(1 / 3)


def test_the_best_possible_list_is_worth_one_even_if_it_cannot_hold_all_targets() -> None:
    assert ndcg_at_k([[3, 1]], [[1, 2, 3]], k=2) == pytest.approx(1)
    assert recall_at_k([[3, 1]], [[1, 2, 3]], k=2) == pytest.approx(2 / 3)


def test_a_target_that_was_taken_twice_counts_once() -> None:
    assert recall_at_k([[1]], [[1, 1]], k=1) == 1


def test_places_that_stay_empty_are_misses() -> None:
    assert recall_at_k([[2, -1, -1]], [[0]], k=3) == 0
    assert precision_at_k([[2]], [[2]], k=4) == 0.25


def test_coverage_counts_each_item_once_and_no_empty_place() -> None:
    assert coverage_at_k([[0, 1, -1], [1, 0, 5]], n_items=10, k=2) == 0.2


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("ranked", "targets"), [([[1]], [[1], [2]]), ([[1]], [[]]), (np.empty((0, 3)), [])])
def test_users_without_targets_or_lists_are_refused(metric, ranked, targets) -> None:
    with pytest.raises(InvalidDataError):
        metric(ranked, targets, k=1)


@given(st.permutations(range(8)), st.sets(st.integers(0, 7), min_size=1), st.integers(1, 8))
def test_ndcg_agrees_with_scikit_learn(ranked: list[int], targets: set[int], k: int) -> None:
    truth = np.zeros((1, 8))
    truth[0, list(targets)] = 1
    scores = np.zeros((1, 8))
    scores[0, ranked] = np.arange(8, 0, -1)
    assert ndcg_at_k([ranked], [list(targets)], k=k) == pytest.approx(ndcg_score(truth, scores, k=k))


@given(st.permutations(range(6)))
def test_the_order_of_users_changes_nothing(order: list[int]) -> None:
    rng = np.random.default_rng(0)
    ranked = np.array([rng.permutation(9) for _ in range(6)])
    targets = [[n, n + 1] for n in range(6)]
    shuffled = [targets[user] for user in order]
    for metric in METRICS:
        assert metric(ranked[order], shuffled, k=4) == pytest.approx(metric(ranked, targets, k=4))
