"""A customer who chats, and a colleague who may answer."""

from concurrent.futures import wait
from datetime import timedelta
from threading import Barrier

import pytest
from channels.layers import channel_layers
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.utils import timezone

from ecomai.commerce.models import Customer, Item, Order, OrderLine
from ecomai.serving import live
from recommendations import catalogue
from recommendations.services.search import forget as forget_search
from recommendations.shelf import forget as forget_shelf
from support_bot import consumers
from support_bot.services import conversations, replying
from support_bot.understanding.reading import forget_phrases
from support_bot.visitors import chat_visitor
from tests.support_bot import acting_shop


@pytest.fixture(autouse=True)
def _fresh_cache():
    """Counts of messages a minute do not outlive a test; nor does a layer that belongs to its event loop."""
    cache.clear()
    forget_phrases()
    catalogue.forget()
    forget_shelf()
    forget_search()
    yield
    channel_layers.backends.clear()


@pytest.fixture
def visitor():
    return chat_visitor(language="en")


@pytest.fixture
def ada(db):
    return Customer.objects.create(external_id="ada")


@pytest.fixture
def colleague(db):
    user = get_user_model().objects.create_user(
        "grace@shop.example", password="x", first_name="Grace", is_staff=True
    )
    user.user_permissions.set(Permission.objects.filter(codename="answer_conversation"))
    return get_user_model().objects.get(pk=user.pk)


def may(user, *codenames):
    """Return a client of somebody who may do that and nothing else."""
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def looker(colleague):
    return may(colleague, "view_conversation")


@pytest.fixture
def registry_folder(settings, tmp_path):
    """A folder for artifacts; what is served from it is forgotten afterwards."""
    settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {"FOLDER": tmp_path}}
    yield tmp_path
    live.forget()


@pytest.fixture(scope="session", autouse=True)
def _no_connection_stays(django_db_setup):
    """The sockets' threads keep a connection each; the test database can only go when they are closed."""
    yield
    for pool in (consumers._quick, consumers._replying):
        together = Barrier(pool._max_workers)

        def close(together=together):
            together.wait(timeout=10)
            connections.close_all()

        wait([pool.submit(close) for _n in range(pool._max_workers)])


@pytest.fixture
def acting(settings):
    """A shop that acts, with nothing done yet."""
    commerce = settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": "tests.support_bot.acting_shop.ActingShop"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce}
    acting_shop.forget()
    yield acting_shop
    acting_shop.forget()


@pytest.fixture
def shelf(db):
    """Two lamps and a mug, one of them sold out."""
    rows = [
        ("L1", "Red desk lamp", "Lamps", 30, 5, {"colour": "red"}),
        ("L2", "Blue desk lamp", "Lamps", 45, 3, {"colour": "blue"}),
        ("M1", "Tea mug", "Kitchen", 12, 0, {}),
    ]
    return {
        external_id: Item.objects.create(
            external_id=external_id, title=title, category_path=category, price=price, currency="EUR",
            stock=stock, attributes=attributes, url=f"/products/{external_id}/",
        )
        for external_id, title, category, price, stock, attributes in rows
    }  # fmt: skip


@pytest.fixture
def make_order(shelf):
    def make(number, customer=None, *, status="placed", items=("L1",), days_ago=1):
        order = Order.objects.create(
            external_id=number, customer=customer, status=status, currency="EUR",
            placed_at=timezone.now() - timedelta(days=days_ago),
            total=sum(shelf[item].price for item in items),
        )  # fmt: skip
        for position, item in enumerate(items):
            OrderLine.objects.create(
                order=order, position=position, item=shelf[item], description=shelf[item].title, quantity=1,
                unit_price=shelf[item].price,
            )  # fmt: skip
        return order

    return make


class Talk:
    """A customer who talks with the bot, without a socket."""

    def __init__(self, visitor):
        self.visitor = visitor
        self.conversation = None
        self.n = 0

    def say(self, text, value=""):
        """Say something, and return the bot's reply."""
        self.n += 1
        message = conversations.take_message(
            self.visitor, self.conversation, text=text, key=f"said-{self.n:06}", value=value
        )
        self.conversation = message.conversation
        self.replies = replying.reply_to(message)
        self.reply = self.replies[0]
        self.conversation.refresh_from_db()
        return self.reply.text

    def choose(self, label):
        """Press a button of the last reply."""
        (value,) = [one["value"] for one in self.choices if one["label"] == label]
        return self.say(label, value)

    @property
    def choices(self):
        return self.reply.content.get("choices", [])

    @property
    def labels(self):
        return [one["label"] for one in self.choices]


@pytest.fixture
def guest(visitor):
    return Talk(visitor)


@pytest.fixture
def customer(ada):
    return Talk(chat_visitor(customer=ada, language="en"))
