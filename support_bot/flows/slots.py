"""What a message fills a slot with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from ecomai.commerce.models import Order
from ecomai.commerce.money import format_money
from ecomai.inference.text import normalise

from ..actions import Actor
from ..actions.orders import line_title
from ..dialogue.turns import Choice, Turn
from ..shopping.wishes import without_limit
from .definitions import Ask, text_in

#: A choice's value is the slot's value after this.
SLOT = "slot:"
EVERYTHING = "all"
MOST_CHOICES = 5
LONGEST_TEXT = 500
_NUMBER = re.compile(r"#?([A-Za-z]{0,4}-?\d[\dA-Za-z-]{0,30})")


@dataclass(frozen=True)
class Filled:
    """A slot's value, and how people read it."""

    value: str
    label: str = ""


def order_number(turn: Turn, *, is_asked: bool) -> str:
    """Return the number of an order that a message names; one that was asked for may stand alone."""
    if is_asked and turn.value.startswith(SLOT):
        return turn.value.removeprefix(SLOT)
    named = next((each.value for each in turn.understood.entities if each.kind == "order_number"), "")
    if named or not is_asked:
        return named
    words = [found[1] for found in _NUMBER.finditer(_without_named(turn))]
    return words[0] if len(words) == 1 else ""


def _without_named(turn: Turn) -> str:
    """Return a message without its dates, amounts and addresses: their digits are no number of an order."""
    text = without_limit(turn.text)
    for each in turn.understood.entities:
        if each.text:
            text = text.replace(each.text, " ")
    return text


def fill(ask: Ask, turn: Turn, order: Order | None, *, is_asked: bool) -> Filled | None:
    """Return what a message says for a slot; None where it says nothing for it.

    Before it was asked for, only what is named beyond doubt counts: no free text.
    """
    if is_asked and turn.value.startswith(SLOT):
        return _chosen(ask, turn, order)
    if ask.kind in ("date", "amount"):
        return _entity(turn, ask.kind)
    if not is_asked:
        return None
    return _FILLERS[ask.kind](ask, turn, order)


def _chosen(ask: Ask, turn: Turn, order: Order | None) -> Filled | None:
    value = turn.value.removeprefix(SLOT)
    if any(option.value == value for option in ask.options):
        return _option(ask, value, turn.language)
    if ask.is_optional and value == "":
        return Filled("")
    if ask.kind == "item" and value == EVERYTHING:
        return Filled("", _("all of it"))
    if ask.kind == "item" and order is not None:
        return next((one for one in order_items(order) if one.value == value), None)
    return None


def _option(ask: Ask, value: str, language: str) -> Filled:
    label = next(text_in(option.label, language) for option in ask.options if option.value == value)
    return Filled(value, label)


def _entity(turn: Turn, kind: str) -> Filled | None:
    found = next((each for each in turn.understood.entities if each.kind == kind), None)
    return Filled(found.value, found.text) if found else None


def _choice(ask: Ask, turn: Turn, order: Order | None) -> Filled | None:
    said = normalise(turn.text).strip(" .!。！")
    for option in ask.options:
        labels = [normalise(label) for label in option.label.values()]
        if said == option.value or said in labels:
            return _option(ask, option.value, turn.language)
    return None


def _reason(ask: Ask, turn: Turn, order: Order | None) -> Filled | None:
    return _choice(ask, turn, order) or _text(ask, turn, order)


def _text(ask: Ask, turn: Turn, order: Order | None) -> Filled | None:
    text = " ".join(turn.text.split())[:LONGEST_TEXT]
    return Filled(text) if text and not text.rstrip().endswith(("?", "？")) else None


def _number(ask: Ask, turn: Turn, order: Order | None) -> Filled | None:
    found = re.findall(r"\d{1,6}", turn.text)
    return Filled(found[0]) if len(found) == 1 else None


def _item(ask: Ask, turn: Turn, order: Order | None) -> Filled | None:
    """Return the item of the order that a message names by the words of its title."""
    if order is None:
        return None
    said = set(normalise(turn.text).split())
    scored = [(len(said & set(normalise(one.label).split())), one) for one in order_items(order)]
    best = max((n for n, _one in scored), default=0)
    found = [one for n, one in scored if n == best and n > 0]
    if len(found) == 1:
        return found[0]
    inside = [one for one in order_items(order) if one.label and one.label in turn.text]
    return inside[0] if len(inside) == 1 else None


_FILLERS = {"choice": _choice, "reason": _reason, "text": _text, "number": _number, "item": _item}


def order_items(order: Order) -> list[Filled]:
    """Return what of an order can be named, by the shop's ids of the items."""
    return [
        Filled(line.item.external_id, line_title(line))
        for line in order.lines.all()
        if line.item is not None and line.quantity > line.returned_quantity
    ]


def order_label(order: Order) -> str:
    return _("%(number)s of %(day)s, %(total)s") % {
        "number": order.external_id,
        "day": date_format(localtime(order.placed_at), "SHORT_DATE_FORMAT"),
        "total": format_money(order.total, order.currency),
    }


def choices_of(ask: Ask, actor: Actor, order: Order | None, language: str) -> Sequence[Choice]:
    """Return what is offered for a slot, as buttons."""
    offered: list[Choice] = []
    if ask.kind == "order":
        offered = [
            Choice(order_label(one), f"{SLOT}{one.external_id}") for one in actor.orders()[:MOST_CHOICES]
        ]
    elif ask.kind == "item" and order is not None:
        items = order_items(order)
        offered = [Choice(one.label[:80], f"{SLOT}{one.value}") for one in items[:MOST_CHOICES]]
        offered.append(Choice(_("All of it"), f"{SLOT}{EVERYTHING}"))
    elif ask.options:
        offered = [Choice(text_in(one.label, language), f"{SLOT}{one.value}") for one in ask.options]
    if ask.is_optional:
        offered.append(Choice(_("Skip this"), SLOT))
    return offered
