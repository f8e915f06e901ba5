"""A network of customer value learns with noise, within a budget of privacy that it tells."""

import json
from pathlib import Path

import numpy as np
import pytest

from ecomai.learning.customer_value.base import PurchaseHistories
from ecomai.learning.customer_value.private import PrivateValueModel
from ecomai.learning.exceptions import InvalidDataError, NotFittedError
from ecomai.learning.metrics.classification import roc_auc

from .test_customer_value import END, HORIZON, simulate

QUICK = {"max_epochs": 3, "device": "cpu", "n_threads": 1}


@pytest.fixture(scope="module")
def whole() -> PurchaseHistories:
    return simulate(1500, seed=1)


@pytest.fixture(scope="module")
def known(whole: PurchaseHistories) -> PurchaseHistories:
    return whole.until(END)[0]


@pytest.fixture(scope="module")
def fitted(known: PurchaseHistories) -> PrivateValueModel:
    return PrivateValueModel(**QUICK).fit(known, horizon_days=HORIZON)


def test_it_spends_its_budget_and_no_more(fitted: PrivateValueModel, known: PurchaseHistories) -> None:
    assert 2.5 < fitted.spent_epsilon_ <= 3.0
    strict = PrivateValueModel(epsilon=0.5, **QUICK).fit(known, horizon_days=HORIZON)
    assert strict.spent_epsilon_ <= 0.5
    assert strict.noise_multiplier_ > 2 * fitted.noise_multiplier_


def test_it_finds_who_comes_back_though_own_rates_say_nothing() -> None:
    """New customers come each day and buy once; every other one buys again each month, and for more."""
    rng = np.random.default_rng(0)
    rows = []
    for customer in range(3000):
        is_regular, day = customer % 2 == 0, float(rng.integers(0, 300))
        while day <= 420:
            rows.append((customer, day, 50.0 if is_regular else 10.0))
            day += 30.0 if is_regular else 1000.0
    whole = PurchaseHistories.of(*np.array(rows).T, end_day=420)
    known, who = whole.until(300)
    came_back = (whole.between(300, 360)[0][who] > 0).astype(int)
    found = PrivateValueModel(epsilon=8, device="cpu", n_threads=1).fit(known, horizon_days=60)
    buys = found.predict(known, 60).buys
    assert roc_auc(came_back, buys) > 0.97  # what regulars spend on the first day tells them
    assert buys.mean() == pytest.approx(came_back.mean(), abs=0.1)


def test_its_seed_does_not_tell_the_noise(fitted: PrivateValueModel, known: PurchaseHistories) -> None:
    again = PrivateValueModel(**QUICK).fit(known, horizon_days=HORIZON)
    assert not np.allclose(again.predict(known, HORIZON).buys, fitted.predict(known, HORIZON).buys)


def test_forecasts_are_probabilities_and_amounts(fitted: PrivateValueModel, known: PurchaseHistories) -> None:
    found = fitted.predict(known, HORIZON)
    np.testing.assert_allclose(found.distribution.sum(axis=1), 1)
    for numbers in (found.purchases, found.value, found.buys):
        assert np.isfinite(numbers).all()
        assert (numbers >= 0).all()
    low, high = fitted.value_quantiles(known, HORIZON, [0.1, 0.9]).T
    assert (low <= high).all()
    some = fitted.predict(known.select([5, 3]), HORIZON)
    np.testing.assert_allclose(some.purchases, found.purchases[[5, 3]], rtol=1e-4)


def test_it_saves_weights_and_what_was_spent_and_nothing_of_the_data(
    fitted: PrivateValueModel, known: PurchaseHistories, tmp_path: Path
) -> None:
    loaded = PrivateValueModel.load(fitted.save(tmp_path))
    np.testing.assert_allclose(loaded.predict(known, HORIZON).value, fitted.predict(known, HORIZON).value)
    assert loaded.spent_epsilon_ == fitted.spent_epsilon_
    learned = json.loads((tmp_path / "estimator.json").read_text())["learned"]
    assert set(learned) == {"spent_epsilon_", "noise_multiplier_"}


def test_a_delta_that_promises_nothing_and_a_forecast_before_fit_are_refused(
    known: PurchaseHistories,
) -> None:
    with pytest.raises(InvalidDataError, match="delta must be lower"):
        PrivateValueModel(delta=0.01).fit(known, horizon_days=HORIZON)
    with pytest.raises(NotFittedError):
        PrivateValueModel().predict(known, HORIZON)
