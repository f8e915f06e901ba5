"""Counting what was shown and taken, and who is rarely shown."""

from datetime import date, timedelta

import numpy as np
import pytest

from recommendations import catalogue as catalogues
from recommendations.models import (
    DailyExposure,
    ItemExposure,
    TailItem,
)
from recommendations.services import exposure
from tests.recommendations.conftest import NOW

from .conftest import AT, DAY, count

pytestmark = pytest.mark.django_db


def test_places_views_and_clicks_of_each_item_are_counted_once_an_answer(shop, answer, touch):
    one, _two = answer(shop[:3]), answer(shop[:1])
    answer(shop[:1], at=AT - timedelta(days=2))
    for _twice in range(2):
        touch(one, shop[0])
        touch(one, shop[0], "click")
    touch(one, shop[1])
    touch(one, shop[7], "click")  # was not in it
    count()
    found = {
        row.item_id: (row.n_shown, row.n_seen, row.n_clicked) for row in ItemExposure.objects.filter(day=DAY)
    }
    assert found == {shop[0].pk: (2, 1, 1), shop[1].pk: (1, 1, 0), shop[2].pk: (1, 0, 0)}


def test_a_day_is_summed_up_by_placement_and_in_all(shop, answer, touch):
    one = answer(shop[:4])
    answer(shop[2:4], placement="basket")
    touch(one, shop[3], "click")
    count(is_tail=frozenset({shop[3].pk}))
    home = DailyExposure.objects.get(day=DAY, placement="home", is_total=False)
    assert (home.n_shown, home.n_tail_shown, home.n_tail_clicked, home.n_items) == (4, 1, 1, 12)
    total = DailyExposure.objects.get(day=DAY, is_total=True)
    assert (total.n_shown, total.n_tail_shown, total.n_items_shown) == (6, 2, 4)
    # Twelve items: eight with nothing, two with 1 and two with 2 of six places.
    assert total.gini == pytest.approx(1 - 2 * (0.5 / 6 + 1.5 / 6 + 3 / 6 + 5 / 6) / 12)


def test_counting_again_changes_nothing_and_takes_in_what_came_later(shop, answer, touch):
    one = answer(shop[:2])
    count()
    before = (ItemExposure.objects.count(), DailyExposure.objects.count())
    touch(one, shop[0], "click")
    count()
    assert (ItemExposure.objects.count(), DailyExposure.objects.count()) == before
    assert ItemExposure.objects.get(item=shop[0]).n_clicked == 1


def test_all_days_are_counted_first_and_only_the_newest_again(shop, answer):
    for days in (20, 10, 1):
        answer(shop[:2], at=NOW - timedelta(days=days))
    assert exposure.refresh_exposure(now=NOW) == [date(2026, 5, 12), date(2026, 5, 22), DAY]
    assert exposure.refresh_exposure(now=NOW) == [DAY]
    answer(shop[:2], at=NOW)
    assert exposure.refresh_exposure(now=NOW) == [DAY, date(2026, 6, 1)]


def test_old_days_keep_their_sums_but_not_their_items(shop, answer):
    answer(shop[:2], at=NOW - timedelta(days=200))
    exposure.refresh_exposure(now=NOW)
    assert not ItemExposure.objects.exists()
    assert DailyExposure.objects.filter(n_shown=2).count() == 2
    exposure.refresh_exposure(now=NOW + timedelta(days=300))
    assert not DailyExposure.objects.filter(n_shown=2).exists()


def test_an_empty_shop_has_nothing_to_count(db):
    assert exposure.refresh_exposure(now=NOW) == []
    assert not TailItem.objects.exists()


def test_the_tail_is_the_half_that_was_shown_least(shop, answer):
    for _time in range(3):
        answer(shop[:6])
    exposure.refresh_exposure(now=NOW)
    assert exposure.tail_keys() == {item.pk for item in shop[6:]}
    shown = TailItem.objects.get(pk=shop[0].pk)
    assert (shown.is_tail, shown.n_shown, shown.exposure) == (False, 3, pytest.approx(2.0))


def test_an_item_without_potential_gets_no_places(shop, answer, settings):
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": {"TAIL_MIN_POTENTIAL": 0.3}}
    for place, item in enumerate(shop):
        item.cost = item.price * (12 - place) / 13  # the last has the best margin
        item.save()
    answer(shop[6:])
    exposure.refresh_exposure(now=NOW)
    assert exposure.tail_keys() == {item.pk for item in shop[4:6]}
    assert TailItem.objects.get(pk=shop[11].pk).potential == 1.0
    assert TailItem.objects.get(pk=shop[0].pk).margin == pytest.approx(1 - 12 / 13, abs=1e-4)


def test_ratings_count_whatever_a_shop_calls_them_and_nonsense_does_not(shop, add_event):
    add_event(shop[0], type="rating", properties={"stars": 5})
    add_event(shop[1], type="review", properties={"score": "1"})
    add_event(shop[2], type="rating", properties={"rating": "'; DROP TABLE"})
    add_event(shop[3], type="rating", properties={"stars": 1e9})
    found = exposure.measure_potential(catalogues.current()).rating
    assert np.isnan(found[2:]).all()
    assert found[0] == pytest.approx((5 + 3 * 3) / 4)  # drawn to the mean of 3
    assert found[1] < found[0]


def test_since_when_an_item_is_rarely_shown_is_remembered(shop, answer):
    answer(shop[:6])
    exposure.refresh_exposure(now=NOW)
    exposure.refresh_exposure(now=NOW + timedelta(days=3))
    assert TailItem.objects.get(pk=shop[9].pk).tail_since == date(2026, 6, 1)


def test_what_an_item_gained_is_beside_the_days_before(shop, answer):
    answer(shop[:1], at=NOW - timedelta(days=40))
    for days in (1, 2):
        answer(shop[:1], at=NOW - timedelta(days=days))
    exposure.refresh_exposure(now=NOW)
    row = TailItem.objects.get(pk=shop[0].pk)
    assert (row.n_shown, row.n_shown_before) == (2, 1)
