"""The socket of the chat: reads frames, asks the services, and sends the rows that are new."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from channels.consumer import get_handler_name
from channels.db import DatabaseSyncToAsync
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import translation
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.commerce.visitors import SESSION_COOKIE, customer_id_of_token, customer_id_of_user
from ecomai.exceptions import EcomaiError

from . import entry, protocol, selectors
from .announcing import group_of, loop_of_sockets
from .app_settings import app_settings
from .exceptions import FrameError, NotOpenedError, UnknownConversationError
from .limits import TokenBucket
from .models import Conversation, Message
from .protocol import error_frame, message_frame, progress_frame, write_frame
from .services import conversations, replying
from .services.attachments import is_being_read
from .services.handing_over import hand_over
from .visitors import ChatVisitor, chat_visitor

logger = logging.getLogger(__name__)

#: Who does not say hello for so long is no client of ours.
HELLO_SECONDS = 15
#: After so many frames that cannot be read the socket is closed.
MOST_ERRORS = 10
#: Codes of our own for closing.
TOO_MUCH, NO_HELLO = 4008, 4001

# Threads with a connection each: one alone would let a slow query hold all sockets of the process, and more
# of them wait for each other's interpreter lock. Replies have their own, for a tool may take its time.
_quick = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ecomai-chat")
_replying = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ecomai-chat-reply")


async def in_thread(
    function: Callable[..., Any], *args: Any, pool: ThreadPoolExecutor = _quick, **kwargs: Any
) -> Any:
    """Run a function that uses the database beside the event loop."""
    loop_of_sockets.set(asyncio.get_running_loop())
    call = DatabaseSyncToAsync(function, thread_sensitive=False, executor=pool)
    return await call(*args, **kwargs)


class ChatConsumer(AsyncWebsocketConsumer):
    """One tab of one visitor. `sent` is the newest message that it was sent."""

    visitor: ChatVisitor | None = None
    conversation: Conversation | None = None
    version = 1
    sent = 0
    seen = 0
    n_errors = 0

    async def dispatch(self, message: dict[str, Any]) -> None:
        """As Channels does, but for its way through a thread at each frame: `in_thread` tends connections."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        self.frames = TokenBucket(app_settings.FRAMES_PER_MINUTE)
        self.sending, self.replying = asyncio.Lock(), asyncio.Lock()
        self.work: set[asyncio.Task] = set()
        self.news, self.has_gone = asyncio.Event(), False
        await self.accept()
        self.hello_timer = asyncio.get_running_loop().call_later(HELLO_SECONDS, self._give_up)

    async def disconnect(self, code: int) -> None:
        """Let a reply that is being written come to its end; the customer reads it after the reconnect."""
        self.hello_timer.cancel()
        self.has_gone = True
        self.news.set()
        await asyncio.gather(*self.work, return_exceptions=True)
        await self._leave()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Read one frame; whatever is wrong with it is said in a frame, and the socket stays open."""
        if not self.frames.take():
            await self._send(error_frame("too_many_frames", _("Too much at once.")))
            await self.close(TOO_MUCH)
            return
        key = ""
        try:
            if text_data is None:
                raise FrameError(reason="it is binary.")
            frame = protocol.read_frame(text_data)
            key = getattr(frame, "key", "") if not isinstance(frame, protocol.Hello) else ""
            await self._take(frame)
        except EcomaiError as error:
            await self._send(error_frame(error.code, str(error), key))
            await self._count_error(error)
        except Exception:
            logger.exception("A frame of the chat failed.")
            await self._send(error_frame("internal_error", _("Something went wrong. Please try again."), key))

    async def _take(self, frame: protocol.Frame) -> None:
        if isinstance(frame, protocol.Hello):
            await self._on_hello(frame)
        elif isinstance(frame, protocol.Ping):
            await self._send({"type": "pong"})
            await self._catch_up()
        elif self.visitor is None:
            raise NotOpenedError()
        else:
            await _FRAMES[type(frame)](self, frame)

    async def _on_hello(self, frame: protocol.Hello) -> None:
        self.hello_timer.cancel()
        entered = await in_thread(_enter, self.scope, frame)
        self.visitor, self.version = entered.visitor, min(frame.version, protocol.VERSION)
        found = entered.conversation
        is_same = found is not None and str(found.public_id) == frame.conversation
        self.sent = min(frame.after, found.last_sequence) if found and is_same else 0
        await self._join(found)  # before reading, so that nothing falls between
        async with self.sending:
            frames, waiting = await in_thread(_opening, entered, after=self.sent, version=self.version)
            for each in frames:
                await self._send_once(each)
        if found is not None and self.sent < found.last_sequence:
            await self._catch_up()
        for message in waiting:
            # Whoever was to reply has died, or may live yet: one that was restarted has not said so.
            self._in_background(self._take_up(message) if message.is_leased else self._reply(message))

    async def _on_say(self, frame: protocol.Say) -> None:
        message = await in_thread(
            conversations.take_message, self.visitor, self.conversation,
            text=frame.text, key=frame.key, value=frame.value, attachments=frame.attachments,
            # What comes with a message may have to be read first, for longer than a lease.
            lease=not frame.attachments,
        )  # fmt: skip
        await self._join(message.conversation)
        await self._send(
            {
                "type": "accepted",
                "key": frame.key,
                "sequence": message.sequence,
                "conversation": str(message.conversation.public_id),
            }
        )
        await self._show(message.sequence, message_frame(message))
        if message.reply_state == Message.ReplyState.WAITING:
            self._in_background(self._reply(message))

    async def _reply(self, message: Message) -> None:
        """Reply to one message after the other: what is said next may hang on what was answered."""
        await self._send({"type": "typing", "from": "bot"})
        async with self.replying:
            if "attachments" in message.content:
                with translation.override(self.visitor.language or None if self.visitor else None):
                    looking = progress_frame(_("I'm looking at what you sent …"))
                await self._send_known(looking)
                await self._wait_for_reading(message)
            said = await in_thread(replying.reply_to, message, pool=_replying) or await self._mind(message)
        await self._show_said(message, said)

    async def _take_up(self, message: Message) -> None:
        """Reply to what waited before this socket came, once nobody else is trusted to."""
        await self._show_said(message, await self._mind(message))

    async def _show_said(self, message: Message, said: list[Message]) -> None:
        if self.conversation is not None and self.conversation.pk == message.conversation_id:
            for each in said:
                await self._show(each.sequence, message_frame(each))

    async def _mind(self, message: Message) -> list[Message]:
        """Wait for a reply that somebody else writes, and return our own where they have died."""
        while not self.has_gone:
            self.news.clear()
            left = await in_thread(selectors.seconds_leased, message)
            if left is None:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), left + 0.2)
            if not self.has_gone and (said := await in_thread(replying.reply_to, message, pool=_replying)):
                return said
        return []

    async def _wait_for_reading(self, message: Message) -> None:
        """Let a worker read what came with the message, for a while; no thread waits meanwhile."""
        for _second in range(2 * app_settings.READING_SECONDS):
            if not await in_thread(is_being_read, message):
                return
            await asyncio.sleep(0.5)

    async def _on_person(self, frame: protocol.AskPerson) -> None:
        if self.conversation is None:
            raise UnknownConversationError()
        await in_thread(hand_over, self.conversation, reason=Conversation.HandoffReason.ASKED)

    async def _on_typing(self, frame: protocol.Typing) -> None:
        if self.conversation is not None:
            await in_thread(conversations.note_typing, self.conversation)

    async def _on_acknowledge(self, frame: protocol.Acknowledge) -> None:
        """Kept in mind, and written when the socket goes or pings: a write for each would be too many."""
        self.seen = max(self.seen, frame.sequence)

    async def _on_rate(self, frame: protocol.Rate) -> None:
        rated = self.conversation
        if frame.conversation:
            rated = await in_thread(selectors.conversation_of, self.visitor, frame.conversation)
        if rated is None:
            raise UnknownConversationError()
        await in_thread(conversations.rate_conversation, rated, stars=frame.stars, text=frame.text)
        await self._send({"type": "rated", "stars": frame.stars})

    async def _on_end(self, frame: protocol.End) -> None:
        if self.conversation is not None:
            await in_thread(conversations.end_conversation, self.conversation)

    # -- what the channel layer brings ------------------------------------------------------------

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self._show(event["sequence"], event["frame"])
        self.news.set()

    async def chat_frame(self, event: dict[str, Any]) -> None:
        frame = event["frame"]
        if frame.get("type") == "typing" and frame.get("from") == "customer":
            return
        await self._send_known(frame)
        if frame.get("type") == "state" and frame.get("state") == Conversation.State.CLOSED:
            await self._leave()

    # -- sending ----------------------------------------------------------------------------------

    async def _show(self, sequence: int, frame: dict[str, Any]) -> None:
        """Send a message that was written just now, or, where one before it is missing, all that are new."""
        async with self.sending:
            if sequence == self.sent + 1:
                self.sent += 1
                await self._send(frame)
                return
        if sequence > self.sent:
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Send the rows that are new, until there is none; also what a lost wake-up would have brought."""
        if self.conversation is None:
            return
        await self._note_seen()
        async with self.sending:
            while new := await in_thread(selectors.messages_after, self.conversation, self.sent):
                for message in new:
                    await self._send(message_frame(message))
                    self.sent = message.sequence

    async def _send_once(self, frame: dict[str, Any]) -> None:
        await self._send(frame)
        self.sent = max(self.sent, frame.get("sequence", 0))

    async def _send_known(self, frame: dict[str, Any]) -> None:
        """Send a frame that the client's version of the protocol has."""
        if self.version >= protocol.SINCE_VERSION.get(frame["type"], 1):
            await self._send(frame)

    async def _send(self, frame: dict[str, Any]) -> None:
        """Send a frame; to a socket that has gone nothing is sent, and what was begun goes on."""
        with suppress(OSError):  # uvicorn's ClientDisconnected is one
            await self.send(text_data=write_frame(frame))

    # -- the conversation of this socket ----------------------------------------------------------

    async def _join(self, conversation: Conversation | None) -> None:
        if conversation is None or (self.conversation and self.conversation.pk == conversation.pk):
            return
        if self.conversation is not None:
            await self._leave()
        self.conversation = conversation
        await self.channel_layer.group_add(group_of(conversation), self.channel_name)

    async def _leave(self) -> None:
        if self.conversation is not None:
            await self._note_seen()
            await self.channel_layer.group_discard(group_of(self.conversation), self.channel_name)
        self.conversation, self.sent, self.seen = None, 0, 0

    async def _note_seen(self) -> None:
        if self.conversation is not None and self.seen > self.conversation.acknowledged:
            self.conversation.acknowledged = self.seen
            await in_thread(conversations.acknowledge, self.conversation, self.seen)

    # -- what goes wrong --------------------------------------------------------------------------

    async def _count_error(self, error: EcomaiError) -> None:
        if isinstance(error, FrameError):
            self.n_errors += 1
            if self.n_errors >= MOST_ERRORS:
                await self.close(TOO_MUCH)

    def _give_up(self) -> None:
        if self.visitor is None:
            self._in_background(self.close(NO_HELLO))

    def _in_background(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self.work.add(task)  # else it might be collected before it is done
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task) -> None:
        self.work.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("Work of a chat socket failed.", exc_info=error)


_FRAMES: dict[type, Callable[..., Any]] = {
    protocol.Say: ChatConsumer._on_say,
    protocol.Acknowledge: ChatConsumer._on_acknowledge,
    protocol.Typing: ChatConsumer._on_typing,
    protocol.AskPerson: ChatConsumer._on_person,
    protocol.Rate: ChatConsumer._on_rate,
    protocol.End: ChatConsumer._on_end,
}


class _Handshake:
    """The part of a request that checks of origins look at, from the scope of a socket."""

    def __init__(self, scope: Any) -> None:
        self.headers = {
            name.decode("latin1").lower(): value.decode("latin1") for name, value in scope["headers"]
        }
        self.scheme = "https" if scope.get("scheme") == "wss" else "http"

    def get_host(self) -> str:
        return self.headers.get("host", "")


def _enter(scope: Any, frame: protocol.Hello) -> entry.Entered:
    return entry.enter(_visitor_of(scope, frame), conversation_id=frame.conversation)


def _opening(
    entered: entry.Entered, *, after: int, version: int
) -> tuple[list[dict[str, Any]], Sequence[Message]]:
    """Return the first frames of a socket, and the messages that still wait for the bot's reply."""
    frames = entry.welcome_frames(entered, after=after, version=version)
    found = entered.conversation
    is_with_bot = found is not None and found.state == Conversation.State.BOT
    return frames, selectors.waiting_messages_of(found) if found is not None and is_with_bot else []


def _visitor_of(scope: Any, frame: protocol.Hello) -> ChatVisitor:
    """Return who opened the socket: by signed token, by login, or by the secret of the browser."""
    handshake = _Handshake(scope)
    storefront = entry.check_key(frame.key, handshake.headers.get("origin", ""), handshake)
    external_id = customer_id_of_token(frame.customer, storefront) or customer_id_of_user(scope.get("user"))
    customer = None
    if external_id:
        customer, _new = Customer.objects.get_or_create(storefront=storefront, external_id=external_id)
    return chat_visitor(
        secret=frame.visitor, storefront=storefront, customer=customer,
        session_id=frame.session or scope.get("cookies", {}).get(SESSION_COOKIE, ""),
        language=entry.supported_language(frame.language),
    )  # fmt: skip
