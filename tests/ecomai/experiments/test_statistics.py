"""Simulations with fixed seeds: what is promised of errors and power holds; weaker methods are caught."""

import numpy as np
import pytest
from scipy import stats

from ecomai.experiments import statistics
from ecomai.experiments.statistics import Moments

ALPHA = 0.05
N_RUNS = 1000
LOOKS = np.unique(np.geomspace(100, 10_000, 60).astype(int))


def running_moments(y, x):
    """Moments of both arms at each look, from values of shape (n_runs, n)."""
    sums = [np.cumsum(part, axis=1)[:, LOOKS - 1] for part in (y, y * y, x, x * x, x * y)]
    return [
        [Moments(int(n), *(float(part[run, look]) for part in sums)) for look, n in enumerate(LOOKS)]
        for run in range(len(y))
    ]


def share_that_is_significant(arms, controls, *, planned=5_000, use_cuped=False):
    """In how many runs any look at all says that there is a difference."""
    rho2 = statistics.tune_rho2(planned_n=2 * planned, alpha=ALPHA)
    n_found = 0
    for arm, control in zip(arms, controls, strict=True):
        for one, other in zip(arm, control, strict=True):
            theta = statistics.cuped_theta([one, other]) if use_cuped else 0.0
            effect = statistics.compare(one, other, theta=theta, alpha=ALPHA, rho2=rho2)
            if effect is not None and not effect.low <= 0 <= effect.high:
                n_found += 1
                break
    return n_found / len(arms)


def purchases(rate, seed, n_runs=N_RUNS):
    y = (np.random.default_rng(seed).random((n_runs, LOOKS[-1])) < rate).astype(float)
    return running_moments(y, np.zeros_like(y))


def revenue(seed, n_runs=N_RUNS):
    """Few buy, and what they spend has a heavy tail; who bought before buys more."""
    rng = np.random.default_rng(seed)
    habit = rng.gamma(1.0, 1.0, (n_runs, LOOKS[-1]))
    x, y = (habit * (rng.random(habit.shape) < 0.3) * rng.lognormal(3, 0.7, habit.shape) for _ in range(2))
    return running_moments(y, x)


@pytest.fixture(scope="module")
def same_arms():
    return purchases(0.05, seed=1), purchases(0.05, seed=2)


def test_looking_all_the_time_finds_nothing_where_there_is_nothing(same_arms):
    assert share_that_is_significant(*same_arms) <= ALPHA


def test_looking_all_the_time_at_a_usual_test_would_find_something(same_arms):
    """So the test above can fail: a t-test for one look raises a false alarm several times too often."""
    n_found = 0
    for arm, control in zip(*same_arms, strict=True):
        for one, other in zip(arm, control, strict=True):
            error = np.sqrt(one.variance / one.n + other.variance / other.n)
            if error > 0 and abs(one.mean - other.mean) / error > stats.norm.ppf(1 - ALPHA / 2):
                n_found += 1
                break
    assert n_found / N_RUNS > 3 * ALPHA


@pytest.mark.parametrize("use_cuped", [False, True])
def test_money_with_a_heavy_tail_raises_no_more_false_alarms(use_cuped):
    arms, controls = revenue(seed=3, n_runs=400), revenue(seed=4, n_runs=400)
    assert share_that_is_significant(arms, controls, use_cuped=use_cuped) <= ALPHA


def test_planned_effect_is_found_with_the_planned_power():
    rate, gain, power = 0.10, 0.25, 0.8
    size = statistics.sample_size(
        mean=rate, variance=rate * (1 - rate), minimum_effect=gain, alpha=ALPHA, power=power
    )
    assert size.always_valid <= LOOKS[-1]
    looks = [look for look, n in enumerate(LOOKS) if n <= size.always_valid]
    arms, controls = (
        [run[: len(looks)] for run in purchases(share, seed)] for share, seed in ((0.125, 5), (rate, 6))
    )
    found = share_that_is_significant(arms, controls, planned=size.always_valid)
    assert power - 0.03 <= found < 0.97  # the last look lies a little before the planned size


def test_planner_agrees_with_the_usual_formula_for_one_look():
    """Two proportions of 10 % and 11 % at 80 % power need 14,749 visitors each by the unpooled formula."""
    size = statistics.sample_size(mean=0.10, variance=0.09, minimum_effect=0.1)
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert size.at_once == pytest.approx(z**2 * (0.1 * 0.9 + 0.11 * 0.89) / 0.01**2, rel=0.02)
    assert size.at_once < size.always_valid < 2.5 * size.at_once


def test_planner_refuses_what_never_happens():
    with pytest.raises(ValueError, match="above zero"):
        statistics.sample_size(mean=0.0, variance=0.0, minimum_effect=0.1)


def test_what_was_before_narrows_intervals_without_moving_them():
    rho2 = statistics.tune_rho2(planned_n=4_000, alpha=ALPHA)
    rng = np.random.default_rng(7)
    lifts, widths = {True: [], False: []}, {True: [], False: []}
    for _run in range(400):
        habit = rng.gamma(2.0, 5.0, (2, 2_000))
        x = habit + rng.normal(0, 3, habit.shape)
        y = habit * np.array([[1.1], [1.0]]) + rng.normal(0, 3, habit.shape)
        arm, control = (Moments.of(y[row], x[row]) for row in range(2))
        for use_cuped in (True, False):
            theta = statistics.cuped_theta([arm, control]) if use_cuped else 0.0
            effect = statistics.compare(arm, control, theta=theta, rho2=rho2)
            lifts[use_cuped].append(effect.lift)
            widths[use_cuped].append(effect.high - effect.low)
    assert np.mean(widths[True]) < 0.7 * np.mean(widths[False])
    for found in lifts.values():
        assert np.mean(found) == pytest.approx(0.1, abs=3 * np.std(found) / 20)


def test_covariate_that_says_nothing_costs_nothing():
    rng = np.random.default_rng(8)
    arm, control = (Moments.of(rng.normal(1, 1, 5_000), rng.normal(0, 1, 5_000)) for _ in range(2))
    theta = statistics.cuped_theta([arm, control])
    effect = statistics.compare(arm, control, theta=theta, rho2=0.001)
    assert effect.variance_ratio == pytest.approx(1.0, abs=0.01)


def test_guard_rail_of_one_side_keeps_its_error_under_peeking(same_arms):
    """Nothing is lost, so it may be called broken (worse than 0 allowed) in at most ALPHA of the runs."""
    rho2 = statistics.tune_rho2(planned_n=10_000, alpha=2 * ALPHA)
    n_broken = sum(
        any(
            (effect := statistics.compare(one, other, alpha=ALPHA, rho2=rho2, is_one_sided=True))
            and effect.high < 0
            for one, other in zip(arm, control, strict=True)
        )
        for arm, control in zip(*same_arms, strict=True)
    )
    assert n_broken / N_RUNS <= ALPHA


def test_one_side_reaches_less_far_than_two():
    one, two = (
        statistics.width_factor(5_000, alpha=ALPHA, rho2=0.001, is_one_sided=side) for side in (True, False)
    )
    assert stats.norm.ppf(1 - ALPHA) < one < two


def test_p_value_and_interval_say_the_same():
    arm, control = Moments(4_000, 480.0, 480.0), Moments(4_000, 400.0, 400.0)
    rho2 = statistics.tune_rho2(planned_n=8_000, alpha=ALPHA)
    p = statistics.compare(arm, control, rho2=rho2).p_value
    at_p = statistics.compare(arm, control, rho2=rho2, alpha=p)
    assert at_p.low == pytest.approx(0.0, abs=1e-9)


def test_nothing_to_compare_is_no_effect():
    assert statistics.compare(Moments(), Moments(), rho2=0.01) is None
    nobody_buys = Moments(100, 0.0, 0.0)
    assert statistics.compare(nobody_buys, nobody_buys, rho2=0.01) is None


def test_an_arm_in_which_nobody_can_buy_is_surely_worse():
    """A broken arm has no purchase at all, and no variance either; that must not hide it."""
    effect = statistics.compare(Moments(2_000, 0.0, 0.0), Moments(2_000, 100.0, 100.0), rho2=0.001)
    assert effect.high < -0.5


def test_moments_add_up():
    rng = np.random.default_rng(9)
    y, x = rng.normal(5, 2, 1000), rng.normal(3, 1, 1000)
    whole = Moments.of(y, x)
    parts = Moments.of(y[:300], x[:300]) + Moments.of(y[300:], x[300:])
    assert parts.values() == pytest.approx(whole.values())
    assert whole.variance == pytest.approx(np.var(y, ddof=1))
    assert whole.adjusted_variance(0.5) == pytest.approx(np.var(y - 0.5 * x, ddof=1))


def test_holm_is_that_of_the_textbook():
    adjusted = statistics.holm({"a": 0.01, "b": 0.04, "c": 0.03})
    assert adjusted == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})


@pytest.mark.parametrize(("counts", "weights"), [([5_000, 5_000], [1, 1]), ([3_010, 6_990], [3, 7])])
def test_split_as_planned_raises_no_alarm(counts, weights):
    assert statistics.chi_square_p(counts, weights) > 0.5
    assert statistics.sequential_srm_p(counts, weights) > 0.5


def test_split_that_loses_every_tenth_visitor_of_an_arm_raises_the_alarm():
    counts = [10_000, 9_000]
    assert statistics.chi_square_p(counts, [1, 1]) == pytest.approx(stats.chisquare(counts).pvalue)
    assert statistics.sequential_srm_p(counts, [1, 1]) < statistics.SRM_ALARM


def test_watching_the_split_all_the_time_raises_no_false_alarm():
    """A chi-square at each look would; at a level of 5 % false alarms are frequent enough to be counted."""
    rng = np.random.default_rng(10)
    level, n_false, n_false_of_chi_square = 0.05, 0, 0
    looks = np.unique(np.geomspace(50, 10_000, 60).astype(int))
    for _run in range(500):
        in_arm = np.cumsum(rng.random(looks[-1]) < 0.5)[looks - 1]
        counts = [[int(n), int(look - n)] for n, look in zip(in_arm, looks, strict=True)]
        n_false += any(statistics.sequential_srm_p(pair, [1, 1]) < level for pair in counts)
        n_false_of_chi_square += any(statistics.chi_square_p(pair, [1, 1]) < level for pair in counts)
    assert n_false / 500 <= level
    assert n_false_of_chi_square / 500 > 2 * level


def test_one_arm_or_nobody_has_no_split():
    assert statistics.sequential_srm_p([0, 0], [1, 1]) == 1.0
    assert statistics.chi_square_p([7], [1]) == 1.0
