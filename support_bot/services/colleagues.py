"""What colleagues do beside a chat: notes to each other, tags, and that somebody is typing."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from ecomai.exceptions import PermissionDeniedError

from ..announcing import announce_frame
from ..exceptions import EmptyMessageError
from ..models import Conversation, Note, Tag
from .assigning import ANSWER

LONGEST_NOTE = 5_000


def add_note(conversation: Conversation, *, text: str, user: Any) -> Note:
    """Keep what a colleague should know; it is never sent. Raises `EmptyMessageError`."""
    _check(user)
    text = text.strip()[:LONGEST_NOTE]
    if not text:
        raise EmptyMessageError()
    return Note.objects.create(conversation=conversation, author=user, text=text)


def set_tags(conversation: Conversation, *, pks: Iterable[int], user: Any) -> None:
    _check(user)
    conversation.tags.set(Tag.objects.filter(pk__in=list(pks)))


def show_typing(conversation: Conversation, *, user: Any) -> None:
    """Show the customer that a person is typing, if that person has the chat."""
    _check(user)
    if conversation.state == Conversation.State.AGENT and conversation.agent_id == user.pk:
        announce_frame(conversation, {"type": "typing", "from": "agent"})


def name_for_staff(user: Any) -> str:
    """What colleagues read of each other."""
    return (user.get_full_name() or user.get_username()) if user else _("somebody who left")


def _check(user: Any) -> None:
    if user is None or not user.has_perm(ANSWER):
        raise PermissionDeniedError()
