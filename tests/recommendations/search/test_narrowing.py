"""Facets, prices, pages, and wishes that are read out of a query."""

from decimal import Decimal

import pytest
from django.utils import timezone

from ecomai.commerce.models import Item
from ecomai.exceptions import InvalidInputError
from recommendations import catalogue
from recommendations.exceptions import UnlikeCurrenciesError
from recommendations.services.search import SearchFilter, search

from .conftest import COLOURS, choices, look_again, titles

pytestmark = pytest.mark.django_db


def test_facets_count_the_whole_result(trained):
    answer = search(query="coffee cup", n=1)
    assert len(answer.hits) == 1
    assert answer.n_found == 4
    assert choices(answer, "brand") == {"Acme": 2, "Zen": 2}
    assert choices(answer, "attribute.colour") == dict.fromkeys(sorted(COLOURS), 1)
    assert choices(answer, "in_stock") == {"in stock": 3}


def test_a_brand_that_is_an_attribute_too_is_offered_once(trained):
    for item in Item.objects.exclude(brand=""):
        item.attributes = item.attributes | {"Make": item.brand}
        item.updated_at = timezone.now()
        item.save()
    look_again()
    names = [facet.name for facet in search(query="coffee cup").facets]
    assert "attribute.colour" in names
    assert "attribute.Make" not in names


def test_a_chosen_facet_keeps_its_other_choices(trained):
    answer = search(query="coffee cup", filters=SearchFilter(brands=["Acme"]))
    assert answer.n_found == 2
    assert choices(answer, "brand") == {"Acme": 2, "Zen": 2}
    assert choices(answer, "attribute.colour") == {"blue": 1, "white": 1}


def test_prices_of_unlike_currencies_are_not_compared(trained, add_item):
    add_item("usd", title="Steel coffee cup", currency="USD")
    look_again()
    filters = SearchFilter(items=catalogue.ItemFilter(max_price=Decimal(20)))
    with pytest.raises(UnlikeCurrenciesError):
        search(query="coffee cup", filters=filters)
    assert choices(search(query="coffee cup"), "price") == {}


def test_pages_and_orders(trained):
    cheap = search(query="coffee cup", sort="price", n=3)
    assert [hit.item.price for hit in cheap.hits] == [10, 20, 30]
    assert cheap.n_pages == 2
    assert [hit.item.price for hit in search(query="coffee cup", sort="price", n=3, page=2).hits] == [40]
    assert [hit.item.price for hit in search(query="coffee cup", sort="-price", n=2).hits] == [40, 30]
    with pytest.raises(InvalidInputError, match="sorted by"):
        search(query="cup", sort="beauty")


@pytest.mark.parametrize(
    ("query", "low", "high", "currency"),
    [
        ("coffee cup under 25", None, 25, ""), ("coffee cup 20-30 EUR", 20, 30, "EUR"),
        ("coffee cup between 15 and 35", 15, 35, ""), ("coffee cup over €25", 25, None, "EUR"),
        ("coffee cup €15-€25", 15, 25, "EUR"), ("咖啡 低于50", None, 50, ""),
        ("杯 便宜于 20 元", None, 20, "CNY"), ("杯 50元以下", None, 50, "CNY"),
        ("杯 20到50元", 20, 50, "CNY"), ("cup up to 12,50 euro", None, 12.5, "EUR"),
    ],
)  # fmt: skip
def test_price_limits_are_understood(trained, query, low, high, currency):
    (wish,) = [wish for wish in search(query=query).wishes if wish.kind == "price"]
    assert (wish.min_price, wish.max_price, wish.currency) == (low, high, currency)


@pytest.mark.parametrize("query", ["screws 20-50", "pen 4 mm", "under", "usb 3.0 hub", "size 38-40 boots"])
def test_other_numbers_are_words(trained, query):
    assert [wish for wish in search(query=query).wishes if wish.kind == "price"] == []


def test_what_was_understood_can_be_taken_back(trained):
    answer = search(query="blue coffee cup under 25")
    assert titles(answer) == ["Blue coffee cup"]
    assert {wish.code for wish in answer.wishes} == {"price", "colour:blue"}
    back = search(query="blue coffee cup under 25", ignore=["colour:blue"])
    assert set(titles(back)) == {"Blue coffee cup", "Red coffee cup"}
    assert {wish.code for wish in back.wishes} == {"price"}


def test_a_category_is_understood_where_it_is_all_that_is_asked_for(trained):
    answer = search(query="white chairs")
    assert {wish.code for wish in answer.wishes} == {"colour:white", "category:Garden > Chairs"}
    assert titles(answer) == ["White garden chair"]
    assert [wish.kind for wish in search(query="something to drink tea from").wishes] == []


def test_a_wish_that_nothing_meets_is_not_insisted_on(trained, add_item):
    add_item("violet", title="Violet pen", attributes={"colour": "violet"})
    look_again()
    assert search(query="violet coffee cup").n_found >= 4
