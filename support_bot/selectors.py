"""Reads of conversations."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils import timezone

from ecomai.inference.spans import Span

from .exceptions import UnknownAttachmentError, UnknownConversationError
from .models import Attachment, Conversation, Intent, IntentExample, Message
from .understanding.marks import read_marks
from .understanding.starter import STARTER, starter_examples
from .visitors import ChatVisitor


def conversation_of(visitor: ChatVisitor, public_id: str) -> Conversation:
    """Return the visitor's own conversation. Raises `UnknownConversationError`, whosever it is."""
    try:
        wanted = UUID(public_id)
    except ValueError:
        raise UnknownConversationError() from None
    found = Conversation.objects.filter(visitor.owns, public_id=wanted).first()
    if found is None:
        raise UnknownConversationError()
    return found


def attachments_of(visitor: ChatVisitor, public_ids: Sequence[str]) -> list[Attachment]:
    """Return the visitor's own. Raises `UnknownAttachmentError` where one is not, whosever it is."""
    try:
        wanted = [UUID(public_id) for public_id in public_ids]
    except ValueError:
        raise UnknownAttachmentError() from None
    mine = Attachment.objects.filter(visitor.owns, public_id__in=wanted).defer("content")
    found = {row.public_id: row for row in mine}
    if len(found) != len(set(wanted)):
        raise UnknownAttachmentError()
    return [found[public_id] for public_id in dict.fromkeys(wanted)]


def open_conversation_of(visitor: ChatVisitor) -> Conversation | None:
    """Return the visitor's newest conversation that is not closed."""
    mine = Conversation.objects.filter(visitor.owns).exclude(state=Conversation.State.CLOSED)
    return mine.order_by("-last_message_at").first()


def messages_after(conversation: Conversation, sequence: int, *, most: int = 500) -> Sequence[Message]:
    """Return the messages after a number, the oldest first."""
    return list(conversation.messages.filter(sequence__gt=sequence).order_by("sequence")[:most])


def conversation_to_answer(pk: int) -> Conversation:
    """Return all that each turn reads of a conversation: its customer, and what the bot said last."""
    said = Message.objects.filter(conversation=OuterRef("pk"), sender=Message.Sender.BOT)
    rows = Conversation.objects.select_related("customer").annotate(said_by_bot=Subquery(_newest(said)))
    return rows.get(pk=pk)


def said_last(conversation: Conversation) -> Mapping[str, str] | None:
    """Return `text` and `answered_by` of what the bot said last; None where it said nothing yet."""
    known = vars(conversation)
    if "said_by_bot" not in known:
        known["said_by_bot"] = _newest(conversation.messages.filter(sender=Message.Sender.BOT)).first()
    found: Mapping[str, str] | None = known["said_by_bot"]
    return found


def _newest(said: QuerySet[Message]) -> Any:
    shown = JSONObject(text="text", answered_by="answered_by")
    return said.order_by("-sequence").values_list(shown, flat=True)[:1]


def with_questions(replies: QuerySet[Message]) -> Any:
    """Add to replies what the customer had said before: `question_id`, `question` and how it was `meant`."""
    before = Message.objects.filter(
        conversation=OuterRef("conversation"), sequence__lt=OuterRef("sequence"),
        sender=Message.Sender.CUSTOMER,
    ).order_by("-sequence")  # fmt: skip
    return replies.annotate(
        question_id=Subquery(before.values("pk")[:1]), question=Subquery(before.values("text")[:1]),
        meant=Subquery(before.values("understanding")[:1]),
    )  # fmt: skip


def unanswered_messages(*, now: datetime) -> QuerySet[Message]:
    """Messages whose reply nobody is writing, the oldest first: whoever began has died."""
    is_free = Q(reply_leased_until=None) | Q(reply_leased_until__lt=now)
    return Message.objects.filter(is_free, reply_state=Message.ReplyState.WAITING).order_by("created_at")


def waiting_messages_of(conversation: Conversation) -> Sequence[Message]:
    """Return the messages of a conversation that wait for the bot's reply, the oldest first."""
    waiting = conversation.messages.filter(reply_state=Message.ReplyState.WAITING)
    return list(waiting.order_by("sequence"))


def seconds_leased(message: Message) -> float | None:
    """Return for how long somebody else is still trusted to reply; None where nobody is, or has."""
    waiting = Message.objects.filter(pk=message.pk, reply_state=Message.ReplyState.WAITING)
    until = waiting.values_list("reply_leased_until", flat=True).first()
    return None if until is None else max(0.0, (until - timezone.now()).total_seconds())


def active_phrases() -> list[tuple[str, str]]:
    """Return phrases with the names of their intents: the shop's, or else those that are shipped."""
    rows = IntentExample.objects.filter(intent__is_active=True).order_by("pk")
    own = [(read_marks(text)[0], name) for text, name in rows.values_list("text", "intent__name")]
    return own or [
        (text, name)
        for name, of in STARTER.items()
        for language in of
        for text in starter_examples(name, language)
    ]


def marked_phrases() -> list[tuple[str, list[Span]]]:
    """Return the shop's phrases in which something is marked, and what."""
    rows = IntentExample.objects.filter(intent__is_active=True, text__contains="](").order_by("pk")
    read = [read_marks(text) for text in rows.values_list("text", flat=True)]
    return [(plain, spans) for plain, spans in read if spans]


def active_intents() -> set[str]:
    """Return the names of intents, the shop's or else those that are shipped."""
    return set(Intent.objects.filter(is_active=True).values_list("name", flat=True)) or set(STARTER)


def unsure_messages(*, since: datetime, below: float = 0.8, most_read: int = 10_000) -> list[Message]:
    """Return what customers wrote since then and was not understood well; of the newest `most_read`."""
    newest = Message.objects.filter(sender=Message.Sender.CUSTOMER).order_by("-pk")
    fields = ("text", "content", "understanding", "created_at")
    found = takewhile(lambda message: message.created_at >= since, newest.only(*fields)[:most_read])
    return [message for message in found if _is_unsure(message, below)]


def _is_unsure(message: Message, below: float) -> bool:
    read = message.understanding
    if not read or "value" in message.content or len(message.text) < 3:
        return False
    return bool(read["is_out_of_scope"]) or read["confidence"] < below
