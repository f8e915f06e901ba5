"""The copy of the catalogue in an answering process."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from ecomai.commerce.models import Item
from recommendations import catalogue
from recommendations.catalogue import ItemFilter
from recommendations.exceptions import UnlikeCurrenciesError


def shown(filters=None, *, storefront="", exclude=()):
    copy = catalogue.current()
    return copy.keys[
        copy.mask(storefront=storefront, filters=filters or ItemFilter(), exclude=exclude)
    ].tolist()


@pytest.fixture
def poll_now(monkeypatch):
    """Let the copy look at the database at each reading."""
    monkeypatch.setattr(catalogue.CatalogueCopy, "poll_seconds", -1.0)


def test_an_empty_shop_shows_nothing(db):
    assert shown() == []
    assert shown(ItemFilter(category="Coffee", min_price=Decimal(1)), exclude=[1]) == []


def test_a_category_holds_what_lies_below_it(shop, add_item):
    add_item("other", category_path="Coffee machines")
    assert shown(ItemFilter(category="Coffee")) == [item.pk for item in shop[:4]]
    assert shown(ItemFilter(category="Coffee > Coffee Beans")) == [item.pk for item in shop[:4]]
    assert shown(ItemFilter(category="Tea")) == []


def test_prices_are_inclusive_bounds(shop):
    found = shown(ItemFilter(category="Coffee", min_price=Decimal(20), max_price=Decimal(30)))
    assert found == [shop[1].pk, shop[2].pk]


def test_an_item_without_price_is_in_no_price_range(shop, add_item):
    free = add_item("unpriced", price=None)
    assert free.pk not in shown(ItemFilter(min_price=Decimal(0)))
    assert free.pk in shown()


def test_unlike_currencies_are_refused_and_not_guessed(shop, add_item):
    foreign = add_item("pound", currency="GBP", price=Decimal(15))
    with pytest.raises(UnlikeCurrenciesError) as caught:
        shown(ItemFilter(max_price=Decimal(15)))
    assert caught.value.code == "unlike_currencies"
    assert shown(ItemFilter(max_price=Decimal(15), currency="GBP")) == [foreign.pk]


def test_what_is_sold_out_is_left_out_when_asked(shop, add_item):
    sold_out, unknown = add_item("sold-out", stock=0), add_item("not-counted", stock=None)
    found = shown(ItemFilter(is_in_stock=True))
    assert sold_out.pk not in found
    assert unknown.pk in found
    assert sold_out.pk in shown()


def test_storefronts_do_not_see_each_other(shop, add_item):
    elsewhere = add_item("coffee-1", storefront="outlet")
    assert shown(storefront="outlet") == [elsewhere.pk]
    assert elsewhere.pk not in shown()


def test_excluded_and_inactive_items_are_left_out(shop, add_item):
    inactive = add_item("gone", is_active=False)
    found = shown(exclude=[shop[0].pk, 987654])
    assert inactive.pk not in found
    assert shop[0].pk not in found
    assert len(found) == 11


def test_changes_arrive_with_the_next_look(shop, add_item, poll_now):
    assert len(shown()) == 12
    shop[0].is_active, shop[0].updated_at = False, timezone.now()
    shop[0].save()
    late = add_item("late")
    found = shown()
    assert shop[0].pk not in found
    assert late.pk in found


def test_a_row_that_was_stamped_before_the_last_look_is_still_seen(shop, add_item, poll_now):
    """A transaction may end after a later one's rows were read."""
    shown()
    slow = add_item("slow", updated_at=timezone.now() - timedelta(seconds=5))
    assert slow.pk in shown()


def test_an_unchanged_catalogue_keeps_its_revision(shop, poll_now):
    first = catalogue.current().revision
    catalogue.current()
    settled = catalogue.current().revision
    assert catalogue.current().revision == settled
    assert settled - first <= 1


def test_reading_costs_no_query_within_a_second(shop, django_assert_num_queries):
    catalogue.current()
    with django_assert_num_queries(0):
        catalogue.current()


def test_positions_of_unknown_keys_are_negative(shop):
    copy = catalogue.current()
    assert copy.positions([shop[0].pk, 10**9, -5]).tolist() == [0, -1, -1]


@pytest.fixture
def n_rows(monkeypatch):
    """How many rows each look at the items brought."""
    found = []
    read = catalogue._changed_since

    def count(*values):
        rows = read(*values)
        found.append(len(rows))
        return rows

    monkeypatch.setattr(catalogue, "_changed_since", count)
    return found


def test_rows_of_an_import_are_not_read_again_at_every_look_for_ever(shop, poll_now, n_rows):
    Item.objects.update(updated_at=timezone.now() - timedelta(minutes=5))
    catalogue.forget()
    for _ in range(2):
        catalogue.current()
    assert n_rows == [0]


def test_rows_of_an_import_are_sent_once_however_young_they_are(shop, add_item, poll_now, n_rows):
    catalogue.forget()
    for _ in range(3):
        catalogue.current()
    add_item("late")
    catalogue.current()
    catalogue.current()
    assert n_rows == [0, 0, 1, 0]
    # What was stamped before the newest row, and came after it, is found by all that is young.
    add_item("slow", updated_at=timezone.now() - timedelta(seconds=5))
    catalogue.current()
    assert n_rows[-1] == 14
    catalogue.current()
    assert n_rows[-1] == 0


def test_items_of_a_department_are_those_below_its_name(shop, add_item):
    other = add_item("machine", category_path="Coffee machines > Espresso")
    copy = catalogue.current()
    assert copy.keys[copy.is_in_department("Coffee machines")].tolist() == [other.pk]
