"""Tools that change an order: each asks first, and the shop's own rules have the last word."""

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.commerce.adapters import Action, ActionResult, Line, ReturnResult
from ecomai.commerce.models import Order, OrderLine

from ..exceptions import ToolRefusedError
from .contract import Actor, ChangingTool
from .orders import Status, describe_lines, describe_order, line_title, own_order, sent_states


class CancelArguments(msgspec.Struct, forbid_unknown_fields=True):
    order: str
    reason: str = ""


class ReturnArguments(msgspec.Struct, forbid_unknown_fields=True):
    """Without an item everything of the order comes back; without a quantity all pieces of it."""

    order: str
    item: str = ""
    quantity: int = 0
    reason: str = ""


class ExchangeArguments(msgspec.Struct, forbid_unknown_fields=True):
    order: str
    wanted: str
    item: str = ""
    quantity: int = 0
    reason: str = ""


class AddressArguments(msgspec.Struct, forbid_unknown_fields=True):
    order: str
    street: str
    city: str
    zip: str = ""
    country: str = ""


class CancelOrder(ChangingTool):
    name = "cancel_order"
    title = gettext_lazy("Cancel an order")
    arguments = CancelArguments
    action = Action.CANCEL_ORDER
    under_way = gettext_lazy("I'm cancelling the order …")

    def propose(self, actor: Actor, arguments: CancelArguments) -> str:
        order = _not_sent(actor, arguments.order)
        return _("%(order)s: %(lines)s. Shall I cancel the whole order? This cannot be undone.") % {
            "order": describe_order(order), "lines": describe_lines(order),
        }  # fmt: skip

    def action_arguments(self, actor: Actor, arguments: CancelArguments) -> dict[str, Any]:
        order = _not_sent(actor, arguments.order)
        return {"order_id": order.external_id, "reason": arguments.reason}

    def tell(self, actor: Actor, arguments: CancelArguments, result: ActionResult) -> str:
        done = _("Order %(order)s is cancelled. What you paid goes back the way you paid.")
        return done % {"order": arguments.order}


class StartReturn(ChangingTool):
    name = "start_return"
    title = gettext_lazy("Start a return")
    arguments: ClassVar[type[msgspec.Struct]] = ReturnArguments
    action = Action.START_RETURN
    under_way = gettext_lazy("I'm starting the return …")

    def propose(self, actor: Actor, arguments: Any) -> str:
        order = _delivered(actor, arguments.order)
        named = ", ".join(f"{n} × {line_title(line)}" for line, n in _wanted(order, arguments))
        return self.question() % {"order": describe_order(order), "lines": named}

    def question(self) -> str:
        return _("%(order)s: shall I start a return of %(lines)s?")

    def reason_of(self, arguments: Any) -> str:
        return str(arguments.reason)

    def action_arguments(self, actor: Actor, arguments: Any) -> dict[str, Any]:
        order = _delivered(actor, arguments.order)
        lines = [
            Line(item_id=line.item.external_id, quantity=n)
            for line, n in _wanted(order, arguments)
            if line.item is not None
        ]
        return {"order_id": order.external_id, "lines": lines, "reason": self.reason_of(arguments)}

    def tell(self, actor: Actor, arguments: Any, result: ActionResult) -> str:
        sentences = [_("The return has the number %(number)s.") % {"number": result.reference}]
        if isinstance(result, ReturnResult) and result.label_url:
            sentences.append(_("Your label: %(url)s") % {"url": result.label_url})
        return " ".join(sentences)


class StartExchange(StartReturn):
    """A return that says what the customer wants instead: the shop sends it."""

    name = "start_exchange"
    title = gettext_lazy("Start an exchange")
    arguments = ExchangeArguments
    under_way = gettext_lazy("I'm starting the exchange …")

    def question(self) -> str:
        return _("%(order)s: shall I start an exchange of %(lines)s?")

    def reason_of(self, arguments: ExchangeArguments) -> str:
        wish = _("Exchange for: %(wanted)s") % {"wanted": arguments.wanted}
        return f"{wish} ({arguments.reason})" if arguments.reason else wish


class ChangeAddress(ChangingTool):
    name = "change_address"
    title = gettext_lazy("Change where an order goes")
    arguments = AddressArguments
    action = Action.CHANGE_ADDRESS
    under_way = gettext_lazy("I'm changing the address …")

    def propose(self, actor: Actor, arguments: AddressArguments) -> str:
        order = _not_sent(actor, arguments.order)
        return _("%(order)s: shall I have it sent to %(address)s?") % {
            "order": describe_order(order), "address": ", ".join(_address(arguments).values()),
        }  # fmt: skip

    def action_arguments(self, actor: Actor, arguments: AddressArguments) -> dict[str, Any]:
        order = _not_sent(actor, arguments.order)
        return {"order_id": order.external_id, "address": _address(arguments)}

    def tell(self, actor: Actor, arguments: AddressArguments, result: ActionResult) -> str:
        return _("Order %(order)s now goes to %(address)s.") % {
            "order": arguments.order, "address": ", ".join(_address(arguments).values()),
        }  # fmt: skip


def _address(arguments: AddressArguments) -> dict[str, str]:
    """Return the parts that were given, in the order in which they are written."""
    parts = {name: getattr(arguments, name).strip() for name in ("street", "zip", "city", "country")}
    return {name: part for name, part in parts.items() if part}


def _not_sent(actor: Actor, number: str) -> Order:
    """Return an order that can still be changed."""
    order = own_order(actor, number)
    if order.status == Status.CANCELLED:
        raise ToolRefusedError(_("Order %(order)s is cancelled already.") % {"order": order.external_id})
    if order.status in sent_states():
        raise ToolRefusedError(
            _("Order %(order)s has been sent already, so it cannot be changed any more. You can return it.")
            % {"order": order.external_id}
        )
    return order


def _delivered(actor: Actor, number: str) -> Order:
    """Return an order of which something can come back."""
    order = own_order(actor, number)
    if order.status == Status.RETURNED:
        raise ToolRefusedError(_("Order %(order)s came back to us already.") % {"order": order.external_id})
    if order.status not in sent_states():
        raise ToolRefusedError(
            _("Order %(order)s has not been sent, so there is nothing to send back. It may be cancelled.")
            % {"order": order.external_id}
        )
    return order


def _wanted(order: Order, arguments: Any) -> Sequence[tuple[OrderLine, int]]:
    """Return which lines come back, with the pieces of each."""
    found = []
    for line in order.lines.all():
        left = line.quantity - line.returned_quantity
        is_meant = not arguments.item or (line.item and line.item.external_id == arguments.item)
        if is_meant and left > 0:
            found.append((line, min(arguments.quantity or left, left)))
    if not found:
        raise ToolRefusedError(_("Nothing of that order is left to come back."))
    return found
