"""What was asked and not answered, questions of one meaning together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from ecomai.registry.masking import mask_personal_data

from ..models import Conversation, Message
from ..models.conversations import UNANSWERED
from ..selectors import with_questions
from .index import telling

NOT_UNDERSTOOD = Conversation.HandoffReason.NOT_UNDERSTOOD
MOST_QUESTIONS = 2_000
#: The share of telling pieces that two questions have in common to be one.
LEAST_LIKENESS = 0.4
MOST_SHOWN = 5


@dataclass
class Gap:
    """Questions that are alike, in one language; `pieces` is what the first of them is about."""

    language: str
    pieces: frozenset[str]
    questions: list[str] = field(default_factory=list)
    n: int = 0

    @property
    def shown(self) -> list[str]:
        return list(dict.fromkeys(self.questions))[:MOST_SHOWN]


def unanswered_questions(*, since: datetime) -> Iterable[tuple[str, str]]:
    """Return the language and the masked text of each question that got no answer, the newest first."""
    is_gap = ~Q(answered_by="handoff") | Q(conversation__handoff_reason=NOT_UNDERSTOOD)
    replies = Message.objects.filter(is_gap, answered_by__in=UNANSWERED, created_at__gte=since)
    asked = with_questions(replies).order_by("-created_at")
    for text, meant in asked.values_list("question", "meant")[:MOST_QUESTIONS]:
        yield (meant or {}).get("language", ""), " ".join(mask_personal_data(text or "").split())[:300]


def gaps(questions: Iterable[tuple[str, str]]) -> list[Gap]:
    """Return groups of questions that are alike, those that are asked most first."""
    found: list[Gap] = []
    for language, text in questions:
        pieces = frozenset(telling(text))
        if not pieces:
            continue
        gap = _likest(found, language, pieces)
        if gap is None:
            gap = Gap(language, pieces)
            found.append(gap)
        gap.questions.append(text)
        gap.n += 1
    return sorted(found, key=lambda gap: -gap.n)


def _likest(found: Sequence[Gap], language: str, pieces: frozenset[str]) -> Gap | None:
    same = [gap for gap in found if gap.language == language]
    best = max(same, key=lambda gap: _likeness(gap.pieces, pieces), default=None)
    return best if best is not None and _likeness(best.pieces, pieces) >= LEAST_LIKENESS else None


def _likeness(first: frozenset[str], second: frozenset[str]) -> float:
    return len(first & second) / len(first | second)
