"""Oscar's own signals: what visitors do whom the shop does not know yet, and whose session it is.

What logged-in customers do is a row of Oscar's, and comes by its mapping. Of others we know the session of
our tracker's cookie, which is there after consent; without it nothing is kept.
"""

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from ecomai.commerce import services
from ecomai.commerce.models import Customer, EventType
from ecomai.commerce.services.crawlers import is_crawler
from ecomai.commerce.services.resolving import customer_pks
from ecomai.commerce.signals import customer_identified
from ecomai.commerce.visitors import SESSION_COOKIE, SESSION_ID, customer_id_of_login
from ecomai.writing import write_after_commit

from . import vouchers
from .behaviour import BASKET_LINE
from .products import item_id_of

logger = logging.getLogger(__name__)
SOURCE = "oscar:signals"


def connect() -> None:
    from oscar.apps.basket.signals import basket_addition, voucher_addition
    from oscar.apps.catalogue.signals import product_viewed
    from oscar.apps.search.signals import user_search

    product_viewed.connect(on_view, dispatch_uid="ecomai.oscar.view")
    user_search.connect(on_search, dispatch_uid="ecomai.oscar.search")
    basket_addition.connect(on_basket_addition, dispatch_uid="ecomai.oscar.basket")
    voucher_addition.connect(vouchers.keep_to_its_customer, dispatch_uid="ecomai.oscar.voucher")


def harmless(receiver: Callable[..., None]) -> Callable[..., None]:
    """Oscar sends its signals with `send()`, where a fault of ours would be its page's."""

    @wraps(receiver)
    def receive(sender: Any, **kwargs: Any) -> None:
        try:
            receiver(sender, **kwargs)
        except Exception:
            logger.exception("What a visitor did could not be noted.")

    return receive


@harmless
def on_view(sender: Any, product: Any, user: Any, request: Any = None, **kwargs: Any) -> None:
    _note(request, user, type=EventType.VIEW, item_id=item_id_of(product))


@harmless
def on_search(sender: Any, query: str, user: Any, **kwargs: Any) -> None:
    if query.strip():
        _note(getattr(sender, "request", None), user, type=EventType.SEARCH, query=query[:500])


@harmless
def on_basket_addition(sender: Any, product: Any, user: Any, request: Any = None, **kwargs: Any) -> None:
    line = getattr(sender, "line", None)
    # The line's own key: once it is merged into the customer's basket at login, it is the same event.
    key = f"adapter:event:{BASKET_LINE}:{line.pk}" if line else ""
    _note(request, user, type=EventType.CART, item_id=item_id_of(product), key=key)


def _note(request: Any, user: Any, **event: Any) -> None:
    session_id = _session_of(request)
    if not session_id:
        return
    if user is None or not user.is_authenticated:
        row = {"key": uuid4().hex, "session_id": session_id, "occurred_at": timezone.now(), **event}
        write_after_commit(_write_events, row)
    elif not getattr(user, "is_staff", False):  # a login of staff must not make a customer
        write_after_commit(_identify, (session_id, customer_id_of_login(request)))


def _session_of(request: Any) -> str:
    """The tracker's session of a person; a crawler's visits are nobody's."""
    session_id = request.COOKIES.get(SESSION_COOKIE, "") if request is not None else ""
    if not SESSION_ID.fullmatch(session_id) or is_crawler(request.headers.get("User-Agent", "")):
        return ""
    return session_id


def _write_events(rows: Sequence[dict[str, Any]]) -> None:
    services.ingest_events(rows, source=SOURCE)


def _identify(pairs: Sequence[tuple[str, str]]) -> None:
    """Say whose the sessions are; what they did before login becomes their customer's."""
    with transaction.atomic():
        pks = customer_pks({customer: timezone.now() for _session, customer in pairs}, "")
        customers = Customer.objects.in_bulk(pks.values())
    for session_id, customer_id in dict.fromkeys(pairs):
        customer_identified.send_robust(
            Customer, storefront="", customer=customers[pks[customer_id]], session_id=session_id
        )
