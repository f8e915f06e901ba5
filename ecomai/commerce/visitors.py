"""Who asks: a customer proven by a signed token or the shop's login, or a browser session alone.

An id in a request proves nothing; a customer is never taken from one.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.http import HttpRequest

from .app_settings import app_settings
from .models import Customer

SALT = "ecomai.commerce.customer"
TOKEN_HEADER = "X-Ecomai-Customer"  # noqa: S105
SESSION_HEADER = "X-Ecomai-Session"
SESSION_COOKIE = "ecomai_session"  # set by the tracker, after consent
SESSION_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}")


@dataclass(frozen=True)
class Visitor:
    """Who asks; `customer` only where it is proven, `session_id` '' where the browser has none."""

    storefront: str = ""
    customer: Customer | None = None
    session_id: str = ""

    @property
    def customer_id(self) -> str:
        return self.customer.external_id if self.customer else ""


def resolve_visitor(request: HttpRequest, *, customer_token: str = "", session_id: str = "") -> Visitor:
    """Return who asks, from the signed customer token, the shop's login and the session id, in this order.

    Token and session id may be given (from a request's body), else headers, the query string and, for the
    session, the tracker's cookie count.
    A customer whom we do not know yet is made, pseudonymous.
    """
    storefront = storefront_of(request)
    external_id = proven_customer_id(request, storefront=storefront, customer_token=customer_token)
    return Visitor(
        storefront=storefront,
        customer=_customer(external_id, storefront) if external_id else None,
        session_id=session_of(request, session_id),
    )


def storefront_of(request: HttpRequest) -> str:
    """Return the storefront of the key that came with a request."""
    return getattr(getattr(request, "auth", None), "storefront", "") or ""


def proven_customer_id(request: HttpRequest, *, storefront: str = "", customer_token: str = "") -> str:
    """Return the shop's id of the customer who asks, by the signed token or the login; '' of anybody else."""
    given = customer_token or _sent(request, TOKEN_HEADER, "customer_token")
    return customer_id_of_token(given, storefront) or customer_id_of_login(request)


def session_of(request: HttpRequest, session_id: str = "") -> str:
    """Return the session that a request names, by its body, header, query string or the tracker's cookie."""
    session = (
        session_id or _sent(request, SESSION_HEADER, "session_id") or request.COOKIES.get(SESSION_COOKIE, "")
    )
    return session if isinstance(session, str) and SESSION_ID.fullmatch(session) else ""


def sign_customer(external_id: str, *, storefront: str = "") -> str:
    """Return a token that lets a page speak for a customer for `COMMERCE.CUSTOMER_TOKEN_HOURS`."""
    return signing.dumps([storefront, external_id], salt=SALT, compress=False)


def customer_id_of_token(token: str, storefront: str = "") -> str:
    """Return the customer id that a token proves; '' if it is forged, too old or of another storefront."""
    if not token or not isinstance(token, str):
        return ""
    try:
        content = signing.loads(token, salt=SALT, max_age=app_settings.CUSTOMER_TOKEN_HOURS * 3600)
    except signing.BadSignature:
        return ""
    return content[1] if content[0] == storefront else ""


def customer_id_of_login(request: HttpRequest) -> str:
    """Return the shop's id of the logged-in customer, or ''."""
    # DRF's request hides the login of the Django request below it.
    return customer_id_of_user(getattr(getattr(request, "_request", request), "user", None))


def customer_id_of_user(user: Any) -> str:
    """Return the shop's id of a user of the shop, or '' of nobody."""
    if user is None or not user.is_authenticated:
        return ""
    customer_id = app_settings.CUSTOMER_ID
    return str(customer_id(user) if customer_id else user.pk)[:128]


def _sent(request: HttpRequest, header: str, parameter: str) -> str:
    return request.headers.get(header, "") or request.GET.get(parameter, "")


def _customer(external_id: str, storefront: str) -> Customer:
    customer, _created = Customer.objects.get_or_create(storefront=storefront, external_id=external_id)
    return customer
