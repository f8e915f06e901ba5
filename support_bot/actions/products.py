"""Tools about what the shop sells."""

from collections.abc import Sequence
from typing import Any

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai import capabilities
from ecomai.commerce.adapters import Action, ActionResult, Line
from ecomai.commerce.models import Item
from ecomai.commerce.money import format_money
from ecomai.commerce.selectors import items_by_external_id

from ..dialogue.turns import Card
from ..exceptions import ToolRefusedError
from .contract import Actor, ChangingTool, NoArguments, ReadingTool, ToolResult

N_RECOMMENDED = 3
RECOMMENDING_SECONDS = 0.3


class OfItem(msgspec.Struct, forbid_unknown_fields=True):
    item: str


class OfTwoItems(msgspec.Struct, forbid_unknown_fields=True):
    item: str
    other: str


class BasketArguments(msgspec.Struct, forbid_unknown_fields=True):
    item: str
    quantity: int = 1


class CheckItem(ReadingTool):
    """Price and stock."""

    name = "check_item"
    title = gettext_lazy("Say price and stock of a product")
    arguments = OfItem

    def read(self, actor: Actor, arguments: OfItem) -> ToolResult:
        item = known_item(actor, arguments.item)
        text = _("%(title)s costs %(price)s and is %(stock)s.") % {
            "title": item.title, "price": format_money(item.price, item.currency), "stock": stock_words(item),
        }  # fmt: skip
        return ToolResult(text=text, cards=[item_card(item)], facts={"is_in_stock": item.is_in_stock})


class CompareItems(ReadingTool):
    """Two items side by side: what differs."""

    name = "compare_items"
    title = gettext_lazy("Compare two products")
    arguments = OfTwoItems

    def read(self, actor: Actor, arguments: OfTwoItems) -> ToolResult:
        first, second = known_item(actor, arguments.item), known_item(actor, arguments.other)
        rows = [
            (
                _("Price"),
                format_money(first.price, first.currency),
                format_money(second.price, second.currency),
            ),
            (_("Availability"), stock_words(first), stock_words(second)),
            *differences(first, second),
        ]
        lines = [f"{name}: {a or '–'} / {b or '–'}" for name, a, b in rows]
        heading = f"{first.title} / {second.title}"
        return ToolResult(text="\n".join([heading, *lines]), cards=[item_card(first), item_card(second)])


class RecommendItems(ReadingTool):
    """What may please the customer, by the capability of recommendations."""

    name = "recommend_items"
    title = gettext_lazy("Recommend products")
    arguments = NoArguments

    def read(self, actor: Actor, arguments: Any) -> ToolResult:
        answer = capabilities.get(capabilities.Recommender).recommend(  # type: ignore[type-abstract]
            customer_id=actor.customer.external_id if actor.customer else "", n=N_RECOMMENDED + 3,
            storefront=actor.storefront, time_budget_seconds=RECOMMENDING_SECONDS,
        )  # fmt: skip
        items = items_by_external_id([each.item_id for each in answer.items], storefront=actor.storefront)
        cards = [
            item_card(items[each.item_id], reason=each.reason)
            for each in answer.items
            if each.item_id in items and items[each.item_id].is_in_stock
        ][:N_RECOMMENDED]
        if not cards:
            raise ToolRefusedError(_("I have nothing to recommend right now."))
        return ToolResult(text=_("You might like these:"), cards=cards)


class AddToBasket(ChangingTool):
    name = "add_to_basket"
    title = gettext_lazy("Put a product into the basket")
    arguments = BasketArguments
    action = Action.ADD_TO_BASKET
    under_way = gettext_lazy("I'm putting it into your basket …")

    def propose(self, actor: Actor, arguments: BasketArguments) -> str:
        item = self._check(actor, arguments)
        return _("Shall I put %(n)s × %(title)s for %(price)s into your basket?") % {
            "n": arguments.quantity, "title": item.title, "price": format_money(item.price, item.currency),
        }  # fmt: skip

    def action_arguments(self, actor: Actor, arguments: BasketArguments) -> dict[str, Any]:
        self._check(actor, arguments)
        assert actor.customer is not None  # noqa: S101  (checked above)
        line = Line(item_id=arguments.item, quantity=arguments.quantity)
        return {"customer_id": actor.customer.external_id, "lines": [line]}

    def tell(self, actor: Actor, arguments: BasketArguments, result: ActionResult) -> str:
        item = actor.find_item(arguments.item)
        title = item.title if item else arguments.item
        return _("%(n)s × %(title)s is in your basket.") % {"n": arguments.quantity, "title": title}

    def _check(self, actor: Actor, arguments: BasketArguments) -> Item:
        if actor.customer is None:
            raise ToolRefusedError(
                _("Please log in first: then I can fill your basket. The page of the product works too.")
            )
        item = known_item(actor, arguments.item)
        if not 1 <= arguments.quantity <= 99:
            raise ToolRefusedError(_("A basket takes from 1 to 99 pieces."))
        if item.stock is not None and item.stock < arguments.quantity:
            raise ToolRefusedError(
                _("%(title)s is %(stock)s.") % {"title": item.title, "stock": stock_words(item)}
            )
        return item


def known_item(actor: Actor, item_id: str) -> Item:
    item = actor.find_item(item_id)
    if item is None:
        raise ToolRefusedError(_("I do not find that product in the shop."))
    return item


def item_card(item: Item, *, reason: str = "") -> Card:
    return Card(
        item_id=item.external_id, title=item.title, url=item.url,
        image_url=next(iter(item.image_urls), ""),
        price=format_money(item.price, item.currency), reason=reason,
    )  # fmt: skip


def stock_words(item: Item) -> str:
    if not item.is_in_stock:
        return _("sold out at the moment")
    if item.stock is not None and item.stock <= 5:
        return _("in stock, only %(n)s left") % {"n": item.stock}
    return _("in stock")


def differences(first: Item, second: Item) -> Sequence[tuple[str, str, str]]:
    """Return attributes that differ, with both values."""
    rows = [(_("Brand"), first.brand, second.brand)]
    for name in dict.fromkeys([*first.attributes, *second.attributes]):
        rows.append((name, _words(first.attributes.get(name)), _words(second.attributes.get(name))))
    return [(name, a, b) for name, a, b in rows if a != b]


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
