"""A customer who wants a person gets one, in whatever words it is said."""

import re

from django.utils.translation import gettext as _

from ..models import Conversation
from .turns import Reply, Turn

#: The choice that is offered whenever the bot does not know.
PERSON = "person"

_SOMEBODY = (
    r"(?:human|person|people|agent|representative|employee|staff|colleague|operator|someone|somebody|advisor)"
)
_WISHES = re.compile(
    rf"\b(?:real|live|actual) {_SOMEBODY}\b"
    rf"|\b(?:talk|speak|chat|connect|transfer|pass|get|want|need|put)\b(?:\W+\w+){{0,5}}?\W+{_SOMEBODY}\b"
    rf"|^\W*(?:(?:a|an|the|any|real)\W+)?(?:{_SOMEBODY}|customer (?:service|care|support)|support)"
    r"(?:\W+(?:please|pls|plz|now|here|there|thanks|available|online))*\W*$"
    r"|人工|真人|转接?客服|(?:找|联系|叫|换|要|接)个?客服|^\W*(?:在线)?客服(?:在吗|在不在|呢|你好|有人吗)?\W*$|有人(?:吗|在吗)|(?:叫|换|找)个?(?:人|同事|专人)(?:来|吧|跟我|和我|处理|$)",
    re.IGNORECASE,
)


def respond(turn: Turn) -> Reply | None:
    if turn.value != PERSON and not _WISHES.search(turn.text):
        return None
    return Reply(
        text=_("I'll hand you over to a person. They see what we have written, so you need not repeat it."),
        answered_by="handoff",
        hand_over=Conversation.HandoffReason.ASKED,
    )
