"""Thin receivers: who did something has a newer profile soon; who refused is out at once."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.utils import timezone

from ecomai.commerce.models import Customer, EventType, Order
from ecomai.commerce.services.events import StoredEvent
from ecomai.fusion.models import ConsentRecord
from ecomai.registry.selectors import is_scenario_on
from ecomai.registry.services.beat import add_beat_entries

from . import services
from .models import Aspect, Segment
from .services import voice
from .services.ads import attribute_orders
from .services.travelling import enter_by_segment, follow_events

#: Older events come from a back-fill, after which all profiles are computed at once.
RECENT = timedelta(days=1)

#: Entry of beat -> task, minute, hour.
BEAT_ENTRIES = {
    "ecomai: compute the profiles of customers to whom something happened": ("work_requests", "*", "*"),
    "ecomai: follow what time alone changes in segments": ("follow_time", "*", "*"),
    "ecomai: move customers on their journeys": ("advance_journeys", "*", "*"),
    "ecomai: start campaigns at their time, and end those whose time is over": ("run_campaigns", "*", "*"),
    "ecomai: watch whether a campaign had better stop": ("watch_campaigns", "*/10", "*"),
    "ecomai: compute all customer profiles": ("start_profiling", "10", "2"),
    "ecomai: compare customers with each other": ("compare_customers", "40", "3"),
    "ecomai: foresee what customers will buy": ("score_customers", "10", "4"),
    "ecomai: count the traffic that budgets of advertisements follow": ("count_traffic", "50", "3"),
    "ecomai: listen to what customers write": ("listen", "25", "*"),
    "ecomai: read what customers write for its meaning": ("read_voice", "20", "5"),
}


def on_events_ingested(sender: Any, storefront: str, events: Sequence[StoredEvent], **kwargs: Any) -> None:
    since = timezone.now() - RECENT
    recent = [event for event in events if event.customer_id and event.occurred_at > since]
    _request({event.customer_id for event in recent if event.customer_id})
    if recent and is_scenario_on("marketing"):
        follow_events(storefront, recent)
    reviews = [event for event in events if event.type == EventType.REVIEW]
    if reviews and is_scenario_on("marketing"):
        voice.take_reviews(reviews, storefront=storefront)


def on_orders_changed(sender: Any, storefront: str, order_pks: Sequence[int], **kwargs: Any) -> None:
    recent = Order.objects.filter(pk__in=list(order_pks), updated_at__gt=timezone.now() - RECENT)
    _request(set(recent.exclude(customer=None).values_list("customer_id", flat=True)))
    if is_scenario_on("marketing"):
        attribute_orders(order_pks)


def on_session_linked(sender: Any, customer: Customer, **kwargs: Any) -> None:
    _request({customer.pk})


def _request(customer_pks: set[int]) -> None:
    if customer_pks and is_scenario_on("marketing"):
        services.request_profiles(customer_pks)


def on_history_imported(sender: Any, **kwargs: Any) -> None:
    if is_scenario_on("marketing"):
        from .services.profiling import start_profiling

        start_profiling()


def on_segment_entered(sender: Any, segment: Segment, customer_pks: Sequence[int], **kwargs: Any) -> None:
    if is_scenario_on("marketing"):
        enter_by_segment(segment, customer_pks)


def on_consent_recorded(sender: Any, record: ConsentRecord, **kwargs: Any) -> None:
    from .services.consents import apply_consent

    apply_consent(record)


def create_aspects(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Begin with some aspects; what a shop made of them stays as it is."""
    if Aspect._meta.db_table in connections[using].introspection.table_names():
        voice.ensure_aspects()


def create_beat_entries(sender: AppConfig, using: str, **kwargs: Any) -> None:
    add_beat_entries("marketing", BEAT_ENTRIES, using=using)
