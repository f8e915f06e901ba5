"""What is judged on always came later than what was learned from."""

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import leave_last_out, split_by_age


def as_lists(X: Interactions) -> list[list[int]]:
    return [row.tolist() for row in X]


def test_each_users_last_event_is_judged_and_a_single_event_is_not() -> None:
    split = leave_last_out(Interactions.from_sequences([[0, 1, 2], [3], [], [4, 4]], n_items=5))
    assert as_lists(split.train) == [[0, 1], [3], [], [4]]
    assert as_lists(split.histories) == [[0, 1], [4]]
    assert as_lists(split.targets) == [[2], [4]]


def test_two_splits_give_validation_before_test() -> None:
    test = leave_last_out(Interactions.from_sequences([[0, 1, 2, 3]], n_items=4))
    valid = leave_last_out(test.train)
    assert as_lists(valid.train) == [[0, 1]]
    assert as_lists(valid.targets) == [[2]]
    assert as_lists(test.targets) == [[3]]


def test_a_longer_history_may_be_asked_for() -> None:
    split = leave_last_out(Interactions.from_sequences([[0, 1], [0, 1, 2]], n_items=3), min_history=2)
    assert as_lists(split.train) == [[0, 1], [0, 1]]
    assert as_lists(split.targets) == [[2]]


def aged() -> Interactions:
    return Interactions.from_columns(
        np.array([0, 0, 0, 1, 2]),
        np.array([0, 1, 2, 3, 4]),
        n_items=5,
        ages_days=np.array([20.0, 10.0, 1.0, 15.0, 2.0]),
    )


def test_nothing_younger_than_the_split_is_learned_from() -> None:
    split = split_by_age(aged(), age_days=10)
    assert as_lists(split.train) == [[0, 1], [3], []]
    assert split.train.ages_days is not None
    assert split.train.ages_days.tolist() == [10, 0, 5]


def test_a_user_who_is_new_after_the_split_is_judged_with_an_empty_history() -> None:
    split = split_by_age(aged(), age_days=10)
    assert as_lists(split.histories) == [[0, 1], []]
    assert as_lists(split.targets) == [[2], [4]]


def test_targets_may_be_bounded_to_the_first_ones() -> None:
    X = Interactions.from_columns(
        np.zeros(3, int), np.array([0, 1, 2]), n_items=3, ages_days=np.array([3.0, 2.0, 1.0])
    )
    assert as_lists(split_by_age(X, age_days=2.5, max_targets=1).targets) == [[1]]


def test_a_split_by_age_needs_ages() -> None:
    with pytest.raises(InvalidDataError, match="ages"):
        split_by_age(Interactions.from_sequences([[0]], n_items=1), age_days=1)
