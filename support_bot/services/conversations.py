"""Opening, talking, rating and ending: each keeps the row first and wakes the sockets then."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from ecomai.commerce.models import Customer
from ecomai.fusion.services import publish_facts

from .. import selectors
from ..announcing import announce_message, announce_state
from ..app_settings import app_settings
from ..exceptions import (
    ConversationClosedError,
    EmptyMessageError,
    MessageTooLongError,
    TooManyMessagesError,
)
from ..models import Attachment, Conversation, Message
from ..names import MOOD
from ..visitors import ChatVisitor
from .attachments import attach, shown

TYPING_SECONDS = 6


def claim_conversations(visitor: ChatVisitor) -> int:
    """Give a customer who logged in what was said in this browser before; return how many."""
    if visitor.customer is None:
        return 0
    theirs = Conversation.objects.filter(
        customer=None, visitor_digest=visitor.digest, storefront=visitor.storefront
    )
    Attachment.objects.filter(
        customer=None, visitor_digest=visitor.digest, storefront=visitor.storefront
    ).update(customer=visitor.customer)
    return theirs.update(customer=visitor.customer)


def start_conversation(visitor: ChatVisitor) -> Conversation:
    return Conversation.objects.create(
        storefront=visitor.storefront, customer=visitor.customer, visitor_digest=visitor.digest,
        session_id=visitor.session_id, language=visitor.language,
    )  # fmt: skip


def take_message(
    visitor: ChatVisitor, conversation: Conversation | None, *, text: str, key: str, value: str = "",
    attachments: Sequence[str] = (), lease: bool = False,
) -> Message:  # fmt: skip
    """Keep what a customer says; without a conversation the newest open one goes on, or one begins.

    `attachments` are ids of what the visitor uploaded before. The same key again is the same message. `lease`
    is for whoever replies at once: nobody else takes the message up meanwhile. Raises
    `EmptyMessageError`, `MessageTooLongError`, `TooManyMessagesError`, `ConversationClosedError`,
    `UnknownAttachmentError`.
    """
    sent = selectors.attachments_of(visitor, attachments) if attachments else []
    text = _clean(text, may_be_empty=bool(sent))
    _check_rate(visitor)
    conversation = conversation or selectors.open_conversation_of(visitor) or start_conversation(visitor)
    said: dict[str, Any] = {"sender": Message.Sender.CUSTOMER, "text": text, "key": key, "lease": lease}
    content = {"value": value} if value else {}
    if not sent:
        return append_message(conversation, content=content, **said)
    with transaction.atomic():
        shown_rows = {"attachments": [shown(row) for row in sent]}
        message = append_message(conversation, content=content | shown_rows, **said)
        attach(message, sent)
    return message


def append_message(conversation: Conversation, *, key: str = "", **said: Any) -> Message:
    """Add a message as `write_message` does; the same key again is the same message."""
    same = Message.objects.filter(conversation=OuterRef("pk"), key=key).exclude(key="")
    try:
        with transaction.atomic():
            rows = Conversation.objects.select_for_update(of=("self",)).annotate(has_key=Exists(same))
            locked = rows.get(pk=conversation.pk)
            if not locked.has_key:
                return write_message(locked, key=key, **said)
    except IntegrityError:  # the same was being written while we waited for the lock
        if not key:
            raise
    return Message.objects.select_related("conversation").get(conversation=conversation, key=key)


def write_message(
    locked: Conversation,
    *,
    sender: Message.Sender,
    text: str,
    key: str = "",
    content: dict[str, Any] | None = None,
    answered_by: str = "",
    agent: Any = None,
    lease: bool = False,
    noted: Mapping[str, Any] | None = None,
) -> Message:
    """Write the next message of a conversation, in the transaction that locked it.

    The lock keeps numbers in the order of commits. `noted` are fields of the conversation to set with it,
    `lease` as in `take_message`. Raises `ConversationClosedError`.
    """
    if not locked.is_open:
        raise ConversationClosedError()
    now = timezone.now()
    changes = {"last_sequence": locked.last_sequence + 1, "last_message_at": now, **(noted or {})}
    for name, value in changes.items():
        setattr(locked, name, value)
    locked.save(update_fields=list(changes))
    is_for_bot = sender == Message.Sender.CUSTOMER and locked.state == Conversation.State.BOT
    is_leased = lease and is_for_bot
    message = Message.objects.create(
        conversation=locked, sequence=locked.last_sequence, sender=sender, text=text, key=key,
        content=content or {}, answered_by=answered_by, agent=agent, created_at=now,
        reply_state=Message.ReplyState.WAITING if is_for_bot else Message.ReplyState.NONE,
        reply_leased_until=lease_end(now) if is_leased else None, n_reply_attempts=int(is_leased),
    )  # fmt: skip
    message.is_leased_here = is_leased
    announce_message(message)
    return message


def lease_end(now: datetime) -> datetime:
    """Return until when nobody else replies to a message that somebody replies to from now on."""
    return now + timedelta(seconds=app_settings.REPLY_LEASE_SECONDS)


def say_to_customer(customer: Customer, *, text: str, key: str) -> Message | None:
    """Say something of the shop's own accord, in the customer's newest conversation.

    One that is closed is followed by a new one. None for a customer who never chatted: nobody would see it.
    """
    newest = Conversation.objects.filter(customer=customer).order_by("-last_message_at").first()
    if newest is None:
        return None
    # The same key again is the same message, also where a new conversation began with it.
    earlier = Message.objects.filter(conversation__customer=customer, key=key).first()
    if earlier is not None:
        return earlier
    with transaction.atomic():
        if not newest.is_open:
            newest = Conversation.objects.create(
                storefront=newest.storefront, customer=customer, visitor_digest=newest.visitor_digest,
                session_id=newest.session_id, language=newest.language,
            )  # fmt: skip
        return append_message(newest, sender=Message.Sender.BOT, text=text, key=key, answered_by="message")


def acknowledge(conversation: Conversation, sequence: int) -> None:
    """Note how far a customer's screen has come; it never goes back, and never beyond what there is."""
    Conversation.objects.filter(
        pk=conversation.pk, acknowledged__lt=sequence, last_sequence__gte=sequence
    ).update(acknowledged=sequence)


def rate_conversation(conversation: Conversation, *, stars: int, text: str = "") -> None:
    Conversation.objects.filter(pk=conversation.pk).update(rating=stars, rating_text=text)


def end_conversation(conversation: Conversation) -> None:
    """Close a conversation; what still waited for a reply waits no more. A second call changes nothing."""
    with transaction.atomic():
        locked = Conversation.objects.select_for_update().get(pk=conversation.pk)
        if not locked.is_open:
            return
        locked.state, locked.closed_at = Conversation.State.CLOSED, timezone.now()
        locked.waiting_since = locked.counted_since = None
        count_person_time(locked)
        locked.save(
            update_fields=[
                "state",
                "closed_at",
                "waiting_since",
                "counted_since",
                "agent_seconds",
                "taken_at",
            ]
        )
        locked.messages.filter(reply_state=Message.ReplyState.WAITING).update(
            reply_state=Message.ReplyState.DONE
        )
        _publish_mood(locked)
        announce_state(locked)


def _publish_mood(conversation: Conversation) -> None:
    """Let other scenarios know how a chat left the customer."""
    if conversation.customer is not None and conversation.mood:
        publish_facts(
            name=MOOD, values={conversation.customer.external_id: round(conversation.mood, 2)},
            storefront=conversation.storefront,
        )  # fmt: skip


def count_person_time(conversation: Conversation) -> None:
    """Add the time that a person had the conversation; sets fields, the caller saves them."""
    if conversation.taken_at is not None:
        # Until the last word: a chat that nobody closed overnight was no night of work.
        until = max(conversation.last_message_at, conversation.taken_at)
        conversation.agent_seconds += int((until - conversation.taken_at).total_seconds())
        conversation.taken_at = None


def note_typing(conversation: Conversation) -> None:
    """Let colleagues see for some seconds that the customer is typing."""
    cache.set(_typing_key(conversation), True, TYPING_SECONDS)


def is_typing(conversation: Conversation) -> bool:
    return bool(cache.get(_typing_key(conversation)))


def _typing_key(conversation: Conversation) -> str:
    return f"ecomai.chat.typing.{conversation.pk}"


def _clean(text: str, *, may_be_empty: bool = False) -> str:
    text = text.replace("\x00", "").strip()
    if not text and not may_be_empty:
        raise EmptyMessageError()
    if len(text) > app_settings.MAX_TEXT_LENGTH:
        raise MessageTooLongError(limit=app_settings.MAX_TEXT_LENGTH)
    return text


def _check_rate(visitor: ChatVisitor) -> None:
    """Count a visitor's messages of this minute, over all tabs and processes."""
    minute = int(timezone.now().timestamp() // 60)
    name = f"ecomai.chat.rate.{visitor.digest}.{minute}"
    try:
        n = cache.incr(name)
    except ValueError:  # the first of this minute; of two at once one may go uncounted
        n = 1
        cache.add(name, n, timeout=90)
    if n > app_settings.MESSAGES_PER_MINUTE:
        raise TooManyMessagesError()
