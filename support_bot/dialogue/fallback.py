"""What is said when nothing else has an answer: no guess, and a way on."""

from django.utils.translation import gettext as _

from ..app_settings import app_settings
from ..models import Conversation
from .people import PERSON
from .turns import Choice, Reply, Turn


def respond(turn: Turn) -> Reply:
    """Ask for other words; after `MAX_FAILED_ANSWERS` hand over, so that nobody goes in circles."""
    if turn.conversation.n_failed_answers + 1 >= app_settings.MAX_FAILED_ANSWERS:
        return Reply(
            text=_("I still don't have an answer to that, so I'll ask a person to take over."),
            answered_by="handoff",
            is_failed=True,
            hand_over=Conversation.HandoffReason.NOT_UNDERSTOOD,
        )
    return Reply(
        text=_(
            "I'm not sure that I understood. Could you say it in other words, or would you like to talk to "
            "a person?"
        ),
        answered_by="fallback",
        is_failed=True,
        choices=(Choice(label=_("Talk to a person"), value=PERSON),),
    )
