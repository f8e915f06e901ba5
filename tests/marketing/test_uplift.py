"""Whom a message moves: learned from finished campaigns with a holdout, and from nothing that came later."""

import uuid
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ecomai.commerce.models import Event, Order
from ecomai.fusion.models import SessionLink
from ecomai.fusion.services import record_consent
from ecomai.learning.exceptions import FormatVersionError
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.models import Job, ModelVersion, TrainingRun
from ecomai.registry.services import request_training
from ecomai.registry.tasks import run_training
from marketing.models import Campaign, Delivery
from marketing.readiness import uplift as readiness
from marketing.scenario import UPLIFT
from marketing.targeting import features
from marketing.targeting.features import NAMES, customer_features
from marketing.targeting.trials import read_trials
from marketing.training.uplift_artifacts import DESCRIPTION_FILE, read_uplift_models

from .uplift_shop import (
    ANNOYED,
    DAY,
    OTHER,
    PERSUADABLE,
    kind_of,
    plant_campaign,
    plant_customers,
    plant_habits,
)

pytestmark = pytest.mark.django_db
N = 1500


@pytest.fixture(autouse=True)
def _own_settings(settings, tmp_path) -> None:
    settings.ECOMAI = {
        **settings.ECOMAI,
        "REGISTRY": {"FOLDER": str(tmp_path / "registry")},
        "FUSION": {**settings.ECOMAI.get("FUSION", {}), "DEFAULT_CONSENT": {"marketing": True}},
    }


@pytest.fixture
def start():
    return timezone.now() - 30 * DAY


@pytest.fixture
def shop(db, start):
    customers = plant_customers(N, start)
    plant_campaign(customers, start)
    return customers


def train(**hyperparameters) -> ModelVersion:
    run = request_training(model_name=UPLIFT, hyperparameters=hyperparameters or {"outcome": "bought"})
    run_training(run.pk)
    run = TrainingRun.objects.get(pk=run.pk)
    assert run.job.state == Job.State.SUCCEEDED, run.job.error_message
    return run.version


def column(X, name: str):
    return X[:, NAMES.index(name)]


# -- features -------------------------------------------------------------------------------------


def test_features_are_what_was_done_before(make_customer, make_order, make_event, start):
    mia = make_customer(first_seen_at=start - 100 * DAY)
    make_order(mia, start - 40 * DAY, total=30, quantity=2)
    make_order(mia, start - 20 * DAY, total=70, quantity=4)
    for age in (1, 20, 80):
        make_event(mia, "view", start - age * DAY)
    make_event(mia, "message_sent", start - 2 * DAY)
    X = customer_features([mia.pk], as_of=start)
    known = dict(zip(NAMES, X[0].tolist(), strict=True))
    assert known["n_orders"] == 2
    assert known["log_spent"] == pytest.approx(np.log1p(100))
    assert known["n_orders_30"] == 1
    assert known["days_between"] == 20
    assert known["pieces_an_order"] == 3
    assert (known["n_visits_7"], known["n_visits_30"], known["n_visits_90"]) == (1, 2, 3)
    assert (known["n_view_30"], known["n_message_sent_30"]) == (2, 1)
    assert known["days_since_seen"] == pytest.approx(1), "a message is not a visit"
    assert known["days_known"] == pytest.approx(100)


def test_nothing_that_came_after_the_start_enters(make_customer, make_order, make_event, start):
    """Whatever happens from the start on, the same customers have the same numbers."""
    mia, ben = make_customer(first_seen_at=start - 50 * DAY), make_customer(first_seen_at=start + DAY)
    order = make_order(mia, start - 40 * DAY)
    make_event(mia, "view", start - DAY)
    before = customer_features([mia.pk, ben.pk], as_of=start)
    make_order(mia, start + timedelta(seconds=1), total=500)
    make_order(ben, start + DAY)
    for kind in ("view", "message_sent", "message_click", "cart"):
        make_event(mia, kind, start + timedelta(seconds=1))
    Order.objects.filter(pk=order.pk).update(status=Order.Status.CANCELLED)
    mia.traits = {"loyalty_tier": "gold", "n_referrals": 9}
    mia.save()
    # Only the answer to the mail tells whose visit this was.
    make_event(mia, "cart", start - 2 * DAY, session_id="s1")
    SessionLink.objects.create(customer=mia, session_id="s1", linked_at=start + DAY)
    after = customer_features([mia.pk, ben.pk], as_of=start)
    np.testing.assert_array_equal(before, after)


def test_a_session_that_was_linked_before_counts(make_customer, make_event, start):
    mia = make_customer(first_seen_at=start - 50 * DAY)
    make_event(mia, "cart", start - 2 * DAY, session_id="s1")
    SessionLink.objects.create(customer=mia, session_id="s1", linked_at=start - DAY)
    assert column(customer_features([mia.pk], as_of=start), "n_cart_30") == [1]


def test_features_keep_the_order_and_ask_as_often_for_many_as_for_few(make_customer, make_event, start):
    customers = [make_customer() for _number in range(9)]
    make_event(customers[0], "view", start - DAY)
    pks = [customer.pk for customer in customers]
    whole = customer_features(pks, as_of=start)
    np.testing.assert_array_equal(customer_features(pks[::-1], as_of=start), whole[::-1])
    counts = []
    for some in (pks[:2], pks):
        with CaptureQueriesContext(connection) as asked:
            customer_features(some, as_of=start)
        counts.append(len(asked))
    assert counts[0] == counts[1]


# -- trials ---------------------------------------------------------------------------------------


def test_trials_are_customers_of_campaigns_whose_days_are_over(shop, start):
    trials = read_trials(as_of=timezone.now())
    assert len(trials) == N
    assert trials.customers.tolist() == [customer.pk for customer in shop]
    assert 0.45 < trials.treatment.mean() < 0.55
    assert trials.propensity.tolist() == [[0.5, 0.5, 0.0]] * N
    late = Order.objects.get(customer=shop[0], placed_at=start - 250 * DAY)
    assert late.total == Decimal(50)
    bought = Order.objects.filter(placed_at__gte=start).values_list("customer_id", flat=True)
    assert set(trials.customers[trials.bought == 1].tolist()) == set(bought)
    assert len(read_trials(as_of=start + 13 * DAY)) == 0, "its days were not over"
    assert read_trials(as_of=timezone.now()).fingerprint == trials.fingerprint


def test_who_refused_since_teaches_nothing(shop):
    record_consent(customer=shop[3], purpose="marketing", is_granted=False, source="test")
    trials = read_trials(as_of=timezone.now())
    assert shop[3].pk not in trials.customers.tolist()
    assert trials.n_refused == 1


def test_who_was_left_out_by_a_model_counts_with_the_chance_they_had(shop):
    left_out, explored = Delivery.objects.order_by("pk")[:2]
    for row, state in ((left_out, "not_worth"), (explored, "sent")):
        Delivery.objects.filter(pk=row.pk).update(state=state, treat_probability=0.1)
    trials = read_trials(as_of=timezone.now())
    assert trials.treatment[:2].tolist() == [0, 1]
    np.testing.assert_allclose(trials.propensity[:2], [[0.9, 0.1, 0.0]] * 2)
    Delivery.objects.filter(pk=left_out.pk).update(treat_probability=0.0)
    assert len(read_trials(as_of=timezone.now())) == N - 1, "whoever could not get one teaches nothing"


def test_messages_with_an_offer_are_an_arm_of_their_own(db, start):
    customers = plant_customers(N, start)
    campaign = plant_campaign(customers, start, has_offers=True)
    trials = read_trials(as_of=timezone.now())
    assert trials.propensity.tolist() == [[0.5, 0.25, 0.25]] * N
    offered = trials.of_kind("offered")
    got_offer = Delivery.objects.filter(campaign=campaign, variant__name="B").values_list(
        "customer_id", flat=True
    )
    assert set(offered.customers[offered.treatment == 1].tolist()) == set(got_offer)
    n_held_out = Delivery.objects.filter(state="held_out").count()
    assert len(offered) == len(got_offer) + n_held_out
    np.testing.assert_allclose(offered.propensity, [[2 / 3, 1 / 3]] * len(offered))


# -- the model ------------------------------------------------------------------------------------


def test_it_finds_whom_a_message_moves_and_whom_it_annoys(shop, start):
    version = train()
    assert version.card["estimator"] != "average"
    assert version.card["is_judged_by_time"] is False
    metrics = version.metrics
    assert metrics["qini_low"] > 0, "better than chance for sure"
    assert metrics["qini_low"] < metrics["qini"] < metrics["qini_high"]
    assert metrics["auuc"] > version.baseline_metrics["auuc"]
    assert metrics["policy_gain_low"] > 0, "choosing is better than a message to everybody"
    assert version.baseline_metrics["qini"] == 0
    assert version.card["sleeping_dogs"]["effect_high"] < 0, "they are there, and it is proven"
    model = read_uplift_models(open_artifact(version))["plain"]
    X = customer_features([customer.pk for customer in shop], as_of=start)
    effects, without = model.predict(X)
    by_kind = [effects[[kind_of(n) == kind for n in range(N)]].mean() for kind in range(3)]
    assert by_kind[PERSUADABLE] == pytest.approx(0.45 * 50, abs=6)
    assert by_kind[ANNOYED] == pytest.approx(-0.35 * 50, abs=6)
    assert abs(by_kind[2]) < 5
    assert without.min() >= 0
    assert without.max() <= 1


def test_what_an_offer_changes_is_learned_by_itself(db, start):
    customers = plant_customers(2 * N, start)
    plant_campaign(customers, start, has_offers=True)
    version = train()
    models = read_uplift_models(open_artifact(version))
    X = customer_features([customer.pk for customer in customers], as_of=start)
    is_other = np.array([kind_of(number) == OTHER for number in range(2 * N)])
    is_visitor = np.array([kind_of(number) == PERSUADABLE for number in range(2 * N)])
    plain, offered = (models[kind].predict(X)[0] for kind in ("plain", "offered"))
    assert offered[is_other].mean() == pytest.approx(0.55 * 50, abs=7)
    assert abs(offered[is_visitor].mean()) < 6
    assert plain[is_visitor].mean() == pytest.approx(0.45 * 50, abs=7)
    (kind,) = version.card["other_kinds"]
    assert {version.card["kind_of_message"], kind} == {"plain", "offered"}
    assert version.metrics[f"{kind}_qini_low"] > 0


def test_newer_campaigns_are_judged_on_where_there_are_some(shop):
    now = timezone.now()
    plant_habits(shop, now - 16 * DAY)
    plant_campaign(shop, now - 16 * DAY, name="Later", seed=1)
    version = train(outcome="spent")
    assert version.card["is_judged_by_time"] is True
    assert version.card["n_campaigns"] == 2
    assert version.metrics["qini_low"] > 0
    served = read_uplift_models(open_artifact(version))["plain"]
    assert (served.outcome, served.unit) == ("spent", 1.0)


def test_where_nobody_differs_the_average_effect_is_taken(db, start):
    customers = plant_customers(600, start)
    campaign = plant_campaign(customers, start)
    Order.objects.filter(placed_at__gte=start).delete()
    rng = np.random.default_rng(5)
    buyers = [customer for customer in customers if rng.random() < 0.3]
    Order.objects.bulk_create(
        Order(
            external_id=f"z{customer.pk}", customer=customer, placed_at=start + DAY, total=50, currency="EUR"
        )
        for customer in buyers
    )
    assert campaign.pk
    version = train()
    assert version.card["estimator"] == "average"
    assert version.metrics["auuc"] == version.baseline_metrics["auuc"]


def test_too_few_held_out_customers_are_told_so(db, start):
    plant_campaign(plant_customers(90, start), start)
    run = request_training(model_name=UPLIFT)
    run_training(run.pk)
    job = Job.objects.get(pk=run.job_id)
    assert (job.state, job.error_code) == (Job.State.FAILED, "not_enough_data")
    held_out, treated = readiness()
    assert held_out.have + treated.have == 90
    assert not held_out.is_enough


def test_a_shop_without_campaigns_is_not_ready(db):
    assert [row.have for row in readiness()] == [0, 0]
    assert len(read_trials(as_of=timezone.now())) == 0


def test_a_model_of_other_features_is_refused(shop, monkeypatch):
    folder = open_artifact(train())
    assert (folder / DESCRIPTION_FILE).exists()
    monkeypatch.setattr("marketing.training.uplift_artifacts.NAMES", (*features.NAMES, "another"))
    with pytest.raises(FormatVersionError):
        read_uplift_models(folder)


def test_campaigns_without_holdout_or_still_on_their_way_teach_nothing(shop):
    Campaign.objects.update(state=Campaign.State.SENDING)
    assert len(read_trials(as_of=timezone.now())) == 0
    Campaign.objects.update(state=Campaign.State.FINISHED, holdout_share=0.0)
    assert len(read_trials(as_of=timezone.now())) == 0


def test_an_event_of_the_far_past_is_not_read(make_customer, start):
    mia = make_customer()
    Event.objects.create(key=uuid.uuid4(), type="view", customer=mia, occurred_at=start - 800 * DAY)
    assert np.isnan(column(customer_features([mia.pk], as_of=start), "days_since_seen")[0])
