"""The links below each mail: they say by themselves who follows them, and need no login."""

from functools import lru_cache
from urllib.parse import urljoin

from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Customer
from ecomai.exceptions import NotFoundError
from ecomai.fusion.services import record_consent

from ..app_settings import app_settings
from ..models import Delivery
from .stopping import check_shares

SALT = "ecomai.marketing.unsubscribe"
PLACE = "TOKEN"


def unsubscribe_url(*, customer_pk: int, delivery_pk: int) -> str:
    return _address_of("marketing-unsubscribe", app_settings.BASE_URL).replace(
        PLACE, sign(customer_pk=customer_pk, delivery_pk=delivery_pk)
    )


def preferences_url(*, customer_pk: int, delivery_pk: int) -> str:
    return _address_of("marketing-preferences-of", app_settings.BASE_URL).replace(
        PLACE, sign(customer_pk=customer_pk, delivery_pk=delivery_pk)
    )


@lru_cache(maxsize=2)
def sign(*, customer_pk: int, delivery_pk: int) -> str:
    """Return a token; both links of a mail carry the same."""
    return signing.dumps([customer_pk, delivery_pk], salt=SALT)


@lru_cache(maxsize=10)
def _address_of(name: str, base_url: str) -> str:
    return urljoin(base_url, reverse(f"ecomai:{name}", args=[PLACE]))


def customer_of(token: str) -> Customer:
    """Return whom a link was made for; raises NotFoundError for one that was not made here."""
    customer_pk, _delivery_pk = _read(token)
    customer = Customer.objects.filter(pk=customer_pk).first()
    if customer is None:
        raise NotFoundError
    return customer


def unsubscribe(token: str) -> None:
    """Note in the consent ledger that the customer refuses; a second time is another note of the same."""
    customer = customer_of(token)
    record_consent(
        customer=customer, purpose=app_settings.PURPOSE, is_granted=False, source="unsubscribe link"
    )
    note_unsubscribed(token, customer=customer)


def note_unsubscribed(token: str, *, customer: Customer) -> None:
    """Count it for the campaign whose mail it was, which pauses where it comes too often."""
    _customer_pk, delivery_pk = _read(token)
    rows = Delivery.objects.filter(pk=delivery_pk, customer=customer, unsubscribed_at=None)
    with transaction.atomic():
        delivery = rows.select_related("campaign").first()
        if delivery is not None and rows.update(unsubscribed_at=timezone.now()):
            check_shares(delivery.campaign)


def _read(token: str) -> tuple[int, int]:
    try:
        customer_pk, delivery_pk = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise NotFoundError from None
    return customer_pk, delivery_pk
