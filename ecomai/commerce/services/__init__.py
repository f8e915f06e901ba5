"""Writes of the shop's data; admin, REST, commands and adapters all call these."""

from .catalogue import upsert_customers, upsert_items
from .crawlers import count_crawler, is_crawler
from .events import StoredEvent, ingest_events, key_of, write_events
from .keys import create_api_key, revoke_api_key, rotate_api_key, site_key
from .orders import upsert_orders
from .rates import set_exchange_rates
from .rejections import delete_old_rejected, dismiss_rejected, keep_rejected, replay_rejected
from .resolving import hold_customers

__all__ = [
    "StoredEvent",
    "count_crawler",
    "create_api_key",
    "delete_old_rejected",
    "dismiss_rejected",
    "hold_customers",
    "ingest_events",
    "is_crawler",
    "keep_rejected",
    "key_of",
    "replay_rejected",
    "revoke_api_key",
    "rotate_api_key",
    "set_exchange_rates",
    "site_key",
    "upsert_customers",
    "upsert_items",
    "upsert_orders",
    "write_events",
]
