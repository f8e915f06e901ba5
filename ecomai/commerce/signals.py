"""Signals of the shop's data; all are sent after the transaction has been committed."""

from django.dispatch import Signal

events_ingested = Signal()
"""New events were stored. Arguments: `storefront` (str), `events` (list of `services.events.StoredEvent`)."""

items_changed = Signal()
"""Items were added or changed. Arguments: `storefront` (str), `item_pks` (list of int)."""

orders_changed = Signal()
"""Orders were added or changed. Arguments: `storefront` (str), `order_pks` (list of int)."""

customer_identified = Signal()
"""A session turned out to be a customer's. 

Arguments: `storefront` (str), `customer` (Customer), `session_id` (str).
"""

history_imported = Signal()
"""A file import or a back-fill came to its end; also when it found nothing new. No arguments."""
