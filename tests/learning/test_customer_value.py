"""The contract of customer value on every model, and what each must find where the truth is known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ecomai.learning.customer_value.activity import ActivityCurve
from ecomai.learning.customer_value.assortment import PurchaseLines
from ecomai.learning.customer_value.base import CustomerValueModel, PurchaseForecast, PurchaseHistories
from ecomai.learning.customer_value.bg_nbd import BgNbdModel
from ecomai.learning.customer_value.boosted import BoostedValueModel
from ecomai.learning.customer_value.distributions import COUNTS
from ecomai.learning.customer_value.ensemble import ValueEnsemble
from ecomai.learning.customer_value.gamma_gamma import GammaGammaSpend
from ecomai.learning.customer_value.own_rate import OwnRateModel
from ecomai.learning.customer_value.pareto_nbd import ParetoNbdModel
from ecomai.learning.customer_value.sequence import SequenceValueModel
from ecomai.learning.customer_value.windows import past_windows
from ecomai.learning.exceptions import FormatVersionError, InvalidDataError, NotFittedError

END, HORIZON = 280.0, 140.0
TINY_TREES = {"n_trees": 8, "n_threads": 1, "n_windows": 2}
TINY_NETWORK = {"dim": 8, "n_layers": 1, "max_epochs": 1, "n_windows": 2, "device": "cpu", "n_threads": 1}
MODELS: list[Callable[[], CustomerValueModel]] = [
    OwnRateModel,
    BgNbdModel,
    ParetoNbdModel,
    lambda: BoostedValueModel(**TINY_TREES),
    lambda: SequenceValueModel(**TINY_NETWORK),
    lambda: ValueEnsemble({"bg_nbd": {}, "boosted": TINY_TREES, "sequence": TINY_NETWORK}),
]
model = pytest.mark.parametrize("make", MODELS)


def simulate(
    n: int, *, parameters: tuple[float, float, float, float] = (0.6, 6.0, 0.8, 2.5), seed: int = 0
) -> PurchaseHistories:
    """Draw customers who behave as BG/NBD says, seen for 60 weeks; spends are gamma-gamma (6, 4, 15).

    Each purchase is of one of 20 items, drawn at random.
    """
    r, alpha, a, b = parameters
    rng = np.random.default_rng(seed)
    rows = []
    for customer in range(n):
        rate, leaves = rng.gamma(r, 1 / alpha) / 7, rng.beta(a, b)
        scale = rng.gamma(4.0, 1 / 15)
        day = float(rng.integers(0, 84))
        while day <= END + HORIZON:
            rows.append((customer, day, rng.gamma(6.0, 1 / scale)))
            if len(rows) > 1 and rows[-2][0] == customer and rng.random() < leaves:
                break
            day += rng.exponential(1 / rate) if rate > 1e-9 else 1e9
    who, days, amounts = np.array(rows).T
    lines = PurchaseLines.of(who, days, rng.integers(20, size=len(rows)), np.ones(len(rows)), amounts)
    return PurchaseHistories.of(who, days, amounts, end_day=END + HORIZON, lines=lines)


@pytest.fixture(scope="module")
def whole() -> PurchaseHistories:
    return simulate(400)


@pytest.fixture(scope="module")
def known(whole: PurchaseHistories) -> PurchaseHistories:
    return whole.until(END)[0]


def assert_same(one: PurchaseForecast, other: PurchaseForecast, rtol: float = 0.0) -> None:
    for name in ("purchases", "distribution", "value", "alive"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=rtol)


# -- the contract -------------------------------------------------------------------------------


@model
def test_a_forecast_is_of_probabilities_and_amounts(
    make: Callable[[], CustomerValueModel], known: PurchaseHistories
) -> None:
    fitted = make()
    assert fitted.fit(known, horizon_days=HORIZON) is fitted
    found = fitted.predict(known, HORIZON)
    np.testing.assert_allclose(found.distribution.sum(axis=1), 1)
    for chances in (found.alive, found.buys, found.distribution):
        assert (chances >= 0).all()
        assert (chances <= 1).all()
    assert (found.purchases >= 0).all()
    assert (found.value >= 0).all()
    low, high = fitted.value_quantiles(known, HORIZON, [0.1, 0.9]).T
    assert (low <= high).all()
    days = fitted.next_purchase_days(known, HORIZON)
    assert ((days > 0) & (days <= HORIZON)).all()


@model
def test_a_prediction_before_fit_is_refused(
    make: Callable[[], CustomerValueModel], known: PurchaseHistories
) -> None:
    with pytest.raises(NotFittedError, match=r"fit\(\) or load\(\)"):
        make().predict(known, HORIZON)


@model
def test_a_saved_model_predicts_the_same(
    make: Callable[[], CustomerValueModel], known: PurchaseHistories, tmp_path: Path
) -> None:
    fitted = make().fit(known, horizon_days=HORIZON)
    loaded = type(fitted).load(fitted.save(tmp_path))
    assert_same(loaded.predict(known, HORIZON), fitted.predict(known, HORIZON))
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}
    other = BgNbdModel if not isinstance(fitted, BgNbdModel) else OwnRateModel
    with pytest.raises(FormatVersionError):
        other.load(tmp_path)


@model
def test_a_second_fit_forgets_the_first(
    make: Callable[[], CustomerValueModel], known: PurchaseHistories
) -> None:
    some = known.select(np.arange(200))
    refitted = make().fit(known, horizon_days=60).fit(some, horizon_days=HORIZON)
    fresh = make().fit(some, horizon_days=HORIZON)
    assert_same(refitted.predict(some, HORIZON), fresh.predict(some, HORIZON))


@model
def test_customers_are_foreseen_each_alone(
    make: Callable[[], CustomerValueModel], known: PurchaseHistories
) -> None:
    fitted = make().fit(known, horizon_days=HORIZON)
    order = np.random.default_rng(1).permutation(known.n_customers)[:50]
    together = fitted.predict(known, HORIZON)
    some = fitted.predict(known.select(order), HORIZON)
    np.testing.assert_allclose(some.purchases, together.purchases[order], rtol=1e-4)
    np.testing.assert_allclose(some.value, together.value[order], rtol=1e-4)
    assert fitted.predict(known.select([]), HORIZON).distribution.shape == (0, len(COUNTS))


@model
@pytest.mark.parametrize("horizon", [0.0, -1.0, float("nan"), float("inf")])
def test_a_horizon_that_is_none_is_refused(
    make: Callable[[], CustomerValueModel], known: PurchaseHistories, horizon: float
) -> None:
    with pytest.raises(InvalidDataError, match="horizon"):
        make().fit(known, horizon_days=horizon)


@model
def test_a_shop_to_which_nobody_came_back_is_refused(make: Callable[[], CustomerValueModel]) -> None:
    once = PurchaseHistories.of(range(20), range(20), [5.0] * 20, end_day=90)
    with pytest.raises(InvalidDataError, match="come back"):
        make().fit(once, horizon_days=30)
    with pytest.raises(InvalidDataError, match="10 customers"):
        make().fit(once.select([0, 1]), horizon_days=30)


# -- histories ----------------------------------------------------------------------------------


def test_purchases_of_a_day_are_one_and_later_ones_are_unknown() -> None:
    found = PurchaseHistories.of([1, 0, 1, 1, 0], [5, 2, 5, 9, 30], [1, 2, 3, 4, 5], end_day=10)
    np.testing.assert_array_equal(found.customers, [0, 1, 1])
    np.testing.assert_array_equal(found.days, [2, 5, 9])
    np.testing.assert_array_equal(found.amounts, [2, 4, 4])
    np.testing.assert_array_equal(found.ages, [8, 5])


def test_the_order_of_rows_tells_nothing(whole: PurchaseHistories) -> None:
    order = np.random.default_rng(0).permutation(len(whole.days))
    again = PurchaseHistories.of(
        whole.customers[order], whole.days[order], whole.amounts[order], end_day=whole.end_day
    )
    for name in ("customers", "days", "amounts", "sizes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))


@pytest.mark.parametrize(
    ("customers", "days", "amounts"),
    [
        ([0, 1], [1], [1, 1]), ([0, 2], [1, 1], [1, 1]), ([0, 1], [1, 99], [1, 1]), ([0], [1], [np.nan]),
        ([0], [1], [-1]),
    ],
    ids=["too few days", "a customer left out", "bought too late", "no amount", "negative amount"],
)  # fmt: skip
def test_wrong_histories_are_refused(customers: list[int], days: list[float], amounts: list[float]) -> None:
    with pytest.raises(InvalidDataError):
        PurchaseHistories.of(customers, days, amounts, end_day=10)


def test_a_past_window_knows_nothing_of_what_it_foresees(known: PurchaseHistories) -> None:
    for window in past_windows(known, HORIZON, 3):
        moment = known.end_day - window.horizon_days
        assert window.histories.days.max() <= window.histories.end_day == moment
        assert window.purchases.sum() == pytest.approx(
            (known.days[np.isin(known.customers, known.until(moment)[1])] > moment).sum()
        )


# -- models that know the truth -----------------------------------------------------------------


def test_bg_nbd_recovers_the_parameters_and_purchases_of_its_own_customers() -> None:
    truth = (0.6, 6.0, 0.8, 2.5)
    histories = simulate(4000, parameters=truth, seed=3)
    known, who = histories.until(END)
    fitted = BgNbdModel().fit(known, horizon_days=HORIZON)
    r, alpha, a, b = fitted.parameters_
    # The ratios are what data of this size tell well: mean rate and mean share of leaving.
    assert r / alpha == pytest.approx(truth[0] / truth[1], rel=0.1)
    assert a / (a + b) == pytest.approx(truth[2] / (truth[2] + truth[3]), rel=0.1)
    bought = histories.between(END, END + HORIZON)[0][who]
    found = fitted.predict(known, HORIZON)
    assert found.purchases.sum() == pytest.approx(bought.sum(), rel=0.07)  # three standard errors
    assert found.buys.mean() == pytest.approx((bought > 0).mean(), abs=0.03)
    assert np.corrcoef(found.purchases, bought)[0, 1] > 0.5


@pytest.mark.parametrize("make", [BgNbdModel, ParetoNbdModel])
def test_mean_and_distribution_of_purchases_agree(
    make: Callable[[], CustomerValueModel], known: PurchaseHistories
) -> None:
    found = make().fit(known, horizon_days=HORIZON).predict(known, HORIZON)
    np.testing.assert_allclose(found.distribution @ COUNTS, found.purchases, rtol=1e-3, atol=1e-3)


def test_who_is_silent_for_long_is_rather_gone(known: PurchaseHistories) -> None:
    days = np.arange(0, 70, 7.0)
    silent = PurchaseHistories.of(np.zeros(10, int), days, np.ones(10), end_day=END)
    active = PurchaseHistories.of(np.zeros(10, int), days + END - 63, np.ones(10), end_day=END)
    for make in (BgNbdModel, ParetoNbdModel):
        fitted = make().fit(known, horizon_days=HORIZON)
        assert fitted.predict(silent, HORIZON).alive[0] < 0.2
        assert fitted.predict(active, HORIZON).alive[0] > 0.8


def test_gamma_gamma_recovers_what_was_spent(known: PurchaseHistories) -> None:
    fitted = GammaGammaSpend().fit(known)
    # The mean over customers is p * gamma / (q - 1) = 30.
    assert fitted.p_ * fitted.gamma_ / (fitted.q_ - 1) == pytest.approx(30, rel=0.15)
    assert fitted.p_ == pytest.approx(6, rel=0.3)


def test_value_quantiles_are_exceeded_as_often_as_they_say(whole: PurchaseHistories) -> None:
    known, who = whole.until(END)
    fitted = BgNbdModel().fit(known, horizon_days=HORIZON)
    value = whole.between(END, END + HORIZON)[1][who]
    q80, q95 = fitted.value_quantiles(known, HORIZON, [0.8, 0.95]).T
    assert (value <= q80).mean() == pytest.approx(0.8, abs=0.07)
    assert (value <= q95).mean() == pytest.approx(0.95, abs=0.04)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("make", [BgNbdModel, ParetoNbdModel])
def test_customers_who_buy_each_day_for_years_are_foreseen(make: Callable[[], CustomerValueModel]) -> None:
    """A thousand purchases are more than the series of the papers can bear as they are written there."""
    rows = [
        (who, float(day), 5.0) for who in range(20) for day in range(0, 1000, 1 if who < 10 else 90 + who)
    ]
    histories = PurchaseHistories.of(*np.array(rows).T, end_day=1000.0)
    forecast = make().fit(histories, horizon_days=90.0).predict(histories, 90.0)
    for found in (forecast.purchases, forecast.alive, forecast.value, forecast.distribution):
        assert np.isfinite(found).all()
    assert (forecast.purchases[:10] > 30).all(), "they will go on for most of the 90 days"
    assert (forecast.purchases[10:] < 5).all()


def test_the_activity_curve_foresees_a_power_of_time() -> None:
    rng = np.random.default_rng(0)
    rows = [(customer, 0.0) for customer in range(2000)]
    for day in range(1, 401):
        buyers = np.flatnonzero(rng.random(2000) < 0.2 * (day - 0.5) ** -0.5)
        rows += [(int(customer), float(day)) for customer in buyers]
    who, days = np.array(rows).T
    histories = PurchaseHistories.of(who, days, np.ones(len(who)), end_day=400)
    known, _ = histories.until(200)
    curve = ActivityCurve.of(known)
    assert curve.slope == pytest.approx(-0.5, abs=0.05)
    bought = histories.between(200, 400)[0].sum()
    assert curve.expected_purchases(known, 200) == pytest.approx(bought, rel=0.05)


def test_the_ensemble_foresees_the_total_of_the_activity_curve(known: PurchaseHistories) -> None:
    fitted = ValueEnsemble({"bg_nbd": {}, "pareto_nbd": {}}).fit(known, horizon_days=HORIZON)
    wanted = ActivityCurve.of(known).expected_purchases(known, HORIZON)
    assert fitted.predict(known, HORIZON).purchases.sum() == pytest.approx(wanted, rel=0.03)
    for weights in fitted.weights_.values():
        assert sum(weights) == pytest.approx(1)


def test_an_unknown_member_is_refused(known: PurchaseHistories) -> None:
    with pytest.raises(InvalidDataError, match="Members"):
        ValueEnsemble({"oracle": {}}).fit(known, horizon_days=HORIZON)
