"""Who has no order is not asked to choose one: guests hear how to prove it, customers that there is none."""

import pytest

from support_bot.actions import TOOLS, Actor, ReadingTool
from support_bot.exceptions import ToolRefusedError
from support_bot.flows.shipped import SHIPPED
from support_bot.services.flows import add_shipped_flows
from support_bot.visitors import chat_visitor

from .conftest import Talk
from .test_ownership import mailed_code

pytestmark = pytest.mark.django_db
ABOUT_ORDERS = (
    "track_order",
    "refund_status",
    "cancel_order",
    "start_return",
    "start_exchange",
    "change_address",
)
SAID = {
    "en": {
        "track_order": "where is my order", "cancel_order": "cancel my order",
        "return_item": "I want to return this",
        "exchange_item": "exchange it for another size", "change_address": "change my delivery address",
        "refund_status": "where is my refund",
    },
    "zh-hans": {
        "track_order": "我的订单到哪里了", "cancel_order": "取消我的订单", "return_item": "我要退货",
        "exchange_item": "我想换货", "change_address": "修改我的收货地址", "refund_status": "我的退款到了吗",
    },
}  # fmt: skip
HOW = {"en": "Write the number of your order: I mail a code", "zh-hans": "请写下您的订单号"}
NONE = {"en": "I see no order in your account.", "zh-hans": "您的账户里没有订单"}
#: What each tool is given besides an order.
MORE = {
    "start_exchange": {"wanted": "a blue one"}, "change_address": {"street": "Hill 1", "city": "Lyon"},
    "check_item": {"item": "L1"}, "compare_items": {"item": "L1", "other": "L2"},
    "add_to_basket": {"item": "L1"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _shop(acting, shelf):
    add_shipped_flows()


@pytest.mark.parametrize("language", SAID)
@pytest.mark.parametrize("flow", SHIPPED)
def test_a_guest_hears_how_to_prove_an_order(flow, language):
    guest = Talk(chat_visitor(language=language))
    reply = guest.say(SAID[language][flow])
    assert HOW[language] in reply
    assert "choose" not in reply
    assert "请选择" not in reply
    assert len(guest.labels) == 2


@pytest.mark.parametrize("language", SAID)
@pytest.mark.parametrize("flow", SHIPPED)
def test_a_customer_without_orders_is_told_so(flow, language, ada):
    customer = Talk(chat_visitor(customer=ada, language=language))
    assert NONE[language] in customer.say(SAID[language][flow])
    customer.conversation.refresh_from_db()
    assert customer.conversation.memory.get("flow") is None, "nothing is waited for"


def test_a_customer_without_orders_who_names_one_hears_that_it_is_none_of_theirs(customer, make_order):
    make_order("1001")
    reply = customer.say("where is my order 1001")
    assert reply.startswith("I cannot find an order 1001 of yours.")
    assert NONE["en"] in reply


def test_a_guest_without_the_number_hears_where_it_stands(guest, make_order):
    make_order("100001", status="shipped")
    guest.say("where is my order")
    assert "stands in the mail that confirmed" in guest.choose("I don't have the number")
    assert "Talk to a person" in guest.labels
    assert "stands in the mail that confirmed" in guest.say("sorry, I forgot my order number")
    assert "a code is being mailed" in guest.say("found it: 100001")
    assert "on its way" in guest.say(mailed_code())


def test_where_no_code_can_be_mailed_a_guest_is_asked_to_log_in(guest, settings):
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": {"ADAPTER": "ecomai.commerce.adapters.ShopAdapter"}}
    assert "Please log in, or talk to a person." in guest.say("where is my order")
    assert guest.labels == ["Talk to a person"]


@pytest.mark.parametrize("name", TOOLS)
def test_each_tool_tells_who_has_no_order_what_to_do(name, guest, customer, make_order):
    make_order("100001")
    tool = TOOLS[name]
    given = {**({"order": "100001"} if name in ABOUT_ORDERS else {}), **MORE.get(name, {})}
    said = {}
    for who in (guest, customer):
        who.say("hello")
        actor = Actor(who.conversation)
        ask = tool.read if isinstance(tool, ReadingTool) else tool.propose
        try:
            result = ask(actor, tool.read_arguments(given))
            said[who] = result if isinstance(result, str) else result.text
        except ToolRefusedError as error:
            said[who] = str(error)
    if name in ABOUT_ORDERS:
        assert HOW["en"] in said[guest]
        assert said[customer] == "I cannot find an order 100001 of yours."
    elif name == "find_orders":
        assert HOW["en"] in said[guest]
        assert NONE["en"] in said[customer]
    elif name == "add_to_basket":
        assert "Please log in first" in said[guest]
        assert "Shall I put" in said[customer]
    else:
        assert said[guest] == said[customer], "what the shop sells is for everybody"
