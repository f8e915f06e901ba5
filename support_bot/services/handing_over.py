"""From the bot to a person and back. The customer is told each time."""

from typing import Any

from django.db import transaction
from django.utils import timezone, translation
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.services.access import write_audit

from ..announcing import announce_state
from ..exceptions import ConversationClosedError, TakenOverError
from ..models import Conversation, Message
from .assigning import ANSWER, line_up, person_for
from .conversations import append_message, count_person_time
from .office import Office

LINED_UP = (
    "state", "handoff_reason", "waiting_since", "memory", "priority", "priority_parts", "counted_since",
    "answer_due_at", "handed_over_at", "assigned_to",
)  # fmt: skip


def hand_over(conversation: Conversation, *, reason: Conversation.HandoffReason) -> list[Message]:
    """Let a conversation wait for a person; one that waits or has a person stays as it is.

    Outside of office hours the customer is told when somebody is back; returns what was said.
    """
    with transaction.atomic():
        locked = _lock(conversation)
        if locked.state != Conversation.State.BOT:
            return []
        locked.state, locked.handoff_reason = Conversation.State.WAITING, reason
        locked.waiting_since, locked.memory = timezone.now(), {}
        line_up(locked)
        locked.save(update_fields=LINED_UP)
        _nobody_replies(locked)
        said = _say_when_back(locked)
        announce_state(locked)
    return said


def take_over(conversation: Conversation, *, user: Any) -> None:
    """Give a conversation to a person; the bot stops at once, the customer is told.

    Raises `PermissionDeniedError`, `ConversationClosedError`, `TakenOverError`.
    """
    _check(user)
    with transaction.atomic():
        locked = _lock(conversation)
        if not locked.is_open:
            raise ConversationClosedError()
        if locked.state == Conversation.State.AGENT:
            if locked.agent_id == user.pk:
                return
            raise TakenOverError(name=str(locked.agent or ""))
        locked.state, locked.agent, locked.waiting_since = Conversation.State.AGENT, user, None
        locked.handoff_reason = locked.handoff_reason or Conversation.HandoffReason.TAKEN
        locked.memory, locked.taken_at, locked.counted_since = {}, timezone.now(), None
        locked.assigned_to = None
        locked.save(
            update_fields=["state", "agent", "waiting_since", "handoff_reason", "memory", "taken_at",
                           "counted_since", "assigned_to"]
        )  # fmt: skip
        _nobody_replies(locked)
        with translation.override(locked.language or None):
            notice = _("%(name)s from our team is here now.") % {"name": name_of(user)}
        append_message(locked, sender=Message.Sender.SYSTEM, text=notice)
        announce_state(locked)
        write_audit(action="take_over_conversation", subject=locked, user=user)


def give_back(conversation: Conversation, *, user: Any) -> None:
    """Let the bot go on; the customer is told. Raises `PermissionDeniedError`, `ConversationClosedError`."""
    _check(user)
    with transaction.atomic():
        locked = _lock(conversation)
        if not locked.is_open:
            raise ConversationClosedError()
        if locked.state == Conversation.State.BOT:
            return
        locked.state, locked.agent, locked.waiting_since = Conversation.State.BOT, None, None
        locked.n_failed_answers, locked.counted_since, locked.assigned_to = 0, None, None
        locked.given_back_at = locked.last_sequence
        count_person_time(locked)
        locked.save(
            update_fields=["state", "agent", "waiting_since", "n_failed_answers", "counted_since",
                           "assigned_to", "given_back_at", "agent_seconds", "taken_at"]
        )  # fmt: skip
        with translation.override(locked.language or None):
            notice = _("You are talking with the assistant again.")
        append_message(locked, sender=Message.Sender.SYSTEM, text=notice)
        announce_state(locked)
        write_audit(action="give_back_conversation", subject=locked, user=user)


def say_as_agent(conversation: Conversation, *, text: str, key: str, user: Any) -> Message:
    """Say something as a person; whoever does takes over a conversation that nobody has."""
    _check(user)
    take_over(conversation, user=user)
    Conversation.objects.filter(pk=conversation.pk, person_answered_at=None).update(
        person_answered_at=timezone.now()
    )
    return append_message(conversation, sender=Message.Sender.AGENT, text=text.strip(), key=key, agent=user)


def pass_on(conversation: Conversation, *, user: Any) -> None:
    """Let a colleague go on, because the person who talks has to leave; the customer is told."""
    _check(user)
    with transaction.atomic():
        locked = _lock(conversation)
        if locked.state != Conversation.State.AGENT:
            return
        count_person_time(locked)
        locked.state, locked.waiting_since, locked.agent = Conversation.State.WAITING, timezone.now(), None
        line_up(locked)
        locked.assigned_to = person_for(locked, but=user)
        locked.save(update_fields=[*LINED_UP, "agent", "agent_seconds", "taken_at"])
        with translation.override(locked.language or None):
            notice = _("A colleague will go on here in a moment.")
        append_message(locked, sender=Message.Sender.SYSTEM, text=notice)
        announce_state(locked)
        write_audit(action="pass_on_conversation", subject=locked, user=user)


def _say_when_back(conversation: Conversation) -> list[Message]:
    """Tell a customer who waits at night when somebody is there; nothing during office hours."""
    now, office = timezone.now(), Office()
    opens = office.next_opening(now)
    if opens == now:
        return []
    with translation.override(conversation.language or None):
        if opens is None:
            notice = _("Nobody is here now. Your message is kept, and somebody will answer it here.")
        else:
            local = opens.astimezone(timezone.get_default_timezone())
            notice = _(
                "Nobody is here now. Somebody answers here from %(day)s, %(time)s. What you write is kept."
            ) % {"day": date_format(local, "l, j F"), "time": time_format(local, "H:i")}
    return [append_message(conversation, sender=Message.Sender.SYSTEM, text=notice)]


def name_of(user: Any) -> str:
    """What a customer reads of a person: the first name alone, never a login or an address."""
    return user.first_name.strip() or _("A colleague")


def _lock(conversation: Conversation) -> Conversation:
    return Conversation.objects.select_for_update().get(pk=conversation.pk)


def _nobody_replies(conversation: Conversation) -> None:
    waiting = conversation.messages.filter(reply_state=Message.ReplyState.WAITING)
    waiting.update(reply_state=Message.ReplyState.DONE)


def _check(user: Any) -> None:
    if user is None or not user.has_perm(ANSWER):
        raise PermissionDeniedError()
