"""Drafts of articles from what colleagues answered; a person reads, mends and publishes them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.masking import mask_personal_data

from ..models import Article, Conversation, Message
from .articles import ADD, upsert_article

WITHIN = timedelta(days=90)
MOST_CONVERSATIONS = 500
#: Shorter answers say nothing that others could use.
SHORTEST_ANSWER, SHORTEST_QUESTION = 40, 10
LEAST_RATING = 4


def draft_from_conversations(*, user: Any) -> int:
    """Write drafts of what colleagues answered in resolved conversations; return how many are new.

    Personal data is masked. What was drafted before is left alone, also where a person changed it.
    """
    if not user.has_perm(ADD):
        raise PermissionDeniedError
    return sum(_draft(conversation, user) for conversation in _resolved())


def _resolved() -> Any:
    """Closed conversations in which a colleague answered, and nobody complained of it."""
    return (
        Conversation.objects.filter(
            Q(rating=None) | Q(rating__gte=LEAST_RATING), state=Conversation.State.CLOSED,
            closed_at__gte=timezone.now() - WITHIN, messages__sender=Message.Sender.AGENT,
        )
        .distinct()
        .order_by("-closed_at")[:MOST_CONVERSATIONS]
    )  # fmt: skip


def _draft(conversation: Conversation, user: Any) -> int:
    n = 0
    for sequence, question, answer in _exchanges(conversation):
        external_id = f"conversation:{conversation.pk}:{sequence}"
        if Article.objects.filter(storefront=conversation.storefront, external_id=external_id).exists():
            continue
        values = {
            "title": question[:200], "body": answer, "questions": question,
            "language": conversation.language or "en", "state": Article.State.DRAFT,
        }  # fmt: skip
        upsert_article(
            external_id=external_id, values=values, storefront=conversation.storefront,
            source=Article.Source.CONVERSATION, user=user,
        )  # fmt: skip
        n += 1
    return n


def _exchanges(conversation: Conversation) -> Iterator[tuple[int, str, str]]:
    """Yield what a customer asked last before colleagues answered, and all of that answer."""
    asked: Message | None = None
    answer: list[str] = []
    talk = [*conversation.messages.order_by("sequence"), None]
    for message in talk:
        if message is not None and message.sender == Message.Sender.AGENT:
            answer.append(message.text)
        elif message is None or message.sender == Message.Sender.CUSTOMER:
            if asked is not None and answer:
                question, said = _plain(asked.text), mask_personal_data("\n\n".join(answer))
                if len(said) >= SHORTEST_ANSWER and len(question) >= SHORTEST_QUESTION:
                    yield asked.sequence, question, said
            asked, answer = message, []


def _plain(text: str) -> str:
    return " ".join(mask_personal_data(text).split())[:500]
