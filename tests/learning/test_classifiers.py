"""The contract of classifiers of rows, held against each of them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecomai.inference.attributions import attribute
from ecomai.learning.classifiers.active import choose_questions
from ecomai.learning.classifiers.anomaly import AnomalyDetector
from ecomai.learning.classifiers.base import Classifier, keep_some_negatives
from ecomai.learning.classifiers.boosted import BoostedClassifier
from ecomai.learning.classifiers.ensemble import CalibratedEnsemble
from ecomai.learning.classifiers.logistic import LogisticClassifier
from ecomai.learning.classifiers.prior import PriorClassifier
from ecomai.learning.classifiers.red_team import Move, attack, harden
from ecomai.learning.classifiers.semi_supervised import SelfTrainedClassifier, spread_labels
from ecomai.learning.exceptions import FormatVersionError, InvalidDataError, NotFittedError
from ecomai.learning.metrics.classification import expected_calibration_error, roc_auc

CLASSIFIERS: list[Callable[[], Classifier]] = [
    PriorClassifier,
    lambda: BoostedClassifier(n_trees=30, min_leaf=5, negative_share=0.5, n_threads=1),
    lambda: SelfTrainedClassifier(n_trees=20, min_leaf=5, n_threads=1),
    CalibratedEnsemble,
    LogisticClassifier,
]
classifier = pytest.mark.parametrize(
    "make", CLASSIFIERS, ids=["prior", "boosted", "self-trained", "ensemble", "logistic"]
)


def rows(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The first column decides, and a tenth are ones; the second says nothing."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, (X[:, 0] > np.quantile(X[:, 0], 0.9)).astype(int)


@classifier
def test_probabilities_of_both_classes_add_up_to_one(make: Callable[[], Classifier]) -> None:
    X, y = rows()
    model = make()
    assert model.fit(X, y) is model
    found = model.predict_proba(X)
    assert found.shape == (400, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert model.predict_proba(X[:0]).shape == (0, 2)


@classifier
def test_a_judgement_before_fit_is_refused(make: Callable[[], Classifier]) -> None:
    with pytest.raises(NotFittedError):
        make().predict_proba([[0.0, 0.0]])


@classifier
def test_a_second_fit_forgets_the_first(make: Callable[[], Classifier]) -> None:
    X, y = rows()
    other, other_y = rows(seed=1)
    refitted = make().fit(X, y).fit(other, other_y)
    fresh = make().fit(other, other_y)
    np.testing.assert_array_equal(refitted.decision_function(X), fresh.decision_function(X))


@classifier
def test_a_saved_classifier_judges_the_same(make: Callable[[], Classifier], tmp_path: Path) -> None:
    X, y = rows()
    model = make().fit(X, y)
    loaded = type(model).load(model.save(tmp_path))
    np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    assert loaded.get_params() == model.get_params()
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}


@classifier
def test_another_format_is_not_loaded(make: Callable[[], Classifier], tmp_path: Path) -> None:
    model = make().fit(*rows())
    path = model.save(tmp_path) / "estimator.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 99}))
    with pytest.raises(FormatVersionError):
        type(model).load(tmp_path)


@classifier
@pytest.mark.parametrize(
    ("X", "y", "weights"),
    [
        ([[0.0], [1.0], [2.0], [3.0]], [0, 1, 1], None),
        ([[0.0], [1.0], [2.0], [3.0]], [0, 1, 2, 1], None),
        ([[0.0], [1.0], [2.0], [3.0]], [0, 0, 0, 0], None),
        ([[0.0], [1.0], [np.inf], [3.0]], [0, 1, 0, 1], None),
        ([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1], [1, 1, 1, -1]),
        ([0.0, 1.0, 2.0, 3.0], [0, 1, 0, 1], None),
    ],
    ids=["a label is missing", "another label", "one class", "infinite", "a negative weight", "no rows"],
)
def test_what_cannot_be_learned_from_is_refused(
    make: Callable[[], Classifier], X: list, y: list, weights: list | None
) -> None:
    with pytest.raises(InvalidDataError):
        make().fit(X, y, sample_weight=weights)


@classifier
def test_other_features_are_refused(make: Callable[[], Classifier]) -> None:
    model = make().fit(*rows())
    with pytest.raises(InvalidDataError, match="features"):
        model.predict_proba([[0.0, 0.0, 0.0]])


def test_trees_find_what_decides_and_stay_calibrated_without_most_negatives() -> None:
    X, y = rows(4000)
    later, later_y = rows(2000, seed=1)
    model = BoostedClassifier(negative_share=0.2, n_threads=1).fit(X, y)
    found = model.predict_proba(later)[:, 1]
    assert roc_auc(later_y, found) > 0.95
    assert expected_calibration_error(later_y, found) < 0.02


def test_the_negatives_that_are_kept_weigh_as_much_as_all() -> None:
    y = np.array([0] * 90 + [1] * 10)
    kept, weights = keep_some_negatives(y, np.ones(100), 0.1, np.random.default_rng(0))
    assert (y[kept].sum(), len(kept)) == (10, 19)
    assert weights[y[kept] == 0].sum() == pytest.approx(90)
    assert weights[y[kept] == 1].sum() == 10


def test_contributions_add_up_to_the_log_odds_and_name_the_feature_that_decides() -> None:
    X, y = rows(2000)
    model = BoostedClassifier(negative_share=1.0, n_threads=1).fit(X, y, feature_names=["amount", "noise"])
    parts = model.contributions(X)
    np.testing.assert_allclose(parts.sum(axis=1), model.decision_function(X), atol=1e-6)
    assert np.abs(parts[:, 0]).mean() > 5 * np.abs(parts[:, 1]).mean()


# -- ensemble -----------------------------------------------------------------------------------


def test_the_ensemble_listens_to_who_knows_and_says_probabilities() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(-2, 2, 20_000)
    y = (rng.random(20_000) < 1 / (1 + np.exp(-odds))).astype(int)
    says_too_much = np.column_stack([3 * odds + 4, rng.normal(size=20_000)])
    model = CalibratedEnsemble().fit(says_too_much[:10_000], y[:10_000])
    assert model.weights_[0] > 0.7
    assert expected_calibration_error(y[10_000:], model.predict_proba(says_too_much[10_000:])[:, 1]) < 0.02


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_keeps_the_order(method: str) -> None:
    rng = np.random.default_rng(1)
    odds = np.sort(rng.normal(-3, 2, 3000))
    y = (rng.random(3000) < 1 / (1 + np.exp(-odds))).astype(int)
    found = (
        CalibratedEnsemble(weights=[1.0], method=method).fit(odds[:, None], y).predict_proba(odds[:, None])
    )
    assert (np.diff(found[:, 1]) > 0).all()


def test_scores_that_separate_perfectly_are_never_certain() -> None:
    odds = np.linspace(-5, 5, 100)
    y = (odds > 0).astype(int)
    found = (
        CalibratedEnsemble(weights=[1.0], method="isotonic")
        .fit(odds[:, None], y)
        .predict_proba(odds[:, None])
    )
    assert (found > 0).all()
    assert found[-1, 1] > 0.98


def test_a_score_that_says_the_opposite_says_nothing() -> None:
    odds = np.linspace(-5, 5, 200)
    y = (odds < 0).astype(int)
    model = CalibratedEnsemble(weights=[1.0], method="sigmoid").fit(odds[:, None], y)
    np.testing.assert_allclose(model.predict_proba(odds[:, None])[:, 1], 0.5, atol=0.01)


# -- without labels, with few ------------------------------------------------------------------


def test_the_unusual_stands_out_as_scikit_learn_says(tmp_path: Path) -> None:
    from sklearn.ensemble import IsolationForest

    X = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
    far = np.float32([[8, -8, 8], [0, 0, 0]])
    model = AnomalyDetector(random_state=3).fit(X)
    found = model.predict_proba(far)[:, 1]
    assert found[0] == 1.0
    assert found[1] < 0.3
    theirs = IsolationForest(n_estimators=100, max_samples=256, random_state=3).fit(X.astype(np.float64))
    order = np.argsort(model.decision_function(X))
    assert (np.diff(-theirs.score_samples(X.astype(np.float64))[order]) > -1e-6).all()
    loaded = AnomalyDetector.load(model.save(tmp_path))
    np.testing.assert_array_equal(loaded.decision_function(far), model.decision_function(far))


def test_what_is_missing_is_usual() -> None:
    X = np.random.default_rng(0).normal(size=(600, 2))
    model = AnomalyDetector().fit(np.column_stack([X, np.full(600, np.nan)]))
    assert model.predict_proba([[np.nan, np.nan, np.nan]])[0, 1] < 0.5


def test_labels_spread_over_a_ring_and_not_beyond() -> None:
    ring = [(n, (n + 1) % 6) for n in range(6)]
    pair, alone = [(6, 7)], 8
    found = spread_labels([*ring, *pair, (alone, alone)], [1, -1, -1, -1, -1, -1, 0, -1, -1])
    assert (found[:6] > 0.5).all()
    assert (found[6:8] < 0.5).all()
    assert np.isnan(found[8])


def test_a_case_between_good_and_bad_takes_after_the_nearer() -> None:
    chain = [(n, n + 1) for n in range(5)]
    found = spread_labels(chain, [1, -1, -1, -1, -1, 0])
    assert found[1] > 0.5 > found[4]
    assert (np.diff(found) < 0).all()


@pytest.mark.parametrize(
    ("links", "y"), [([(0, 3)], [1, -1]), ([(0, 1)], [-1, -1]), ([(0, 1)], [1, 2])],
    ids=["a link to nowhere", "no label", "another label"],
)  # fmt: skip
def test_links_and_labels_that_do_not_fit_are_refused(links: list, y: list) -> None:
    with pytest.raises(InvalidDataError):
        spread_labels(links, y)


def test_unlabelled_rows_teach_where_few_are_labelled() -> None:
    X, y = rows(3000)
    few = np.where(np.arange(3000) < 200, y, -1)
    model = SelfTrainedClassifier(n_threads=1).fit(X, few)
    later, later_y = rows(2000, seed=5)
    assert 0 < model.n_pseudo_labels_ <= 0.2 * 2800
    assert roc_auc(later_y, model.predict_proba(later)[:, 1]) > 0.95


# -- questions ----------------------------------------------------------------------------------


def test_questions_are_about_what_is_in_doubt_and_differ() -> None:
    X = [[0.0], [0.01], [5.0], [9.0], [-9.0]]
    assert choose_questions([0.5, 0.5, 0.4, 0.999, 0.001], X, 2).tolist() == [0, 2]


def test_doubt_lies_where_the_decision_changes() -> None:
    assert choose_questions([0.5, 0.1], [[0.0], [1.0]], 1, threshold=0.1).tolist() == [1]


def test_more_questions_than_cases_are_all_cases_once() -> None:
    assert sorted(choose_questions([0.0, 1.0, 0.5], np.zeros((3, 1)), 9).tolist()) == [0, 1, 2]
    assert len(choose_questions([], np.empty((0, 1)), 3)) == 0


# -- attackers ----------------------------------------------------------------------------------


def frauds() -> tuple[np.ndarray, np.ndarray]:
    """Fraud has a large amount, which an attacker lowers (column 0), and a new device, which he keeps."""
    rng = np.random.default_rng(0)
    y = (rng.random(4000) < 0.1).astype(int)
    amount = np.where(y, rng.normal(200, 20, 4000), rng.normal(50, 20, 4000))
    device = np.where(rng.random(4000) < 0.97, y, 1 - y)
    return np.column_stack([amount, device]), y


def test_an_attacker_escapes_by_what_he_may_change_and_hardened_trees_catch_more() -> None:
    X, y = frauds()
    moves = [Move(0, 0.2, 1.0, is_relative=True)]
    model = BoostedClassifier(negative_share=1.0, n_threads=1).fit(X, y)
    bad = X[y == 1]
    before = attack(lambda tried: model.predict_proba(tried)[:, 1], bad, moves, threshold=0.5)
    hardened = harden(model, X, y, moves, threshold=0.5)
    after = attack(lambda tried: hardened.predict_proba(tried)[:, 1], bad, moves, threshold=0.5)
    assert before.escape_rate > 0.5
    assert after.escape_rate < before.escape_rate - 0.2
    assert roc_auc(y, hardened.predict_proba(X)[:, 1]) > 0.95


def test_an_attack_stays_within_its_limits_and_its_budget() -> None:
    X = np.float32([[100.0, 1.0], [200.0, 1.0]])
    found = attack(lambda rows: np.ones(len(rows)), X, [Move(0, 0.5, 0.9, is_relative=True)], threshold=0.5,
                   n_queries=7)  # fmt: skip
    assert not found.escaped.any()
    assert found.n_queries.tolist() == [7, 7]
    assert (found.X[:, 1] == 1).all()
    assert ((found.X[:, 0] >= 0.5 * X[:, 0]) & (found.X[:, 0] <= X[:, 0])).all()


def test_what_follows_from_a_move_is_recomputed() -> None:
    def follow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        return np.column_stack([after[:, 0], after[:, 0] / 50])

    found = attack(lambda rows: (rows[:, 1] > 1) * 1.0, [[200.0, 4.0]], [Move(0, 0.1, 0.2, is_relative=True)],
                   threshold=0.5, recompute=follow)  # fmt: skip
    assert found.escaped.all()
    assert found.X[0, 1] == pytest.approx(found.X[0, 0] / 50)


# -- attributions -------------------------------------------------------------------------------


def test_attributions_add_up_and_agree_with_the_trees_own() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 4)).astype(np.float32)
    y = (X[:, 0] + 0.5 * X[:, 1] * X[:, 2] + rng.normal(0, 0.3, 3000) > 1).astype(int)
    model = BoostedClassifier(negative_share=1.0, n_threads=1).fit(X, y)
    typical = np.median(X[y == 0], axis=0)
    asked = X[:60]
    found = np.stack([attribute(model.decision_function, x, typical) for x in asked])
    expected = model.decision_function(asked) - model.decision_function(typical[None])[0]
    np.testing.assert_allclose(found.sum(axis=1), expected, atol=1e-6)
    agreement = np.corrcoef(found.ravel(), model.contributions(asked)[:, :-1].ravel())[0, 1]
    assert agreement > 0.8


def test_a_logistic_regression_shrinks_what_a_few_rows_cannot_know() -> None:
    """Sixty rows of 200 columns, of which one says the truth: noise does not drown it on others."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(560, 200))
        X[:, 0] *= 3
        y = (X[:, 0] + rng.normal(size=560) > 0).astype(int)
        model = LogisticClassifier(random_state=seed).fit(X[:60], y[:60])
        assert roc_auc(y[60:], model.decision_function(X[60:])) > 0.85
        unknown = X[60:].copy()
        unknown[:, 1:] = np.nan
        assert roc_auc(y[60:], model.decision_function(unknown)) > 0.95
