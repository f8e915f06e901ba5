"""What this scenario keeps of a person: removed and told through fusion."""

import base64
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from ecomai.fusion.subjects import Subject, in_batches

from ..app_settings import app_settings
from ..masking import mask_text
from ..models import Attachment, Conversation, IntentExample, Message, Note
from ..models.understanding import LONGEST_PHRASE
from ..understanding.marks import read_marks
from .attachments import remove_unsent
from .canned import customer_name
from .intents import forget_proposed


def erase(subject: Subject) -> Mapping[str, int]:
    """Remove a subject's conversations, and phrases of intents that were their words. Safe to call twice."""
    theirs = _conversations(subject)
    n_phrases = _forget_words(theirs)
    n = theirs.count()
    theirs.delete()
    n_attachments = Attachment.objects.filter(_theirs(subject), storefront=subject.storefront).delete()[0]
    return {"conversations": n, "phrases": n_phrases, "attachments": n_attachments}


def _forget_words(theirs: QuerySet[Conversation]) -> int:
    """Remove phrases that a labelled message became, and the cases that wait for a label."""
    said = list(
        Message.objects.filter(conversation__in=theirs, sender=Message.Sender.CUSTOMER).values_list(
            "pk", "text"
        )
    )
    known = theirs.exclude(customer=None).select_related("customer").first()
    names = [customer_name(known)] if known else []
    words = {
        form[:LONGEST_PHRASE]
        for _pk, text in said
        for form in (text, mask_text(text), mask_text(text, names=names))
    }
    labelled = IntentExample.objects.filter(source=IntentExample.Source.LABELLED)
    n = sum(labelled.filter(text__in=some).delete()[0] for some in in_batches(sorted(words)))
    # Whoever marked what a phrase names has not made it another one.
    marked = labelled.filter(text__contains="](").values_list("pk", "text")
    same = [pk for pk, text in marked.iterator() if read_marks(text)[0] in words]
    n += sum(labelled.filter(pk__in=some).delete()[0] for some in in_batches(same))
    _forget_cases(pk for pk, _text in said)
    return n


def _forget_cases(message_ids: Iterable[int]) -> None:
    for some in in_batches(list(message_ids)):
        forget_proposed(some)


def export(subject: Subject) -> Mapping[str, Any]:
    """Return what was said in a subject's conversations, as JSON values."""
    found = (
        _conversations(subject)
        .order_by("started_at")
        .prefetch_related("messages", "tool_calls", "notes", "tags")
    )
    files = _files(found)
    return {
        "conversations": [
            {
                "id": str(row.public_id),
                "started_at": row.started_at.isoformat(),
                "rating": row.rating,
                "rating_text": row.rating_text,
                "intent": row.intent,
                "mood": row.mood,
                "solved_says_model": row.model_says_solved,
                "priority": row.priority_parts,
                "tags": [tag.name for tag in row.tags.all()],
                "notes": [note.text for note in row.notes.all()],
                "messages": [
                    {
                        "from": said.sender,
                        "at": said.created_at.isoformat(),
                        "text": said.text,
                        **({"attachments": files[said.pk]} if said.pk in files else {}),
                    }
                    for said in row.messages.all()
                ],
                "actions": [
                    {"tool": call.tool, "with": call.arguments, "state": call.state}
                    for call in row.tool_calls.all()
                ],
            }
            for row in found
        ]
    }


def _files(conversations: QuerySet[Conversation]) -> dict[int, list[dict[str, Any]]]:
    """Return what came with messages, by message: the files as base64, and what was read in them."""
    files: dict[int, list[dict[str, Any]]] = {}
    for row in Attachment.objects.filter(conversation__in=conversations, message__isnull=False).iterator():
        content = base64.b64encode(bytes(row.content)).decode()
        told = {"kind": row.kind, "type": row.media_type, "text": row.text, "content": content}
        files.setdefault(row.message_id or 0, []).append(told)
    return files


def remove_old() -> int:
    """Remove conversations that were closed `KEEP_DAYS` ago, return how many; and uploads never sent."""
    remove_unsent()
    before = timezone.now() - timedelta(days=app_settings.KEEP_DAYS)
    old = Conversation.objects.filter(state=Conversation.State.CLOSED, last_message_at__lt=before)
    n = old.count()
    said = Message.objects.filter(conversation__in=old, sender=Message.Sender.CUSTOMER)
    _forget_cases(said.values_list("pk", flat=True))
    old.delete()
    return n


def remove_old_notes() -> int:
    """Remove notes of colleagues after `KEEP_NOTES_DAYS`; return how many."""
    before = timezone.now() - timedelta(days=app_settings.KEEP_NOTES_DAYS)
    return Note.objects.filter(created_at__lt=before).delete()[0]


def close_idle(*, most: int = 1_000) -> int:
    """Close conversations without a message for `CLOSE_AFTER_HOURS`; return how many.

    One that waits for a person is not closed: that would hide that nobody came.
    """
    from .conversations import end_conversation

    before = timezone.now() - timedelta(hours=app_settings.CLOSE_AFTER_HOURS)
    states = (Conversation.State.BOT, Conversation.State.AGENT)
    idle = list(Conversation.objects.filter(state__in=states, last_message_at__lt=before)[:most])
    for conversation in idle:
        end_conversation(conversation)
    return len(idle)


def _conversations(subject: Subject) -> QuerySet[Conversation]:
    return Conversation.objects.filter(_theirs(subject), storefront=subject.storefront)


def _theirs(subject: Subject) -> Q:
    theirs = Q(customer_id=subject.customer_pk) if subject.customer_pk else Q(pk__in=())
    if subject.session_ids:
        theirs |= Q(customer=None, session_id__in=subject.session_ids)
    return theirs
