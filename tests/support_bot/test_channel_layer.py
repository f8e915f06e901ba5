"""The channel layer of the settings, on a Redis that goes and comes back."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis
from channels.layers import ChannelLayerManager

from ecomai_project.settings import environment

pytestmark = pytest.mark.services
GROUP = "ecomai.chat.test"
PATIENCE_SECONDS = 15


def layer_on(settings: Any, url: str) -> Any:
    settings.CHANNEL_LAYERS = environment.channel_layers(url)
    return ChannelLayerManager()["default"]


def test_a_socket_is_woken_by_another_process(own_redis, settings):
    """Each event loop has its own connections, as each process does."""
    url = own_redis.places.redis_url()

    async def listen(send: Callable[[], Any]) -> Any:
        layer = layer_on(settings, url)
        name = await layer.new_channel()
        await layer.group_add(GROUP, name)
        await asyncio.to_thread(send)
        return await asyncio.wait_for(layer.receive(name), PATIENCE_SECONDS)

    def send() -> None:
        asyncio.run(layer_on(settings, url).group_send(GROUP, {"type": "chat.message", "sequence": 1}))

    assert asyncio.run(listen(send))["sequence"] == 1


def test_a_socket_that_stayed_open_is_woken_after_redis_was_restarted(own_redis, settings):
    async def listen() -> Any:
        layer = layer_on(settings, own_redis.places.redis_url())
        name = await layer.new_channel()
        await layer.group_add(GROUP, name)
        await asyncio.to_thread(own_redis.stop)
        with pytest.raises(redis.ConnectionError):
            await layer.group_send(GROUP, {"type": "chat.message", "sequence": 1})
        await asyncio.to_thread(own_redis.start)
        woken = asyncio.ensure_future(layer.receive(name))
        for _try in range(PATIENCE_SECONDS):  # it finds out by itself, a second or two later
            await layer.group_send(GROUP, {"type": "chat.message", "sequence": 2})
            done, _waiting = await asyncio.wait([woken], timeout=1)
            if done:
                return woken.result()
        raise AssertionError("Nothing came after the restart.")

    assert asyncio.run(listen())["sequence"] == 2
