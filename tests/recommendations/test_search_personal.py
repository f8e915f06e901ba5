"""What a customer's own order gains is measured on searches of those who had done something before."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from ecomai.serving.predictors.search import SearchPredictor
from recommendations.services.search.liking import PERSONAL_METRICS
from recommendations.training.led import Search
from recommendations.training.search_personal import LEAST_CASES, personal_gain

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
KEYS = np.array([11, 12, 13, 14])
CATEGORIES = ["Home > Cups", "Garden > Cups", "Home > Lamps", "Garden > Chairs"]
HOME_CUP, GARDEN_CUP, HOME_LAMP, GARDEN_CHAIR = range(4)


def write(folder, steps):
    columns = ["user_key", "item_key", "type", "occurred_at"]
    pd.DataFrame(steps, columns=columns).to_parquet(folder / "events.parquet")
    items = pd.DataFrame({"item_key": KEYS[::-1], "category_path": CATEGORIES[::-1]})
    items.to_parquet(folder / "items.parquet")
    return folder


def searches(n, *, taken):
    return [Search("cup", person, NOON, taken={taken: 1.0}) for person in range(n)]


def judging(cases, fondness):
    """The better one of two cups as the fondness says; the garden's where that says nothing."""
    words = np.array([0.5, 0.51, 0.0, 0.0])
    share = np.mean([int(np.argmax(words + fondness(case)) in case.taken) for case in cases])
    return dict.fromkeys(PERSONAL_METRICS, float(share))


@pytest.fixture
def predictor():
    return SearchPredictor.of_texts(
        KEYS.astype(str).tolist(), ["cup", "cup", "lamp", "chair"], language="english"
    )


def before(person, item):
    return (person, int(KEYS[item]), "view", NOON - timedelta(hours=1))


def test_a_history_puts_first_what_goes_with_it(tmp_path, predictor):
    folder = write(tmp_path, [before(person, HOME_LAMP) for person in range(LEAST_CASES)])
    found = personal_gain(folder, predictor, KEYS, searches(LEAST_CASES, taken=HOME_CUP), judging)
    assert found["n_cases"] == LEAST_CASES
    assert found["ndcg@10"] == {"plain": 0.0, "personal": 1.0}
    # And a loss is told of as one.
    lost = personal_gain(folder, predictor, KEYS, searches(LEAST_CASES, taken=GARDEN_CUP), judging)
    assert lost["mrr@10"] == {"plain": 1.0, "personal": 0.0}


def test_what_came_after_the_search_is_not_known(tmp_path, predictor):
    later = [(person, 13, "view", NOON + timedelta(seconds=1)) for person in range(40)]
    folder = write(tmp_path, [*later, *(before(person, HOME_LAMP) for person in range(LEAST_CASES))])
    found = personal_gain(folder, predictor, KEYS, searches(40, taken=HOME_CUP), judging)
    assert found["n_cases"] == LEAST_CASES


def test_few_cases_say_nothing(tmp_path, predictor):
    folder = write(tmp_path, [before(person, HOME_LAMP) for person in range(LEAST_CASES - 1)])
    assert personal_gain(folder, predictor, KEYS, searches(40, taken=HOME_CUP), judging) is None
    nobody = write(tmp_path, [(None, 13, "view", NOON)])
    assert personal_gain(nobody, predictor, KEYS, searches(40, taken=HOME_CUP), judging) is None
