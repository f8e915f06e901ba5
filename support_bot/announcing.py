"""Wakes the sockets of a conversation. What is sent is a row already, so a lost wake-up loses nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from ecomai.logging import first_line

from .models import Conversation, Message
from .protocol import message_frame, state_frame

logger = logging.getLogger(__name__)
#: The event loop of the sockets, where a thread works for one of them: there a wake-up goes out by itself.
loop_of_sockets: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("loop_of_sockets", default=None)


def group_of(conversation: Conversation) -> str:
    return group_named(conversation.public_id)


def group_named(public_id: UUID) -> str:
    return f"ecomai.chat.{public_id.hex}"


@asynccontextmanager
async def listening(public_id: UUID) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
    """Hear of a conversation without a socket: what is given waits for the next wake-up, or so many seconds.

    Somebody who types wakes nobody. With the layer away nothing is waited for.
    """
    layer: Any = get_channel_layer()
    group = group_named(public_id)
    try:
        name = await layer.new_channel()
        await layer.group_add(group, name)
    except Exception as error:  # as in `_send`
        logger.warning("The channel layer lets nobody listen: %s", first_line(error))
        yield _at_once
        return
    try:
        yield partial(_next_news, layer, name)
    finally:
        with suppress(Exception):  # a group forgets who left without a word
            await layer.group_discard(group, name)


async def _next_news(layer: Any, name: str, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                event = await layer.receive(name)
                if event["type"] == "chat.message" or event["frame"]["type"] == "state":
                    return
    except TimeoutError:
        return
    except Exception as error:  # as in `_send`
        logger.warning("The channel layer brings nothing: %s", first_line(error))


async def _at_once(seconds: float) -> None:
    return


def announce_message(message: Message) -> None:
    """Tell all sockets of the conversation, once the transaction has committed."""
    _announce(
        message.conversation,
        {"type": "chat.message", "sequence": message.sequence, "frame": message_frame(message)},
    )


def announce_state(conversation: Conversation) -> None:
    _announce(conversation, {"type": "chat.frame", "frame": state_frame(conversation)})


def announce_frame(conversation: Conversation, frame: dict[str, Any]) -> None:
    """Show something that is not kept, such as that somebody is typing."""
    _announce(conversation, {"type": "chat.frame", "frame": frame})


def _announce(conversation: Conversation, event: dict[str, Any]) -> None:
    transaction.on_commit(lambda: _send(group_of(conversation), event))


def _send(group: str, event: dict[str, Any]) -> None:
    """Send a wake-up; a thread of the sockets does not wait until it has gone out."""
    layer: Any = get_channel_layer()
    if layer is None:
        return
    loop = loop_of_sockets.get()
    try:
        if loop is not None and loop.is_running():
            asyncio.run_coroutine_threadsafe(layer.group_send(group, event), loop).add_done_callback(_warn_of)
        else:
            async_to_sync(layer.group_send)(group, event)
    except Exception as error:  # whatever the layer's backend raises; sockets read the rows at the next ping
        _warn(error)


def _warn_of(sent: Future[None]) -> None:
    if not sent.cancelled() and (error := sent.exception()) is not None:
        _warn(error)


def _warn(error: BaseException) -> None:
    logger.warning("The channel layer did not take a wake-up: %s", first_line(error))
