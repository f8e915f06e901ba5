"""What a customer does that changes something: placing an order."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from ecomai.commerce.models import Customer, Item, Order
from ecomai.commerce.services import upsert_items, upsert_orders

from .basket import BasketLine
from .exceptions import EmptyBasketError, MixedCurrenciesError, OrderRefusedError, SoldOutError

SOURCE = "storefront"


def order_id_of(checkout_key: str) -> str:
    return f"W{checkout_key[:12].upper()}"


@transaction.atomic
def place_order(
    *, lines: Sequence[BasketLine], checkout_key: str, customer: Customer | None, session_id: str
) -> str:
    """Write the order and take its items from stock; return the order's id.

    The same `checkout_key` is the same order: a second call changes nothing and returns the same id.
    """
    order_id = order_id_of(checkout_key)
    # The rows of the items are the lock: a second submit waits here and then finds the order.
    pks = [line.item.pk for line in lines]
    stock = {item.pk: item for item in Item.objects.select_for_update().filter(pk__in=pks).order_by("pk")}
    if Order.objects.filter(storefront="", external_id=order_id).exists():
        return order_id
    if not lines:
        raise EmptyBasketError()
    lines = [BasketLine(stock[line.item.pk], line.quantity) for line in lines if line.item.pk in stock]
    for line in lines:
        if not line.is_available:
            raise SoldOutError(title=line.item.title)
    if len({line.item.currency for line in lines}) != 1:
        raise MixedCurrenciesError()
    _write(order_id, lines, customer, session_id)
    return order_id


def _write(order_id: str, lines: Sequence[BasketLine], customer: Customer | None, session_id: str) -> None:
    order = {
        "external_id": order_id,
        "customer_id": customer.external_id if customer else "",
        "session_id": session_id,
        "currency": lines[0].item.currency,
        "status": "paid",
        "placed_at": timezone.now().isoformat(),
        "lines": [
            {
                "position": position,
                "item_id": line.item.external_id,
                "description": line.item.title,
                "quantity": line.quantity,
                "unit_price": str(line.item.price),
            }
            for position, line in enumerate(lines, start=1)
        ],
    }
    (result,) = upsert_orders([order], source=SOURCE)
    if result.status == "rejected":
        raise OrderRefusedError(reason=result.reason)
    upsert_items(
        [
            {"external_id": line.item.external_id, "stock": line.item.stock - line.quantity}
            for line in lines
            if line.item.stock is not None
        ],
        source=SOURCE,
    )
