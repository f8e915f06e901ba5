"""Rankers of candidates learn an order that is known beforehand, and serve as they learned."""

from itertools import pairwise

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError, NotFittedError
from ecomai.learning.export.rankers import export_ranker
from ecomai.learning.rankers.boosted import BoostedRanker
from ecomai.learning.rankers.lists import CandidateLists, joined, mean_ndcg
from ecomai.learning.rankers.listwise import ListwiseRanker
from ecomai.learning.rankers.positions import PositionBias
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


def test_lists_count_by_their_weight(make):
    """Half of the lists say that less is better; what the heavier half says is learned."""
    right, wrong = lists(60), lists(60, seed=1)
    wrong = CandidateLists(wrong.X * np.array([-1, 1, 1], np.float32), wrong.gains, wrong.offsets)
    both = joined([right, wrong])
    test = lists(40, seed=9)
    for heavy, low, high in ((slice(0, 60), 0.8, 1.0), (slice(60, 120), 0.0, 0.6)):
        weights = np.full(120, 0.05)
        weights[heavy] = 1.0
        weighted = CandidateLists(both.X, both.gains, both.offsets, weights=weights)
        found = mean_ndcg(test, make().fit(weighted).scores(test))
        assert low <= found <= high
    mixed = joined([right, CandidateLists(right.X, right.gains, right.offsets, weights=np.full(60, 2.0))])
    assert (mixed.list_weights[:60] == 1).all()
    assert (mixed.list_weights[60:] == 2).all()
    with pytest.raises(InvalidDataError, match="weight"):
        CandidateLists(right.X, right.gains, right.offsets, weights=np.zeros(60))


def test_a_mean_of_lists_is_by_their_weight():
    two = CandidateLists(
        np.zeros((4, 1), np.float32), np.array([1, 0, 0, 1], np.float32), np.array([0, 2, 4]),
        weights=np.array([3.0, 1.0]),
    )  # fmt: skip
    low = 1 / np.log2(3)
    assert mean_ndcg(two, np.array([2.0, 1.0, 2.0, 1.0])) == pytest.approx((3 + low) / 4)


# -- positions ------------------------------------------------------------------------------------

LOOKED_AT = np.array([1.0, 0.6, 0.35, 0.2, 0.12])


def clicked_lists(n, *, seed=0):
    """Lists of five, clicked for being useful and looked at, with the place of each row.

    What is useful stands first more often than not.
    """
    rng = np.random.default_rng(seed)
    X, gains, positions, offsets = [], [], [], [0]
    while len(offsets) <= n:
        useful = rng.normal(size=5)
        useful = useful[np.argsort(-useful - rng.normal(scale=1.5, size=5))]
        chances = 0.2 * np.exp(useful) * LOOKED_AT
        clicked = rng.random(5) < chances
        if clicked.any():
            X.append(np.stack([useful, rng.normal(size=5)], axis=1))
            gains.append(clicked)
            positions.append(np.arange(5))
            offsets.append(offsets[-1] + 5)
    return CandidateLists(
        np.concatenate(X).astype(np.float32), np.concatenate(gains).astype(np.float32), np.array(offsets)
    ), np.concatenate(positions)


def test_how_often_a_place_is_looked_at_is_told_from_what_stood_there():
    lists, positions = clicked_lists(4000)
    found = PositionBias().fit(lists, positions).propensities_
    naive = np.bincount(positions, weights=lists.gains)
    assert found == pytest.approx(LOOKED_AT, rel=0.3)
    assert np.abs(found - LOOKED_AT).sum() < 0.4 * np.abs(naive / naive[0] - LOOKED_AT).sum()


def test_where_all_places_are_looked_at_none_is_worth_more():
    rng = np.random.default_rng(3)
    lists, _positions = clicked_lists(3000, seed=3)
    gains = (rng.random(len(lists.X)) < 0.2 * np.exp(lists.X[:, 0])).astype(np.float32)
    kept = np.flatnonzero(np.add.reduceat(gains, lists.offsets[:-1]) > 0)
    seen = CandidateLists(lists.X, gains, lists.offsets).select(kept)
    found = PositionBias().fit(seen, np.tile(np.arange(5), len(kept))).propensities_
    assert found == pytest.approx(np.ones(5), abs=0.2)


def test_too_little_says_that_places_are_alike_and_none_is_taken_for_nothing():
    lists, positions = clicked_lists(3)
    assert PositionBias(penalty=100.0).fit(lists, positions).propensities_ == pytest.approx(
        np.ones(5), abs=0.1
    )
    lists, positions = clicked_lists(2000)
    bias = PositionBias(least=0.3).fit(lists, positions)
    assert bias.propensities_.min() == 0.3
    assert bias.propensities(np.array([0, 4, 40])).tolist() == [1.0, 0.3, 0.3]


def test_positions_that_cannot_be_are_refused(tmp_path):
    lists, positions = clicked_lists(3)
    with pytest.raises(InvalidDataError, match="counted from 0"):
        PositionBias().fit(lists, positions - 1)
    with pytest.raises(InvalidDataError, match="Nothing was taken"):
        PositionBias().fit(CandidateLists(lists.X, 0 * lists.gains, lists.offsets), positions)
    with pytest.raises(NotFittedError):
        PositionBias().propensities(positions)
    model = PositionBias().fit(lists, positions)
    again = PositionBias.load(model.save(tmp_path))
    assert (again.propensities(positions) == model.propensities(positions)).all()
