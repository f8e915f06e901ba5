"""Answers about one item: from its own page, and where that says nothing, from what customers wrote of it."""

import re
from collections.abc import Sequence

from django.utils.translation import gettext as _

from ecomai.commerce.models import Item

from ..actions import Actor, ReadingTool, find_tool
from ..actions.products import item_card
from ..knowledge.guarding import is_harmful, without_orders
from ..knowledge.items import Told, items_asked_about, means_shown, name_of, told_of
from .shopping import FIND_PRODUCT, asks_for_stock, read_shelf, wants_else
from .turns import Citation, Reply, Turn

ANSWERED_BY = "items"
MOST_FACTS, MOST_QUOTES = 3, 2
_ASKS = re.compile(
    r"[?？]|^\W*(?:what|which|how|is|are|does|do|can|has|have|who|will)\b|吗|什么|多少|多大|多重|怎么|哪",
    re.IGNORECASE,
)
#: Asked of the shop and not of a thing that it sells: articles and flows know.
_OF_THE_SHOP = re.compile(
    r"\b(?:deliver\w*|ship\w*|courier|parcel|track\w*|returns?|returned|refund\w*|exchange\w*|pay\w*|invoices?"
    r"|orders?|ordered|warrant\w*|guarantee\w*|vouchers?|discounts?|coupons?|fits?|compatible|works? with)\b"
    r"|配送|快递|发货|物流|退货|退款|换货|付款|支付|发票|订单|保修|优惠|适合|兼容",
    re.IGNORECASE,
)


def respond(turn: Turn) -> Reply | None:
    """Answer what looks like a wish for products, or speaks of cards, and is a question about one of them."""
    return _respond(turn) if _comes_first(turn) else None


def respond_late(turn: Turn) -> Reply | None:
    """As `respond`, where articles had the first word."""
    return None if _comes_first(turn) else _respond(turn)


def _comes_first(turn: Turn) -> bool:
    understood = turn.understood
    is_wish = understood.intent == FIND_PRODUCT and not understood.is_out_of_scope
    return is_wish or (read_shelf(turn.memory) is not None and means_shown(turn.text))


def _respond(turn: Turn) -> Reply | None:
    """Answer a question about an item that it names or that was shown; None where nobody wrote of that."""
    question = without_orders(turn.text)
    if turn.value or not _ASKS.search(question) or _OF_THE_SHOP.search(question) or is_harmful(question):
        return None
    if wants_else(turn):
        return None
    shelf = read_shelf(turn.memory)
    items = items_asked_about(
        question, shown=shelf.shown if shelf else (), storefront=turn.conversation.storefront
    )
    if asks_for_stock(question):
        return _read_stock(turn, items[0]) if len(items) == 1 else None
    return _reply([(item, told) for item in items for told in told_of(item, question)])


def _read_stock(turn: Turn, item: Item) -> Reply:
    tool = find_tool("check_item")
    assert isinstance(tool, ReadingTool)  # noqa: S101
    result = tool.read(Actor(turn.conversation), tool.read_arguments({"item": item.external_id}))
    return Reply(text=result.text, answered_by=ANSWERED_BY, cards=result.cards)


def _reply(told: Sequence[tuple[Item, Told]]) -> Reply | None:
    """Quote word for word, each sentence once: what a customer thinks is never said as if the shop did."""
    facts = _once([each for each in told if not each[1].is_review])[:MOST_FACTS]
    shown = facts or _once(told)[:MOST_QUOTES]
    if not shown:
        return None
    names = dict.fromkeys(name_of(item) for item, _each in shown)
    lines, citations = [], []
    for item, each in shown:
        sentence = each.text[:1].upper() + each.text[1:]
        if each.is_review:
            sentence = _("A customer wrote: “%(text)s”") % {"text": each.text}
        lines.append(sentence if len(names) == 1 else f"{name_of(item)} – {sentence}")
        source = _("Reviews of %(title)s") if each.is_review else "%(title)s"
        citations.append(Citation(source % {"title": item.title}, each.text, item.url))
    heading = [f"{name}:" for name in names] if len(names) == 1 else []
    cards = [item_card(item) for item in {item.pk: item for item, _each in shown}.values()]
    return Reply(
        text="\n".join([*heading, *lines]), answered_by=ANSWERED_BY, citations=citations, cards=cards
    )


def _once(told: Sequence[tuple[Item, Told]]) -> list[tuple[Item, Told]]:
    """Leave out what another variant of the same product says too."""
    return list({(name_of(item), each.text): (item, each) for item, each in reversed(told)}.values())[::-1]
