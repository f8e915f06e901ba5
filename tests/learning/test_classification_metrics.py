import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics.classification import (
    average_precision,
    card_precision_at_k,
    classification_report,
    expected_calibration_error,
    roc_auc,
)


def test_a_perfect_order_has_one_and_a_constant_the_share_of_positives() -> None:
    y = [0, 0, 0, 1]
    assert average_precision(y, [0.1, 0.2, 0.3, 0.9]) == roc_auc(y, [0.1, 0.2, 0.3, 0.9]) == 1
    assert average_precision(y, [0.5] * 4) == 0.25
    assert roc_auc(y, [0.5] * 4) == 0.5


def test_probabilities_that_are_shares_are_calibrated() -> None:
    assert expected_calibration_error([1, 0, 0, 0, 1, 1], [0.25] * 4 + [1.0, 1.0]) == 0
    assert expected_calibration_error([0, 0, 1, 1], [0.95, 0.95, 0.05, 0.05]) == pytest.approx(0.95)


def test_a_card_counts_once_a_day_and_never_again_once_it_was_found() -> None:
    y = [1, 1, 0, 1, 0]
    scores = [0.9, 0.8, 0.7, 0.9, 0.8]
    cards, days = [7, 7, 8, 7, 9], [0, 0, 0, 1, 1]
    # Day 0: card 7 is found, of two looked at; day 1: card 7 is blocked, only 9 is left.
    assert card_precision_at_k(y, scores, cards=cards, days=days, k=2) == pytest.approx(0.25)


def test_a_cards_score_is_its_greatest() -> None:
    scores = [0.1, 0.9, 0.5]
    assert card_precision_at_k([1, 0, 0], scores, cards=[1, 1, 2], days=[0, 0, 0], k=1) == 1


def test_the_report_has_the_cards_only_where_there_are_some() -> None:
    y, scores = [0, 1], [0.2, 0.7]
    assert "card_precision@100" not in classification_report(y, scores)
    assert "card_precision@100" in classification_report(y, scores, cards=[1, 2], days=[0, 0])


@pytest.mark.parametrize(
    ("y", "scores"),
    [([], []), ([0, 1], [0.1]), ([0, 2], [0.1, 0.2]), ([0, 1], [0.1, np.nan]), ([1, 1], [0.1, 0.2])],
    ids=["nothing", "sizes", "labels", "not a number", "one class"],
)
def test_what_cannot_be_judged_is_refused(y: list, scores: list) -> None:
    for metric in (average_precision, roc_auc):
        with pytest.raises(InvalidDataError):
            metric(y, scores)


def test_calibration_is_of_probabilities() -> None:
    with pytest.raises(InvalidDataError, match="between 0 and 1"):
        expected_calibration_error([0, 1], [0.5, 1.5])
