"""The link below each mail: it says by itself who follows it, needs no login, and does one thing."""

from functools import lru_cache
from urllib.parse import urljoin

from django.core import signing
from django.urls import reverse

from ecomai.commerce.models import Customer
from ecomai.exceptions import NotFoundError
from ecomai.fusion.services import record_consent

from ..app_settings import app_settings

SALT = "ecomai.marketing.unsubscribe"
PLACE = "TOKEN"


def unsubscribe_url(*, customer_pk: int, delivery_pk: int) -> str:
    token = signing.dumps([customer_pk, delivery_pk], salt=SALT)
    return _address_of(app_settings.BASE_URL).replace(PLACE, token)


@lru_cache(maxsize=10)
def _address_of(base_url: str) -> str:
    return urljoin(base_url, reverse("ecomai:marketing-unsubscribe", args=[PLACE]))


def customer_of(token: str) -> Customer:
    """Return whom a link was made for; raises NotFoundError for one that was not made here."""
    try:
        customer_pk, _delivery_pk = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise NotFoundError from None
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
