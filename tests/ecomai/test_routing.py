"""Sockets of scenarios inside a shop's ASGI application."""

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path

from ecomai import scenarios
from ecomai.routing import with_sockets
from ecomai.scenarios import Scenario

pytestmark = pytest.mark.django_db  # sockets ask who is logged in


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(f"{text_data} {self.scope['user'].is_anonymous} {'session' in self.scope}")


ROUTES = [path("ecomai/talk/<int:number>/", Echo.as_asgi())]


async def shop(scope, receive, send):
    """The shop's own application, with a socket of its own."""
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": f"the shop's {scope['path']}"})


@pytest.fixture
def talk():
    scenarios.register(Scenario(name="talk", verbose_name="Talk", websocket_urls=f"{__name__}.ROUTES"))
    yield
    scenarios.unregister("talk")


async def connect(application, path, origin="http://testserver"):
    headers = [(b"origin", origin.encode()), (b"host", b"testserver")]
    scope = {"type": "websocket", "path": path, "headers": headers, "query_string": b"", "subprotocols": []}
    socket = ApplicationCommunicator(application, scope)
    await socket.send_input({"type": "websocket.connect"})
    return socket, (await socket.receive_output())["type"]


async def test_our_sockets_answer_and_the_shops_stay_the_shops(talk, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    application = with_sockets(shop)
    ours, answer = await connect(application, "/ecomai/talk/7/")
    assert answer == "websocket.accept"
    await ours.send_input({"type": "websocket.receive", "text": "hello"})
    assert (await ours.receive_output())["text"] == "hello True True"
    await ours.send_input({"type": "websocket.disconnect", "code": 1000})
    await ours.wait()
    theirs, answer = await connect(application, "/chat/")
    assert answer == "websocket.accept"
    assert (await theirs.receive_output())["text"] == "the shop's /chat/"


async def test_a_page_of_another_site_gets_no_socket(talk, settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    _socket, answer = await connect(with_sockets(shop), "/ecomai/talk/7/", origin="https://evil.example")
    assert answer == "websocket.close"


async def test_a_shop_that_follows_the_servers_lifespan_goes_on_to(talk):
    heard = []

    async def listening(scope, receive, send):
        for _event in range(2):
            heard.append((await receive())["type"])
            await send({"type": f"{heard[-1]}.complete"})

    server = ApplicationCommunicator(with_sockets(listening), {"type": "lifespan"})
    for event in ("lifespan.startup", "lifespan.shutdown"):
        await server.send_input({"type": event})
        assert (await server.receive_output(timeout=30))["type"] == f"{event}.complete"
    await server.wait()
    assert heard == ["lifespan.startup", "lifespan.shutdown"]


def test_without_sockets_the_shops_application_is_what_it_was(without_support_bot):
    assert with_sockets(shop) is shop
