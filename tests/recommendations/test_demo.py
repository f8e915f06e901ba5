"""A year of traffic in the demo shop is told once, from what its customers did."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.commerce.models import Event
from ecomai.experiments import selectors
from ecomai.experiments.models import Exposure
from recommendations.demo import experiment as demo_experiment
from recommendations.demo import long_tail as demo_long_tail
from recommendations.demo import pipeline as demo_pipeline
from recommendations.demo import traffic
from recommendations.models import Answer, DailyExposure, Exploration, Pipeline, Source, TailItem
from recommendations.tasks import refresh_exposure


@pytest.fixture(autouse=True)
def _no_plans():
    selectors.forget_plans()
    yield
    selectors.forget_plans()


@pytest.fixture
def visitors(live_models, shop, add_customer, monkeypatch):
    """Sixty customers; each takes one item after the other of one kind, half of them long ago."""
    monkeypatch.setattr(traffic, "SHARE_SEEN", {"home": 1.0, "item": 1.0})
    now = timezone.now()
    events = []
    for number in range(60):
        customer = add_customer(f"c-{number}")
        began = now - timedelta(days=200 if number % 2 else 25, hours=number)
        for step in range(4):
            at = began + timedelta(days=step)
            item = shop[4 * (number % 3) + step]
            events.append(Event(key=f"{number:016x}{step:016x}", type="view", customer=customer, item=item,
                                occurred_at=at))  # fmt: skip
    Event.objects.bulk_create(events)


@pytest.fixture
def told(visitors):
    experiment = demo_experiment.begin_experiment()
    traffic.seed_traffic(experiment=experiment, pipeline=demo_pipeline.begin_pipeline())
    return experiment


def test_before_the_models_popular_items_were_shown(told):
    old = Answer.objects.filter(created_at__lt=timezone.now() - traffic.MODEL_SINCE)
    assert set(old.values_list("source", flat=True)) == {Source.POPULAR}
    by_model = Answer.objects.exclude(pk__in=old).filter(source=Source.MODEL)
    assert set(by_model.values_list("placement", flat=True)) == {"home", "item"}
    assert not by_model.filter(model_version=None).exists()


def test_a_click_is_on_what_was_shown_and_then_looked_at(told):
    shown = {str(answer.key): answer for answer in Answer.objects.all()}
    clicks = Event.objects.filter(type="click")
    assert clicks.count() > 20
    for click in clicks:
        answer = shown[click.properties["answer"]]
        assert answer.item_keys[click.properties["position"] - 1] == click.item_id
        assert Event.objects.filter(
            type="view", customer=click.customer, item=click.item_id, occurred_at__gte=answer.created_at,
            occurred_at__lte=answer.created_at + traffic.CLICK_WITHIN,
        ).exists()  # fmt: skip
    n_shown = sum(len(answer.item_keys) for answer in shown.values())
    assert Event.objects.filter(type="impression").count() == n_shown


def test_the_experiment_has_run_for_weeks_and_each_arm_showed_its_own(told):
    by_arm = dict(Exposure.objects.values_list("unit_id", "arm__configuration__source"))
    assert set(by_arm.values()) == {"model", "similar"}
    recent = Answer.objects.filter(placement="home", created_at__gte=told.started_at)
    answered = {(by_arm[answer.customer.external_id], answer.source) for answer in recent}
    assert {("model", "model"), ("similar", "similar")} <= answered
    assert not {("model", "similar"), ("similar", "model")} & answered
    demo_experiment.count_experiment(told)
    snapshots = list(told.snapshots.order_by("hour"))
    assert len(snapshots) == 29
    counts = [sum(arm["n_exposed"] for arm in row.results["arms"].values()) for row in snapshots]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] == len(by_arm)


def test_telling_it_again_adds_nothing(told):
    n_answers, n_events = Answer.objects.count(), Event.objects.count()
    experiment = demo_experiment.begin_experiment()
    assert experiment == told
    pipeline = demo_pipeline.begin_pipeline()
    assert Pipeline.objects.get() == pipeline
    assert traffic.seed_traffic(experiment=experiment, pipeline=pipeline) == 0
    assert (Answer.objects.count(), Event.objects.count()) == (n_answers, n_events)


def test_the_long_tail_has_a_year_behind_it(told):
    demo_long_tail.count_exposure()
    refresh_exposure()
    days = DailyExposure.objects.filter(is_total=True).order_by("day")
    assert (days.last().day - days.first().day).days > 150
    assert TailItem.objects.filter(is_tail=True).exists()
    assert Exploration.objects.get(placement="home").learned_at is not None


def test_a_pipeline_gives_rarely_shown_items_their_share(visitors, monkeypatch):
    """It has been live for four weeks here, in which the half of the customers came who came lately."""
    monkeypatch.setattr(demo_pipeline, "LIVE_FOR", timedelta(days=28))
    pipeline = demo_pipeline.begin_pipeline()
    traffic.seed_traffic(experiment=demo_experiment.begin_experiment(), pipeline=pipeline)
    told = Answer.objects.filter(source=Source.PIPELINE)
    assert set(told.values_list("placement", "pipeline")) == {("item", pipeline.pk)}
    assert not Answer.objects.filter(
        placement="item", created_at__gte=pipeline.live_since, source=Source.MODEL
    ).exists()
    shown = [key for answer in told for key in answer.item_keys]
    is_tail = set(TailItem.objects.filter(is_tail=True).values_list("pk", flat=True))
    share = sum(key in is_tail for key in shown) / len(shown)
    # Of twelve items so many fit that are rarely shown that they get more than they are owed.
    assert share >= pipeline.tail_share
    assert Event.objects.filter(type="impression", properties__answer=str(told[0].key)).exists()
    refresh_exposure()
    days = DailyExposure.objects.filter(placement="item")
    assert set(days.filter(day__gt=pipeline.live_since).values_list("target_share", flat=True)) == {0.25}
    before = days.filter(day__lt=timezone.localdate(pipeline.live_since))
    assert set(before.values_list("target_share", flat=True)) == {None}
