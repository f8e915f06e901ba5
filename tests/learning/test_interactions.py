"""Interactions keep every user's events in order, whatever is cut out of them."""

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions, as_interactions


def make() -> Interactions:
    return Interactions.from_columns(
        np.array([1, 0, 1, 1, 3]),
        np.array([4, 0, 2, 3, 1]),
        n_items=5,
        n_users=4,
        ages_days=np.array([1.0, 9.0, 5.0, 3.0, 2.0]),
        weights=np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
    )


def as_lists(X: Interactions) -> list[list[int]]:
    return [row.tolist() for row in X]


def test_columns_are_sorted_by_user_from_old_to_new() -> None:
    X = make()
    assert as_lists(X) == [[0], [2, 3, 4], [], [1]]
    assert X.weights is not None
    assert X.weights.tolist() == [2, 3, 4, 1, 5]
    assert X.users.tolist() == [0, 1, 1, 1, 3]
    assert X.positions_from_end.tolist() == [0, 2, 1, 0, 0]


def test_events_of_the_same_age_keep_their_order() -> None:
    X = Interactions.from_columns(np.array([0, 0, 0]), np.array([2, 0, 1]), n_items=3)
    assert as_lists(X) == [[2, 0, 1]]


def test_an_order_of_ones_own_is_followed() -> None:
    X = Interactions.from_columns(np.array([0, 0, 0]), np.array([2, 0, 1]), n_items=3, order=[3, 1, 2])
    assert as_lists(X) == [[0, 1, 2]]


def test_selected_users_bring_their_events_weights_and_ages() -> None:
    X = make().select(np.array([3, 1, 2, 1]))
    assert as_lists(X) == [[1], [2, 3, 4], [], [2, 3, 4]]
    assert X.ages_days is not None
    assert X.weights is not None
    assert X.ages_days.tolist() == [2, 5, 3, 1, 5, 3, 1]
    assert X.weights.tolist() == [5, 3, 4, 1, 3, 4, 1]


def test_newest_keeps_the_end_of_each_history() -> None:
    assert as_lists(make().newest(2)) == [[0], [3, 4], [], [1]]
    assert as_lists(make().newest(0)) == [[], [], [], []]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"items": np.array([0, 9], np.int32)}, "catalogue"),
        ({"items": np.array([0, -1], np.int32)}, "catalogue"),
        ({"offsets": np.array([0, 3])}, "Offsets"),
        ({"offsets": np.array([0, 2, 1, 2])}, "Offsets"),
        ({"weights": np.array([1, -1], np.float32)}, "weights"),
        ({"ages_days": np.array([1, np.nan], np.float32)}, "ages_days"),
        ({"weights": np.array([1], np.float32)}, "weights"),
    ],
)
def test_contradictions_are_refused(changes: dict, words: str) -> None:
    good = {"items": np.array([0, 1], np.int32), "offsets": np.array([0, 2]), "n_items": 2}
    Interactions(**good)
    with pytest.raises(InvalidDataError, match=words):
        Interactions(**{**good, **changes})


def test_a_user_beyond_the_number_given_is_refused() -> None:
    with pytest.raises(InvalidDataError):
        Interactions.from_columns(np.array([2]), np.array([0]), n_items=1, n_users=2)


def test_lists_give_the_smallest_catalogue_that_holds_them() -> None:
    assert as_interactions([[0], [3], []]).n_items == 4
    assert as_interactions([[], []]).n_items == 0
