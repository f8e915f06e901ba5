"""Advertisements: kept by the staff, chosen for a place, counted and paid, and credited with orders."""

from .attribution import attribute_orders
from .choosing import AdAnswer, ShownAd, choose_ads
from .recording import follow_click, record_seen

__all__ = ["AdAnswer", "ShownAd", "attribute_orders", "choose_ads", "follow_click", "record_seen"]
