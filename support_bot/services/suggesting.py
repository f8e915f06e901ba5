"""What a person could reply: what the bot would answer, with its sources, and canned answers that fit."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.utils import translation

from ..dialogue import answering
from ..dialogue.turns import Turn
from ..models import Conversation, Message
from ..understanding.nearest import NearestPhrases
from ..understanding.reading import understand
from .canned import Filled, canned_for

logger = logging.getLogger(__name__)
MOST = 3
#: A canned answer less alike than this is none.
LEAST_LIKENESS = 0.12


@dataclass(frozen=True)
class Suggestion:
    """A reply that a person may take over; `sources` are titles with addresses that it rests on."""

    text: str
    origin: str
    sources: Sequence[tuple[str, str]] = field(default_factory=tuple)


def suggest_replies(conversation: Conversation, *, user: Any) -> Sequence[Suggestion]:
    """Return replies to what the customer said last, the best first. Nothing is written or sent."""
    asked = conversation.messages.filter(sender=Message.Sender.CUSTOMER).order_by("-sequence").first()
    if asked is None:
        return []
    found = [*_known(conversation, asked), *_canned(asked.text, canned_for(conversation, user))]
    return list({each.text: each for each in found}.values())[:MOST]


def _known(conversation: Conversation, asked: Message) -> list[Suggestion]:
    """What the bot's knowledge says, with where it says so; a fault of it costs this suggestion alone."""
    language = conversation.language or translation.get_language() or "en"
    try:
        understood = understand(asked.text, default_language=language)
        turn = Turn(
            conversation=conversation, message=asked, text=asked.text, language=language,
            understood=understood,
        )  # fmt: skip
        with translation.override(language):
            reply = answering.respond(turn)
    except Exception:
        logger.exception("Knowledge had no suggestion.")
        return []
    if reply is None or reply.is_failed or reply.hand_over:
        return []
    return [Suggestion(reply.text, "knowledge", tuple((each.title, each.url) for each in reply.citations))]


def _canned(text: str, answers: Sequence[Filled]) -> list[Suggestion]:
    if not answers:
        return []
    nearest = _nearest(tuple((each.title, each.text) for each in answers))
    ranked = [pair for pair in nearest.rank(text) if pair[1] >= LEAST_LIKENESS]
    return [
        Suggestion(answers[int(place)].text, "canned", ((answers[int(place)].title, ""),))
        for place, _likeness in ranked[:MOST]
    ]


@lru_cache(maxsize=64)
def _nearest(answers: tuple[tuple[str, str], ...]) -> NearestPhrases:
    texts = [words for title, text in answers for words in (f"{title} {text}", f"{title} {text}")]
    return NearestPhrases(texts, [str(place // 2) for place in range(len(texts))])
