"""The adapter itself; a host derives from it to say what its own words mean."""

from collections.abc import Mapping, Sequence

from ecomai.commerce.adapters.base import ShopAdapter
from ecomai.commerce.adapters.mapping import ModelMapping

from . import behaviour, customers, money, orders, products
from .customer_actions import CustomerActions
from .order_actions import OrderActions
from .words import ORDER_STATUSES, PAYMENT_EVENTS, SHIPPING_EVENTS, Words


class OscarAdapter(OrderActions, CustomerActions, ShopAdapter):
    """Reads and serves a shop on django-oscar.

    Override, in a subclass, what the shop's own words mean (written like a slug: `being-processed`):

    - `order_statuses`: status of `OSCAR_ORDER_STATUS_PIPELINE` -> ours; one that is not named says nothing;
    - `shipping_events`: code of a shipping event type -> `shipped` or `returned`;
    - `payment_events`: code of a payment event type -> `payment`, `refund` or `payment_failure`;
    - `brand_attributes`: codes of product attributes that hold the brand, the first that is there counts.

    A mapping of the shop's own models is added in `mappings()`.
    """

    order_statuses: Mapping[str, str] = ORDER_STATUSES
    shipping_events: Mapping[str, str] = SHIPPING_EVENTS
    payment_events: Mapping[str, str] = PAYMENT_EVENTS
    brand_attributes: Sequence[str] = ("brand", "manufacturer")

    @property
    def words(self) -> Words:
        return Words(self.order_statuses, self.shipping_events, self.payment_events)

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
