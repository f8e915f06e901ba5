"""A shop with some history; every number in it is chosen so that the answer is known."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from host_project.accounts.models import User
from host_project.catalogue.models import Category, Product, StockLevel
from host_project.orders.models import Order, Position

FIRST_DAY = datetime(2026, 1, 1, 9, tzinfo=UTC)


def make_products(n):
    kitchen = Category.objects.create(name="Kitchen")
    cups = Category.objects.create(name="Cups", parent=kitchen)
    products = Product.objects.bulk_create(
        Product(
            sku=f"P{number:04}", name=f"Cup {number}", summary="Holds tea.", category=cups, maker="Potter",
            unit_price=Decimal(number), released=date(2025, 1, 1),
        )
        for number in range(1, n + 1)
    )  # fmt: skip
    StockLevel.objects.bulk_create(
        StockLevel(product=product, on_hand=product.pk % 7) for product in products
    )
    return products


def make_users(n):
    return User.objects.bulk_create(
        User(email=f"user{number}@shop.example", country_code="DE", signed_up=FIRST_DAY)
        for number in range(n)
    )


def make_orders(n, users, products):
    """Each order has two lines: 1 piece of one product and 2 of the next."""
    orders = Order.objects.bulk_create(
        Order(
            number=f"O{number:05}",
            buyer=users[number % len(users)],
            bought=FIRST_DAY + timedelta(hours=number),
        )
        for number in range(n)
    )
    Position.objects.bulk_create(
        Position(order=order, product=product, pieces=pieces, price=product.unit_price)
        for number, order in enumerate(orders)
        for pieces, product in (
            (1, products[number % len(products)]),
            (2, products[(number + 1) % len(products)]),
        )
    )
    return orders


@pytest.fixture
def history(db):
    """30 products, 20 customers, 50 orders, and a member of staff who is no customer."""
    User.objects.create_superuser("staff@shop.example", "secret")
    products, users = make_products(30), make_users(20)
    return products, users, make_orders(50, users, products)


@pytest.fixture
def small_chunks(settings):
    settings.ECOMAI = {
        **settings.ECOMAI,
        "COMMERCE": {**settings.ECOMAI["COMMERCE"], "ADAPTER_CHUNK_ROWS": 7},
    }
