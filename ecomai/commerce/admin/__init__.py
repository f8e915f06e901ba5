"""Django admin of the shop's data."""

from . import events, keys, records, rejected

__all__ = ["events", "keys", "records", "rejected"]
