"""One turn of a conversation: what the customer said, and what is said back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..knowledge.finding import Found, find_passages
from ..knowledge.guarding import is_harmful, without_orders
from ..models import Conversation, Message
from ..understanding.reading import Understood


@dataclass(frozen=True)
class Turn:
    """What a responder may know. `memory` is what an earlier turn left; `value` a choice that was offered.

    `language` is the one to answer in, `understood` what the message wants and names. `show` is there in a
    worker, where a language model may write: it shows the customer each sentence that has been checked.
    """

    conversation: Conversation
    message: Message
    text: str
    language: str
    understood: Understood
    value: str = ""
    memory: Mapping[str, Any] = field(default_factory=dict)
    show: Callable[[str], None] | None = None

    @cached_property
    def found(self) -> Found | None:
        """The passages that are likest to a question, looked for once; None for what asks nothing of them."""
        question = without_orders(self.text)
        if not question or self.value or is_harmful(question):
            return None
        return find_passages(
            question, language=self.understood.language, storefront=self.conversation.storefront
        )


@dataclass(frozen=True)
class Choice:
    """A reply that is offered as a button; `value` is what comes back besides the label."""

    label: str
    value: str


@dataclass(frozen=True)
class Citation:
    """Where a sentence of the reply comes from."""

    title: str
    passage: str
    url: str = ""


@dataclass(frozen=True)
class Card:
    """A product that is shown; `price` is written for people already."""

    item_id: str
    title: str
    url: str = ""
    image_url: str = ""
    price: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is said back.

    `is_failed` says that it does not help, `hand_over` that a person must take over and why; `n_tokens` are
    those of a language model that are paid for.
    `memory` replaces what is remembered for the next turn; None leaves it as it is.
    `is_for_model` says that a language model in a worker would word it; this is said where none does.
    """

    text: str
    answered_by: str
    citations: Sequence[Citation] = ()
    cards: Sequence[Card] = ()
    choices: Sequence[Choice] = ()
    is_failed: bool = False
    hand_over: Conversation.HandoffReason | None = None
    n_tokens: int = 0
    memory: Mapping[str, Any] | None = None
    is_for_model: bool = False

    @property
    def content(self) -> dict[str, Any]:
        """What is shown besides the text, as fields of a frame; what is empty is left out."""
        shown = {"citations": self.citations, "cards": self.cards, "choices": self.choices}
        return {name: [_without_empty(one) for one in rows] for name, rows in shown.items() if rows}


def _without_empty(row: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if value}
