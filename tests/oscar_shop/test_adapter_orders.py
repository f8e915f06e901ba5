"""Orders of Oscar: lines, what was paid, sent, paid back and returned."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oscar.core.loading import get_class, get_model
from oscar.test import factories
from oscar_fixtures import FIRST_DAY, make_basket, make_order, make_product, make_shirt, make_user, pay, ship

from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.models import Event, Item, Order, OrderLine, RejectedRow

pytestmark = pytest.mark.django_db


def read_all():
    summary = backfill()
    assert not RejectedRow.objects.exists(), RejectedRow.objects.values("reason", "payload")
    return summary


def ours(order):
    return Order.objects.get(external_id=order.number)


def lines_of(order):
    rows = ours(order).lines.order_by("position")
    return [
        (row.item and row.item.external_id, row.description, row.quantity, row.unit_price) for row in rows
    ]


def events(kind):
    return Event.objects.filter(type=kind).order_by("occurred_at", "id")


def test_an_order_comes_in_whole(user):
    cup, pot = make_product("Cup", "10.00"), make_product("Pot", "30.00")
    order = make_order(user, (cup, 2), pot, number="10001")
    read_all()
    assert lines_of(order) == [(str(cup.pk), "Cup", 2, 10), (str(pot.pk), "Pot", 1, 30)]
    row = ours(order)
    assert (row.customer.external_id, row.currency, row.total) == (str(user.pk), "EUR", 50)
    assert (row.placed_at, row.status) == (FIRST_DAY, "placed")
    assert [(event.item.external_id, event.quantity, event.value) for event in events("purchase")] == [
        (str(cup.pk), 2, 20), (str(pot.pk), 1, 30),
    ]  # fmt: skip


def test_a_variants_line_is_its_parents(user):
    shirt = make_shirt(M=("20.00", 3), L=("25.00", 4))
    medium, large = shirt.children.order_by("pk")
    order = make_order(user, medium, large)
    read_all()
    assert lines_of(order) == [
        (str(shirt.pk), f"Shirt ({medium.upc})", 1, 20),
        (str(shirt.pk), f"Shirt ({large.upc})", 1, 25),
    ]


def test_what_was_paid_counts_and_postage_is_a_line_without_an_item(user):
    cup = make_product("Cup", "10.00")
    factories.create_offer()  # a fifth off everything
    basket = make_basket(user, (cup, 3))
    get_class("offer.applicator", "Applicator")().apply(basket, user)
    method = get_class("shipping.methods", "FixedPrice")(Decimal("4.90"), Decimal("4.90"))
    order = make_order(user, basket=basket, shipping_method=method)
    read_all()
    assert lines_of(order) == [(None, order.shipping_method, 1, Decimal("4.90")), (str(cup.pk), "Cup", 3, 8)]
    assert ours(order).total == order.total_incl_tax == Decimal("28.90")


def test_surcharges_are_lines_and_a_line_of_nothing_is_none(user):
    cup, pot = make_product("Cup"), make_product("Pot")
    order = make_order(user, cup, pot)
    order.surcharges.create(name="Paying on delivery", code="cod", incl_tax=3, excl_tax=3)
    order.surcharges.create(name="Because it is you", code="you", incl_tax=-1, excl_tax=-1)
    order.lines.filter(product=pot).update(quantity=0)
    read_all()
    assert lines_of(order) == [(str(cup.pk), "Cup", 1, 10), (None, "Paying on delivery", 1, 3)]


def test_a_guests_order_has_no_customer_and_no_address_comes_along(user):
    order = make_order(None, make_product(), guest_email="guest@else.example")
    read_all()
    assert ours(order).customer is None
    assert "guest@" not in str(
        [*Order.objects.values(), *Event.objects.values(), *OrderLine.objects.values()]
    )


def test_orders_in_several_currencies_keep_each_its_own(user, commit):
    cup = make_product()
    old = make_order(user, cup)
    type(old).objects.filter(pk=old.pk).update(currency="GBP")
    read_all()
    cup.stockrecords.update(price_currency="USD")
    with commit():
        new = make_order(user, cup)
        cup.stockrecords.get().save()
    assert [ours(order).currency for order in (old, new)] == ["GBP", "USD"]
    assert [event.currency for event in events("purchase")] == ["GBP", "USD"]
    assert Item.objects.get().currency == "USD"


def test_an_order_in_no_currency_that_exists_is_set_aside(user):
    make_order(user, make_product())
    get_model("order", "Order").objects.update(currency="LOYALTY")
    assert backfill(kinds=["item", "order"])["adapter:order:order.Order"]["rejected"] == 1
    assert RejectedRow.objects.get().code == "unknown_currency"


# -- deleted products --------------------------------------------------------------------------------


def test_an_old_order_of_a_deleted_product_comes_in_with_its_total(user):
    cup, pot = make_product("Cup", "10.00"), make_product("Pot", "30.00")
    order = make_order(user, cup, pot)
    cup.delete()
    read_all()
    assert lines_of(order) == [(None, "Cup", 1, 10), (str(pot.pk), "Pot", 1, 30)]
    assert ours(order).total == 40
    assert events("purchase").count() == 1


def test_a_product_that_is_deleted_later_stays_in_the_history(user, commit):
    cup = make_product("Cup", "10.00")
    key = str(cup.pk)
    order = make_order(user, cup)
    read_all()
    with commit():
        cup.delete()
    order.refresh_from_db()
    with commit():
        order.save()
    read_all()
    assert lines_of(order) == [(key, "Cup", 1, 10)]
    assert Event.objects.get(type="purchase").item.external_id == key


# -- status ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Pending", "placed"),
        ("Being processed", "placed"),
        ("on_hold", "on_hold"),
        ("Dispatched", "shipped"),
        ("Complete", "completed"),
        ("Cancelled", "cancelled"),
        ("Refunded", "returned"),
        ("", "placed"),
        ("Something of the shop's own", "placed"),
    ],
)
def test_the_shops_words_are_understood(word, status, user):
    order = make_order(user, make_product())
    type(order).objects.update(status=word)
    read_all()
    assert ours(order).status == status


def test_shipping_and_payment_events_say_how_far_an_order_is(user, commit):
    order = make_order(user, make_product("Cup"), make_product("Pot"))
    read_all()
    with commit():
        pay(order, "Paid", "20.00")
    assert ours(order).status == "paid"
    with commit():
        ship(order, Cup=1)
    assert ours(order).status == "paid", "half of it"
    with commit():
        ship(order, Pot=1)
    assert ours(order).status == "shipped"
    assert [event.properties["event"] for event in events("shipment")] == ["shipped", "shipped"]
    paid = events("payment").get()
    assert (paid.order_external_id, paid.value, paid.currency) == (order.number, 20, "EUR")
    assert paid.customer.external_id == str(user.pk)


def test_a_failed_payment_is_told(user):
    order = make_order(user, make_product())
    pay(order, "Failed", "10.00")
    read_all()
    assert events("payment_failure").get().order_external_id == order.number


def test_a_cancelled_order_was_cancelled_when_oscar_noted_it(user):
    order = make_order(user, make_product())
    order.set_status("Cancelled")
    moment = FIRST_DAY + timedelta(days=2)
    order.status_changes.update(date_created=moment)
    read_all()
    assert ours(order).status == "cancelled"
    assert events("cancellation").get().occurred_at == moment


# -- refunds and returns -----------------------------------------------------------------------------


def test_part_of_a_line_that_came_back_is_a_return_of_that_part(user, commit):
    cup = make_product("Cup", "10.00")
    order = make_order(user, (cup, 3), make_product("Pot"))
    ship(order)
    read_all()
    with commit():
        ship(order, "Returned", Cup=2)
    came_back = events("return").get()
    assert (came_back.item.external_id, came_back.quantity, came_back.value) == (str(cup.pk), 2, 20)
    assert ours(order).status == "shipped"
    with commit():
        ship(order, "Returned", Cup=1, Pot=1)
    assert ours(order).status == "returned"
    assert sum(event.quantity for event in events("return")) == 4


def test_goods_that_were_returned_and_paid_back_came_back_once(user):
    order = make_order(user, (make_product("Cup", "10.00"), 3))
    ship(order, "Returned", Cup=1)
    pay(order, "Refunded", "10.00", Cup=1)
    read_all()
    assert sum(event.quantity for event in events("return")) == 1


def test_a_partial_refund_of_an_amount_returns_no_goods(user, commit):
    order = make_order(user, (make_product("Cup", "10.00"), 3))
    read_all()
    with commit():
        pay(order, "Refunded", "4.50")
    refund = events("refund").get()
    assert (refund.value, refund.currency, refund.order_external_id) == (Decimal("4.50"), "EUR", order.number)
    assert not events("return").exists()
    assert ours(order).status == "placed"


def make_source(order):
    kind = get_model("payment", "SourceType").objects.get_or_create(name="Card")[0]
    source = order.sources.create(source_type=kind, currency=order.currency, amount_debited=30)
    source.debit(Decimal(30))
    return source


def test_a_refund_booked_at_the_payment_source_alone_is_told(user, commit):
    order = make_order(user, (make_product(), 3))
    source = make_source(order)
    read_all()
    with commit():
        source.refund(Decimal("7.00"))
    refund = events("refund").get()
    assert (refund.value, refund.order_external_id) == (7, order.number)
    assert refund.customer.external_id == str(user.pk)


def test_money_that_went_back_once_is_told_once(user):
    order = make_order(user, (make_product(), 3))
    make_source(order).refund(Decimal("7.00"))
    pay(order, "Refunded", "7.00")
    read_all()
    assert [event.value for event in events("refund")] == [7]


def test_a_voucher_that_was_redeemed_is_told(user):
    voucher = factories.create_voucher(code="SUMMER")
    basket = make_basket(user, (make_product(price="10.00"), 2))
    basket.vouchers.add(voucher)
    get_class("offer.applicator", "Applicator")().apply(basket, user)
    order = make_order(user, basket=basket)
    read_all()
    event = events("voucher").get()
    assert (event.properties, event.value, event.currency) == ({"code": "SUMMER"}, 4, "EUR")
    assert (event.order_external_id, event.customer.external_id) == (order.number, str(user.pk))


# -- time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "America/St_Johns", "Pacific/Kiritimati"])
def test_moments_stay_what_they_are_in_odd_time_zones(zone, user, settings):
    settings.TIME_ZONE = zone
    order = make_order(user, make_product(), placed=datetime(2026, 1, 1, 0, 5, tzinfo=ZoneInfo(zone)))
    read_all()
    assert ours(order).placed_at == order.date_placed


def test_the_hour_that_the_clock_repeats_is_two_hours(user, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    first, second = (
        datetime(2025, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold) for fold in (0, 1)
    )
    cup = make_product()
    orders = [make_order(user, cup, placed=moment) for moment in (first, second)]
    read_all()
    assert [ours(order).placed_at for order in orders] == [
        datetime(2025, 10, 26, 0, 30, tzinfo=UTC),
        datetime(2025, 10, 26, 1, 30, tzinfo=UTC),
    ]


def test_events_of_a_request_in_the_visitors_own_zone_are_the_same_moments(user):
    order = make_order(user, make_product())
    with timezone.override("Pacific/Kiritimati"):
        read_all()
    assert events("purchase").get().occurred_at == ours(order).placed_at == FIRST_DAY


# -- staying up to date ------------------------------------------------------------------------------


def test_a_placed_order_arrives_once_with_the_commit(user, commit):
    cup = make_product()
    read_all()
    with commit():
        order = make_order(user, (cup, 2))
        assert not Order.objects.exists()
    assert lines_of(order) == [(str(cup.pk), "Cup", 2, 10)]
    assert events("purchase").count() == 1
    assert Item.objects.get().stock == 3, "what the order keeps is not to be had"


def test_a_second_back_fill_changes_nothing(user):
    order = make_order(user, (make_product(), 2), make_shirt(M=("20.00", 3)).children.get())
    ship(order)
    pay(order, "Refunded", "4.50")
    read_all()
    before = [list(model.objects.order_by("pk").values()) for model in (Item, Order, OrderLine, Event)]
    assert {row["accepted"] for row in backfill(kinds=["customer", "item", "order"]).values()} == {0}
    read_all()
    assert before == [
        list(model.objects.order_by("pk").values()) for model in (Item, Order, OrderLine, Event)
    ]


def test_more_orders_cost_no_more_queries(django_assert_max_num_queries):
    cup, shirt = make_product(stock=100), make_shirt(M=("20.00", 100))
    backfill(kinds=["item"])

    def grow():
        order = make_order(make_user(), cup, shirt.children.get())
        ship(order)
        ship(order, "Returned", Cup=1)
        pay(order, "Paid", "30.00")

    grow()
    with CaptureQueriesContext(connection) as few:
        backfill(kinds=["order"])
    reads = [query["sql"] for query in few if ' FROM "order_' in query["sql"]]
    assert len(reads) <= 9, "the count, the orders, and one for each thing that belongs to them"
    for _ in range(8):
        grow()
    with django_assert_max_num_queries(len(few) + 1):  # the first chunk had no order that was known
        backfill(kinds=["order"])
