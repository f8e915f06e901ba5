"""The basket: ids and quantities in the visitor's session, and the key that makes an order count once."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import uuid4

from django.contrib.sessions.backends.base import SessionBase

from ecomai.commerce.models import Item

SESSION_KEY = "basket"
CHECKOUT_KEY = "checkout_key"
MAX_QUANTITY = 20
MAX_LINES = 50


@dataclass(frozen=True)
class BasketLine:
    item: Item
    quantity: int

    @property
    def total(self) -> Decimal:
        return (self.item.price or Decimal(0)) * self.quantity

    @property
    def is_available(self) -> bool:
        item = self.item
        return (
            item.is_active and item.price is not None and (item.stock is None or item.stock >= self.quantity)
        )


class Basket:
    """Reads and changes the basket of one session; nobody else's can be named."""

    def __init__(self, session: SessionBase) -> None:
        self.session = session

    @property
    def quantities(self) -> dict[str, int]:
        return self.session.get(SESSION_KEY, {})

    @property
    def n_units(self) -> int:
        return sum(self.quantities.values())

    def add(self, item: Item, quantity: int = 1) -> None:
        self.set(item.external_id, self.quantities.get(item.external_id, 0) + quantity)

    def set(self, external_id: str, quantity: int) -> None:
        """Change a quantity, within bounds; 0 takes the item out."""
        quantities = dict(self.quantities)
        if quantity <= 0:
            quantities.pop(external_id, None)
        elif external_id in quantities or len(quantities) < MAX_LINES:
            quantities[external_id] = min(quantity, MAX_QUANTITY)
        self.session[SESSION_KEY] = quantities

    def empty(self) -> None:
        self.session.pop(SESSION_KEY, None)
        self.session.pop(CHECKOUT_KEY, None)

    def lines(self) -> list[BasketLine]:
        """Return what is in the basket, in the order it was put there; items that are gone are left out."""
        return list(self._lines())

    def _lines(self) -> Iterator[BasketLine]:
        items = Item.objects.filter(storefront="", external_id__in=self.quantities)
        known = {item.external_id: item for item in items}
        for external_id, quantity in self.quantities.items():
            if external_id in known:
                yield BasketLine(known[external_id], quantity)

    def checkout_key(self) -> str:
        """Return the key of the order that this basket will become; the same until the order is placed."""
        if CHECKOUT_KEY not in self.session:
            self.session[CHECKOUT_KEY] = uuid4().hex
        return self.session[CHECKOUT_KEY]
