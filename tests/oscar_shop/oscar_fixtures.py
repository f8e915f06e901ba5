"""A shop on Oscar in which every number is chosen so that the answer is known."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import pytest
from django.contrib.auth import get_user_model
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.core.loading import get_class, get_model
from oscar.test import factories

from ecomai import writing

FIRST_DAY = datetime(2026, 1, 1, 9, tzinfo=UTC)
SESSION = "a-visitor-of-the-shop"
BROWSER = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
_number = count(1)


def make_user(**fields):
    """A customer, whatever the shop's user model is."""
    model, number = get_user_model(), next(_number)
    known = {field.name for field in model._meta.fields}
    given = {"email": f"anna{number}@shop.example", "username": f"anna{number}", "is_active": True, **fields}
    user = model(**{name: value for name, value in given.items() if name in known})
    user.set_password("secret")
    user.save()
    return user


def make_product(title="Cup", price="10.00", stock=5, category="Kitchen > Cups", **fields):
    """A product; `price=None` leaves it without a stock record."""
    product = factories.create_product(
        title=title, product_class="Ware", upc=f"U{next(_number)}",
        **({} if price is None else {"price": Decimal(price), "num_in_stock": stock}), **fields,
    )  # fmt: skip
    if category and not product.is_child:
        product.categories.add(create_from_breadcrumbs(category))
    return product


def make_shirt(**sizes):
    """A parent whose variants have sizes with (price, stock), such as `M=("20.00", 3)`."""
    shirt = make_product("Shirt", price=None, structure="parent", category="Clothes > Shirts")
    for size, (price, stock) in sizes.items():
        make_product("", price=price, stock=stock, parent=shirt, attributes={"size": size})
    return shirt


def make_basket(user, *products, **fields):
    basket = get_model("basket", "Basket").objects.create(owner=user, **fields)
    basket.strategy = get_class("partner.strategy", "Selector")().strategy()
    for product in products:
        product, quantity = product if isinstance(product, tuple) else (product, 1)
        basket.add_product(product, quantity)
    return basket


def make_order(user, *products, number=None, placed=FIRST_DAY, basket=None, **fields):
    """An order through Oscar's own checkout of products or (product, quantity)."""
    return factories.create_order(
        number=number or f"O{next(_number):05}", user=user, basket=basket or make_basket(user, *products),
        date_placed=placed, **fields,
    )  # fmt: skip


def event_type(model, name):
    return get_model("order", model).objects.get_or_create(name=name)[0]


def ship(order, name="Shipped", **pieces_by_title):
    """A shipping event of all lines, or of pieces of those with a title."""
    return _handle("shipping", order, event_type("ShippingEventType", name), pieces_by_title)


def pay(order, name, amount, **pieces_by_title):
    return _handle("payment", order, event_type("PaymentEventType", name), pieces_by_title, Decimal(amount))


def _handle(kind, order, type_, pieces_by_title, *amount):
    lines = [line for line in order.lines.all() if not pieces_by_title or line.title in pieces_by_title]
    quantities = [pieces_by_title.get(line.title, line.quantity) for line in lines]
    if kind == "payment" and not pieces_by_title:
        lines, quantities = None, None
    handler = get_class("order.processing", "EventHandler")()
    handle = getattr(handler, f"handle_{kind}_event")
    return handle(order, type_, *amount, lines, quantities)


@pytest.fixture
def commit(django_capture_on_commit_callbacks):
    """As if what happens inside were committed at its end."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def user(db):
    return make_user()


@pytest.fixture
def small_chunks(settings):
    settings.ECOMAI = {
        **settings.ECOMAI,
        "COMMERCE": {**settings.ECOMAI["COMMERCE"], "ADAPTER_CHUNK_ROWS": 7},
    }


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture(autouse=True)
def nothing_waits():
    """What one test left to be written in the background must not reach the next one's database."""
    yield
    writing._writer._waiting.clear()
