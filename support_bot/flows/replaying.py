"""A version of a flow against past conversations: what it would say, and what was said. Nothing is done."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ecomai.commerce.models import Order

from ..actions import Actor, ChangingTool
from ..actions.ownership import Checked
from ..actions.performing import Outcome, told
from ..dialogue.flows import ANSWERED_BY, FlowResponder
from ..dialogue.turns import Reply, Turn
from ..models import Conversation, Flow, FlowVersion, Message, OwnershipProof, ToolCall
from ..services.replying import language_to_answer
from ..understanding.reading import understand
from .deeds import Deeds
from .running import CONFIRM, DECLINE
from .standing import MEMORY

MOST_MESSAGES = 30
CALL = "replay"


class Difference(StrEnum):
    SAME = "same"
    CHANGED = "changed"
    #: It would answer what something else answered.
    NEW = "new"
    #: It would not answer what a flow answered.
    GONE = "gone"


@dataclass(frozen=True)
class Compared:
    """One message of a customer, with what was said and what would be."""

    message: Message
    was_said: str
    would_say: str
    difference: Difference


@dataclass(frozen=True)
class ReplayedConversation:
    conversation: Conversation
    rows: list[Compared]

    @property
    def differs(self) -> bool:
        return any(row.difference is not Difference.SAME for row in self.rows)


@dataclass
class Replay:
    """What came of it; `conversations` are those in which the flow speaks or spoke."""

    n_conversations: int = 0
    n_messages: int = 0
    conversations: list[ReplayedConversation] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(row.difference.value for one in self.conversations for row in one.rows)
        return {difference.value: found.get(difference.value, 0) for difference in Difference}

    @property
    def n_differing(self) -> int:
        return sum(one.differs for one in self.conversations)


def replay(version: FlowVersion, *, days: int = 90, most: int = 50) -> Replay:
    """Lead the newest conversations through the live flows, with this version in the place of its flow's."""
    since = timezone.now() - timedelta(days=days)
    past = Conversation.objects.filter(last_message_at__gte=since).select_related("customer")
    result = Replay()
    for conversation in past.order_by("-last_message_at")[:most]:
        rows = list(_compare(conversation, version))
        result.n_conversations += 1
        result.n_messages += len(rows)
        told_rows = [row for row in rows if row.was_said or row.would_say]
        if told_rows:
            result.conversations.append(ReplayedConversation(conversation, told_rows))
    result.conversations.sort(key=lambda one: not one.differs)
    return result


def versions_with(version: FlowVersion) -> list[FlowVersion]:
    """Return what is live, with a version in the place of the one of its flow."""
    others = [live for live in Flow.objects.live_versions() if live.flow_id != version.flow_id]
    return sorted([*others, version], key=lambda one: (one.flow.place, one.flow.name))


def _compare(conversation: Conversation, version: FlowVersion) -> Iterator[Compared]:
    versions = versions_with(version)
    responder = FlowResponder(lambda: versions, lambda turn: DryDeeds(PastActor(conversation), turn.message))
    memory: Mapping[str, Any] = {}
    messages = list(conversation.messages.order_by("sequence")[: MOST_MESSAGES * 2])
    for number, message in enumerate(messages):
        if message.sender != Message.Sender.CUSTOMER:
            continue
        answer = next((one for one in messages[number + 1 :] if one.sender != Message.Sender.SYSTEM), None)
        was = answer if answer is not None and answer.sender == Message.Sender.BOT else None
        reply = _respond(responder, conversation, message, memory, was)
        if reply is not None and reply.memory is not None:
            memory = {name: value for name, value in reply.memory.items() if name == MEMORY}
        yield _compared(message, was, reply)


def _respond(
    responder: FlowResponder, conversation: Conversation, message: Message, memory: Mapping[str, Any],
    was: Message | None,
) -> Reply | None:  # fmt: skip
    understood = understand(message.text, default_language=conversation.language or "en")
    value = message.content.get("value", "")
    for verb in (CONFIRM, DECLINE):
        value = f"{verb}{CALL}" if value.startswith(verb) else value
    language = language_to_answer(conversation, understood)
    turn = Turn(conversation, message, message.text, language, understood, value, memory)
    with translation.override(language):
        reply = responder.respond(turn)
        if reply is None and (was is None or was.answered_by in (ANSWERED_BY, "fallback")):
            reply = responder.respond_late(turn)
    return reply


def _compared(message: Message, was: Message | None, reply: Reply | None) -> Compared:
    was_flow = was is not None and was.answered_by == ANSWERED_BY
    said = was.text if was is not None and (was_flow or reply is not None) else ""
    would = reply.text if reply is not None else ""
    if reply is None:
        difference = Difference.GONE if was_flow else Difference.SAME
    elif not was_flow:
        difference = Difference.NEW
    else:
        difference = Difference.SAME if said == would else Difference.CHANGED
    return Compared(message, said, would, difference)


class PastActor(Actor):
    """The customer of a past conversation: what was proven then counts still, for reading."""

    def orders(self) -> QuerySet[Order]:
        proofs = OwnershipProof.objects.filter(conversation=self.conversation).exclude(proven_at=None)
        own = Q(pk__in=proofs.values("order"))
        if self.customer is not None:
            own |= Q(customer=self.customer)
        found = Order.objects.filter(own, storefront=self.storefront)
        return found.prefetch_related("lines__item").order_by("-placed_at")


class DryDeeds(Deeds):
    """Reads as things are today; changes nothing, mails nothing, and tells of what was really done then."""

    def propose(self, tool: ChangingTool, given: Mapping[str, Any]) -> tuple[str, str]:
        arguments = tool.read_arguments(given)
        earlier = self._earlier(tool).filter(arguments=dict(given)).first()
        return CALL, earlier.summary if earlier else tool.propose(self.actor, arguments)

    def was_asked(self, call: str) -> bool:
        return True

    def confirm(self, call: str) -> Outcome:
        done = ToolCall.objects.filter(conversation=self.actor.conversation, state=ToolCall.State.DONE)
        earlier = done.order_by("-ended_at").first()
        return Outcome(
            told(earlier) if earlier else _("(Here the shop would be asked to do it.)"), is_done=True
        )

    def withdraw(self, call: str) -> None:
        pass

    def ask_for_proof(self, number: str) -> int | None:
        return 0

    def check_code(self, proof: int, number: str, code: str) -> Checked:
        return Checked.RIGHT if self.actor.find_order(number) is not None else Checked.WRONG

    def _earlier(self, tool: ChangingTool) -> QuerySet[ToolCall]:
        return ToolCall.objects.filter(conversation=self.actor.conversation, tool=tool.name)
