"""What learners of treatment effects must do, on trials whose effects are known."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecomai.learning.exceptions import FormatVersionError, InvalidDataError, NotFittedError
from ecomai.learning.interactions import as_interactions
from ecomai.learning.metrics.uplift import bootstrap_scores, interval_of
from ecomai.learning.metrics.uplift_policies import choose_arms
from ecomai.learning.recommenders.sequence import SequenceRecommender
from ecomai.learning.uplift.average_effect import AverageEffect
from ecomai.learning.uplift.base import MetaLearner, UpliftLearner, with_vectors
from ecomai.learning.uplift.chosen import LEARNERS, SEQUENCE_LEARNERS, ChosenUplift
from ecomai.learning.uplift.dr_learner import DRLearner
from ecomai.learning.uplift.regressors import BoostedRegressor, LinearRegressor, Regressor
from ecomai.learning.uplift.s_learner import SLearner
from ecomai.learning.uplift.t_learner import TLearner
from ecomai.learning.uplift.x_learner import XLearner

META: list[type[MetaLearner]] = [SLearner, TLearner, XLearner, DRLearner]
MAKERS: dict[str, Callable[[], UpliftLearner]] = {
    "average": AverageEffect,
    **{
        f"{kind.__name__}-{base}": lambda kind=kind, base=base: kind(base, min_leaf=20, n_threads=1)
        for kind in META
        for base in ("trees", "linear")
    },
    "chosen": lambda: ChosenUplift(("dr_linear", "t_trees"), n_folds=3, n_threads=1),
}
learner = pytest.mark.parametrize("make", MAKERS.values(), ids=list(MAKERS))
meta = pytest.mark.parametrize("kind", META)

Simulated = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def trial(n: int = 3000, *, effect: float = 0.4, n_treatments: int = 1, seed: int = 0) -> Simulated:
    """Columns, arms, outcomes and true effects: treatment k helps where column k - 1 is great."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)).astype(np.float32)
    treatment = rng.integers(0, n_treatments + 1, n)
    effects = effect * (X[:, :n_treatments] > 0).astype(float)
    base = 0.2 + 0.1 * (X[:, 2] > 0)
    chance = base + np.where(treatment > 0, effects[np.arange(n), np.maximum(treatment - 1, 0)], 0.0)
    return X, treatment, (rng.random(n) < chance).astype(float), effects


@learner
def test_there_is_an_effect_for_each_row_and_treatment(make: Callable[[], UpliftLearner]) -> None:
    X, treatment, y, _effects = trial(n_treatments=2)
    model = make()
    assert model.fit(X, treatment, y) is model
    assert model.predict(X).shape == (len(X), 2)
    assert model.predict(X[:0]).shape == (0, 2)
    assert np.isfinite(model.predict(X)).all()


@learner
def test_a_prediction_before_fit_is_refused(make: Callable[[], UpliftLearner]) -> None:
    with pytest.raises(NotFittedError, match=r"fit\(\) or load\(\)"):
        make().predict([[0.0]])


@learner
def test_a_second_fit_forgets_the_first(make: Callable[[], UpliftLearner]) -> None:
    X, treatment, y, _effects = trial(600)
    other, other_treatment, other_y, _effects = trial(600, seed=1, n_treatments=2)
    refitted = make().fit(X, treatment, y).fit(other, other_treatment, other_y)
    fresh = make().fit(other, other_treatment, other_y)
    np.testing.assert_array_equal(refitted.predict(X), fresh.predict(X))


@learner
def test_a_saved_learner_predicts_the_same(make: Callable[[], UpliftLearner], tmp_path: Path) -> None:
    X, treatment, y, _effects = trial(600, n_treatments=2)
    model = make().fit(X, treatment, y)
    loaded = type(model).load(model.save(tmp_path))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert json.dumps(loaded.get_params()) == json.dumps(model.get_params())
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}


@learner
def test_another_format_is_not_loaded(make: Callable[[], UpliftLearner], tmp_path: Path) -> None:
    model = make().fit(*trial(300)[:3])
    path = model.save(tmp_path) / "estimator.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 99}))
    with pytest.raises(FormatVersionError):
        type(model).load(tmp_path)


@learner
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"treatment": np.ones(100)}, "given to all"),
        ({"treatment": np.zeros(100)}, "nobody got"),
        ({"treatment": np.arange(100) % 2 * 2}, "nobody got"),
        ({"treatment": np.r_[np.zeros(95), np.ones(5)]}, "needed to learn"),
        ({"treatment": np.full(100, 0.5)}, "whole number"),
        ({"treatment": np.zeros(99)}, "outcome"),
        ({"X": np.full((100, 2), np.inf)}, "infinite"),
        ({"X": np.zeros((90, 2))}, "each of 90 rows"),
        ({"y": np.full(100, np.nan)}, "outcome"),
        ({"propensity": [0.5, 0.6]}, "add up"),
        ({"propensity": [1.0, 0.0]}, "could not have been given"),
        ({"propensity": [0.5, np.nan]}, "between 0 and 1"),
    ],
    ids=[
        "no control", "nobody treated", "an empty arm", "a small arm", "half an arm", "too few arms",
        "infinite", "too few rows", "no outcome", "not adding up", "impossible", "not a number",
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_refused(
    make: Callable[[], UpliftLearner], change: dict, message: str
) -> None:
    known = {"X": np.zeros((100, 2)), "treatment": np.arange(100) % 2, "y": np.ones(100), **change}
    with pytest.raises(InvalidDataError, match=message):
        make().fit(**known)


@learner
def test_other_features_are_refused(make: Callable[[], UpliftLearner]) -> None:
    model = make().fit(*trial(300)[:3])
    with pytest.raises(InvalidDataError, match="features"):
        model.predict([[0.0]])


@learner
def test_missing_numbers_are_learned_from(make: Callable[[], UpliftLearner]) -> None:
    X, treatment, y, _effects = trial(600)
    X[::3, 1] = np.nan
    assert np.isfinite(make().fit(X, treatment, y).predict(X)).all()


@learner
def test_outcomes_may_be_money(make: Callable[[], UpliftLearner]) -> None:
    X, treatment, _y, effects = trial()
    spend = 10 + 100 * effects[:, 0] * treatment + np.random.default_rng(1).normal(size=len(X))
    found = make().fit(X, treatment, spend).predict(X)
    assert found.mean() == pytest.approx(100 * effects.mean(), abs=2)


@learner
def test_the_average_effect_is_found(make: Callable[[], UpliftLearner]) -> None:
    X, treatment, y, effects = trial(6000, n_treatments=2)
    np.testing.assert_allclose(
        make().fit(X, treatment, y).predict(X).mean(axis=0), effects.mean(axis=0), atol=0.05
    )


@pytest.mark.parametrize("make", list(MAKERS.values())[1:], ids=list(MAKERS)[1:])
def test_who_gains_more_is_ranked_above_who_gains_less(make: Callable[[], UpliftLearner]) -> None:
    X, treatment, y, _effects = trial(6000, n_treatments=2)
    later, _treatment, _y, effects = trial(2000, n_treatments=2, seed=1)
    found = make().fit(X, treatment, y).predict(later)
    for arm in range(2):
        gains = effects[:, arm] > 0
        is_above = found[gains, arm][:, None] > found[~gains, arm][None, :]
        assert is_above.mean() > 0.9


@pytest.mark.parametrize(
    "make", [AverageEffect, lambda: TLearner("linear")], ids=["average", "T-learner"]
)  # fmt: skip
def test_the_order_of_rows_changes_nothing(make: Callable[[], UpliftLearner]) -> None:
    X, treatment, y, _effects = trial(600)
    order = np.random.default_rng(0).permutation(600)
    shuffled = make().fit(X[order], treatment[order], y[order])
    np.testing.assert_allclose(shuffled.predict(X), make().fit(X, treatment, y).predict(X), atol=1e-9)


def _unequally_given(n: int = 20_000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Who buys anyway was treated far more often, and the treatment does nothing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2)).astype(np.float32)
    chance = np.where(X[:, 0] > 0, 0.9, 0.2)
    treatment = (rng.random(n) < chance).astype(int)
    y = (rng.random(n) < np.where(X[:, 0] > 0, 0.6, 0.1)).astype(float)
    return X, treatment, y, np.column_stack([1 - chance, chance])


@pytest.mark.parametrize("make", [AverageEffect, lambda: DRLearner("linear")], ids=["average", "DR-learner"])
def test_unequal_assignment_is_made_good_by_its_propensity(make: Callable[[], UpliftLearner]) -> None:
    X, treatment, y, propensity = _unequally_given()
    naive = AverageEffect().fit(X, treatment, y).predict(X).mean()
    weighed = make().fit(X, treatment, y, propensity=propensity).predict(X).mean()
    assert naive > 0.2
    assert abs(weighed) < 0.03


# -- choice -------------------------------------------------------------------------------------


def test_where_nothing_has_an_effect_all_or_nobody_is_treated_and_the_order_says_nothing() -> None:
    X, treatment, y, _effects = trial(4000, effect=0.0)
    model = ChosenUplift(n_threads=1).fit(X, treatment, y)
    assert model.name_ == "average"
    assert len(np.unique(choose_arms(model.predict(X), [0.01]))) == 1
    later, later_treatment, later_y, _effects = trial(4000, effect=0.0, seed=1)
    order = TLearner(n_threads=1).fit(X, treatment, y).predict(later)[:, 0]
    interval = interval_of(bootstrap_scores(later_y, [order], later_treatment)[:, 0])
    assert interval.low < 0 < interval.high


def test_the_choice_finds_who_gains_and_says_by_how_much_each_learner_is_better() -> None:
    X, treatment, y, _effects = trial(4000)
    model = ChosenUplift(n_threads=1).fit(X, treatment, y)
    assert model.name_ != "average"
    assert set(model.gains_) == set(LEARNERS)
    assert model.gains_["average"] == 0
    assert model.gains_[model.name_] > 0


def test_the_learner_that_knows_the_shape_of_the_effect_is_taken() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 2)).astype(np.float32)
    treatment = rng.integers(0, 2, 4000)
    for effect, name in ((X[:, 0], "t_linear"), (np.abs(X[:, 0]), "t_trees")):
        y = treatment * effect + rng.normal(size=4000)
        model = ChosenUplift(("t_linear", "t_trees"), n_threads=1).fit(X, treatment, y)
        assert model.name_ == name


def test_an_unknown_candidate_is_refused() -> None:
    with pytest.raises(InvalidDataError, match="chosen among"):
        ChosenUplift(("oracle",)).fit(*trial(300)[:3])


def test_an_unknown_base_is_refused() -> None:
    with pytest.raises(InvalidDataError, match="no base"):
        TLearner("forest").fit(*trial(300)[:3])


def test_vectors_of_an_encoder_are_columns_beside_the_others() -> None:
    X, treatment, y, effects = trial()
    joined = with_vectors(X[:, 1:], X[:, :1])
    assert joined.shape == X.shape
    found = TLearner("linear").fit(joined, treatment, y).predict(joined)[:, 0]
    assert np.corrcoef(found, effects[:, 0])[0, 1] > 0.7
    with pytest.raises(InvalidDataError, match="vector for each"):
        with_vectors(X, X[:5])


def test_what_was_done_before_decides_where_it_tells_who_gains() -> None:
    """Who turned to things of one kind lately gains, which no column says but the sequence encoder does."""
    rng, n = np.random.default_rng(3), 2400
    likes = rng.integers(0, 2, n)
    histories = [10 * kind + rng.integers(0, 10, 8) for kind in likes]
    encoder = SequenceRecommender(
        dim=16, n_layers=1, n_heads=2, max_length=8, max_epochs=4, device="cpu", random_state=0
    ).fit(as_interactions(histories, n_items=20))
    vectors = encoder.user_vectors(histories)
    X, treatment = rng.normal(size=(n, 3)).astype(np.float32), rng.integers(0, 2, n)
    y = (rng.random(n) < 0.2 + 0.4 * treatment * likes).astype(float)
    rows, known = with_vectors(X, vectors), np.arange(n) < 1600
    model = ChosenUplift(("dr_linear", "t_trees"), vectors.shape[1], n_folds=3, n_threads=1)
    model.fit(rows[known], treatment[known], y[known])
    assert model.name_ in SEQUENCE_LEARNERS
    found = model.predict(rows[~known])[:, 0]
    assert np.corrcoef(found, likes[~known])[0, 1] > 0.9
    plain = ChosenUplift(("dr_linear", "t_trees"), n_folds=3, n_threads=1)
    plain.fit(X[known], treatment[known], y[known])
    assert plain.name_ not in SEQUENCE_LEARNERS


def test_learners_without_vectors_do_not_see_them(tmp_path: Path) -> None:
    X, treatment, y, _effects = trial(4000)
    rows = with_vectors(X, np.random.default_rng(0).normal(size=(len(X), 24)))
    names = ("dr_linear", "x_trees")
    model = ChosenUplift(names, 24, n_folds=3, n_threads=1).fit(rows, treatment, y)
    plain = ChosenUplift(names, n_folds=3, n_threads=1).fit(X, treatment, y)
    best = max(plain.gains_.values())
    assert model.gains_["sequence_dr_linear"] < plain.gains_["dr_linear"], "noise does harm"
    assert max(model.gains_.values()) < 1.1 * best, "what says nothing helps nobody"
    model.save(tmp_path / "chosen")
    again = ChosenUplift.load(tmp_path / "chosen")
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))
    seen = model._seen("x_trees", rows)
    np.testing.assert_array_equal(seen, X)


def test_vectors_alone_are_refused() -> None:
    X, treatment, y, _effects = trial(300)
    with pytest.raises(InvalidDataError, match="another one"):
        ChosenUplift(n_vectors=3).fit(X, treatment, y)


# -- regressions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [LinearRegressor, lambda: BoostedRegressor(min_leaf=5, n_threads=1)], ids=["linear", "trees"]
)
@pytest.mark.parametrize("is_binary", [True, False])
def test_a_regression_is_right_on_average_and_saved_without_pickle(
    make: Callable[[], Regressor], is_binary: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2))
    y = X[:, 0] + rng.normal(size=2000)
    y = (y > 0).astype(float) if is_binary else 5 + y
    model = make().fit(X, y)
    found = model.predict(X)
    assert found.mean() == pytest.approx(y.mean(), abs=0.02)
    assert np.corrcoef(found, y)[0, 1] > 0.5
    np.testing.assert_array_equal(type(model).load(model.save(tmp_path)).predict(X), found)
    assert model.predict(X[:0]).shape == (0,)
    with pytest.raises(InvalidDataError, match="number for each"):
        model.fit(X, y[:5])
