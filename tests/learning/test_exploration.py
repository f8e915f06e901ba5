"""Exploration and off-policy estimates, in worlds whose truth is known."""

from pathlib import Path

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError, NotFittedError
from ecomai.learning.metrics.off_policy import (
    OffPolicyEstimate,
    doubly_robust,
    effective_samples,
    inverse_propensity,
    self_normalised,
)
from ecomai.learning.recommenders.thompson import ThompsonBandit

CHANCES = np.array([0.1, 0.3, 0.6])  # of a click, by action
LOGGED = np.array([0.6, 0.3, 0.1])
TARGET = np.array([0.1, 0.3, 0.6])
TRUTH = float(TARGET @ CHANCES)


def log(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    actions = rng.choice(3, size=n, p=LOGGED)
    return actions, (rng.random(n) < CHANCES[actions]).astype(float)


def estimates(n: int, seed: int) -> dict[str, OffPolicyEstimate]:
    actions, rewards = log(n, seed)
    given = (rewards, LOGGED[actions], TARGET[actions])
    model = np.array([0.2, 0.25, 0.5])  # wrong, and not by much
    return {
        "ips": inverse_propensity(*given),
        "snips": self_normalised(*given),
        "dr": doubly_robust(*given, predicted=model[actions], target_value=np.full(n, TARGET @ model)),
    }


# -- off-policy ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_the_truth_lies_in_about_95_of_100_intervals(name: str) -> None:
    found = [estimates(1500, seed)[name] for seed in range(300)]
    # Three standard errors of a share of 0.95 among 300.
    assert np.mean([one.low <= TRUTH <= one.high for one in found]) == pytest.approx(0.95, abs=0.038)
    assert np.mean([one.value for one in found]) == pytest.approx(TRUTH, abs=0.01)


def test_a_model_makes_the_estimate_steadier() -> None:
    found = [estimates(1000, seed) for seed in range(100)]
    assert np.std([one["dr"].value for one in found]) < np.std([one["ips"].value for one in found])


def test_a_doubly_robust_estimate_is_right_where_the_model_is_and_the_propensities_are_not() -> None:
    actions, rewards = log(20_000, 1)
    wrong = np.full(len(actions), 0.5)
    found = doubly_robust(
        rewards, wrong, TARGET[actions],
        predicted=CHANCES[actions], target_value=np.full(len(actions), TRUTH),
    )  # fmt: skip
    assert found.value == pytest.approx(TRUTH, abs=0.02)
    assert abs(inverse_propensity(rewards, wrong, TARGET[actions]).value - TRUTH) > 0.1


def test_the_same_policy_gets_the_mean_of_its_rewards() -> None:
    actions, rewards = log(100, 2)
    for estimate in (inverse_propensity, self_normalised):
        found = estimate(rewards, LOGGED[actions], LOGGED[actions])
        assert found.value == pytest.approx(rewards.mean())
        assert found.effective_samples == pytest.approx(100)


def test_cut_weights_are_counted_and_shrink_the_estimate() -> None:
    found = inverse_propensity([1, 0], [0.01, 1.0], [1.0, 0.5], max_weight=10)
    assert found.clipped_share == 0.5
    assert found.value == 5.0


def test_self_normalised_values_stay_within_the_rewards() -> None:
    assert self_normalised([1, 1, 0], [0.01, 0.9, 0.9], [1, 0.1, 0.1]).value <= 1


def test_one_heavy_sample_is_worth_one() -> None:
    assert effective_samples([1000, 1, 1]) == pytest.approx(1, abs=0.01)
    assert effective_samples([0, 0]) == 0


def test_one_sample_says_nothing_of_its_own_doubt() -> None:
    found = inverse_propensity([1], [0.5], [0.5])
    assert (found.low, found.high) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("rewards", "logged", "target"),
    [([], [], []), ([1], [0], [1]), ([1], [0.5], [1.5]), ([1, 0], [0.5], [0.5]), ([np.nan], [1], [1])],
)
def test_samples_that_cannot_be_are_refused(rewards: list, logged: list, target: list) -> None:
    with pytest.raises(InvalidDataError):
        inverse_propensity(rewards, logged, target)
    with pytest.raises(InvalidDataError):
        self_normalised(rewards, logged, target)


def test_a_policy_that_shares_nothing_with_the_log_has_no_ratio() -> None:
    with pytest.raises(InvalidDataError, match="nothing of what was logged"):
        self_normalised([1], [0.5], [0])


# -- bandit -------------------------------------------------------------------------------------

WEIGHTS = np.array([1.0, -1.0])


def world(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, (rng.random(n) < 1 / (1 + np.exp(-(X @ WEIGHTS - 1)))).astype(float)


def test_without_feedback_every_candidate_may_come_first() -> None:
    bandit = ThompsonBandit(n_features=2).fit(np.empty((0, 2)), [])
    X = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    np.testing.assert_allclose(bandit.predict([[0.0, 0.0]]), [0.02])
    np.testing.assert_allclose(bandit.propensities(X, n_draws=4000), 0.25, atol=0.03)


def test_the_weights_of_the_world_are_found_and_doubt_shrinks() -> None:
    bandit = ThompsonBandit(n_features=2).fit(*world(3000, 1))
    np.testing.assert_allclose(bandit.mean_, [*WEIGHTS, -1.0], atol=0.2)
    few = ThompsonBandit(n_features=2).fit(*world(30, 1))
    point = np.array([[1.0, 1.0]])
    assert bandit.draw(point, n_draws=500).std() < few.draw(point, n_draws=500).std() / 3


def test_batches_add_up() -> None:
    X, y = world(1000, 3)
    whole = ThompsonBandit(n_features=2).fit(X, y)
    parts = ThompsonBandit(n_features=2)
    for start in range(0, 1000, 100):
        parts.partial_fit(X[start : start + 100], y[start : start + 100])
    # The normal posterior after a batch is an approximation of the true one.
    np.testing.assert_allclose(parts.mean_, whole.mean_, atol=0.15)
    assert parts.n_samples_ == whole.n_samples_ == 1000


def test_counts_say_what_single_showings_say() -> None:
    single = ThompsonBandit(n_features=1).fit([[1.0]] * 10, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    counted = ThompsonBandit(n_features=1).fit([[1.0]], [0.3], [10])
    np.testing.assert_allclose(single.mean_, counted.mean_, atol=1e-6)


def test_it_earns_more_than_chance_and_finds_the_best_arm() -> None:
    rng = np.random.default_rng(0)
    arms = np.eye(4)
    chances = np.array([0.05, 0.1, 0.15, 0.4])
    bandit = ThompsonBandit(n_features=4, prior_deviation=2.0)
    bandit.fit(np.empty((0, 4)), [])
    chosen = []
    for _ in range(40):
        picks = bandit.draw(arms, n_draws=25, rng=rng).argmax(axis=1)
        bandit.partial_fit(arms[picks], (rng.random(25) < chances[picks]).astype(float))
        chosen.append(picks)
    assert np.mean(np.concatenate(chosen[20:]) == 3) > 0.9


def test_forgetting_follows_a_taste_that_turns() -> None:
    X = np.array([[1.0]] * 200)
    steady, forgetful = ThompsonBandit(n_features=1), ThompsonBandit(n_features=1, forgetting=0.5)
    for y in [np.ones(200)] * 5 + [np.zeros(200)] * 5:
        steady.partial_fit(X, y)
        forgetful.partial_fit(X, y)
    assert forgetful.predict([[1.0]])[0] < steady.predict([[1.0]])[0] / 2


def test_one_sided_feedback_stays_finite() -> None:
    bandit = ThompsonBandit(n_features=1).fit([[1.0]] * 10_000, np.ones(10_000))
    assert 0.99 < bandit.predict([[1.0]])[0] < 1


def test_propensities_are_a_distribution_without_zero() -> None:
    bandit = ThompsonBandit(n_features=2).fit(*world(5000, 1))
    found = bandit.propensities([[3.0, -3.0], [-3.0, 3.0]])
    assert found.sum() == pytest.approx(1)
    assert 0 < found[1] < found[0]


def test_a_saved_bandit_draws_the_same(tmp_path: Path) -> None:
    bandit = ThompsonBandit(n_features=2).fit(*world(100, 1))
    loaded = ThompsonBandit.load(bandit.save(tmp_path))
    np.testing.assert_array_equal(loaded.draw([[1.0, 2.0]]), bandit.draw([[1.0, 2.0]]))
    assert loaded.partial_fit([[1.0, 0.0]], [1]).n_samples_ == 101


@pytest.mark.parametrize(
    ("X", "y"), [([[1.0]], [0]), ([[1.0, 2.0]], [2]), ([[1.0, np.nan]], [0]), ([[1.0, 2.0]], [0, 1])]
)
def test_feedback_that_cannot_be_is_refused(X: list, y: list) -> None:
    with pytest.raises(InvalidDataError):
        ThompsonBandit(n_features=2).fit(X, y)


def test_choosing_before_fit_is_refused() -> None:
    with pytest.raises(NotFittedError):
        ThompsonBandit(n_features=1).draw([[1.0]])
