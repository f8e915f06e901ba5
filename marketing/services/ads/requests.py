"""From a web request to advertisements: whose page it is, and who looks at it."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from ecomai.commerce.models import Customer
from ecomai.commerce.services import is_crawler
from ecomai.commerce.visitors import proven_customer_id, session_of, storefront_of

from .choosing import AdAnswer, choose_ads
from .shelf import get_shelf


def choose_for_request(request: HttpRequest, *, placement: str, n: int = 1) -> AdAnswer:
    """Choose for the visitor behind a request; a crawler gets none, as nobody sees them."""
    if is_crawler(request.headers.get("User-Agent", "")):
        return AdAnswer(placement, [])
    storefront, now = storefront_of(request), timezone.now()
    if not get_shelf(storefront, now).at(placement, now):
        return AdAnswer(placement, [])  # most pages of most shops: nobody is looked up
    external_id = proven_customer_id(request, storefront=storefront)
    known = Customer.objects.filter(storefront=storefront, external_id=external_id)
    return choose_ads(
        placement=placement, storefront=storefront, customer=known.first() if external_id else None,
        session_id=session_of(request), n=n, now=now,
    )  # fmt: skip


def is_person(request: Any) -> bool:
    return not is_crawler(request.headers.get("User-Agent", ""))
