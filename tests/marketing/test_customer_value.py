"""What customers will buy: learned from orders, judged on later ones, written to profiles, told as facts."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.utils import timezone

from ecomai.commerce.models import Customer, Item, Order, OrderLine
from ecomai.fusion.models import Fact
from ecomai.fusion.selectors import read_fact
from ecomai.fusion.services import record_consent
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job, ModelVersion, TrainingRun
from ecomai.registry.services import promote_version, request_scoring, request_training
from ecomai.registry.tasks import run_training
from marketing.datasets import day_number, read_purchases
from marketing.models import CustomerProfile
from marketing.scenario import CHURN_PROBABILITY, CUSTOMER_VALUE
from marketing.services import refresh_profiles
from marketing.training.value_artifacts import read_value_model

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path) -> None:
    settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {"FOLDER": str(tmp_path / "registry")}}


@pytest.fixture
def allowed(settings) -> None:
    """A shop that may address its customers unless they refuse."""
    fusion = {**settings.ECOMAI.get("FUSION", {}), "DEFAULT_CONSENT": {"marketing": True}}
    settings.ECOMAI = {**settings.ECOMAI, "FUSION": fusion}


@pytest.fixture
def shop(allowed, db) -> list[Customer]:
    """200 customers over 300 days; every other one buys each ten days, the others have long stopped."""
    rng = np.random.default_rng(0)
    now = timezone.now()
    customers = Customer.objects.bulk_create(Customer(external_id=f"c-{n}") for n in range(200))
    orders = []
    for number, customer in enumerate(customers):
        is_regular = number % 2 == 0
        start = 300 - rng.integers(0, 30)
        ages = np.arange(start, 2, -10) if is_regular else np.arange(start, 200, -40)
        for age in ages:
            orders.append(
                Order(
                    external_id=f"{number}-{age}", customer=customer, currency="EUR", status="paid",
                    placed_at=now - int(age) * DAY, total=Decimal(50 if is_regular else 10),
                )
            )  # fmt: skip
    Order.objects.bulk_create(orders)
    items = Item.objects.bulk_create(Item(external_id=f"i-{n}", title=f"Item {n}") for n in range(10))
    OrderLine.objects.bulk_create(
        OrderLine(order=order, position=1, item=items[number % 10], unit_price=order.total)
        for number, order in enumerate(orders)
    )
    refresh_profiles([customer.pk for customer in customers])
    return customers


def train(**hyperparameters: int) -> ModelVersion:
    run = request_training(model_name=CUSTOMER_VALUE, hyperparameters={"horizon_days": 30} | hyperparameters)
    run_training(run.pk)
    run = TrainingRun.objects.get(pk=run.pk)
    assert run.job.state == Job.State.SUCCEEDED, run.job.error_message
    return run.version


def serve(version: ModelVersion) -> ModelVersion:
    if version.state == ModelVersion.State.CANDIDATE:
        promote_version(version=version)
    return version


def score() -> Job:
    job = request_scoring(model_name=CUSTOMER_VALUE)
    for part in job.shards.all():
        execute_job(part.pk)
    job.refresh_from_db()
    return job


def test_cancelled_orders_and_those_of_today_are_no_history(allowed, make_customer, make_order):
    mia = make_customer()
    now = timezone.now()
    make_order(mia, now - 3 * DAY, total=10)
    make_order(mia, now - 2 * DAY, total=20, status=Order.Status.CANCELLED)
    make_order(mia, now - timedelta(minutes=1), total=40)
    purchases = read_purchases(as_of=now)
    assert purchases.histories.amounts.tolist() == [10.0]
    today = timezone.localtime(now).date()
    assert purchases.histories.end_day == day_number(today) - 1


def test_who_refused_or_has_an_unknown_rate_teaches_nothing(allowed, make_customer, make_order):
    mia, ben, eve = make_customer(), make_customer(), make_customer()
    for customer, currency in ((mia, "EUR"), (ben, "EUR"), (eve, "JPY")):
        make_order(customer, timezone.now() - 3 * DAY, currency=currency)
    record_consent(customer=ben, purpose="marketing", is_granted=False, source="test")
    purchases = read_purchases(as_of=timezone.now())
    assert purchases.customer_pks.tolist() == [mia.pk]
    assert purchases.n_left_out == 1


def test_what_was_bought_is_known_by_item_and_price(allowed, make_customer, make_order, make_item):
    """A line whose item the shop has deleted, and lines of a cancelled order, are none."""
    mia, lamp = make_customer(), make_item()
    now = timezone.now()
    order = make_order(mia, now - 3 * DAY, total=30, item=lamp, quantity=2, unit_price=12)
    OrderLine.objects.create(order=order, position=1, item=None, quantity=1, unit_price=6)
    make_order(mia, now - 2 * DAY, item=lamp, status=Order.Status.CANCELLED)
    before = read_purchases(as_of=now)
    lines = before.histories.lines
    assert (lines.items.tolist(), lines.quantities.tolist(), lines.prices.tolist()) == ([lamp.pk], [2], [12])
    assert lines.days.tolist() == before.histories.days.tolist()
    order.lines.filter(position=0).update(item=make_item())
    assert read_purchases(as_of=now).fingerprint != before.fingerprint


def test_a_version_ranks_customers_by_what_they_bring(shop):
    version = train()
    card = version.card
    assert card["is_small_shop"]
    assert set(card["rows"]) == {"own_rate", "bg_nbd", "pareto_nbd"}
    assert version.metrics["gini"] > 0.9, "who still buys is plain to see"
    served = read_value_model(open_artifact(version))
    assert served.horizon_days == 30
    purchases = read_purchases(as_of=timezone.now())
    alive = served.model.predict(purchases.histories, 30.0).alive
    assert alive[0::2].min() > alive[1::2].max()


def test_scores_are_written_told_and_taken_back(shop):
    version = serve(train())
    assert score().state == Job.State.SUCCEEDED
    regular, gone = (CustomerProfile.objects.get(customer=shop[number]) for number in (0, 1))
    assert regular.alive_probability > 0.9 > gone.alive_probability
    assert regular.expected_value == pytest.approx(150, rel=0.35), "three orders of 50 in 30 days"
    assert regular.expected_value_low <= regular.expected_value <= regular.expected_value_high
    assert regular.scored["version"] == version.number
    known = read_fact(name=CHURN_PROBABILITY, entity_id=shop[1].external_id, purpose="marketing")
    assert known == pytest.approx(1 - gone.alive_probability, abs=1e-3)
    record_consent(customer=shop[0], purpose="marketing", is_granted=False, source="test")
    refresh_profiles([shop[0].pk])
    assert score().state == Job.State.SUCCEEDED
    regular.refresh_from_db()
    assert (regular.expected_value, regular.scored) == (None, {})
    assert not regular.has_consent


def test_scoring_twice_writes_the_same(shop):
    serve(train())
    score()
    first = list(CustomerProfile.objects.order_by("pk").values_list("pk", "expected_value"))
    score()
    assert list(CustomerProfile.objects.order_by("pk").values_list("pk", "expected_value")) == first
    assert Fact.objects.filter(name=CHURN_PROBABILITY).count() == 2 * len(shop)


def test_a_training_with_privacy_says_what_it_spent_and_scores_as_any(shop):
    version = train(privacy_epsilon=3)
    assert version.card["estimator"] == "private"
    spent = version.card["differential_privacy"]
    assert 0 < spent["epsilon"] <= 3
    assert spent["delta"] < 1 / len(shop)
    serve(version)
    assert score().state == Job.State.SUCCEEDED
    profile = CustomerProfile.objects.get(customer=shop[0])
    assert profile.scored["estimator"] == "PrivateValueModel"
    assert "differential_privacy" not in train().card


def test_too_few_buyers_are_told_so(allowed, make_customer, make_order):
    mia = make_customer()
    make_order(mia, timezone.now() - 3 * DAY)
    run = request_training(model_name=CUSTOMER_VALUE)
    run_training(run.pk)
    job = Job.objects.get(pk=run.job_id)
    assert job.state == Job.State.FAILED
    assert job.error_code == "not_enough_data"
    assert "50" in job.error_message


@pytest.mark.slow
def test_a_shop_with_enough_buyers_tries_all_models_and_judges_what_serves_again(shop, monkeypatch):
    """The bounds alone are lowered; trees, transformer and ensemble learn as they do in a large shop."""
    monkeypatch.setattr("marketing.training.customer_value.LARGE_BUYERS", 100)
    first = serve(train())
    assert not first.card["is_small_shop"]
    assert set(first.card["rows"]) == {
        "own_rate", "bg_nbd", "pareto_nbd", "boosted", "transformer", "ensemble"
    }  # fmt: skip
    served = read_value_model(open_artifact(first))
    assert served.horizon_days == 30
    second = train()
    assert second.live_metrics["gini"] == pytest.approx(second.card["rows"][first.card["estimator"]]["gini"])
