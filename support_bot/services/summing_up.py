"""A conversation in a few lines, in its own words: what was asked, what was answered, what is open."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..models import Message

Sender = Message.Sender
#: Replies by these say nothing of the matter.
EMPTY = ("fallback", "handoff", "thanks", "fault")
LONGEST = 240
N_OPEN = 3


@dataclass(frozen=True)
class Summary:
    """Sentences of the conversation; `open` is what the customer said after the last real answer."""

    asked: str = ""
    answered: str = ""
    open: Sequence[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.asked


def sum_up(messages: Sequence[Message]) -> Summary:
    """Return what was asked first, the last answer that was one, and what came after it.

    Nothing is rewritten: what a colleague reads was said.
    """
    asked = [said for said in messages if said.sender == Sender.CUSTOMER and len(said.text.strip()) > 2]
    if not asked:
        return Summary()
    wanted = [said for said in asked if not _is_small_talk(said)] or asked
    answers = [said for said in messages if _is_answer(said)]
    last = answers[-1].sequence if answers else 0
    still = [said for said in asked if said.sequence > last and not _is_small_talk(said)]
    if not answers:
        still = [said for said in still if said.pk != wanted[0].pk] or still
    return Summary(
        asked=_short(wanted[0].text),
        answered=_short(answers[-1].text) if answers else "",
        open=[_short(said.text) for said in still[-N_OPEN:]],
    )


def _is_answer(said: Message) -> bool:
    return said.sender == Sender.AGENT or (said.sender == Sender.BOT and said.answered_by not in EMPTY)


def _is_small_talk(said: Message) -> bool:
    """Thanks, a greeting, a yes: short and about nothing."""
    understood = said.understanding or {}
    is_short = len(said.text) < 25 and "?" not in said.text and "？" not in said.text
    return is_short and (understood.get("is_out_of_scope", True) or understood.get("sentiment", 0) > 0.3)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rsplit(" ", 1)[0] + "…"
