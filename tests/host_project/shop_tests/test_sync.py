import logging

import pytest
from django.db import transaction
from host_project.accounts.models import User
from host_project.catalogue.models import Label, Product, StockLevel
from host_project.orders.models import Order as HostOrder
from host_project.orders.models import Position

from ecomai.commerce.adapters import sync
from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.models import Customer, Event, Item, Order

from .conftest import FIRST_DAY, make_orders, make_products, make_users

pytestmark = pytest.mark.django_db
real_commits = pytest.mark.django_db(transaction=True)


@pytest.fixture
def commit(django_capture_on_commit_callbacks):
    """As if what happens inside were committed at its end."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def products(db):
    products = make_products(3)
    backfill()
    return products


@real_commits
def test_a_saved_product_is_known_after_the_commit_and_not_before(products):
    with transaction.atomic():
        products[0].name = "Mug"
        products[0].save()
        assert Item.objects.get(external_id="P0001").title == "Cup 1"
    assert Item.objects.get(external_id="P0001").title == "Mug"


@real_commits
def test_a_rolled_back_save_changes_nothing_now_or_later(products):
    with transaction.atomic():
        Product.objects.create(sku="P9", name="Ghost", unit_price=1, released=FIRST_DAY)
        products[0].delete()
        transaction.set_rollback(True)
    Product.objects.get(sku="P0002").save()
    assert Item.objects.count() == 3
    assert Item.objects.get(external_id="P0001").is_active


def test_a_stock_level_touches_its_product(products, commit):
    with commit():
        StockLevel.objects.get(product=products[0]).delete()
    assert Item.objects.get(external_id="P0001").stock is None
    with commit():
        StockLevel.objects.create(product=Product.objects.get(sku="P0001"), on_hand=42)
    assert Item.objects.get(external_id="P0001").stock == 42


def labels_of(sku):
    return Item.objects.get(external_id=sku).attributes["labels"]


def test_labels_set_from_either_side_arrive(products, commit):
    label = Label.objects.create(name="new")
    with commit():
        products[0].labels.add(label)
        label.products.add(products[1])
    assert (labels_of("P0001"), labels_of("P0002")) == (["new"], ["new"])
    with commit():
        label.products.clear()
    assert (labels_of("P0001"), labels_of("P0002")) == ([], [])


def test_an_order_comes_whole_and_once_however_many_lines_are_saved(products, commit):
    user = User.objects.create_user("new@shop.example")
    with commit():
        order = HostOrder.objects.create(number="O1", buyer=user, bought=FIRST_DAY)
        for product in products:
            Position.objects.create(order=order, product=product, pieces=2, price=product.unit_price)
        assert not Order.objects.exists()
    ours = Order.objects.get()
    assert (ours.customer.external_id, ours.lines.count(), ours.total) == (str(user.pk), 3, 12)
    assert Event.objects.filter(type="purchase").count() == 3


def test_a_cancelled_order_becomes_an_event(products, commit):
    order = make_orders(1, make_users(1), products)[0]
    with commit():
        order.save()
    with commit():
        order.move_to("void")
    assert Order.objects.get().status == "cancelled"
    assert Event.objects.filter(type="cancellation").count() == 2


def test_a_deleted_product_can_no_longer_be_bought_and_its_history_stays(products, commit):
    with commit():
        products[0].delete()
    assert not Item.objects.get(external_id="P0001").is_active


def test_many_saves_of_one_transaction_are_written_in_few_queries(
    products, commit, django_assert_max_num_queries
):
    with django_assert_max_num_queries(30), commit():
        for number in range(20):
            products[number % 3].summary = f"Changed {number}."
            products[number % 3].save(update_fields=["summary"])
    assert set(Item.objects.values_list("description", flat=True)) == {f"Changed {n}." for n in (17, 18, 19)}


def test_a_bulk_change_is_brought_in_by_hand(products, commit):
    with commit():
        Product.objects.update(maker="Smith")
    assert set(Item.objects.values_list("brand", flat=True)) == {"Potter"}
    with commit():
        assert sync.sync_rows(Product.objects.all()) == 3
    assert set(Item.objects.values_list("brand", flat=True)) == {"Smith"}


def test_staff_are_no_customers(db, commit):
    with commit():
        User.objects.create_superuser("staff@shop.example", "secret")
        User.objects.create_user("anna@shop.example")
    assert Customer.objects.count() == 1


@real_commits
def test_a_fault_of_ours_never_reaches_the_shop(products, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise OSError("our disk is full")

    monkeypatch.setattr(sync, "write_rows", fail)
    with caplog.at_level(logging.ERROR):
        products[0].name = "Mug"
        products[0].save()
    assert Product.objects.get(sku="P0001").name == "Mug"
    assert "our disk is full" in caplog.text
