"""Fifty conversations that the demo shop had, and one that waits for a person now."""

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ecomai.commerce.models import Customer, Order

from ..models import Conversation, Message, Tag
from ..understanding.starter import starter_examples
from .scripts import SCRIPTS, WAITING, Line, Script

N_TALKS, N_DAYS = 50, 28
#: A person reads what was written before they answer.
READING_SECONDS = 240
State, Sender = Conversation.State, Message.Sender


def seed_talks(
    language: str, agents: Mapping[str, Any], *, now: datetime, chance: random.Random
) -> list[Conversation]:
    """Tell the scripts in turn, each time opened in other words and by another customer."""
    orders = list(
        Order.objects.exclude(customer=None).select_related("customer").order_by("-placed_at")[:200]
    )
    order_of: dict[Any, str] = {order.customer: order.external_id for order in reversed(orders)}
    customers = list(order_of)
    tags = {intent: tag for tag in Tag.objects.all() for intent in tag.intents}
    told = []
    for number in range(N_TALKS):
        script = SCRIPTS[number % len(SCRIPTS)]
        customer = customers[number % len(customers)] if customers and chance.random() < 0.8 else None
        began = now - timedelta(days=N_DAYS * (1 - (number + chance.random()) / N_TALKS) + 0.3)
        began = began.replace(hour=chance.randint(7, 20), minute=chance.randint(0, 59))
        lines = _lines(script, language, order_of.get(customer, "10482"), chance)
        row = _tell(script, lines, language, customer, min(began, now - timedelta(hours=2)), agents, chance)
        if tag := tags.get(script.intent):
            row.tags.add(tag)
        told.append(row)
    return told


def seed_waiting(language: str, *, now: datetime) -> Conversation:
    """A customer who asked for a person some minutes ago."""
    order = Order.objects.exclude(customer=None).select_related("customer").order_by("-placed_at").first()
    customer, number = (order.customer, order.external_id) if order else (None, "10482")
    began = now - timedelta(minutes=7)
    row = Conversation.objects.create(
        customer=customer, visitor_digest="demo-waiting", language=language, intent=WAITING.intent,
        started_at=began, state=State.WAITING, handoff_reason=WAITING.handoff, mood=-0.5,
        waiting_since=now - timedelta(minutes=4), handed_over_at=now - timedelta(minutes=4),
    )  # fmt: skip
    _write(row, _lines(WAITING, language, number, None), WAITING, began, None)
    return row


def _lines(script: Script, language: str, order: str, chance: random.Random | None) -> list[tuple[Line, str]]:
    """Each line with what it says; the first is in one of the many wordings of its intent."""
    told = [(line, line.text[language].replace("{order}", order)) for line in script.lines]
    if chance is not None and script.is_reworded:
        words = starter_examples(script.intent, "zh" if language.startswith("zh") else "en")
        told[0] = (told[0][0], chance.choice(words))
    return told


def _tell(
    script: Script, lines: Sequence[tuple[Line, str]], language: str, customer: Customer | None,
    began: datetime, agents: Mapping[str, Any], chance: random.Random,
) -> Conversation:  # fmt: skip
    agent = agents[script.skill] if script.has_person else None
    rating = chance.choice(script.ratings) if script.ratings and chance.random() < 0.7 else None
    row = Conversation.objects.create(
        customer=customer, visitor_digest=f"demo-{began.timestamp():.0f}", language=language, agent=agent,
        intent=script.intent, started_at=began, state=State.CLOSED, handoff_reason=script.handoff,
        mood=script.mood, rating=rating, has_helped=script.has_helped,
    )  # fmt: skip
    ended = _write(row, lines, script, began, agent)
    row.closed_at = ended + timedelta(minutes=20)
    if agent is not None and row.taken_at is not None:
        row.agent_seconds = int((ended - row.taken_at).total_seconds()) + READING_SECONDS
    row.save()
    return row


def _write(
    row: Conversation, lines: Sequence[tuple[Line, str]], script: Script, began: datetime, agent: Any
) -> datetime:
    """Write the messages of a conversation, and return when the last was said."""
    moment, rows = began, []
    for number, (line, text) in enumerate(lines, start=1):
        moment += timedelta(seconds=line.after_seconds if number > 1 else 0)
        rows.append(_message(row, number, line, text, script, moment, agent))
        _note_people(row, line, moment)
    Message.objects.bulk_create(rows)
    row.last_sequence = row.acknowledged = len(rows)
    row.last_message_at = moment
    row.save()
    return moment


def _message(
    row: Conversation, number: int, line: Line, text: str, script: Script, moment: datetime, agent: Any
) -> Message:
    is_agent, is_customer = line.sender == Sender.AGENT, line.sender == Sender.CUSTOMER
    understood = {
        "intent": script.intent, "confidence": 0.93 if number == 1 else 0.71, "is_out_of_scope": False,
        "sentiment": script.mood, "urgency": 0.0, "language": row.language, "version": None, "entities": [],
    }  # fmt: skip
    return Message(
        conversation=row, sequence=number, sender=line.sender, text=text, created_at=moment,
        agent=agent if is_agent else None, answered_by=line.answered_by,
        understanding=understood if is_customer else {},
        reply_state=Message.ReplyState.DONE if is_customer and row.agent is None else "",
    )  # fmt: skip


def _note_people(row: Conversation, line: Line, moment: datetime) -> None:
    if line.answered_by == "handoff":
        row.handed_over_at = row.handed_over_at or moment
        row.answer_due_at = row.answer_due_at or moment + timedelta(minutes=15)
    if line.sender == Sender.AGENT and row.person_answered_at is None:
        row.person_answered_at = row.taken_at = moment
