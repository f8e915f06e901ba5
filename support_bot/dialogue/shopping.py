"""The shopping assistant: wishes, questions back, cards, and what a next message changes of them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from ecomai.commerce.adapters import Action, get_adapter

from ..actions import Actor, ChangingTool, ReadingTool, find_tool
from ..actions.performing import confirm_call, propose_call
from ..actions.products import item_card
from ..exceptions import ToolRefusedError
from ..models import Conversation
from ..shopping.finding import Found, categories_of, find_items
from ..shopping.wishes import Wish, changed, names_only_refinements, read_wish
from .people import PERSON
from .turns import Choice, Reply, Turn

ANSWERED_BY = "shopping"
MEMORY = "shopping"
FIND_PRODUCT = "find_product"
N_CARDS = 3
MOST_SEEN = 60
#: Of a remark about what was shown, in characters.
LONGEST_REMARK = 60
#: Of what a broad wish should be.
LONGEST_NARROWING = 40
LEAST_CONFIDENCE, LEAST_LIKENESS = 0.6, 0.4
CATEGORY, BASKET = "shop:category:", "shop:basket:"
CHEAPER, OTHERS, COMPARE = "shop:cheaper", "shop:others", "shop:compare"
_WISHES = re.compile(
    r"\b(?:gifts?|presents?|looking for|recommend|suggest|do you (?:have|sell)|show me|find me|have you got)"
    r"\b"
    r"|礼物|推荐|想买|有没有|想找",
    re.IGNORECASE,
)
_CHEAPER = re.compile(
    r"\b(?:cheaper|less expensive|lower price|too expensive|too much|more affordable)\b|便宜|太贵",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\b(?:something else|others?|another one|more options|what else|different ones?|show me more|next)\b"
    r"|别的|其他|换一批|还有",
    re.IGNORECASE,
)
_COMPARE = re.compile(r"\b(?:compare|difference|differ|which is better)\b|比较|区别|哪个好", re.IGNORECASE)
_PLACES = (
    (re.compile(r"\b(?:first|1st|1)\b|第一", re.IGNORECASE), 0),
    (re.compile(r"\b(?:second|2nd|2)\b|第二", re.IGNORECASE), 1),
    (re.compile(r"\b(?:third|3rd|3)\b|第三", re.IGNORECASE), 2),
)
_ADDS = re.compile(r"\b(?:add|basket|cart|buy|take|i'?ll have)\b|购物车|加购|买", re.IGNORECASE)
_STOCK = re.compile(r"\b(?:in stock|available|how much|price|cost)\b|有货|库存|多少钱|价格", re.IGNORECASE)


class Shelf(msgspec.Struct):
    """What was looked for and shown, as the memory keeps it. `seen` is all of it, `shown` the last."""

    wish: Wish = Wish()
    shown: list[str] = []
    seen: list[str] = []


def respond(turn: Turn) -> Reply | None:
    """Answer a wish for products, or what is said about those that were shown; None where it is neither."""
    shelf = read_shelf(turn.memory)
    if shelf is not None and (reply := _about_shown(turn, shelf)):
        return reply
    wish = _wish_of(turn, shelf)
    if wish is None:
        return None
    return _show(turn, wish, seen=())


def respond_late(turn: Turn) -> Reply | None:
    """When nobody else knew: take a few words as the answer to what a broad wish should be."""
    shelf, said = read_shelf(turn.memory), read_wish(turn.text)
    if turn.value or shelf is None or not shelf.wish.is_broad:
        return None
    if not said.words or len(turn.text) > LONGEST_NARROWING or _is_about_else(turn):
        return None
    narrowed = changed(shelf.wish, said)
    if said.words not in shelf.wish.words:
        narrowed = msgspec.structs.replace(narrowed, words=said.words)
    return _show(turn, narrowed, seen=())


def read_shelf(memory: Mapping[str, Any]) -> Shelf | None:
    try:
        return msgspec.convert(memory[MEMORY], Shelf, strict=False) if memory.get(MEMORY) else None
    except msgspec.ValidationError:
        return None


# -- what is wanted -------------------------------------------------------------------------------------


def _wish_of(turn: Turn, shelf: Shelf | None) -> Wish | None:
    """Return a new wish, or the one before with what this message changes."""
    if turn.value.startswith(CATEGORY):
        category = turn.value.removeprefix(CATEGORY)
        return msgspec.structs.replace(shelf.wish if shelf else Wish(), category=category)
    if turn.value:
        return None
    said = read_wish(turn.text)
    if shelf is not None and names_only_refinements(turn.text):
        return changed(shelf.wish, said)
    understood = turn.understood
    least = LEAST_LIKENESS if understood.version is None else LEAST_CONFIDENCE
    is_sure = understood.intent == FIND_PRODUCT and not understood.is_out_of_scope
    if _WISHES.search(turn.text) or (is_sure and understood.confidence >= least):
        return said
    return None


# -- what is shown --------------------------------------------------------------------------------------


def _show(turn: Turn, wish: Wish, *, seen: Sequence[str], heading: str = "") -> Reply | None:
    actor = Actor(turn.conversation)
    found = find_items(wish, storefront=actor.storefront, customer=actor.customer, but=seen)
    if not found:
        return _nothing(turn, wish, seen)
    shown = found[:N_CARDS]
    categories = categories_of(found) if wish.is_broad and not seen else []
    text = heading or _heading(wish)
    if categories:
        text = "\n\n".join([text, _("What should it be? Choose one, or tell me more.")])
    return Reply(
        text=text, answered_by=ANSWERED_BY, cards=[item_card(one.item, reason=one.reason) for one in shown],
        choices=_choices(actor, shown, categories), memory=_remembered(turn, wish, shown, seen),
    )  # fmt: skip


def _heading(wish: Wish) -> str:
    if wish.for_whom and wish.is_broad:
        return _("Here are some ideas:")
    return _("This is what I found:")


def _nothing(turn: Turn, wish: Wish, seen: Sequence[str]) -> Reply | None:
    """Say honestly which part of the wish cannot be met, and show what is nearest."""
    if seen:
        return _said(_("That is all that I found. Tell me more about what it should be."))
    for name in ("colour", "max_price", "min_price", "category"):
        if getattr(wish, name):
            less = msgspec.structs.replace(wish, **{name: None if name.endswith("price") else ""})
            if reply := _show(turn, less, seen=(), heading=_LESS[name]()):
                return reply
    return None


_LESS = {
    "colour": lambda: _("I found nothing in that colour. This comes near:"),
    "max_price": lambda: _("I found nothing that is as cheap. This comes near:"),
    "min_price": lambda: _("I found nothing at that price. This comes near:"),
    "category": lambda: _("I found nothing of that kind. This comes near:"),
}


def _choices(actor: Actor, shown: Sequence[Found], categories: Sequence[str]) -> list[Choice]:
    if categories:
        return [Choice(path.split(" > ")[-1], f"{CATEGORY}{path}"[:200]) for path in categories]
    offered = []
    if actor.customer is not None and Action.ADD_TO_BASKET in get_adapter().supports():
        offered = [
            Choice(
                _("Add “%(title)s” to my basket") % {"title": one.item.title[:60]},
                f"{BASKET}{one.item.external_id}",
            )
            for one in shown
        ]
    offered.append(Choice(_("Cheaper"), CHEAPER))
    offered.append(Choice(_("Something else"), OTHERS))
    if len(shown) > 1:
        offered.append(Choice(_("Compare the first two"), COMPARE))
    return offered


def _remembered(turn: Turn, wish: Wish, shown: Sequence[Found], seen: Sequence[str]) -> dict[str, Any]:
    ids = [one.item.external_id for one in shown]
    shelf = Shelf(wish, ids, [*seen, *ids][-MOST_SEEN:])
    return {**turn.memory, MEMORY: msgspec.to_builtins(shelf)}


# -- about what was shown -------------------------------------------------------------------------------


def _about_shown(turn: Turn, shelf: Shelf) -> Reply | None:
    if turn.value.startswith(BASKET):
        return _add(turn, shelf, turn.value.removeprefix(BASKET))
    if not turn.value and _is_about_else(turn):
        return None
    if turn.value == CHEAPER or (not turn.value and _CHEAPER.search(turn.text)):
        return _cheaper(turn, shelf)
    if turn.value == OTHERS or (not turn.value and _OTHERS.search(turn.text)):
        return _show(turn, changed(shelf.wish, read_wish(turn.text)), seen=shelf.seen)
    if turn.value == COMPARE or (not turn.value and _COMPARE.search(turn.text)):
        return _compare(turn, shelf)
    if turn.value:
        return None
    return _about_one(turn, shelf)


def _is_about_else(turn: Turn) -> bool:
    """Whether a message is too long for a word about cards, or clearly wants another thing."""
    return len(turn.text) > LONGEST_REMARK or wants_else(turn)


def wants_else(turn: Turn) -> bool:
    """Whether a message clearly wants something other than a product."""
    understood = turn.understood
    is_sure = not understood.is_out_of_scope and understood.confidence >= LEAST_CONFIDENCE
    return is_sure and understood.intent != FIND_PRODUCT


def asks_for_stock(text: str) -> bool:
    """Whether price or availability is asked for."""
    return bool(_STOCK.search(text))


def _about_one(turn: Turn, shelf: Shelf) -> Reply | None:
    """Answer what is said of one of the cards, by its place."""
    meant = [
        shelf.shown[place]
        for pattern, place in _PLACES
        if place < len(shelf.shown) and pattern.search(turn.text)
    ]
    if len(meant) != 1:
        return None
    if asks_for_stock(turn.text):
        return _read(turn, "check_item", {"item": meant[0]})
    if not _ADDS.search(turn.text):
        return None
    return _ask_to_add(turn, meant[0])


def _cheaper(turn: Turn, shelf: Shelf) -> Reply | None:
    """Show what costs less than all that was shown last; where nothing does, say so."""
    actor = Actor(turn.conversation)
    items = [
        item for item in map(actor.find_item, shelf.shown) if item is not None and item.price is not None
    ]
    if not items:
        return None
    cheapest = min(items, key=lambda item: item.price or 0)
    assert cheapest.price is not None  # noqa: S101  (others were left out)
    limit = cheapest.price - (cheapest.price / 100)
    wish = msgspec.structs.replace(shelf.wish, max_price=limit, currency=cheapest.currency)
    found = find_items(wish, storefront=actor.storefront, customer=actor.customer, but=shelf.seen)
    if not found:
        text = _("I have nothing cheaper than %(title)s that fits.") % {"title": cheapest.title}
        return Reply(
            text=text, answered_by=ANSWERED_BY, cards=[item_card(cheapest)], choices=[_other_choice()]
        )
    return _show(turn, wish, seen=shelf.seen, heading=_("These cost less:"))


def _other_choice() -> Choice:
    return Choice(_("Something else"), OTHERS)


def _compare(turn: Turn, shelf: Shelf) -> Reply | None:
    named = [
        shelf.shown[place]
        for pattern, place in _PLACES
        if place < len(shelf.shown) and pattern.search(turn.text)
    ]
    pair = named if len(named) == 2 and not turn.value else shelf.shown[:2]
    return _read(turn, "compare_items", {"item": pair[0], "other": pair[1]}) if len(pair) == 2 else None


def _read(turn: Turn, name: str, given: Mapping[str, str]) -> Reply:
    tool = find_tool(name)
    assert isinstance(tool, ReadingTool)  # noqa: S101
    try:
        result = tool.read(Actor(turn.conversation), tool.read_arguments(given))
    except ToolRefusedError as error:
        return _said(str(error))
    return Reply(text=result.text, answered_by=ANSWERED_BY, cards=result.cards)


def _add(turn: Turn, shelf: Shelf, item_id: str) -> Reply:
    """Put an item that was shown into the customer's own basket: the button names it, so it is the yes."""
    if item_id not in shelf.seen:
        return _said(_("I do not find that product in the shop."))
    actor = Actor(turn.conversation)
    tool = find_tool("add_to_basket")
    assert isinstance(tool, ChangingTool)  # noqa: S101
    try:
        call = propose_call(actor, tool, {"item": item_id}, key=f"{turn.message.pk}:{tool.name}")
    except ToolRefusedError as error:
        return _said(str(error))
    outcome = confirm_call(actor, call.public_id.hex)
    hand_over = Conversation.HandoffReason.POLICY if outcome.needs_person else None
    return Reply(text=outcome.text, answered_by=ANSWERED_BY, hand_over=hand_over)


def _ask_to_add(turn: Turn, item_id: str) -> Reply:
    """In words it takes a yes: which one is meant was only understood."""
    item = Actor(turn.conversation).find_item(item_id)
    if item is None:
        return _said(_("I do not find that product in the shop."))
    label = _("Add “%(title)s” to my basket") % {"title": item.title[:60]}
    return Reply(
        text=_("Do you mean this one?"), answered_by=ANSWERED_BY, cards=[item_card(item)],
        choices=[Choice(label, f"{BASKET}{item_id}"), Choice(_("Talk to a person"), PERSON)],
    )  # fmt: skip


def _said(text: str) -> Reply:
    return Reply(text=text, answered_by=ANSWERED_BY, choices=[Choice(_("Talk to a person"), PERSON)])
