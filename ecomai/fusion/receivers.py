"""Thin receivers: a login identifies the session; late events follow."""

import logging
from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db import connections
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext_noop

from ecomai.commerce.models import Customer
from ecomai.commerce.signals import customer_identified, events_ingested
from ecomai.commerce.visitors import SESSION_HEADER, resolve_visitor

from . import selectors, services
from .exceptions import SessionTakenError

logger = logging.getLogger(__name__)
OLD_FACTS = "ecomai: old facts"


@receiver(user_logged_in, dispatch_uid="ecomai.fusion.link_session_at_login")
def link_session_at_login(request: HttpRequest | None = None, **kwargs: Any) -> None:
    """A login must never fail because of us: a session that is another customer's stays that customer's."""
    if request is None or not (request.headers.get(SESSION_HEADER) or request.GET.get("session_id")):
        return  # without a session there is nothing to link, and a staff login must not make a customer
    visitor = resolve_visitor(request)
    if visitor.customer is not None and visitor.session_id:
        link_identified_session(visitor.storefront, visitor.customer, visitor.session_id)


@receiver(customer_identified, dispatch_uid="ecomai.fusion.link_identified_session")
def link_identified_session(storefront: str, customer: Customer, session_id: str, **kwargs: Any) -> None:
    known = selectors.customer_of_session(session_id=session_id, storefront=storefront)
    if known == customer:
        return
    try:
        services.link_session(session_id=session_id, customer=customer, storefront=storefront)
    except SessionTakenError:
        logger.warning("A second customer logged in within one browser session; the session was not moved.")


@receiver(events_ingested, dispatch_uid="ecomai.fusion.identify_late_events")
def identify_ingested_events(events: list[Any], **kwargs: Any) -> None:
    services.identify_late_events(events=events)


def create_beat_entries(*, using: str, **kwargs: Any) -> None:
    """Give beat its entry once; what an admin changes or disables afterwards stays as it is."""
    from django_celery_beat.models import CrontabSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    tasks = PeriodicTask.objects.using(using)
    if not tasks.filter(name=OLD_FACTS).exists():
        clock, _created = CrontabSchedule.objects.using(using).get_or_create(
            minute="23", hour="3", day_of_month="*", month_of_year="*", day_of_week="*", timezone="UTC"
        )
        tasks.create(
            name=OLD_FACTS, task="ecomai.fusion.delete_old_facts", crontab=clock, queue="default",
            description=gettext_noop("Deletes facts that expired longer ago than the retention period."),
        )  # fmt: skip
