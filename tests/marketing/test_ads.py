"""Advertisements: chosen by what they are worth, within budget and consent, counted once, credited once."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection, connections
from django.utils import timezone

from ecomai.commerce.models import Event, EventType, Order
from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.fusion.services import record_consent
from marketing.ads import pacing
from marketing.exceptions import AdGroupNotReadyError, AdGroupStateError, AdTargetError, UnknownAdError
from marketing.models import AdConversion, AdGroup, AdSpend, AdTraffic, Segment, SegmentMember
from marketing.services.ads import attribute_orders, choose_ads, follow_click, record_seen
from marketing.services.ads.choosing import choose
from marketing.services.ads.groups import (
    add_creative,
    approve_creatives,
    check_placements,
    create_group,
    end_group,
    is_allowed_target,
    pause_group,
    start_group,
)
from marketing.services.ads.shelf import forget_shelf
from marketing.services.ads.traffic import count_traffic

from .ad_shop import make_creative, make_group

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _own_day(settings) -> None:
    settings.TIME_ZONE = "UTC"
    settings.ECOMAI = {
        **settings.ECOMAI, "MARKETING": {"AD_EXPLORATION": 0.0, "AD_TARGET_HOSTS": ("brand.example",)},
        "COMMERCE": {**settings.ECOMAI.get("COMMERCE", {}), "REPORTING_CURRENCY": "EUR"},
    }  # fmt: skip
    forget_shelf()


def shown(now: datetime = NOON, **asked) -> list[str]:
    answer = choose_ads(placement="home", now=now, rng=np.random.default_rng(0), **asked)
    return [ad.creative.title for ad in answer.ads]


def allow(customer) -> None:
    record_consent(customer=customer, purpose="marketing", is_granted=True, source="test")


# -- what may be shown --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "creative"),
    [
        ({"state": "paused"}, {}), ({"state": "draft"}, {}), ({"placements": ["list"]}, {}),
        ({"starts_at": NOON + DAY}, {}), ({"ends_at": NOON}, {}), ({"storefront": "b2b"}, {}),
        ({"total_budget": Decimal("0.5")}, {}), ({"daily_budget": Decimal(0)}, {}),
        ({}, {"state": "draft"}), ({}, {"state": "refused"}), ({"currency": "JPY"}, {}),
    ],
    ids=[
        "paused", "draft", "elsewhere", "too early", "too late", "other storefront", "whole budget spent",
        "no budget today", "not approved", "refused", "no rate",
    ],
)  # fmt: skip
def test_what_may_not_be_shown_is_not(group, creative):
    make_creative(make_group(**group), **creative)
    assert shown() == []


def test_what_is_worth_most_is_shown_first():
    """A click of five euros wins where chances are alike; each advertisement is shown once."""
    cheap, dear = make_group("cheap"), make_group("dear", price=Decimal(5))
    make_creative(cheap, "cheap"), make_creative(dear, "dear")
    assert shown(n=5) == ["dear", "cheap"]


def test_without_a_model_counted_clicks_decide():
    group = make_group()
    good, bad = make_creative(group, "good"), make_creative(group, "bad")
    for creative, n_clicks in ((good, 300), (bad, 10)):
        AdSpend.objects.create(
            creative=creative, placement="home", hour=NOON - DAY, n_impressions=5000, n_clicks=n_clicks
        )
    answer = choose_ads(placement="home", now=NOON)
    assert (answer.ads[0].creative, answer.source) == (good, "counted")


def test_a_new_advertisement_is_tried_against_a_known_one():
    group = make_group()
    known = make_creative(group, "known")
    make_creative(group, "new")
    AdSpend.objects.create(creative=known, placement="home", hour=NOON - DAY, n_impressions=5000, n_clicks=50)
    rng = np.random.default_rng(0)
    titles = Counter(choose_ads(placement="home", now=NOON, rng=rng).ads[0].creative.title for _ in range(60))
    assert 10 < titles["new"] < 50


def test_propensities_are_the_shares_in_which_each_is_shown():
    rng = np.random.default_rng(0)
    values = rng.normal([1.0, 1.2, 0.2], 0.3, (1, 400, 3))
    drawn = [choose(values, 1, 0.3, rng)[0] for _ in range(6000)]
    said = dict(drawn)
    for place, n in Counter(place for place, _propensity in drawn).items():
        assert n / 6000 == pytest.approx(said[place], abs=0.02)
    assert sum(said.values()) == pytest.approx(1)
    assert min(said.values()) >= 0.1, "all are tried"


def test_each_position_takes_what_is_worth_most_there():
    """The second best of the first place may be worth little in the second."""
    values = np.array([[[1.0, 0.9, 0.2]], [[0.5, 0.1, 0.3]]])
    chosen = choose(values, 3, 0.0, np.random.default_rng(0))
    assert chosen == [(0, 1.0), (2, 1.0), (1, 1.0)]


def test_a_segment_is_for_its_customers_who_allow_it(make_customer):
    segment = Segment.objects.create(name="x", slug="x", kind="static")
    make_creative(make_group(segment=segment))
    mia, ben, eve = make_customer(), make_customer(), make_customer()
    for customer in (mia, eve):
        SegmentMember.objects.create(segment=segment, customer=customer)
    allow(mia), allow(ben)
    record_consent(customer=eve, purpose="marketing", is_granted=False, source="test")
    assert shown(customer=mia) == ["Mugs"]
    assert shown(customer=ben) == shown(customer=eve) == shown() == []


def test_who_saw_it_often_enough_sees_it_no_more_that_day(make_customer):
    make_creative(make_group(frequency_cap=2))
    mia = make_customer()
    allow(mia)
    for _time in range(2):
        record_seen([choose_ads(placement="home", customer=mia, now=NOON).ads[0].token], now=NOON)
    assert shown(NOON + timedelta(minutes=1), customer=mia) == []
    assert shown(NOON + timedelta(hours=25), customer=mia) == ["Mugs"]
    assert shown(NOON + timedelta(minutes=1)) == ["Mugs"], "others see it"


def test_without_consent_nothing_personal_is_read_or_kept(make_customer):
    make_creative(make_group(frequency_cap=1))
    mia = make_customer()
    record_consent(customer=mia, purpose="marketing", is_granted=False, source="test")
    for _time in range(2):  # no cap: nobody is known by it
        record_seen(
            [choose_ads(placement="home", customer=mia, session_id="session-1", now=NOON).ads[0].token]
        )
    events = Event.objects.filter(type=EventType.AD_IMPRESSION)
    assert set(events.values_list("customer_id", "session_id")) == {(None, "")}
    assert AdSpend.objects.get().n_impressions == 2


def test_a_consent_taken_back_after_showing_counts_at_once(make_customer):
    make_creative(make_group())
    mia = make_customer()
    allow(mia)
    token = choose_ads(placement="home", customer=mia).ads[0].token
    record_consent(customer=mia, purpose="marketing", is_granted=False, source="test")
    record_seen([token])
    assert Event.objects.get(type=EventType.AD_IMPRESSION).customer_id is None


def test_choosing_takes_a_fixed_number_of_queries(make_customer, django_assert_max_num_queries):
    mia = make_customer()
    allow(mia)
    for number in range(20):
        make_creative(make_group(f"group {number}", daily_budget=None), f"ad {number}")
    with django_assert_max_num_queries(9):
        assert len(choose_ads(placement="home", customer=mia, n=5).ads) == 5


# -- counting and paying ------------------------------------------------------------------------


def test_an_impression_and_a_click_count_once_and_take_their_price():
    group = make_group()
    make_creative(group)
    token = choose_ads(placement="home", now=NOON).ads[0].token
    assert [record_seen([token, token], now=NOON), record_seen([token], now=NOON)] == [1, 0]
    assert [follow_click(token, now=NOON) for _time in range(2)] == ["/mugs/"] * 2
    spend = AdSpend.objects.get()
    assert (spend.n_impressions, spend.n_clicks, spend.spent) == (1, 1, Decimal(1))
    group.refresh_from_db()
    assert group.spent == 1
    click = Event.objects.get(type=EventType.AD_CLICK)
    assert click.properties["placement"] == "home"
    assert 0 < click.properties["propensity"] <= 1


def test_a_thousand_impressions_take_the_price():
    group = make_group(priced_by="impression", price=Decimal(8))
    make_creative(group)
    for _time in range(5):
        record_seen([choose_ads(placement="home", now=NOON).ads[0].token], now=NOON)
    group.refresh_from_db()
    assert group.spent == Decimal("0.040")


def test_a_click_beyond_the_budget_leads_on_and_costs_nothing():
    group = make_group(total_budget=Decimal("1.5"))
    make_creative(group)
    tokens = [choose_ads(placement="home", now=NOON).ads[0].token for _time in range(3)]
    assert {follow_click(token, now=NOON) for token in tokens} == {"/mugs/"}
    group.refresh_from_db()
    assert (group.spent, AdSpend.objects.get().n_clicks) == (Decimal(1), 3)


def test_forged_tokens_count_for_nothing_and_lead_nowhere():
    make_creative(make_group())
    token = choose_ads(placement="home").ads[0].token
    assert record_seen(["forged", token[:-1] + ("A" if token[-1] != "A" else "B")]) == 0
    with pytest.raises(UnknownAdError):
        follow_click("forged")
    assert not Event.objects.exists()


def test_an_old_token_leads_on_and_is_not_counted(monkeypatch):
    make_creative(make_group())
    token = choose_ads(placement="home").ads[0].token
    monkeypatch.setattr("marketing.services.ads.tokens.COUNTED_SECONDS", -1)
    assert follow_click(token) == "/mugs/"
    assert record_seen([token]) == 0
    assert not AdSpend.objects.exists()


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("/sale/", True), ("/sale/?a=1#b", True), ("https://brand.example/x", True),
        ("https://shop.example/x", True), ("//evil.example", False), ("/\\evil.example", False),
        ("https://evil.example", False), ("javascript:alert(1)", False), ("sale/", False), ("", False),
        ("https://brand.example@evil.example/", False), ("https://a@brand.example/", False),
        ("/\t/evil.example", False), ("http://[", False), ("data:text/html,x", False),
    ],
)  # fmt: skip
def test_an_advertisement_leads_to_the_shop_or_a_named_host(settings, address, is_allowed):
    marketing = {"BASE_URL": "https://shop.example", "AD_TARGET_HOSTS": ["brand.example"]}
    settings.ECOMAI = {**settings.ECOMAI, "MARKETING": marketing}
    assert is_allowed_target(address) == is_allowed


def test_a_target_that_is_forbidden_later_is_no_longer_followed(settings):
    make_creative(make_group(), target_url="https://brand.example/")
    token = choose_ads(placement="home").ads[0].token
    settings.ECOMAI = {**settings.ECOMAI, "MARKETING": {"AD_TARGET_HOSTS": ()}}
    with pytest.raises(UnknownAdError):
        follow_click(token)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_many_clicks_at_once_never_spend_more_than_the_budget():
    group = make_group(total_budget=Decimal(10), daily_budget=Decimal(7))
    make_creative(group)
    # Chosen before any of them was paid: all had room for one more.
    tokens = [choose_ads(placement="home", now=NOON + timedelta(hours=13)).ads[0].token for _ in range(40)]
    start = threading.Barrier(8)

    def click(some: list[str]) -> None:
        try:
            start.wait()
            for token in some:
                follow_click(token, now=NOON + timedelta(hours=13))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=click, args=(tokens[each::8],)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    group.refresh_from_db()
    spend = AdSpend.objects.get()
    assert (group.spent, spend.spent, spend.n_clicks) == (7, 7, 40)


# -- pacing -------------------------------------------------------------------------------------


def test_a_plan_follows_the_traffic_of_the_day():
    night = [0.0] * 12 + [1.0] * 12
    midnight = datetime(2026, 6, 1, tzinfo=UTC)
    shares = [pacing.planned_share(midnight + timedelta(hours=hour), night) for hour in (6, 12, 18)]
    assert shares == [0.0, 0.0, 0.5]
    assert pacing.planned_share(midnight + timedelta(hours=6)) == pytest.approx(0.25)


def test_the_rate_falls_when_too_much_is_spent_and_rises_when_too_little():
    fell = pacing.next_rate(0.5, spent=Decimal(2), planned=Decimal(1))
    rose = pacing.next_rate(0.5, spent=Decimal(0), planned=Decimal(1))
    assert (fell, rose) == (pytest.approx(0.45), pytest.approx(0.55))
    assert pacing.next_rate(1.0, spent=Decimal(0), planned=Decimal(1)) == 1.0
    assert pacing.next_rate(0.005, spent=Decimal(2), planned=Decimal(1)) == pacing.LEAST_RATE


def test_a_day_is_spent_smoothly_and_never_over_budget():
    """Eight times the traffic that the budget pays: each hour spends its share, and no cent more."""
    curve = [1 + np.sin((hour - 8) / 24 * 2 * np.pi) for hour in range(24)]
    for hour, share in enumerate(curve):
        AdTraffic.objects.create(hour=hour, share=share / sum(curve))
    group = make_group(priced_by="impression", price=Decimal(1000), daily_budget=Decimal(60))
    make_creative(group)
    rng, midnight = np.random.default_rng(0), datetime(2026, 6, 1, tzinfo=UTC)
    for minute in range(0, 24 * 60, 2):
        now = midnight + timedelta(minutes=minute)
        for _visit in range(rng.poisson(480 * curve[minute // 60] / sum(curve) / 30)):
            answer = choose_ads(placement="home", now=now, rng=rng)
            record_seen([ad.token for ad in answer.ads], now=now)
    by_hour = dict(AdSpend.objects.values_list("hour", "spent"))
    spent = np.array([float(by_hour.get(midnight + timedelta(hours=hour), 0)) for hour in range(24)])
    planned = 60 * np.array(curve) / sum(curve)
    assert 56 <= spent.sum() <= 60
    assert np.abs(np.cumsum(spent) - np.cumsum(planned)).max() <= 0.06 * 60


def test_traffic_is_counted_by_the_hour_of_the_shop(make_customer, make_event):
    make_group()
    mia, now = make_customer(), timezone.now()
    evening = pacing.start_of_day(now) - DAY + timedelta(hours=20)
    for number in range(30):
        make_event(mia, "view", evening + timedelta(minutes=number))
    assert count_traffic() == count_traffic() == 1
    shares = dict(AdTraffic.objects.values_list("hour", "share"))
    assert sum(shares.values()) == pytest.approx(1)
    assert shares[20] > 0.25 > 10 * shares[3] / 4 > 0


# -- orders after clicks ------------------------------------------------------------------------


@pytest.fixture
def clicked(make_customer):
    """A customer who clicked at noon."""
    make_creative(make_group())
    mia = make_customer()
    allow(mia)
    follow_click(choose_ads(placement="home", customer=mia, now=NOON).ads[0].token, now=NOON)
    return mia


def test_an_order_within_the_window_is_credited_once(clicked, make_order):
    order = make_order(clicked, NOON + 3 * DAY, total=30)
    assert [attribute_orders([order.pk]), attribute_orders([order.pk])] == [1, 0]
    conversion = AdConversion.objects.get()
    assert (conversion.value, conversion.clicked_at) == (30, NOON)
    assert AdSpend.objects.get().n_conversions == 1


def test_orders_before_the_click_or_too_late_or_of_others_are_not(clicked, make_order, make_customer):
    orders = [
        make_order(clicked, NOON - timedelta(hours=1)), make_order(clicked, NOON + 8 * DAY),
        make_order(make_customer(), NOON + DAY), make_order(clicked, NOON + DAY, status="cancelled"),
    ]  # fmt: skip
    assert attribute_orders([order.pk for order in orders]) == 0


def test_the_last_click_gets_the_order(clicked, make_order):
    pause_group(AdGroup.objects.get())
    other = make_creative(make_group("later"), "later")
    token = choose_ads(placement="home", customer=clicked, now=NOON + DAY).ads[0].token
    follow_click(token, now=NOON + DAY)
    attribute_orders([make_order(clicked, NOON + 2 * DAY).pk])
    assert AdConversion.objects.get().creative == other


def test_a_cancelled_order_is_taken_back(clicked, make_order):
    order = make_order(clicked, NOON + DAY)
    attribute_orders([order.pk])
    Order.objects.filter(pk=order.pk).update(status=Order.Status.CANCELLED)
    attribute_orders([order.pk])
    assert not AdConversion.objects.exists()
    assert AdSpend.objects.get().n_conversions == 0


def test_an_order_whose_rate_is_missing_counts_without_a_value(clicked, make_order):
    attribute_orders([make_order(clicked, NOON + DAY, currency="JPY").pk])
    assert AdConversion.objects.get().value is None


# -- what the staff do --------------------------------------------------------------------------


def test_a_group_goes_from_draft_to_its_end(django_user_model):
    group = create_group(name="x", placements=["home"], currency="EUR", price=Decimal(1))
    with pytest.raises(AdGroupNotReadyError, match="approved"):
        start_group(group)
    add_creative(group, title="Mugs", target_url="/mugs/")
    assert [approve_creatives(group), approve_creatives(group)] == [1, 0]
    assert start_group(group).state == AdGroup.State.RUNNING
    assert pause_group(group).state == AdGroup.State.PAUSED
    assert end_group(start_group(group)).state == AdGroup.State.ENDED
    with pytest.raises(AdGroupStateError, match="ended"):
        start_group(group)
    with pytest.raises(PermissionDeniedError):
        pause_group(group, user=django_user_model.objects.create_user("nobody"))


def test_wrong_targets_and_placements_are_refused():
    with pytest.raises(AdTargetError):
        add_creative(make_group(), title="x", target_url="https://evil.example/")
    for placements in (["seen"], ["a b"], "home", [1]):
        with pytest.raises(InvalidInputError):
            check_placements(placements)


def test_what_is_kept_of_a_customer_is_told_and_erased(clicked, make_order):
    from ecomai.fusion.subjects import Subject
    from marketing.services.privacy import erase, export

    attribute_orders([make_order(clicked, NOON + DAY).pk])
    subject = Subject(storefront="", customer_pk=clicked.pk, external_id=clicked.external_id)
    assert export(subject)["orders_after_advertisements"][0]["title"] == "Mugs"
    erase(subject)
    assert not AdConversion.objects.exists()
    assert AdSpend.objects.get().n_conversions == 1, "counters name nobody"
