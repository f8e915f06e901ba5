"""Tools that look up a customer's orders."""

from collections.abc import Sequence
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.commerce.models import Order
from ecomai.commerce.money import format_money

from ..exceptions import ToolRefusedError
from .contract import Actor, NoArguments, OfOrder, ReadingTool, ToolResult
from .ownership import how_to_prove

Status = Order.Status
MOST_LISTED = 5
#: What each state means to a customer.
SENTENCES = {
    Status.PLACED: gettext_lazy("We have it and are preparing it; it has not been sent yet."),
    Status.PAID: gettext_lazy("It is paid, and we are preparing it; it has not been sent yet."),
    Status.ON_HOLD: gettext_lazy("We are still checking it; it has not been sent yet."),
    Status.SHIPPED: gettext_lazy("It has been sent and is on its way to you."),
    Status.COMPLETED: gettext_lazy("It was delivered, so the order is complete."),
    Status.CANCELLED: gettext_lazy("It was cancelled and will not be sent."),
    Status.RETURNED: gettext_lazy("It came back to us, so the order is closed."),
}


class FindOrders(ReadingTool):
    """The newest orders."""

    name = "find_orders"
    title = gettext_lazy("List the newest orders")
    arguments = NoArguments

    def read(self, actor: Actor, arguments: Any) -> ToolResult:
        orders = list(actor.orders()[:MOST_LISTED])
        if not orders:
            raise ToolRefusedError(how_to_prove() if actor.customer is None else no_order())
        lines = [f"{describe_order(order)}: {order.get_status_display()}" for order in orders]
        return ToolResult(
            text="\n".join([_("These are your newest orders:"), *lines]),
            facts={"orders": [order.external_id for order in orders]},
        )


class TrackOrder(ReadingTool):
    """Where an order is."""

    name = "track_order"
    title = gettext_lazy("Say where an order is")
    arguments = OfOrder

    def read(self, actor: Actor, arguments: OfOrder) -> ToolResult:
        order = own_order(actor, arguments.order)
        return ToolResult(
            text=f"{describe_order(order)}: {describe_lines(order)}. {SENTENCES[Status(order.status)]}",
            facts={"order": order.external_id, "status": order.status},
        )


class RefundStatus(ReadingTool):
    """Whether an order's money goes back."""

    name = "refund_status"
    title = gettext_lazy("Say how a refund stands")
    arguments = OfOrder

    def read(self, actor: Actor, arguments: OfOrder) -> ToolResult:
        order = own_order(actor, arguments.order)
        n_back = sum(line.returned_quantity for line in order.lines.all())
        facts = {"order": order.external_id, "status": order.status, "n_returned": n_back}
        return ToolResult(text=f"{describe_order(order)}: {_refund_sentence(order, n_back)}", facts=facts)


def _refund_sentence(order: Order, n_back: int) -> str:
    if order.status == Status.CANCELLED:
        return _("It was cancelled, so what you paid goes back the way you paid.")
    if order.status == Status.RETURNED or n_back:
        return _("%(n)s pieces came back to us; what you paid for them goes back the way you paid.") % {
            "n": n_back or sum(line.quantity for line in order.lines.all())
        }
    return _("Nothing of it came back to us yet and it is not cancelled, so no refund is under way.")


def own_order(actor: Actor, number: str) -> Order:
    """Return the customer's order. Raises `ToolRefusedError`, in the same words whether there is one."""
    order = actor.find_order(number)
    if order is None:
        sentence = _("I cannot find an order %(number)s of yours.") % {"number": number.strip()[:40]}
        raise ToolRefusedError(f"{sentence} {how_to_prove()}" if actor.customer is None else sentence)
    return order


def no_order() -> str:
    """Return what a customer is told who is logged in and has no order."""
    return _(
        "I see no order in your account. If you ordered as a guest or with another account, log in with that "
        "one, or let a person look for it."
    )


def describe_order(order: Order) -> str:
    day = date_format(localtime(order.placed_at), "DATE_FORMAT")
    return _("Order %(number)s of %(day)s, %(total)s") % {
        "number": order.external_id, "day": day, "total": format_money(order.total, order.currency),
    }  # fmt: skip


def describe_lines(order: Order) -> str:
    lines = list(order.lines.all())
    named = [f"{line.quantity} × {line_title(line)}" for line in lines[:MOST_LISTED]]
    return ", ".join([*named, *(["…"] if len(lines) > MOST_LISTED else [])])


def line_title(line: Any) -> str:
    return str(line.description or (line.item.title if line.item else "?"))


def sent_states() -> Sequence[str]:
    """The states in which goods have left the shop."""
    return (Status.SHIPPED, Status.COMPLETED, Status.RETURNED)
