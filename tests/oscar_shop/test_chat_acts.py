"""The chat acts in Oscar's shop: its order is cancelled, its basket filled, its buyer written to."""

import re

import pytest
from django.core import mail
from oscar.core.loading import get_model
from oscar_fixtures import make_order, make_product, make_user

from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.adapters.oscar import customer_id
from ecomai.commerce.models import Customer
from support_bot.actions.ownership import mail_code
from support_bot.models import OwnershipProof
from support_bot.services import conversations, replying
from support_bot.services.flows import add_shipped_flows
from support_bot.visitors import chat_visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def cup(db):
    return make_product("Tea cup", "10.00", 10)


@pytest.fixture
def talk(cup):
    """Say something, and get the bot's reply."""
    add_shipped_flows()
    said = iter(range(1000))

    def say(visitor, text, value=""):
        message = conversations.take_message(
            visitor, None, text=text, key=f"said-{next(said):05}", value=value
        )
        (reply,) = replying.reply_to(message)
        return reply

    return say


def test_a_customer_cancels_an_order_and_fills_the_basket(talk, cup):
    user = make_user()
    order = make_order(user, (cup, 2), number="10001", status="Pending")
    backfill()
    visitor = chat_visitor(customer=Customer.objects.get(external_id=customer_id(user)), language="en")
    asked = talk(visitor, "cancel my order")
    assert "2 × Tea cup" in asked.text
    button = asked.content["choices"][0]
    assert "Order 10001 is cancelled" in talk(visitor, button["label"], button["value"]).text
    order.refresh_from_db()
    assert order.status == "Cancelled"
    found = talk(visitor, "do you have a tea cup?")
    (button,) = [one for one in found.content["choices"] if "basket" in one["label"]]
    assert "in your basket" in talk(visitor, button["label"], button["value"]).text
    lines = get_model("basket", "Line").objects.filter(basket__owner=user, basket__status="Open")
    assert [(line.product, line.quantity) for line in lines] == [(cup, 1)]


def test_a_guest_is_mailed_a_code_to_the_address_of_the_order(talk, cup):
    make_order(None, (cup, 1), number="10002", guest_email="guest@shop.example")
    backfill()
    visitor = chat_visitor(language="en")
    talk(visitor, "where is my order 10002")
    mail_code(OwnershipProof.objects.get().pk)
    (sent,) = mail.outbox
    assert sent.to == ["guest@shop.example"]
    code = re.search(r"\d{6}", sent.subject)[0]
    assert "1 × Tea cup" in talk(visitor, code).text
