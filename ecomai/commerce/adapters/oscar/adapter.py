"""The adapter itself; a host derives from it to say what its own words mean."""

from collections.abc import Sequence

from ecomai.commerce.adapters.base import ShopAdapter
from ecomai.commerce.adapters.mapping import ModelMapping

from . import behaviour, customers, money, orders, products
from .customer_actions import CustomerActions
from .order_actions import OrderActions


class OscarAdapter(OrderActions, CustomerActions, ShopAdapter):
    """Reads and serves a shop on django-oscar.

    A subclass can say what the shop's own words mean (see `OwnWords`), and in `brand_attributes` the codes
    of product attributes that hold the brand, of which the first that is there counts. A mapping of the
    shop's own models is added in `mappings()`.
    """

    brand_attributes: Sequence[str] = ("brand", "manufacturer")

    def mappings(self) -> list[ModelMapping]:
        return [
            customers.customer_mapping(),
            products.item_mapping(self.brand_attributes),
            orders.order_mapping(self.words),
            *behaviour.event_mappings(),
            *money.event_mappings(self.words),
            *super().mappings(),
        ]

    def connect(self) -> None:
        from . import receivers

        receivers.connect()
