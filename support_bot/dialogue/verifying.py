"""Whether an answer helped: the customer is asked, and what they say is kept with the conversation."""

import re
from dataclasses import replace

from django.utils.translation import gettext as _

from ..models import Conversation
from .people import PERSON
from .turns import Choice, Reply, Turn

HELPED, NOT_HELPED = "helped", "not_helped"
#: Answers by these are asked about.
ASKED_ABOUT = ("knowledge", "items")
_SOLVED = re.compile(
    r"^\W*(?:(?:yes|ok|okay|great|perfect|thanks|thank you)\W+)*"
    r"(?:that|this|it)(?:'s| has)?\s+(?:helped|solved it|worked)\b"
    r"|^\W*(?:谢谢\W*)?(?:问题)?(?:解决了|搞定了|有帮助|好了，?谢谢)",
    re.IGNORECASE,
)


def respond(turn: Turn) -> Reply | None:
    """Keep a customer's answer, thank them, or offer a person."""
    if turn.value == NOT_HELPED:
        _keep(turn, has_helped=False)
        return Reply(
            text=_("I'm sorry that it did not help. Say it in other words, or talk to a person."),
            answered_by="thanks", is_failed=True,
            choices=(Choice(label=_("Talk to a person"), value=PERSON),),
        )  # fmt: skip
    if turn.value == HELPED or (not turn.value and _SOLVED.search(turn.text)):
        _keep(turn, has_helped=True)
        return Reply(text=_("I'm glad that it helped. Is there anything else?"), answered_by="thanks")
    return None


def ask(reply: Reply) -> Reply:
    """Return the reply with the question whether it helped, where it answers and offers nothing else."""
    if reply.answered_by not in ASKED_ABOUT or reply.is_failed or reply.choices or reply.hand_over:
        return reply
    return replace(
        reply,
        choices=(
            Choice(label=_("That helped"), value=HELPED),
            Choice(label=_("That did not help"), value=NOT_HELPED),
        ),
    )


def _keep(turn: Turn, *, has_helped: bool) -> None:
    Conversation.objects.filter(pk=turn.conversation.pk).update(has_helped=has_helped)
