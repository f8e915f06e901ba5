"""What waits on the site for a customer: shown, seen, clicked and dismissed; nobody sees another's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from ecomai.commerce.models import Customer, EventType
from ecomai.commerce.services import is_crawler
from ecomai.commerce.services.events import ingest_events
from ecomai.commerce.visitors import proven_customer_id, storefront_of
from ecomai.exceptions import NotFoundError
from ecomai.fusion.selectors import has_consent

from ..app_settings import app_settings
from ..models import Campaign, Channel, OnsiteMessage
from .ads.groups import is_allowed_target

SALT = "ecomai.marketing.onsite"
MOST_SHOWN = 5
#: What can be told of a message, and as which event it is kept.
ACTS = {
    "seen": EventType.MESSAGE_OPEN, "clicked": EventType.MESSAGE_CLICK, "dismissed": "message_dismissed",
}  # fmt: skip


def customer_of_request(request: HttpRequest) -> Customer | None:
    """Return the customer who asks, proven by the login or a signed token; None of anybody else."""
    if is_crawler(request.headers.get("User-Agent", "")):
        return None
    storefront = storefront_of(request)
    external_id = proven_customer_id(request, storefront=storefront)
    if not external_id:
        return None
    return Customer.objects.filter(storefront=storefront, external_id=external_id).first()


def waiting_messages(
    customer: Customer, *, slot: str, n: int = 1, now: datetime | None = None
) -> list[OnsiteMessage]:
    """Return what a place is to show a customer now, newest first; nothing to who refused."""
    if not _is_allowed(customer):
        return []
    found = _open_messages(customer, now or timezone.now()).filter(slot=slot)
    return list(found.order_by("-pk")[: min(n, MOST_SHOWN)])


def token_of(message: OnsiteMessage) -> str:
    """Return what a page sends back; it counts for the customer alone for whom it was made."""
    return signing.dumps([message.pk, message.customer_id], salt=SALT)


def record_act(customer: Customer, *, token: str, act: str) -> OnsiteMessage:
    """Note that a customer saw, clicked or dismissed a message, and tell it among the events.

    Seen counts each time, the others once. Raises NotFoundError for a token that is forged or another's.
    """
    message = _message_of(customer, token)
    now, rows = timezone.now(), OnsiteMessage.objects.filter(pk=message.pk)
    with transaction.atomic():
        is_first = bool(rows.filter(**{f"{act}_at": None}).update(**{f"{act}_at": now}))
        if act == "seen":
            rows.update(n_views=F("n_views") + 1)
        if is_first:
            _tell(message, act, now)
    return message


def _open_messages(customer: Customer, now: datetime) -> QuerySet[OnsiteMessage]:
    """Neither dismissed, nor seen too often, nor expired, nor of a campaign that was halted."""
    return OnsiteMessage.objects.filter(
        customer=customer, dismissed_at=None, expires_at__gt=now,
        n_views__lt=F("delivery__campaign__most_views"),
        delivery__campaign__state=Campaign.State.SENDING,
    ).select_related("delivery")  # fmt: skip


def _is_allowed(customer: Customer) -> bool:
    return has_consent(purpose=app_settings.PURPOSE, channel=Channel.ONSITE, customer=customer)


def _message_of(customer: Customer, token: str) -> OnsiteMessage:
    try:
        pk, customer_pk = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise NotFoundError from None
    rows = OnsiteMessage.objects.filter(pk=pk, customer=customer)
    message = rows.select_related("delivery__campaign").first()
    if customer_pk != customer.pk or message is None:
        raise NotFoundError
    return message


def target_of(message: OnsiteMessage) -> str:
    """Return where a message leads, '' where that is no page of the shop."""
    return message.target_url if is_allowed_target(message.target_url) else ""


def _tell(message: OnsiteMessage, act: str, now: datetime) -> None:
    campaign: Campaign = message.delivery.campaign
    properties: dict[str, Any] = {"campaign": campaign.name, "slot": message.slot}
    rows: Sequence[dict[str, Any]] = [
        {
            "key": f"onsite:{message.pk}:{act}", "type": str(ACTS[act]), "channel": "onsite",
            "customer_id": message.customer.external_id, "occurred_at": now, "properties": properties,
        }
    ]  # fmt: skip
    ingest_events(rows, storefront=campaign.storefront, source="marketing")
