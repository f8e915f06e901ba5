"""Words, recordings and pictures of one turn, understood as one."""

from collections.abc import Sequence
from dataclasses import replace

from ..models import Message
from .patterns import Entity
from .reading import Understood, find_entities, understand

#: Where an entity stands that was read in a picture: not in the words.
IN_PICTURE = -1
#: What is taken from pictures: a receipt is full of dates and amounts that nobody asks about.
TAKEN = frozenset(("order_number",))


def understand_turn(message: Message, *, default_language: str) -> Understood:
    """Understand a message together with what a worker read in its pictures.

    Words say what is wanted, and pictures what it is about: the number of an order on a receipt is as good as
    one that was written. A picture without words wants nothing yet; its language is that of the chat.
    """
    read = text_in_pictures(message)
    if message.text:
        understood = understand(message.text, default_language=default_language)
    else:
        understood = replace(
            understand(read, default_language=default_language), entities=(), language=default_language,
            is_out_of_scope=True, confidence=0.0,
        )  # fmt: skip
    return replace(understood, entities=(*understood.entities, *_named(read, understood.entities)))


def text_in_pictures(message: Message) -> str:
    if "attachments" not in message.content:
        return ""
    texts = message.attachments.exclude(text="").order_by("created_at").values_list("text", flat=True)
    return "\n".join(texts)


def _named(read: str, said: Sequence[Entity]) -> list[Entity]:
    """Return what pictures name, of kinds that the words do not name: what somebody writes comes first."""
    kinds = TAKEN - {entity.kind for entity in said}
    return [
        replace(entity, start=IN_PICTURE, end=IN_PICTURE)
        for entity in (find_entities(read) if read else ())
        if entity.kind in kinds
    ]
