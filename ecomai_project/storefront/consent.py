"""Whether this visitor lets the shop learn from the visit, and the anonymous id of the visit."""

import re
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.fusion.services import record_consent

SESSION_KEY = "consent"
VISITOR_KEY = "visitor_id"
PURPOSE = "tracking"
# The tracker's cookie: its session is ours, so that orders and page events of one visit meet.
TRACKER_COOKIE = "ecomai_session"
TRACKER_SESSION = re.compile(r"[\w-]{8,128}", re.ASCII)
GRANTED, REFUSED, UNKNOWN = "granted", "refused", ""
WORDING_VERSION = 1


def wording() -> str:
    """Return what the banner asks; it is kept with each answer as proof."""
    return _(
        "May we remember what you look at, to recommend things you like? You can change this at any time."
    )


def has_privacy_signal(request: HttpRequest) -> bool:
    """Whether the browser sends Global Privacy Control, which counts as a refusal."""
    return request.headers.get("Sec-GPC") == "1"


def current_answer(request: HttpRequest) -> str:
    if has_privacy_signal(request):
        return REFUSED
    return request.session.get(SESSION_KEY, UNKNOWN)


def answer(request: HttpRequest, *, is_granted: bool, customer: Customer | None) -> None:
    """Remember the visitor's answer, and write it to the consent ledger with its proof."""
    request.session[SESSION_KEY] = GRANTED if is_granted else REFUSED
    record_consent(
        purpose=PURPOSE,
        is_granted=is_granted,
        source="storefront banner",
        customer=customer,
        session_id=visitor_id(request),
        proof={"wording": wording(), "version": WORDING_VERSION, "language": get_language()},
    )


def visitor_id(request: HttpRequest) -> str:
    """Return the anonymous id of this visit: the tracker's, where it may run, else one of the session."""
    tracked = request.COOKIES.get(TRACKER_COOKIE, "")
    if current_answer(request) == GRANTED and TRACKER_SESSION.fullmatch(tracked):
        return tracked
    if VISITOR_KEY not in request.session:
        request.session[VISITOR_KEY] = f"shop-{uuid4().hex}"
    return request.session[VISITOR_KEY]


def visit_ids(request: HttpRequest) -> set[str]:
    """Return the ids of this visit: its own, under which the banner was answered, and the tracker's."""
    own = request.session.get(VISITOR_KEY)
    return {visitor_id(request), *([own] if own else [])}


def forget_visit(response: HttpResponse) -> None:
    """Make the browser begin a new anonymous visit: after a refusal, or when another person goes on."""
    response.delete_cookie(TRACKER_COOKIE, samesite="Lax")
