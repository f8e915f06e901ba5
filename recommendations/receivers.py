"""Thin receivers: what changed in the shop is counted and encoded in the background."""

import logging
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.db import connections
from kombu.exceptions import KombuError

from ecomai.commerce.models import Customer

from . import services

logger = logging.getLogger(__name__)

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

    try:
        refresh_popularity.apply_async(retry=False, queue="default")
    except (KombuError, OSError) as error:
        logger.warning(
            "Popularity is not counted now; the message broker is away (%s).", type(error).__name__
        )


def on_items_changed(sender: Any, storefront: str, item_pks: Sequence[int], **kwargs: Any) -> None:
    services.request_encoding(item_keys=item_pks)
    services.request_picture_encoding(item_keys=item_pks)


def on_customer_identified(
    sender: Any, storefront: str, customer: Customer, session_id: str, **kwargs: Any
) -> None:
    services.adopt_feedback(customer=customer, session_id=session_id, storefront=storefront)


def create_beat_entries(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Give beat its entries once; what a shop changes or disables afterwards stays as it is."""
    from django_celery_beat.models import CrontabSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    tasks = PeriodicTask.objects.using(using)
    for name, (task, minute, hour) in BEAT_ENTRIES.items():
        if tasks.filter(name=name).exists():
            continue
        clock, _created = CrontabSchedule.objects.using(using).get_or_create(
            minute=minute, hour=hour, day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
        )
        tasks.create(
            name=name, task=f"ecomai.recommendations.{task}", crontab=clock, queue="default",
            expire_seconds=3600 if hour == "*" else None,
        )  # fmt: skip
