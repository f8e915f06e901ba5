"""A whole conversation over the socket, from a wish to what the shop has done."""

import pytest
from asgiref.sync import sync_to_async

from ecomai.commerce.models import Order
from ecomai.commerce.visitors import sign_customer
from support_bot.services.flows import add_shipped_flows

from .test_chat_socket import Tab

pytestmark = pytest.mark.django_db(transaction=True)


async def said(tab, sender):
    """Return the next message of somebody."""
    while (frame := await tab.read("message"))["from"] != sender:
        pass
    return frame


async def test_a_whole_conversation_cancels_an_order_once(acting, make_order, ada):
    """Asked in words, confirmed by a button twice, and told in frames."""
    await sync_to_async(add_shipped_flows)()
    await sync_to_async(make_order)("1001", ada)
    await sync_to_async(make_order)("1002", ada)
    tab = await Tab().open(version=2, customer=sign_customer("ada"))
    await tab.say("cancel my order", key="say-00001")
    asked = await said(tab, "bot")
    (button,) = [one for one in asked["choices"] if one["label"].startswith("1001")]
    await tab.send(type="message", key="say-00002", text=button["label"], value=button["value"])
    question = await said(tab, "bot")
    assert "Shall I cancel the whole order?" in question["text"]
    yes = question["choices"][0]
    for key in ("say-00003", "say-00004"):
        await tab.send(type="message", key=key, text=yes["label"], value=yes["value"])
        assert "Order 1001 is cancelled" in (await said(tab, "bot"))["text"]
    await tab.close()
    told = [frame["text"] for frame in tab.frames if frame["type"] == "progress"]
    assert told == ["I'm cancelling the order …"]
    assert acting.done == {"cancel_order": 1}
    assert await sync_to_async(Order.objects.get)(external_id="1001", status="cancelled")
