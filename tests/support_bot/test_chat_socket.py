"""The socket: nothing lost, nothing doubled, nothing of others, and no frame that closes it by accident."""

import json

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth import get_user_model
from django.test import Client

from ecomai.commerce.visitors import sign_customer
from ecomai.routing import with_sockets
from support_bot.models import Conversation, Message
from support_bot.services.conversations import append_message
from support_bot.services.handing_over import say_as_agent, take_over

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/ecomai/support_bot/chat/"


class Tab:
    """A client of the protocol, as docs/chat-protocol.md describes it."""

    def __init__(self, origin=b"http://testserver", cookie=b""):
        headers = [(b"host", b"testserver"), (b"origin", origin), (b"cookie", cookie)]
        scope = {
            "type": "websocket",
            "path": PATH,
            "headers": headers,
            "query_string": b"",
            "subprotocols": [],
        }
        self.socket = ApplicationCommunicator(with_sockets(None), scope)
        self.frames = []

    async def connect(self):
        """Return whether the socket was taken."""
        await self.socket.send_input({"type": "websocket.connect"})
        return (await self.socket.receive_output(timeout=10))["type"] == "websocket.accept"

    async def open(self, **hello):
        assert await self.connect()
        await self.send(type="hello", **{"language": "en", **hello})
        self.welcome = await self.read("welcome")
        return self

    async def send(self, **frame):
        await self.send_text(json.dumps(frame))

    async def send_text(self, text):
        await self.socket.send_input({"type": "websocket.receive", "text": text})

    async def send_bytes(self, content):
        await self.socket.send_input({"type": "websocket.receive", "bytes": content})

    async def closing_code(self):
        while (event := await self.socket.receive_output(timeout=5))["type"] != "websocket.close":
            pass
        return event["code"]

    async def read(self, kind, seconds=10):
        """Return the next frame of a kind; what comes before is kept in `frames`."""
        while True:
            frame = json.loads((await self.socket.receive_output(timeout=seconds))["text"])
            self.frames.append(frame)
            if frame["type"] == kind:
                return frame

    async def say(self, text, key="key-0001"):
        await self.send(type="message", key=key, text=text)
        return await self.read("accepted")

    async def rest(self):
        """Return what else comes, up to the answer to a ping."""
        await self.send(type="ping")
        await self.read("pong")
        await self.socket.receive_nothing(timeout=0.2)

    def sequences(self):
        return [frame["sequence"] for frame in self.frames if frame["type"] == "message"]

    async def close(self):
        await self.socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.socket.wait(timeout=10)


async def test_a_customer_is_greeted_by_a_program_that_says_so_and_answered():
    tab = await Tab().open()
    assert "computer program" in tab.welcome["greeting"]
    accepted = await tab.say("Xyzzy?")
    said = [await tab.read("message"), await tab.read("message")]
    assert [(frame["from"], frame["sequence"]) for frame in said] == [("customer", 1), ("bot", 2)]
    assert said[1]["choices"][0]["value"] == "person"
    assert accepted["conversation"]
    await tab.close()


async def test_opening_the_chat_alone_keeps_nothing():
    tab = await Tab().open()
    await tab.close()
    assert not await Conversation.objects.aexists()


async def test_the_same_key_sent_twice_is_one_message_and_one_reply():
    tab = await Tab().open()
    await tab.say("Xyzzy?")
    await tab.say("Xyzzy?")
    while 2 not in tab.sequences():
        await tab.read("message")
    await tab.rest()
    assert tab.sequences() == [1, 2]
    await tab.close()


async def test_after_a_reconnect_what_was_missed_comes_and_nothing_twice(colleague):
    tab = await Tab().open()
    accepted = await tab.say("Xyzzy?")
    await tab.read("message")
    await tab.read("message")
    await tab.close()
    conversation = await Conversation.objects.aget()
    await sync_to_async(say_as_agent)(conversation, text="Hello!", key="agent-key-1", user=colleague)
    again = await Tab().open(visitor=tab.welcome["visitor"], conversation=accepted["conversation"], after=2)
    await again.rest()
    assert again.sequences() == [3, 4]
    assert again.welcome["state"] == "agent"
    await again.close()


async def test_who_missed_more_than_a_screen_holds_gets_all_of_it(settings):
    settings.ECOMAI = {**settings.ECOMAI, "SUPPORT_BOT": {"HISTORY_MESSAGES": 3}}
    tab = await Tab().open()
    accepted = await tab.say("Xyzzy?")
    await tab.rest()
    await tab.close()
    conversation = await Conversation.objects.aget()
    for n in range(8):
        await sync_to_async(append_message)(conversation, sender=Message.Sender.BOT, text=f"{n}")
    back = await Tab().open(visitor=tab.welcome["visitor"], conversation=accepted["conversation"], after=2)
    await back.rest()
    assert back.sequences() == list(range(3, 11))
    anew = await Tab().open(visitor=tab.welcome["visitor"])
    await anew.rest()
    assert anew.sequences() == [8, 9, 10]
    await back.close()
    await anew.close()


async def test_all_tabs_of_a_visitor_show_the_same():
    one = await Tab().open()
    await one.say("Xyzzy?")
    await one.rest()
    two = await Tab().open(visitor=one.welcome["visitor"])
    await two.rest()
    await two.say("Plugh?", key="key-0002")
    for tab in (one, two):
        while len(tab.sequences()) < 4:
            await tab.read("message")
        await tab.rest()
        assert tab.sequences() == [1, 2, 3, 4]
        await tab.close()


async def test_somebody_elses_conversation_is_not_shown():
    one = await Tab().open()
    accepted = await one.say("My address is 1 Main Street.")
    await one.rest()
    thief = await Tab().open(conversation=accepted["conversation"])
    await thief.rest()
    assert thief.welcome["conversation"] == ""
    assert thief.sequences() == []
    await one.close()
    await thief.close()


async def test_a_signed_token_tells_the_customer_and_a_forged_one_does_not(ada):
    known = await Tab().open(customer=sign_customer("ada"))
    unknown = await Tab().open(customer=sign_customer("ada")[:-2] + "xx")
    assert (known.welcome["known"], unknown.welcome["known"]) == (True, False)
    await known.close()
    await unknown.close()


async def test_a_page_of_another_site_gets_no_socket(settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    tab = Tab(origin=b"https://evil.example")
    assert not await tab.connect()


BAD_FRAMES = {
    "nonsense": "malformed_frame",
    "[]": "malformed_frame",
    '{"type": "dance"}': "malformed_frame",
    '{"type": "message", "key": "short", "text": "x"}': "malformed_frame",
    '{"type": "message", "key": "key-0001", "text": 5}': "malformed_frame",
    '{"type": "message", "key": "key-0001", "text": " "}': "empty_message",
    json.dumps({"type": "message", "key": "key-0001", "text": "x" * 3_000}): "message_too_long",
    json.dumps({"type": "message", "key": "key-0001", "text": "x" * 1_000_000}): "malformed_frame",
    "[" * 10_000: "malformed_frame",
}


async def test_a_bad_frame_is_named_and_the_socket_goes_on():
    tab = await Tab().open()
    for frame, code in BAD_FRAMES.items():
        await tab.send_text(frame)
        error = await tab.read("error")
        assert error["code"] == code, frame[:50]
        assert error["message"].endswith(".")
    await tab.say("Xyzzy?")
    await tab.close()


async def test_binary_garbage_is_refused_and_many_bad_frames_close_the_socket():
    tab = await Tab().open()
    for _n in range(10):
        await tab.send_bytes(b"\x00\xff\xfe")
        assert (await tab.read("error"))["code"] == "malformed_frame"
    assert await tab.closing_code() == 4008


async def test_a_flood_closes_the_socket(settings):
    settings.ECOMAI = {**settings.ECOMAI, "SUPPORT_BOT": {"FRAMES_PER_MINUTE": 40}}
    tab = await Tab().open()
    for _n in range(10):
        await tab.send(type="typing")
    assert (await tab.read("error"))["code"] == "too_many_frames"
    assert await tab.closing_code() == 4008


async def test_who_says_no_hello_is_told():
    tab = Tab()
    await tab.connect()
    await tab.send(type="message", key="key-0001", text="Hello")
    assert (await tab.read("error"))["code"] == "not_opened"
    await tab.close()
    assert not await Message.objects.aexists()


async def test_a_takeover_is_announced_and_ratings_are_kept(colleague):
    tab = await Tab().open()
    await tab.say("Xyzzy?")
    await tab.rest()
    await sync_to_async(take_over)(await Conversation.objects.aget(), user=colleague)
    state = await tab.read("state")
    assert state["state"] == "agent"
    await tab.send(type="rate", stars=5, text="Quick!")
    await tab.read("rated")
    assert (await Conversation.objects.aget()).rating == 5
    await tab.send(type="end")
    while (await tab.read("state"))["state"] != "closed":
        pass
    await tab.close()


async def test_what_reached_the_screen_is_noted():
    tab = await Tab().open()
    await tab.say("Xyzzy?")
    for _each in ("what was said", "the reply"):
        await tab.read("message")
    await tab.send(type="ack", sequence=2)
    await tab.send(type="ping")
    await tab.read("pong")
    await tab.rest()
    assert (await Conversation.objects.aget()).acknowledged == 2
    await tab.close()


async def test_a_logged_in_customer_is_known_by_the_shops_session():
    user = await sync_to_async(get_user_model().objects.create_user)("bea", password="x")
    client = Client()
    await sync_to_async(client.force_login)(user)
    tab = Tab(cookie=f"sessionid={client.cookies['sessionid'].value}".encode())
    await tab.open()
    assert tab.welcome["known"] is True
    await tab.close()


@pytest.mark.parametrize("is_leased", [False, True], ids=["its lease is over", "it may still live"])
async def test_who_comes_back_gets_the_reply_that_a_dead_process_did_not_write(settings, is_leased):
    settings.ECOMAI = {**settings.ECOMAI, "SUPPORT_BOT": {"REPLY_LEASE_SECONDS": 2}}
    tab = await Tab().open()
    await tab.say("Hello")
    await tab.read("message")
    await tab.rest()
    conversation = await sync_to_async(Conversation.objects.get)()
    await sync_to_async(append_message)(
        conversation, sender="customer", text="And now?", key="key-0002", lease=is_leased
    )
    again = await Tab().open(
        visitor=tab.welcome["visitor"], conversation=str(conversation.public_id), after=2
    )
    while (await again.read("message"))["from"] != "bot":
        pass
    assert again.sequences() == [3, 4]
    await again.close()


async def test_what_needs_a_conversation_says_that_there_is_none():
    tab = await Tab().open()
    await tab.send(type="person", key="key-0001")
    assert (await tab.read("error"))["code"] == "unknown_conversation"
    await tab.send(type="rate", stars=3)
    assert (await tab.read("error"))["code"] == "unknown_conversation"


async def test_a_closed_conversation_of_ones_own_is_rated_and_no_other():
    tab = await Tab().open()
    conversation = (await tab.say("Hello"))["conversation"]
    await tab.send(type="end")
    await tab.read("state")
    await tab.send(type="rate", stars=2, conversation=conversation)
    assert (await tab.read("rated"))["stars"] == 2
    other = await Tab().open()
    await other.send(type="rate", stars=5, conversation=conversation)
    assert (await other.read("error"))["code"] == "unknown_conversation"
    assert (await Conversation.objects.aget()).rating == 2
