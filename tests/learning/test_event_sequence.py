"""The transformer over events, what it reads, and how it answers once exported."""

from pathlib import Path

import numpy as np
import pytest

from ecomai.inference.calibration import Calibration
from ecomai.inference.event_windows import BAD, GOOD, UNKNOWN, EventTable, EventWindows
from ecomai.learning.callbacks import Callback
from ecomai.learning.classifiers.boosted import BoostedClassifier
from ecomai.learning.classifiers.event_sequence import LEAST_IN_TIME, EventSequenceClassifier
from ecomai.learning.exceptions import InvalidDataError, NotFittedError
from ecomai.learning.export import (
    export_event_classifier,
    export_event_ensemble,
    export_tabular_classifier,
)
from ecomai.learning.metrics.classification import roc_auc
from ecomai.serving.predictors import load_predictor

TINY = {
    "lengths": (2, 6), "dim": 8, "n_layers": 2, "n_edges": 4, "max_epochs": 8, "pretraining_epochs": 1,
    "batch_size": 32, "learning_rate": 1e-2, "negative_share": 0.5, "device": "cpu", "n_threads": 1,
}  # fmt: skip
DAY = 86_400.0


def events(n: int = 1200, seed: int = 0, **extra: object) -> tuple[EventTable, np.ndarray]:
    """Bad is what happens at the first four of forty shops; that is known a day later."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0, 60 * DAY, n))
    customers, shops = rng.integers(0, 50, n), rng.integers(0, 40, n)
    bad = (shops < 4).astype(int)
    numbers = np.column_stack([rng.normal(3, 1, n), times % DAY / 3600])
    table = EventTable.of(
        times, np.column_stack([customers, shops]), numbers, outcomes=bad, known_at=times + DAY, **extra
    )
    return table, bad


# -- windows ------------------------------------------------------------------------------------


def small() -> EventTable:
    return EventTable.of(
        [0, 10, 20, 30], [[1, 5], [2, 5], [1, 6], [1, -1]], [[1.0], [2.0], [3.0], [np.nan]],
        outcomes=[1, 0, -1, 1], known_at=[15, 25, np.inf, 30],
    )  # fmt: skip


def test_a_window_holds_the_case_and_the_newest_events_of_its_streams() -> None:
    steps = EventWindows(small(), (2, 1)).steps(np.array([3, 1, 0]))
    assert steps.tolist() == [[3, 2, 0, -1], [1, -1, -1, 0], [0, -1, -1, -1]]


def test_an_outcome_counts_from_when_it_is_known_and_never_the_cases_own() -> None:
    windows = EventWindows(small(), (2, 1))
    assert windows.inputs(np.array([3]))["states"].tolist() == [[UNKNOWN, UNKNOWN, BAD, UNKNOWN]]
    assert windows.inputs(np.array([1]))["states"].tolist() == [[UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]]
    later = EventTable.of([0, 10], [[1], [1]], [[0.0], [0.0]], outcomes=[0, 1], known_at=[5, 10])
    assert EventWindows(later, (1,)).inputs(np.array([1]))["states"].tolist() == [[UNKNOWN, GOOD]]


def test_nothing_after_a_case_changes_its_window() -> None:
    table, _ = events(300)
    cut = EventTable(*(array[:200] for array in list(vars(table).values())[:-1]))
    cases = np.arange(150, 200)
    before, after = (EventWindows(each, (3, 5)).inputs(cases) for each in (cut, table))
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name])


def test_a_window_needs_no_more_than_its_events() -> None:
    """What is read online, the last events of each stream, gives what the whole history gives."""
    table, _ = events(400)
    windows = EventWindows(table, (3, 5))
    steps = windows.steps(np.array([399]))[0]
    read = np.unique(steps[steps >= 0])
    part = EventTable(*(array[read] for array in list(vars(table).values())[:-1]))
    alone = EventWindows(part, (3, 5)).inputs(np.array([len(read) - 1]))
    for name, array in windows.inputs(np.array([399])).items():
        np.testing.assert_array_equal(array, alone[name])


def test_an_outcome_that_was_taken_back_is_known_only_in_between() -> None:
    table = EventTable.of(
        [0, 10, 20, 30], [[1]] * 4, [[0.0]] * 4, outcomes=[1] * 4, known_at=[5, np.inf, np.inf, np.inf],
        known_until=[25, np.inf, np.inf, np.inf],
    )  # fmt: skip
    states = EventWindows(table, (3,)).inputs(np.arange(4))["states"]
    assert [states[case, case] for case in (1, 2, 3)] == [BAD, BAD, UNKNOWN]


def test_hashed_names_fit_the_buckets_and_missing_ones_stay_missing() -> None:
    table = EventTable.of([0, 1], [[1], [1]], [[0.0], [0.0]], categories=[[0], [-(10**12)]])
    found = EventWindows(table, (1,), n_buckets=8).inputs(np.array([1]))["categories"]
    assert found[0, 1, 0] == 0
    assert 1 <= found[0, 0, 0] < 8


@pytest.mark.parametrize(
    ("times", "streams"), [([1, 0], [[1], [1]]), ([0, np.nan], [[1], [1]])], ids=["falling", "not a time"]
)
def test_events_out_of_order_are_refused(times: list, streams: list) -> None:
    with pytest.raises(ValueError, match="order of time"):
        EventTable.of(times, streams, [[0.0], [0.0]])


# -- the classifier -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted() -> EventSequenceClassifier:
    table, bad = events()
    cases = np.arange(400, 1000)
    return EventSequenceClassifier(**TINY).pretrain(table, np.arange(400)).fit(table, cases, bad[cases])


def test_what_became_known_of_a_shop_is_learned(fitted: EventSequenceClassifier) -> None:
    table, bad = events(seed=1)
    later = np.arange(800, 1200)
    assert roc_auc(bad[later], fitted.predict_proba(table, later)[:, 1]) > 0.9


def test_the_same_seed_learns_the_same_and_a_second_fit_forgets_the_first() -> None:
    table, bad = events(300)
    model = EventSequenceClassifier(**{**TINY, "max_epochs": 1})
    first = model.fit(table, np.arange(200), bad[:200]).decision_function(table, np.arange(200, 300))
    again = model.fit(table, np.arange(200), bad[:200]).decision_function(table, np.arange(200, 300))
    np.testing.assert_array_equal(first, again)


def test_pretraining_is_where_a_fit_begins() -> None:
    table, bad = events(300)
    settings = {**TINY, "max_epochs": 1}
    plain = EventSequenceClassifier(**settings).fit(table, np.arange(200), bad[:200])
    taught = EventSequenceClassifier(**settings).pretrain(table, np.arange(100))
    assert not taught.is_fitted
    taught.fit(table, np.arange(200), bad[:200])
    assert not np.allclose(plain.decision_function(table, [250]), taught.decision_function(table, [250]))


def test_a_saved_classifier_judges_the_same(fitted: EventSequenceClassifier, tmp_path: Path) -> None:
    table, _ = events(200)
    loaded = EventSequenceClassifier.load(fitted.save(tmp_path))
    cases = np.arange(200)
    np.testing.assert_array_equal(
        loaded.decision_function(table, cases), fitted.decision_function(table, cases)
    )
    assert loaded.get_params() == fitted.get_params()


def test_wrong_input_is_refused(fitted: EventSequenceClassifier) -> None:
    table, _bad = events(100)
    with pytest.raises(NotFittedError):
        EventSequenceClassifier(**TINY).predict_proba(table, [0])
    with pytest.raises(InvalidDataError, match="positions"):
        fitted.predict_proba(table, [100])
    with pytest.raises(InvalidDataError, match="learned from"):
        fitted.predict_proba(EventTable.of(table.times, table.streams, np.ones((100, 5))), [0])
    with pytest.raises(InvalidDataError, match="streams"):
        fitted.predict_proba(EventTable.of(table.times, table.streams[:, :1], table.numbers), [0])
    with pytest.raises(InvalidDataError, match="at least"):
        EventSequenceClassifier(**TINY).fit(table, [0, 1], [0, 0])


# -- artifacts ----------------------------------------------------------------------------------


def test_minutes_bound_the_epochs_and_of_many_cases_the_newest_stay() -> None:
    table, bad = events(600)
    cases = np.arange(600)
    settings = {**TINY, "max_epochs": 2, "max_minutes": 60.0, "n_threads": 1}
    assert EventSequenceClassifier(**settings).fit(table, cases, bad).n_epochs_ == 2
    hurried = EventSequenceClassifier(**{**settings, "max_minutes": 1e-9, "negative_share": 1.0})
    steps = _Steps()
    assert hurried.fit(table, cases, bad, callbacks=[steps]).n_epochs_ == 1
    assert steps.n == LEAST_IN_TIME // TINY["batch_size"]
    hurried.pretraining_minutes = 1e-9
    hurried.pretrain(table, cases, callbacks=[steps])
    assert steps.n == 2 * LEAST_IN_TIME // TINY["batch_size"]


class _Steps(Callback):
    n = 0

    def on_progress(self, progress: float) -> None:
        self.n += 1


PLAIN = Calibration(np.ones(1), np.array([-30.0, 30.0]), np.array([0.0, 1.0]))


@pytest.mark.parametrize(
    "extra", [{}, {"categories": True}, {"texts": True}], ids=["numbers", "names", "texts"]
)
def test_the_exported_network_answers_as_it_was_trained(extra: dict, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    given = {
        "categories": rng.integers(0, 9, (300, 2)) if "categories" in extra else None,
        "texts": rng.normal(size=(300, 4)) if "texts" in extra else None,
    }
    table, bad = events(300, **given)
    model = EventSequenceClassifier(**{**TINY, "max_epochs": 1}).fit(table, np.arange(200), bad[:200])
    export_event_classifier(model, PLAIN, tmp_path, numbers=["amount", "hour"])
    predictor = load_predictor(tmp_path)
    cases = np.arange(200, 300)
    expected = model.decision_function(table, cases)
    np.testing.assert_allclose(predictor.log_odds(table, cases), expected, atol=1e-3)
    np.testing.assert_allclose(predictor.predict_proba(table, cases), (expected + 30) / 60, atol=1e-4)
    assert len(predictor.log_odds(table, [])) == 0


def test_trees_and_network_answer_together_as_they_were_trained(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table, bad = events(300)
    X = np.column_stack([table.numbers[:, 0], rng.normal(size=300)]).astype(np.float32)
    network = EventSequenceClassifier(**{**TINY, "max_epochs": 1}).fit(table, np.arange(200), bad[:200])
    trees = BoostedClassifier(n_threads=1, min_leaf=5, negative_share=1.0).fit(
        X[:200], bad[:200], feature_names=["amount", "noise"]
    )
    calibration = Calibration(np.array([0.25, 0.75]), PLAIN.scores, PLAIN.probabilities)
    export_event_ensemble(
        trees, network, calibration, tmp_path, typical=np.zeros(2, dtype=np.float32), typical_log_odds=-9.0,
        groups={"amounts": ["amount"]}, numbers=["amount", "hour"], streams={"customer": "age"},
        simple={"intercept": 1.0},
    )  # fmt: skip
    predictor = load_predictor(tmp_path)
    cases = np.arange(200, 300)
    odds = 0.25 * trees.decision_function(X[cases]) + 0.75 * network.decision_function(table, cases)
    np.testing.assert_allclose(predictor.predict_proba(X[cases], table, cases), (odds + 30) / 60, atol=1e-4)
    found = predictor.assess(X[250], table, 250)
    assert found.probability == pytest.approx((odds[50] + 30) / 60, abs=1e-4)
    assert set(found.contributions) == {"event_order", "amounts"}
    assert found.contributions["event_order"] > 0
    assert predictor.simple == {"intercept": 1.0}
    assert set(predictor.used_columns) >= {"amount", "hour", "age"}


def test_exported_trees_answer_as_they_were_trained(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 2)).astype(np.float32)
    y = (X[:, 0] > 1).astype(int)
    model = BoostedClassifier(n_threads=1, min_leaf=5).fit(X, y, feature_names=["amount", "noise"])
    typical = np.zeros(2, dtype=np.float32)
    groups = {"amounts": ["amount"], "others": ["noise"]}
    export_tabular_classifier(model, PLAIN, tmp_path, typical=typical, groups=groups)
    predictor = load_predictor(tmp_path)
    expected = (model.decision_function(X) + 30) / 60
    np.testing.assert_allclose(predictor.predict_proba(X), expected, atol=1e-4)
    assert predictor.assess(np.float32([2.0, 0.0])).contributions["amounts"] > 0
    with pytest.raises(InvalidDataError):
        export_tabular_classifier(model, PLAIN, tmp_path, typical=typical, groups={"amounts": ["price"]})
