"""Metrics of customer value where the right answer is known."""

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics import customer_value as metrics


def test_a_perfect_order_has_gini_one_and_its_reverse_minus_one() -> None:
    value = np.array([0.0, 0.0, 1.0, 5.0])
    assert metrics.normalized_gini(value, value) == pytest.approx(1)
    assert metrics.normalized_gini(value, -value) == pytest.approx(-1)
    assert metrics.normalized_gini(value, np.ones(4)) == pytest.approx(0)


def test_equal_predictions_capture_what_chance_would() -> None:
    value = np.random.default_rng(0).poisson(1.0, 1000)
    assert metrics.top_decile_capture(value, np.zeros(1000)) == pytest.approx(0.1)


def test_the_interval_of_a_better_prediction_lies_below_zero_and_of_itself_at_zero() -> None:
    rng = np.random.default_rng(0)
    value = rng.poisson(2.0, 500).astype(float)
    near, far = value + rng.normal(0, 0.1, 500), value + rng.normal(0, 1.0, 500)
    difference, low, high = metrics.paired_difference(metrics.rmse, value, near, far)
    assert low < difference < high < 0
    assert metrics.paired_difference(metrics.rmse, value, near, near) == (0, 0, 0)


def test_what_cannot_be_judged_is_refused() -> None:
    for true, predicted in (([], []), ([1], [1, 2]), ([np.nan], [1])):
        with pytest.raises(InvalidDataError):
            metrics.rmse(true, predicted)
    for metric in (metrics.total_error, metrics.top_decile_capture, metrics.normalized_gini):
        with pytest.raises(InvalidDataError, match="total is 0"):
            metric([0, 0], [1, 2])
