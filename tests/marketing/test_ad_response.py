"""The model of clicks: learned from what was shown before the cutoff, judged on later days, and served."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from ecomai.commerce.models import Customer, Event, EventType, Item
from ecomai.commerce.services.events import StoredEvent, key_of, write_events
from ecomai.fusion.services import record_consent
from ecomai.registry.models import Job, TrainingRun
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.registry.tasks import run_training
from ecomai.serving import live
from ecomai.serving.predictors.response import Words
from marketing.ads.columns import categories_of, numbers_of
from marketing.ads.outcomes import UNKNOWN, read_history
from marketing.models import AdConversion
from marketing.names import AD_RESPONSE
from marketing.services.ads import attribute_orders, choose_ads
from marketing.services.ads.chances import chances_of, words_of
from marketing.services.ads.shelf import forget_shelf, get_shelf
from marketing.services.ads.visitors import Visitor

from .ad_shop import make_creative, make_group

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path) -> None:
    settings.ECOMAI = {
        **settings.ECOMAI, "REGISTRY": {"FOLDER": str(tmp_path / "registry")},
        "COMMERCE": {**settings.ECOMAI.get("COMMERCE", {}), "REPORTING_CURRENCY": "EUR"},
        "MARKETING": {"AD_TEXT_ENCODER": "char_ngram", "AD_EXPLORATION": 0.0},
    }  # fmt: skip
    live.forget()
    forget_shelf()


def stored(kind, at, *, customer, item=None, key, **properties) -> StoredEvent:
    return StoredEvent(
        storefront="", key=key_of("", kind, key), type=kind, channel="web", customer_id=customer,
        session_id="", item_id=item, order_external_id="", quantity=1, value=None, currency="", query="",
        properties=properties, occurred_at=at, received_at=at,
    )  # fmt: skip


def show(creative, customer, at, number, *, is_clicked) -> list[StoredEvent]:
    said = {
        "creative": creative.pk, "group": creative.group_id, "placement": "home", "position": 1,
        "propensity": 0.5, "source": "counted", "version": None, "shown": f"{number:032x}",
    }  # fmt: skip
    given = {"customer": customer, "item": creative.item_id, "key": number, **said}
    found = [stored("ad_impression", at, **given)]
    return [*found, stored("ad_click", at + timedelta(minutes=1), **given)] if is_clicked else found


@pytest.fixture
def shop():
    """Customers who look at mugs click on mugs, the others on dresses; nobody else clicks."""
    group = make_group()
    items = [
        Item.objects.create(external_id=name, title=f"{name} of the season", category_path=name)
        for name in ("mug", "dress", "mug too", "dress too")
    ]
    ads = [make_creative(group, item.external_id, item=item) for item in items[:2]]
    rng, now, events = np.random.default_rng(0), timezone.now(), []
    customers = Customer.objects.bulk_create(Customer(external_id=f"c-{number}") for number in range(200))
    for number in range(4000):
        customer, which = customers[number % 200], int(rng.integers(2))
        taste, at = number % 2, now - 40 * DAY + number * timedelta(minutes=14)
        looked_at, before = items[taste + 2 * (number // 200 % 2)], at - timedelta(minutes=5)
        events.append(stored("view", before, customer=customer.pk, item=looked_at.pk, key=number))
        is_clicked = rng.random() < (0.4 if which == taste else 0.02)
        events += show(ads[which], customer.pk, at, number, is_clicked=is_clicked)
    write_events(events)
    for customer in customers[:2]:
        record_consent(customer=customer, purpose="marketing", is_granted=True, source="test")
    return customers, ads, now


def train() -> TrainingRun:
    run = request_training(model_name=AD_RESPONSE)
    run_training(run.pk)
    return TrainingRun.objects.get(pk=run.pk)


def test_a_model_learns_whom_an_advertisement_suits_and_serves_it(shop):
    customers, ads, _now = shop
    run = train()
    assert run.job.state == Job.State.SUCCEEDED, run.job.error_message
    rows = run.version.card["rows"]
    assert set(rows) == {"placement_rate", "creative_rate", "boosted", "joint", "joint_next_item"}
    assert rows["joint"]["click_roc_auc"] > 0.74, "0.79 is what can be known"
    assert run.version.metrics["click_log_loss"] < run.version.baseline_metrics["click_log_loss"]
    promote_version(version=run.version)
    go_live(model_name=AD_RESPONSE)
    live.refresh()
    for customer, ad in zip(customers[:2], ads, strict=True):
        answer = choose_ads(placement="home", customer=customer, n=2)
        assert (answer.source, answer.version) == ("model", run.version.number)
        assert answer.ads[0].creative == ad


def test_too_few_clicks_are_told_so():
    run = train()
    assert (run.job.state, run.job.error_code) == (Job.State.FAILED, "not_enough_data")


def test_nothing_after_the_cutoff_is_read(shop, make_order):
    _customers, _ads, now = shop
    cutoff = now - 20 * DAY
    before = read_history(as_of=cutoff)
    assert max(before.times) < cutoff
    assert max(before.next_times) < cutoff
    # Neither what comes later nor an order that does changes what was known then.
    click = Event.objects.filter(type=EventType.AD_CLICK, occurred_at__lt=cutoff - 8 * DAY).first()
    make_order(Customer.objects.get(pk=click.customer_id), cutoff + DAY)
    Event.objects.filter(occurred_at__gte=cutoff).delete()
    again = read_history(as_of=cutoff)
    for name in ("categories", "numbers", "histories", "clicked", "converted", "next_items"):
        np.testing.assert_array_equal(getattr(before, name), getattr(again, name))


def test_a_conversion_is_open_until_its_window_is_over(shop, make_order):
    _customers, _ads, now = shop
    click = Event.objects.filter(type=EventType.AD_CLICK).order_by("occurred_at").first()
    order = make_order(Customer.objects.get(pk=click.customer_id), click.occurred_at + DAY)
    assert attribute_orders([order.pk]) == 1
    assert AdConversion.objects.get().shown.hex == click.properties["shown"]
    known = read_history(as_of=now)
    assert known.converted[known.clicked == 1][0] == 1
    early = read_history(as_of=click.occurred_at + 2 * DAY)
    assert set(early.converted[early.clicked == 1]) == {UNKNOWN}


def test_what_was_done_after_an_impression_is_not_in_its_history(shop):
    known = read_history(as_of=timezone.now())
    first = known.histories[0]
    assert (first >= 0).sum() == 1, "of the first visitor one view is known"


def test_each_position_is_judged_by_the_models_chances_of_it(shop):
    customers, _ads, now = shop
    promote_version(version=train().version)
    go_live(model_name=AD_RESPONSE)
    live.refresh()
    found, rng = get_shelf("", now).ads, np.random.default_rng(0)
    moment = Visitor(storefront="", customer=customers[0], session_id="", now=now).moment("home")
    chances = chances_of(found, moment, rng, n_positions=3)
    assert chances.source == "model"
    assert chances.click.shape == chances.conversion.shape == (3, 1, 2)
    first = chances_of(found, moment, rng)
    np.testing.assert_allclose(chances.click[:1], first.click, rtol=1e-6)
    served = live.get_live(AD_RESPONSE).predictor
    third = served.predict(
        categories=[categories_of(ad.facts, moment) for ad in found],
        numbers=np.array([numbers_of(ad.facts, moment, 3) for ad in found], dtype=np.float32),
        items=served.encode_items([str(ad.facts.item) for ad in found])[0],
        texts=served.encode_words([Words(words_of(ad.creative)) for ad in found]),
        history=served.encode_items([str(item) for item in moment.steps])[0],
    )
    np.testing.assert_allclose(chances.click[2, 0], third[:, 0], rtol=1e-6)
