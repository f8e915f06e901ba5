"""Figures of a day whose right answers are counted by hand."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest

from ecomai.commerce.models import Customer, Event
from recommendations.models import Answer, DailyFigures, ItemPopularity
from recommendations.services import latencies, monitoring

from .conftest import NOW

pytestmark = pytest.mark.django_db
DAY = date(2026, 5, 31)  # a day before NOW
AT = datetime(2026, 5, 31, 10, tzinfo=UTC)


@pytest.fixture
def answer(version):
    def make(items, *, source="model", at=AT, ms=20.0, **fields) -> Answer:
        fields = {"placement": "home", **fields}
        if source == "model":
            fields |= {"model_name": version.model_name, "model_version": version}
        return Answer.objects.create(
            item_keys=[item.pk for item in items], source=source, milliseconds=ms, created_at=at, **fields
        )

    return make


@pytest.fixture
def touch(add_event):
    def make(answer, item, type="impression", *, minutes=1.0, **fields) -> Event:
        days_ago = (NOW - answer.created_at - timedelta(minutes=minutes)) / timedelta(days=1)
        fields.setdefault("session_id", answer.session_id)
        return add_event(item, type=type, days_ago=days_ago, properties={"answer": str(answer.key)}, **fields)

    return make


def figures(scope="placement", **filters) -> DailyFigures:
    monitoring.count_day(DAY, now=NOW)
    return DailyFigures.objects.get(day=DAY, scope=scope, **filters)


def test_what_was_seen_clicked_and_bought_counts_once_for_each_item_of_an_answer(
    shop, answer, touch, add_event
):
    one = answer(shop[:4], session_id="s1")
    for item in shop[:4]:
        touch(one, item)
        touch(one, item)  # seen twice is seen once
    touch(one, shop[0], "click", minutes=2)
    touch(one, shop[1], "click", minutes=3)
    touch(one, shop[9], "click")  # was not in the answer
    add_event(shop[0], type="purchase", days_ago=0.5, session_id="s1")  # after a click
    add_event(shop[2], type="purchase", days_ago=0.5, session_id="s1")  # after being seen
    add_event(shop[1], type="purchase", days_ago=0.5, session_id="other")
    add_event(shop[3], type="purchase", days_ago=1.2, session_id="s1")  # before it was seen
    found = figures()
    assert (found.n_answers, found.n_slots, found.n_seen, found.n_clicked) == (1, 4, 4, 2)
    assert (found.n_bought, found.n_bought_after_click) == (2, 1)


def test_a_purchase_at_the_shops_server_counts_by_the_customer_and_within_the_days(
    shop, answer, touch, add_event
):
    customer = Customer.objects.create(external_id="c")
    one = answer(shop[:2], customer=customer, at=AT)
    touch(one, shop[0], customer=customer)
    touch(one, shop[1], customer=customer)
    for item, days in ((shop[0], 6.9), (shop[1], 7.1)):
        days_ago = (NOW - AT) / timedelta(days=1) - days
        add_event(item, type="purchase", days_ago=days_ago, customer=customer)
    assert figures().n_bought == 1


def test_scopes_tell_placements_and_versions_apart(shop, answer):
    answer(shop[:3], placement="home")
    answer(shop[:2], placement="home", source="popular")
    answer(shop[4:6], placement="basket")
    assert figures("shop").n_answers == 3
    home = figures("placement", placement="home")
    assert (home.n_answers, home.n_fallbacks, home.n_slots, home.n_distinct_items) == (2, 1, 5, 3)
    by_version = figures("version", placement="home", source="model")
    assert (by_version.n_answers, by_version.n_fallbacks, by_version.version_number) == (1, 0, 3)
    assert figures("version", placement="home", source="popular").version_number == 0
    assert home.n_offered_items == 12


def test_what_an_arm_asks_for_is_no_fallback_and_what_it_did_not_get_is_one(shop, answer):
    answer(shop[:2], source="similar", asked_for="similar")
    answer(shop[:2], source="popular", asked_for="popular")
    answer(shop[:2], source="popular", asked_for="similar")  # the model of similar items was away
    answer(shop[:2], source="similar")  # the model was asked
    found = figures("placement", placement="home")
    assert (found.n_answers, found.n_fallbacks) == (4, 2)
    assert figures("shop").n_fallbacks == 2


def test_novelty_and_popularity_are_those_of_the_items_shown(shop, answer):
    ItemPopularity.objects.create(item=shop[0], score=9, n_events=19)  # 20 of 31 + 1 of 31 for each other one
    answer([shop[0], shop[1]])
    found = figures()
    expected = (-math.log2(20 / 31) - math.log2(1 / 31)) / 2
    assert found.novelty_bits == pytest.approx(expected)
    ItemPopularity.objects.create(item=shop[2], score=5, n_events=5)  # of twelve items two are the head
    assert figures().n_head_slots == 1


def test_times_are_right_to_five_percent(shop, answer):
    for ms in range(1, 101):
        answer(shop[:1], ms=float(ms))
    counts = latencies.add_up([figures().latencies])
    assert latencies.quantile(counts, 0.5) == pytest.approx(50, rel=0.06)
    assert latencies.quantile(counts, 0.95) == pytest.approx(95, rel=0.06)
    assert latencies.quantile({}, 0.5) is None


def test_counting_again_changes_nothing_and_takes_in_what_came_later(shop, answer, touch):
    one = answer(shop[:2], session_id="s1")
    touch(one, shop[0])
    first = figures()
    assert DailyFigures.objects.count() == 3
    touch(one, shop[0], "click", minutes=5)
    again = figures()
    assert DailyFigures.objects.count() == 3
    assert (first.n_clicked, again.n_clicked) == (0, 1)


def test_days_are_counted_until_they_are_complete(shop, answer):
    answer(shop[:1], at=NOW - timedelta(days=20))
    answer(shop[:1], at=NOW)
    days = monitoring.refresh_monitoring(now=NOW)
    assert len(days) == 21
    # What is complete is left alone; what may still change is counted again a day later.
    assert monitoring.refresh_monitoring(now=NOW) == [date(2026, 5, 31), date(2026, 6, 1)]
    later = monitoring.refresh_monitoring(now=NOW + timedelta(days=1))
    assert min(later) == date(2026, 5, 24)
    shop_rows = DailyFigures.objects.filter(scope="shop")
    assert shop_rows.filter(n_answers=0).count() == 20  # days without answers are known
    assert shop_rows.filter(is_final=True).count() == 13


def test_an_empty_shop_has_nothing_to_count(db):
    assert monitoring.refresh_monitoring(now=NOW) == []


def test_a_forged_key_is_nobodys(shop, answer, add_event):
    answer(shop[:2])
    add_event(shop[0], type="click", days_ago=1, properties={"answer": "' OR 1=1 --"})
    add_event(shop[0], type="click", days_ago=1, properties={"answer": {"a": [1]}})
    assert figures().n_clicked == 0
