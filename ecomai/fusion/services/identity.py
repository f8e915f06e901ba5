"""Turning an anonymous session into a customer, with everything that happened in it."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer, Event, Order
from ecomai.commerce.services import hold_customers
from ecomai.exceptions import InvalidInputError
from ecomai.fusion import signals
from ecomai.fusion.exceptions import SessionTakenError
from ecomai.fusion.models import ConsentRecord, SessionLink


def link_session(*, session_id: str, customer: Customer, storefront: str = "") -> SessionLink:
    """Make a session's events, orders and consents the customer's; one transaction, safe to call twice.

    Raises `SessionTakenError` where the session is another customer's: it never moves in silence.
    Sends `session_linked` on commit, the first time only.
    """
    if not session_id:
        raise InvalidInputError(reason=_("a session without an id cannot be linked"))
    if customer.storefront != storefront:
        raise InvalidInputError(reason=_("the session and the customer belong to different storefronts"))
    with transaction.atomic():
        link, is_new = SessionLink.objects.get_or_create(
            storefront=storefront, session_id=session_id, defaults={"customer": customer}
        )
        if link.customer_id != customer.pk:
            raise SessionTakenError()
        for model in (Event, Order, ConsentRecord):
            model._default_manager.filter(storefront=storefront, session_id=session_id, customer=None).update(
                customer=customer
            )
        if is_new:
            transaction.on_commit(
                partial(
                    signals.session_linked.send,
                    sender=SessionLink, session_id=session_id, customer=customer, storefront=storefront,
                )
            )  # fmt: skip
    return link


def identify_late_events(*, events: Iterable[Event]) -> int:
    """Give events that arrived after their session was linked to its customer; returns how many.

    Only events from before the link: what happens in the session after a logout stays anonymous.
    """
    anonymous = [event for event in events if event.customer_id is None and event.session_id]
    links = list(SessionLink.objects.filter(session_id__in={event.session_id for event in anonymous}))
    if not links:
        return 0
    with transaction.atomic():
        # Whoever is being erased gets no event any more.
        held = hold_customers(link.customer_id for link in links)
        return sum(_identify(link, anonymous) for link in links if link.customer_id in held)


def _identify(link: SessionLink, anonymous: Iterable[Event]) -> int:
    keys = [
        event.key
        for event in anonymous
        if (event.storefront, event.session_id) == (link.storefront, link.session_id)
        and event.occurred_at <= link.linked_at
    ]
    mine = Event.objects.filter(key__in=keys, session_id=link.session_id, customer=None)
    return mine.update(customer_id=link.customer_id)
