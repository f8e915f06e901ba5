"""Rankers of candidates learn an order that is known beforehand, and serve as they learned."""

from itertools import pairwise

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError, NotFittedError
from ecomai.learning.export.rankers import export_ranker
from ecomai.learning.rankers.boosted import BoostedRanker
from ecomai.learning.rankers.lists import CandidateLists, mean_ndcg
from ecomai.learning.rankers.listwise import ListwiseRanker
from ecomai.serving.predictors import load_predictor

MAKERS = {
    "boosted": lambda: BoostedRanker(n_trees=40, min_leaf=5, n_threads=1),
    "transformer": lambda: ListwiseRanker(dim=16, max_epochs=10, device="cpu", learning_rate=1e-2),
}
NAMES = ["useful", "noise", "often missing"]


def lists(n=120, seed=0):
    """What is useful decides; the second feature says nothing, and the third is mostly missing."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 12, n)
    X = rng.normal(size=(lengths.sum(), 3)).astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    gains = np.zeros(len(X), dtype=np.float32)
    for start, stop in pairwise(offsets):
        order = start + np.argsort(-X[start:stop, 0])
        gains[order[0]], gains[order[1]] = 5.0, 1.0
    X[rng.random(len(X)) < 0.8, 2] = np.nan
    return CandidateLists(X, gains, offsets)


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def test_it_learns_what_decides(make):
    test = lists(40, seed=9)
    model = make().fit(lists(), valid=lists(30, seed=5))
    by_chance = mean_ndcg(test, np.random.default_rng(1).random(len(test.X)))
    assert mean_ndcg(test, model.scores(test)) > 0.9 > by_chance


def test_saved_and_exported_it_answers_the_same(make, tmp_path):
    test, model = lists(10, seed=9), make().fit(lists(40))
    again = type(model).load(model.save(tmp_path / "model"))
    assert np.allclose(again.scores(test), model.scores(test), atol=1e-5)
    predictor = load_predictor(export_ranker(model, tmp_path / "served", features=NAMES))
    assert predictor.features == NAMES
    for row in range(len(test)):
        one = test.select(np.array([row]))
        assert np.allclose(predictor.scores(one.X), model.scores(one), atol=1e-4)
    assert len(predictor.scores(np.empty((0, 3), dtype=np.float32))) == 0


def test_unfitted_and_unfit_input_is_refused(make, tmp_path):
    with pytest.raises(NotFittedError):
        make().scores(lists(2))
    nothing = lists(3)
    with pytest.raises(InvalidDataError, match="no order to learn"):
        make().fit(CandidateLists(nothing.X, np.zeros(len(nothing.X), dtype=np.float32), nothing.offsets))
    with pytest.raises(InvalidDataError, match="names for 1 of 3"):
        export_ranker(make().fit(lists(40)), tmp_path, features=["one"])


@pytest.mark.parametrize(
    ("gains", "offsets"), [([1, 0], [0, 1]), ([1, 0], [0, 0, 2]), ([1, -1], [0, 2]), ([1], [0, 2])]
)
def test_lists_that_do_not_fit_together_are_refused(gains, offsets):
    with pytest.raises(InvalidDataError):
        CandidateLists(np.zeros((2, 1), np.float32), np.array(gains, np.float32), np.array(offsets))


def test_ndcg_counts_what_no_list_names():
    found = CandidateLists(np.zeros((2, 1), np.float32), np.array([1, 0], np.float32), np.array([0, 2]))
    assert mean_ndcg(found, np.array([2.0, 1.0])) == 1.0
    half = CandidateLists(found.X, found.gains, found.offsets, ideals=np.array([2.0]))
    assert mean_ndcg(half, np.array([2.0, 1.0])) == 0.5
