"""The base class of a host's adapter, and the one that is installed."""

from collections.abc import Sequence

from ecomai.commerce.app_settings import app_settings

from .actions import PROTOCOLS, Action
from .mapping import CustomerMapping, EventMapping, ItemMapping, ModelMapping, OrderMapping


class ShopAdapter:
    """How a host shop is read, and what it can be asked to do.

    A subclass lists mappings of its models, and defines methods of the protocols in
    `ecomai.commerce.adapters.actions` for what it can do; one that it does not define is not supported.
    An action runs inside a transaction; it raises `ActionRefusedError` where the shop's rules forbid it.
    """

    customers: Sequence[CustomerMapping] = ()
    items: Sequence[ItemMapping] = ()
    orders: Sequence[OrderMapping] = ()
    events: Sequence[EventMapping] = ()

    def mappings(self) -> list[ModelMapping]:
        """All mappings in the order they have to be read: an order needs its items."""
        return [*self.customers, *self.items, *self.orders, *self.events]

    def connect(self) -> None:
        """Called once, when the apps are ready: listen to the shop's own signals, besides those of models."""

    def supports(self) -> frozenset[Action]:
        """Return the actions that the shop can do. Override to switch one off, say in a staging shop."""
        return frozenset(action for action, protocol in PROTOCOLS.items() if isinstance(self, protocol))


def get_adapter() -> ShopAdapter:
    """Return the host's adapter, from `COMMERCE.ADAPTER`; without one, an adapter that does nothing."""
    adapter_class = app_settings.ADAPTER or ShopAdapter
    adapter: ShopAdapter = adapter_class()
    return adapter
