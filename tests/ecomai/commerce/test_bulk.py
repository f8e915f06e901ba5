"""Many rows in one statement: whatever is in them arrives as it was."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ecomai.commerce.bulk import insert_rows
from ecomai.commerce.models import Customer, Item

MOMENT = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
CUSTOMER = ("storefront", "external_id", "language", "country", "traits", "first_seen_at", "updated_at")


class Insertion(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(st.lists(TEXT, min_size=1, max_size=5), st.dictionaries(TEXT, TEXT, max_size=3))
    def test_any_text_survives_quotes_backslashes_commas_and_braces(self, texts, traits):
        Customer.objects.all().delete()
        insert_rows(
            Customer,
            CUSTOMER,
            [("", str(n), "", text, traits, MOMENT, MOMENT) for n, text in enumerate(texts)],
        )
        stored = Customer.objects.order_by("pk").values_list("country", "traits", "first_seen_at")
        assert list(stored) == [(text, traits, MOMENT) for text in texts]


@pytest.mark.django_db
def test_numbers_and_absent_values_survive():
    fields = (
        "storefront", "external_id", "title", "description", "category_path", "brand", "attributes", "price",
        "currency", "stock", "url", "image_urls", "is_active", "listed_at", "updated_at",
    )  # fmt: skip
    rows = [
        ("", str(n), "t", "", "", "", {}, price, "", stock, "", ["a"], is_active, MOMENT, MOMENT)
        for n, (price, stock, is_active) in enumerate(
            [(Decimal("1E+2"), -3, True), (None, None, False), (Decimal("0.0001"), 0, True)]
        )
    ]
    assert len(insert_rows(Item, fields, rows, returning=("id", "external_id"))) == 3
    stored = Item.objects.order_by("external_id").values_list("price", "stock", "is_active", "image_urls")
    assert list(stored) == [
        (Decimal(100), -3, True, ["a"]),
        (None, None, False, ["a"]),
        (Decimal("0.0001"), 0, True, ["a"]),
    ]


@pytest.mark.django_db
def test_what_exists_is_left_or_changed_as_asked():
    row = ("", "anna", "de", "DE", {}, MOMENT, MOMENT)
    changed = ("", "anna", "fr", "FR", {}, MOMENT, MOMENT)
    unique = ("storefront", "external_id")
    assert len(insert_rows(Customer, CUSTOMER, [row], unique=unique, returning=("id",))) == 1
    assert insert_rows(Customer, CUSTOMER, [changed], unique=unique, returning=("id",)) == []
    assert Customer.objects.get().language == "de"
    insert_rows(Customer, CUSTOMER, [changed], unique=unique, update=("language",))
    assert (Customer.objects.get().language, Customer.objects.get().country) == ("fr", "DE")


@pytest.mark.django_db
def test_no_rows_cost_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert insert_rows(Customer, CUSTOMER, [], returning=("id",)) == []
