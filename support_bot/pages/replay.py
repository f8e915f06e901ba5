"""A conversation as the customer saw it, and beside each turn what the bot made of it."""

from typing import Any

from django.utils.formats import number_format

from ecomai.numbers import format_percent

from ..models import Conversation, Intent, Message

MOST_MESSAGES = 500


def context(conversation: Conversation) -> dict[str, Any]:
    titles = dict(Intent.objects.values_list("name", "title"))
    messages = conversation.messages.select_related("agent").order_by("sequence")[:MOST_MESSAGES]
    return {"conversation": conversation, "turns": [_turn(said, titles) for said in messages]}


def _turn(said: Message, titles: dict[str, str]) -> dict[str, Any]:
    found = said.understanding or {}
    intent = found.get("intent", "")
    return {
        "said": said,
        "intent": titles.get(intent, intent),
        "confidence": format_percent(found.get("confidence", 0)) if intent else "",
        "is_out_of_scope": found.get("is_out_of_scope", False),
        "sentiment": number_format(found.get("sentiment", 0), 2) if found else "",
        "urgency": number_format(found.get("urgency", 0), 2) if found else "",
        "language": found.get("language", ""),
        "version": found.get("version"),
        "entities": [
            (each.get("kind", ""), said.text[each.get("start", 0) : each.get("end", 0)])
            for each in found.get("entities", [])
        ],
        "citations": said.content.get("citations", []),
        "cards": said.content.get("cards", []),
        "choices": said.content.get("choices", []),
        "value": said.content.get("value", ""),
    }
