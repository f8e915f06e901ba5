"""The order in which responders are asked."""

from collections.abc import Callable, Sequence

from . import answering, fallback, flows, items, moods, people, pictures, shopping, small_talk, verifying
from .turns import Reply, Turn

Responder = Callable[[Turn], Reply | None]

#: A wish for a person comes before anything the bot could do itself, and so does anger.
RESPONDERS: Sequence[Responder] = (
    people.respond,
    moods.respond,
    verifying.respond,
    small_talk.respond,
    flows.respond,
    pictures.respond,
    items.respond,
    shopping.respond,
    answering.respond,
    items.respond_late,
    shopping.respond_late,
    flows.respond_late,
    answering.ask_back,
    fallback.respond,
)


def respond(turn: Turn) -> Reply:
    """Return the first answer; the last responder always has one."""
    for responder in RESPONDERS:
        if reply := responder(turn):
            return verifying.ask(flows.remind(turn, moods.instead_of(reply, turn)))
    raise AssertionError("The last responder answers everything.")
