"""What the measures of uplift say, on trials small enough to count by hand or with a known effect."""

from itertools import pairwise

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics.uplift import (
    auuc_score,
    bootstrap_scores,
    find_sleeping_dogs,
    interval_of,
    qini_curve,
    qini_score,
    uplift_by_bin,
    uplift_curve,
)
from ecomai.learning.metrics.uplift_policies import choose_arms, mean_interval, policy_gains, policy_value
from ecomai.learning.trials import make_trial


def simulated(n: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, true effects from -0.2 to 0.4 and who was treated."""
    rng = np.random.default_rng(seed)
    effects = rng.uniform(-0.2, 0.4, n)
    treatment = rng.integers(0, 2, n)
    return (rng.random(n) < 0.3 + effects * treatment).astype(float), effects, treatment


def test_the_curves_are_what_one_counts_by_hand() -> None:
    y, uplift, treatment = [1, 0, 1, 1, 0, 1], [3, 3, 2, 2, 1, 1], [1, 0, 1, 0, 1, 0]
    shares, gains = qini_curve(y, uplift, treatment)
    np.testing.assert_allclose(shares, [0, 1 / 3, 2 / 3, 1])
    # Treated responders less those of the control, scaled to as many; per treated customer.
    np.testing.assert_allclose(gains, [0, 1 / 3, (2 - 1) / 3, (2 - 2) / 3])
    _shares, differences = uplift_curve(y, uplift, treatment)
    np.testing.assert_allclose(differences, [0, 1 / 3, (1 - 0.5) * 2 / 3, 0])


def test_the_last_point_of_the_curve_is_the_average_effect() -> None:
    y, effects, treatment = simulated()
    expected = y[treatment == 1].mean() - y[treatment == 0].mean()
    assert qini_curve(y, effects, treatment)[1][-1] == pytest.approx(expected)
    assert uplift_curve(y, effects, treatment)[1][-1] == pytest.approx(expected)


def test_a_perfect_order_has_one_a_random_one_nothing_and_the_opposite_less() -> None:
    y, effects, treatment = simulated()
    assert qini_score(y, y * (2 * treatment - 1), treatment) == pytest.approx(1)
    assert auuc_score(y, y * (2 * treatment - 1), treatment) == pytest.approx(1)
    assert qini_score(y, np.zeros(len(y)), treatment) == pytest.approx(0, abs=1e-12)
    assert qini_score(y, effects, treatment) > 0.1 > -0.1 > qini_score(y, -effects, treatment)
    assert auuc_score(y, effects, treatment) > auuc_score(y, -effects, treatment)


def test_neither_the_order_of_rows_nor_the_scale_of_effects_matters() -> None:
    y, effects, treatment = simulated(2000)
    effects = effects.round(2)  # with ties
    order = np.random.default_rng(1).permutation(len(y))
    for score in (qini_score, auuc_score):
        expected = score(y, effects, treatment)
        assert score(y[order], effects[order], treatment[order]) == pytest.approx(expected)
        assert score(y, 10 * effects + 3, treatment) == pytest.approx(expected)


def test_unequal_assignment_is_made_good_by_its_propensity() -> None:
    rng = np.random.default_rng(0)
    buys_anyway = rng.random(50_000) < 0.5
    chance = np.where(buys_anyway, 0.9, 0.1)
    treatment = (rng.random(50_000) < chance).astype(int)
    y = (rng.random(50_000) < np.where(buys_anyway, 0.6, 0.1)).astype(float)
    propensity = np.column_stack([1 - chance, chance])
    anything = rng.normal(size=50_000)
    assert qini_curve(y, anything, treatment)[1][-1] > 0.3
    assert qini_curve(y, anything, treatment, propensity=propensity)[1][-1] == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("measure", [qini_curve, uplift_curve, qini_score, auuc_score, uplift_by_bin])
def test_without_a_control_or_a_treatment_there_is_no_lift(measure) -> None:
    with pytest.raises(InvalidDataError, match="without a control group there is no lift"):
        measure([0, 1, 0, 1], [1, 2, 3, 4], [1, 1, 1, 1])
    with pytest.raises(InvalidDataError, match="nobody got"):
        measure([0, 1, 0, 1], [1, 2, 3, 4], [0, 0, 0, 0])
    with pytest.raises(InvalidDataError, match="predicted effect"):
        measure([0, 1, 0, 1], [1, 2, 3], [0, 0, 1, 1])
    with pytest.raises(InvalidDataError, match="2 arms"):
        measure([0, 1, 0, 1, 1, 1], np.arange(6), [0, 0, 1, 1, 2, 2])


def test_an_outcome_that_is_always_the_same_has_no_score() -> None:
    assert np.isnan(qini_score([0, 0, 0, 0], [1, 2, 3, 4], [0, 1, 0, 1]))


def test_draws_are_paired_so_that_the_better_of_two_noisy_orders_is_seen() -> None:
    y, effects, treatment = simulated(4000)
    worse = effects + np.random.default_rng(1).normal(0, 0.2, len(y))
    draws = bootstrap_scores(y, [effects, worse], treatment, n_draws=100)
    assert draws.shape == (100, 2)
    assert interval_of(draws[:, 0] - draws[:, 1]).low > 0
    single = interval_of(draws[:, 0])
    assert single.low < qini_score(y, effects, treatment) < single.high
    again = bootstrap_scores(y, [effects], treatment, n_draws=100)
    np.testing.assert_array_equal(again[:, 0], draws[:, 0])


def test_bins_show_what_was_predicted_and_what_came() -> None:
    y, effects, treatment = simulated()
    bins = uplift_by_bin(y, effects, treatment, n_bins=5)
    assert [part.n_samples for part in bins] == [4000] * 5
    assert all(one.predicted > other.predicted for one, other in pairwise(bins))
    for part in bins:
        assert part.effect.low - 0.02 < part.predicted < part.effect.high + 0.02
    assert np.isnan(uplift_by_bin([0, 1, 0, 1], [1, 2, 3, 4], [0, 1, 0, 1], n_bins=4)[0].effect.value)
    with pytest.raises(InvalidDataError, match="bins"):
        uplift_by_bin([0, 1, 0, 1], [1, 2, 3, 4], [0, 1, 0, 1], n_bins=5)


def test_sleeping_dogs_are_counted_and_confirmed_only_where_harm_is_sure() -> None:
    y, effects, treatment = simulated()
    dogs = find_sleeping_dogs(y, effects, treatment)
    assert dogs.share.low < dogs.share.value < dogs.share.high
    assert dogs.share.value == pytest.approx(1 / 3, abs=0.02)
    assert dogs.effect.value == pytest.approx(-0.1, abs=0.03)
    assert dogs.is_confirmed
    assert not find_sleeping_dogs(y, np.abs(effects), treatment).is_confirmed
    assert not find_sleeping_dogs(y, -effects, treatment).is_confirmed


# -- policies -----------------------------------------------------------------------------------


def three_arms(n: int = 40_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns of effects of two treatments, arms given with unequal chances, outcomes."""
    rng = np.random.default_rng(0)
    effects = rng.uniform(-0.1, 0.3, (n, 2))
    arms = rng.choice(3, n, p=[0.2, 0.5, 0.3])
    chance = 0.3 + np.where(arms > 0, effects[np.arange(n), np.maximum(arms - 1, 0)], 0)
    return effects, arms, (rng.random(n) < chance).astype(float)


def test_a_policy_of_several_treatments_is_worth_what_was_simulated() -> None:
    effects, arms, y = three_arms()
    trial = make_trial(arms, y, [0.2, 0.5, 0.3])
    costs = [0.05, 0.1]
    chosen = choose_arms(effects, costs)
    truth = 0.3 + np.maximum(0, (effects - costs).max(axis=1)).mean()
    expected = 0.3 + np.column_stack([np.zeros(len(y)), effects])
    by_weight = policy_value(trial, chosen, costs=costs)
    robust = policy_value(trial, chosen, costs=costs, expected=expected)
    for found in (by_weight, robust):
        assert found.low < truth < found.high
    assert robust.high - robust.low < by_weight.high - by_weight.low


def test_a_policy_for_one_arm_is_worth_what_that_arm_brought_less_its_cost() -> None:
    _effects, arms, y = three_arms()
    trial = make_trial(arms, y)
    for arm, cost in ((0, 0.0), (1, 0.05), (2, 0.1)):
        found = policy_value(trial, np.full(len(y), arm), costs=[0.05, 0.1])
        assert found.value == pytest.approx(y[arms == arm].mean() - cost)


def test_two_policies_are_told_apart_where_they_differ() -> None:
    effects, arms, y = three_arms()
    trial = make_trial(arms, y)
    costs = [0.05, 0.1]
    chosen, all_first = choose_arms(effects, costs), np.ones(len(y), dtype=int)
    gains = policy_gains(trial, chosen, all_first, costs=costs)
    values = [policy_value(trial, policy, costs=costs).value for policy in (chosen, all_first)]
    assert gains.mean() == pytest.approx(values[0] - values[1])
    assert not gains[chosen == 1].any()
    assert mean_interval(gains).low > 0


@pytest.mark.parametrize(
    ("arms", "costs", "expected"),
    [([0, 1, 2, 0], [0.1], None), ([0, 1], [0.1], None), ([0, 1, 0, 1], [0.1, 0.2], None),
     ([0, 1, 0, 1], [0.1], [[0.0, 0.0]])],
    ids=["an unknown arm", "too few choices", "too many costs", "too few expectations"],
)  # fmt: skip
def test_a_policy_that_does_not_fit_is_refused(arms: list, costs: list, expected: list | None) -> None:
    trial = make_trial([0, 0, 1, 1], [0, 1, 0, 1])
    with pytest.raises(InvalidDataError):
        policy_value(trial, arms, costs=costs, expected=expected)


def test_robust_outcomes_are_right_on_average_whatever_the_model_expects() -> None:
    effects, arms, y = three_arms()
    trial = make_trial(arms, y, [0.2, 0.5, 0.3])
    truth = 0.3 + np.concatenate([[0.0], effects.mean(axis=0)])
    nonsense = np.full((len(y), 3), 0.7)
    for expected in (None, nonsense):
        np.testing.assert_allclose(trial.robust_outcomes(expected).mean(axis=0), truth, atol=0.02)
    with pytest.raises(InvalidDataError, match="each row in each arm"):
        trial.robust_outcomes(nonsense[:, :2])
