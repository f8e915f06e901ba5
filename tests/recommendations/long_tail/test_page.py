"""The page of the long tail, and its table of items."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Event
from recommendations.models import (
    Exploration,
    TailItem,
)
from recommendations.services import exposure

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client):
    client.force_login(get_user_model().objects.create_superuser("boss", password="x"))

    def get(**query):
        response = client.get(reverse("admin:ecomai_recommendations_dailyexposure_changelist"), query)
        assert response.status_code == 200
        return response.content.decode()

    return get


def test_the_page_says_what_to_do_where_there_is_nothing(page):
    text = page()
    assert "Nothing was shown in this period" in text
    assert "Items have not been compared yet" in text
    assert "Try items out at a placement" in text


def test_the_page_shows_curve_shares_and_what_items_gained(page, shop, answer, touch):
    now = timezone.now()
    for days in range(3):
        one = answer(shop[:4], at=now - timedelta(days=days))
        Event.objects.create(
            key=one.key, item=shop[0], type="click", occurred_at=one.created_at + timedelta(minutes=1),
            properties={"answer": str(one.key)},
        )  # fmt: skip
    answer(shop[5:7], placement="basket", at=now)
    Exploration.objects.create(placement="home")
    exposure.refresh_exposure(now=now)
    text = page(days="30")
    for words in (
        "Lorenz curve",
        "Coverage",
        "Gini coefficient",
        "50.0 %",
        shop[11].title,
        "Nothing has been seen yet",
    ):
        assert words in text
    assert "16.7 %" in page(placement="basket")  # two of twelve items
    for nonsense in ({"days": "x"}, {"placement": "\x00"}, {"target": "NaN"}, {"target": "-4"}):
        page(**nonsense)


def test_the_page_answers_what_another_share_would_do(page, shop, tail, answer):
    for _answer in range(10):
        answer(shop[:4], at=timezone.now())
    assert "Choose a placement first" in page(target="30")
    assert "The log cannot say" in page(target="30", placement="home")
    assert "No answer at this placement" in page(target="30", placement="nowhere")


def test_the_page_costs_as_many_queries_for_many_days(page, shop, answer, django_assert_max_num_queries):
    for days in range(40):
        answer(shop[:4], at=timezone.now() - timedelta(days=days))
    exposure.refresh_exposure()
    with django_assert_max_num_queries(20):
        page(days="365")


@pytest.fixture
def table(page, add_item):
    """Sixty rarely shown items in two categories, and one that everybody is shown."""
    for number in range(60):
        item = add_item(
            f"i-{number}", title=f"Pot {number:02}", brand="Roe" if number < 5 else "Acme",
            category_path="Kitchen > Pots" if number % 3 else "Garden",
        )  # fmt: skip
        TailItem.objects.create(
            item=item, is_tail=True, n_shown=number, n_shown_before=30, n_clicked=number // 10,
            potential=0.5, margin=None if number == 7 else number / 100,
        )  # fmt: skip
    TailItem.objects.create(item=add_item("seen", title="Seen by all"), is_tail=False, n_shown=9000)

    def titles(**query):
        text = page(**query)
        return re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', text.split('id="items"')[-1])

    return titles


def test_items_are_shown_a_page_at_a_time_in_any_order(table, page):
    assert table()[:2] == ["Pot 59", "Pot 58"]
    assert (len(table()), len(table(page="2"))) == (50, 10)
    assert table(page="2")[-1] == "Pot 00"
    assert table(order="item")[:2] == ["Pot 00", "Pot 01"]
    assert table(order="-item")[0] == "Pot 59"
    # What is not known comes last, whichever way.
    assert table(order="margin", page="2")[-1] == table(order="-margin", page="2")[-1] == "Pot 07"
    for nonsense in ({"page": "x"}, {"page": "99"}, {"order": "password"}, {"order": "\x00"}):
        assert len(table(**nonsense)) in (10, 50)
    text = page(order="-places", days="30")
    assert '<th scope="col" class="ecomai-number" aria-sort="descending">' in text
    assert "order=places" in text  # turns it
    assert text.count("aria-sort") == 1
    assert "days=30&amp;order=item" in text  # the rest of the page stays as it is
    assert 'aria-current="page"' in text


def test_items_are_found_by_text_category_and_what_they_gained(table, page):
    assert table(q="pot 4") == [f"Pot {number}" for number in range(49, 39, -1)]
    assert table(q="roe") == [f"Pot 0{number}" for number in range(4, -1, -1)]
    assert table(q="i-12") == ["Pot 12"]
    assert len(table(category="Garden")) == 20
    assert len(table(category="Kitchen")) == 40
    assert table(gain="none") == ["Pot 00"]
    assert len(table(gain="more")) == 29
    assert table(gain="less", order="item", category="Garden")[0] == "Pot 00"
    assert len(table(gain="nonsense")) == 50
    text = page(q="<script>", target="30")
    assert "No rarely shown item is like that" in text
    assert '<script>"' not in text
    assert "&lt;script&gt;" in text
    assert 'name="target" value="30"' in text


def test_the_table_costs_as_many_queries_for_many_items(table, page, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        page(q="pot", order="-margin", category="Kitchen", page="1")
