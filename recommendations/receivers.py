"""Thin receivers: what changed in the shop is counted and encoded in the background."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig

from ecomai.commerce.models import Customer
from ecomai.registry.services.beat import add_beat_entries
from ecomai.waking import wake_worker

from . import services

#: Entry of beat -> task, minute, hour.
BEAT_ENTRIES = {
    "ecomai: remove old recommendation answers": ("forget_old_answers", "40", "3"),
    "ecomai: count what recommendations came to": ("refresh_monitoring", "12", "*"),
    "ecomai: remove old searches": ("forget_old_searches", "45", "3"),
    "ecomai: look for synonyms in searches": ("propose_synonyms", "50", "3"),
    "ecomai: count what items are shown": ("refresh_exposure", "32", "*"),
    "ecomai: compare events with what models learned from": ("refresh_drift", "25", "3"),
}


def on_events_ingested(sender: Any, storefront: str, events: Sequence[Any], **kwargs: Any) -> None:
    """Have popularity counted again, at most once in each interval; the next events ask again."""
    if not services.should_refresh_popularity():
        return
    from .tasks import refresh_popularity

    wake_worker(refresh_popularity, otherwise="Popularity is not counted now")


def on_items_changed(sender: Any, storefront: str, item_pks: Sequence[int], **kwargs: Any) -> None:
    services.request_encoding(item_keys=item_pks)
    services.request_picture_encoding(item_keys=item_pks)


def on_customer_identified(
    sender: Any, storefront: str, customer: Customer, session_id: str, **kwargs: Any
) -> None:
    services.adopt_feedback(customer=customer, session_id=session_id, storefront=storefront)


def create_beat_entries(sender: AppConfig, using: str, **kwargs: Any) -> None:
    add_beat_entries("recommendations", BEAT_ENTRIES, using=using)
