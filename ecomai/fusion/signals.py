"""What fusion tells others, on commit."""

from django.dispatch import Signal

#: A session turned out to be a customer's. Arguments: `session_id`, `customer`, `storefront`.
session_linked = Signal()

#: Somebody answered about a purpose. Arguments: `record`.
consent_recorded = Signal()

#: A customer is gone from all tables; drop what you hold in memory or in a cache. Arguments: `subject`.
customer_erased = Signal()
