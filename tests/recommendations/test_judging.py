"""Judging: every model answers the same cases, and nothing points at the right answer."""

import numpy as np

from ecomai.learning.interactions import Interactions
from ecomai.learning.recommenders.popularity import PopularityRecommender
from recommendations.datasets import Cases
from recommendations.training.judging import judge_recommender

EVERYONE = {}


def cases_of(histories: list[list[int]], targets: list[list[int]]) -> Cases:
    return Cases(
        histories=Interactions.from_sequences(histories, n_items=3),
        targets=Interactions.from_sequences(targets, n_items=3),
        is_returning=np.ones(len(histories), dtype=bool),
    )


def test_a_target_that_left_the_shop_is_a_miss_and_not_a_hint():
    model = PopularityRecommender().fit(Interactions.from_sequences([[0, 1, 2]] * 3, n_items=3))
    is_offered = np.array([True, False, False])
    judged = judge_recommender(model, cases_of([[], []], [[1], [0]]), EVERYONE, is_offered)
    assert judged.metrics["recall@10"] == 0.5


def test_what_a_customer_already_took_is_not_recommended_again():
    model = PopularityRecommender().fit(Interactions.from_sequences([[0, 0, 0, 1]], n_items=3))
    judged = judge_recommender(model, cases_of([[0]], [[1]]), EVERYONE, np.ones(3, dtype=bool))
    assert judged.metrics["ndcg@5"] == 1.0
