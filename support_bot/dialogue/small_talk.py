"""Greetings, thanks and farewells: what a program should understand before anything else."""

import re

from django.utils.translation import gettext as _

from .turns import Reply, Turn

ANSWERED_BY = "small_talk"
#: What politeness may end with.
_END = (
    r"(?:\W+(?:there|all|everyone|again|you|very much|so much|a lot|for (?:your|the) help|bot))*"
    r"(?:\W*(?:啊|呀|哦|你们?|您|了))*\W*$"
)
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|greetings"
    rf"|你好|您好|哈喽|早上好|下午好|晚上好){_END}",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"^\W*(?:(?:ok|okay|great|perfect|cool|好的?)\W*)?"
    rf"(?:thanks|thank you|thx|many thanks|cheers|谢谢|多谢|感谢){_END}",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    rf"^\W*(?:bye(?: ?bye)?|goodbye|see you|good night|再见|拜拜|晚安){_END}", re.IGNORECASE
)
_PROGRAM = re.compile(
    r"\bare you (?:a |an )?(?:real|human|person|bot|robot|program|machine|computer|ai)\b"
    r"|\bam i (?:talking|speaking|chatting) (?:to|with) (?:a |an )?(?:human|person|bot|robot|machine)\b"
    r"|你是(?:机器人|真人|人工智能|程序|人)吗",
    re.IGNORECASE,
)


def respond(turn: Turn) -> Reply | None:
    """Answer what is said out of politeness alone; a message that also wants something is left to others."""
    if turn.value:
        return None
    if _PROGRAM.search(turn.text):
        return _say(_("I'm a computer program. Ask for a person at any time, and one will answer here."))
    if _GREETING.match(turn.text):
        return _say(_("Hello! What can I do for you?"))
    if _THANKS.match(turn.text):
        return _say(_("You're welcome. Is there anything else?"))
    if _FAREWELL.match(turn.text):
        return _say(_("Goodbye, and thank you for your visit."))
    return None


def _say(text: str) -> Reply:
    return Reply(text=text, answered_by=ANSWERED_BY)
