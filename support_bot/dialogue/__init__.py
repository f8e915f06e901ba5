"""What the bot says to one message: responders are asked in turn, and the first that knows answers."""

from .turns import Reply, Turn

__all__ = ["Reply", "Turn", "respond"]


def respond(turn: Turn) -> Reply:
    """Return the first answer; responders are imported here, as they use modules that speak of turns."""
    from .responding import respond as ask

    return ask(turn)
