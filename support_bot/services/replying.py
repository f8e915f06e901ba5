"""Replying to a customer: once, whoever is asked, and also after a process died in the middle."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from .. import dialogue, selectors
from ..app_settings import app_settings
from ..models import Conversation, Message
from ..understanding.fusing import understand_turn
from ..understanding.reading import Understood
from .composing import ReplyTakenError, Writing, hand_to_worker
from .conversations import lease_end, write_message
from .handing_over import hand_over

logger = logging.getLogger(__name__)
#: After so many faults a person is asked instead.
MAX_ATTEMPTS = 2
#: How much of a conversation's mood is that of the last message.
MOOD_OF_TURN = 0.6


def reply_to(message: Message) -> list[Message]:
    """Write the reply to a message, unless somebody writes or has written it; return what was said.

    A fault leaves the message waiting for the next try; the last one hands over to a person. Where a language
    model writes, the first try is a worker's, and nothing is said yet.
    """
    if not message.is_leased_here and not _lease(message):
        return []
    message.is_leased_here = False
    conversation = selectors.conversation_to_answer(message.conversation_id)
    language, reply = _reply(conversation, message)
    if reply and reply.is_for_model and _n_attempts(message) == 1 and hand_to_worker(message):
        return []
    return _said(conversation, message, language, reply)


def write_reply(message_id: int, leased_until: str) -> list[Message]:
    """Write the reply that a web process left to a worker, while the customer reads along.

    Safe to run twice. Raises nothing where somebody else replies by now.
    """
    message = Message.objects.select_related("conversation").filter(pk=message_id).first()
    if message is None:
        return []
    writing = Writing(message, datetime.fromisoformat(leased_until))
    if not writing.begin():
        return []
    try:
        language, reply = _reply(message.conversation, message, show=writing.show)
    except ReplyTakenError:
        return []
    # After a fault the articles' own words are the next try.
    return _said(message.conversation, message, language, reply) or reply_to(message)


def _said(
    conversation: Conversation, message: Message, language: str, reply: dialogue.Reply | None
) -> list[Message]:
    with translation.override(language):
        reply = reply or _apology(message)
        return _say(conversation, message, reply) if reply else []


def _reply(
    conversation: Conversation, message: Message, *, show: Callable[[str], None] | None = None
) -> tuple[str, dialogue.Reply | None]:
    """Understand and answer; None where that failed, in the language of the page then."""
    try:
        understood = understand_turn(message, default_language=conversation.language or "en")
        message.understanding = understood.as_json()
        language = language_to_answer(conversation, understood)
        with translation.override(language):
            return language, dialogue.respond(_turn(conversation, message, understood, show))
    except ReplyTakenError:
        raise
    except Exception:
        # Whatever goes wrong, the customer is not left without a word.
        logger.exception("Replying to message %s failed.", message.pk)
        return language_of(conversation), None


def reply_to_forgotten(*, most: int = 200) -> int:
    """Reply to messages whose process died before it replied; return how many."""
    found = selectors.unanswered_messages(now=timezone.now())
    old = timezone.now() - timedelta(seconds=app_settings.REPLY_LEASE_SECONDS)
    return sum(len(reply_to(message)) > 0 for message in found.filter(created_at__lt=old)[:most])


def language_of(conversation: Conversation) -> str:
    """Return a language that the shop's pages can be shown in."""
    return _shown(conversation.language) or translation.get_language() or "en"


def language_to_answer(conversation: Conversation, understood: Understood) -> str:
    """Return the language of what was said where the shop has it, or else that of the page."""
    return _shown(understood.language) or language_of(conversation)


def _shown(language: str) -> str:
    try:
        return translation.get_supported_language_variant(language)
    except LookupError:
        return ""


def _lease(message: Message) -> bool:
    now = timezone.now()
    waiting = Message.objects.filter(
        Q(reply_leased_until=None) | Q(reply_leased_until__lt=now),
        pk=message.pk, reply_state=Message.ReplyState.WAITING,
    )  # fmt: skip
    taken = waiting.update(reply_leased_until=lease_end(now), n_reply_attempts=F("n_reply_attempts") + 1)
    return taken == 1


def _turn(
    conversation: Conversation, message: Message, understood: Understood, show: Callable[[str], None] | None
) -> dialogue.Turn:
    return dialogue.Turn(
        conversation=conversation,
        message=message,
        text=message.text,
        value=message.content.get("value", ""),
        language=translation.get_language() or "en",
        understood=understood,
        memory=conversation.memory,
        show=show,
    )


def _n_attempts(message: Message) -> int:
    return Message.objects.values_list("n_reply_attempts", flat=True).get(pk=message.pk)


def _apology(message: Message) -> dialogue.Reply | None:
    """Return what is said after the last fault; None where another try is due."""
    if _n_attempts(message) < MAX_ATTEMPTS:
        Message.objects.filter(pk=message.pk).update(reply_leased_until=None)
        return None
    return dialogue.Reply(
        text=_("Something went wrong on our side. I'll ask a person to help you."),
        answered_by="fault",
        is_failed=True,
        hand_over=Conversation.HandoffReason.NOT_UNDERSTOOD,
    )


def _say(conversation: Conversation, message: Message, reply: dialogue.Reply) -> list[Message]:
    """Write reply, memory and hand-over in one transaction; nothing, if a person took over meanwhile.

    Nor if somebody else has replied, because this took longer than the lease.
    """
    with transaction.atomic():
        locked = Conversation.objects.select_for_update().get(pk=conversation.pk)
        waiting = Message.objects.filter(pk=message.pk, reply_state=Message.ReplyState.WAITING)
        is_mine = waiting.update(reply_state=Message.ReplyState.DONE, understanding=message.understanding)
        if not is_mine or locked.state != Conversation.State.BOT:
            return []
        said = write_message(
            locked, sender=Message.Sender.BOT, text=reply.text, content=reply.content,
            answered_by=reply.answered_by, noted=_noted(locked, message, reply),
        )  # fmt: skip
        notices = hand_over(locked, reason=reply.hand_over) if reply.hand_over is not None else []
    return [said, *notices]


def _noted(conversation: Conversation, message: Message, reply: dialogue.Reply) -> dict[str, Any]:
    """What a turn tells of its conversation: what it is about, what is remembered, and the mood."""
    understood = message.understanding
    mood = (1 - MOOD_OF_TURN) * conversation.mood + MOOD_OF_TURN * understood.get("sentiment", 0.0)
    noted: dict[str, Any] = {
        "mood": round(mood, 3),
        "n_failed_answers": conversation.n_failed_answers + 1 if reply.is_failed else 0,
        "n_tokens": conversation.n_tokens + reply.n_tokens,
    }
    if understood.get("intent") and not understood.get("is_out_of_scope") and not conversation.intent:
        noted["intent"] = understood["intent"][:64]
    if reply.memory is not None:
        noted["memory"] = dict(reply.memory)
    return noted
