"""Whether this visitor lets the shop learn from the visit."""

from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.commerce.visitors import SESSION_COOKIE, SESSION_ID, customer_id_of_login
from ecomai.fusion.services import record_consent

ANSWER_KEY = "consent"
VISITOR_KEY, PROOF_KEY = "visitor_id", "consent_proof"
PURPOSE = "tracking"
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
    return request.session.get(ANSWER_KEY, UNKNOWN)


def answer(request: HttpRequest, *, is_granted: bool) -> None:
    """Remember the visitor's answer, and write it to the consent ledger with its proof."""
    proof = {"wording": wording(), "version": WORDING_VERSION, "language": get_language()}
    request.session[ANSWER_KEY] = GRANTED if is_granted else REFUSED
    request.session[PROOF_KEY] = proof
    record_consent(
        purpose=PURPOSE,
        is_granted=is_granted,
        source="shop banner",
        customer=customer_of(request),
        session_id=_visitor_id(request),
        proof=proof,
    )


def carry_over(request: HttpRequest) -> None:
    """Write the answer of this visit down for the customer who has just logged in."""
    if customer := customer_of(request):
        record_consent(
            purpose=PURPOSE,
            is_granted=current_answer(request) == GRANTED,
            source="shop banner, before login",
            customer=customer,
            proof=request.session.get(PROOF_KEY, {}),
        )


def customer_of(request: HttpRequest) -> Customer | None:
    """Return ecomai's row of the customer who is logged in, if there is one."""
    external_id = customer_id_of_login(request)
    return Customer.objects.filter(storefront="", external_id=external_id).first() if external_id else None


def forget_visit(response: HttpResponse) -> None:
    """Make the browser begin a new anonymous visit."""
    response.delete_cookie(SESSION_COOKIE, samesite="Lax")


def _visitor_id(request: HttpRequest) -> str:
    """The tracker's session, where it runs already, else an id of this answer's own."""
    tracked = request.COOKIES.get(SESSION_COOKIE, "")
    if SESSION_ID.fullmatch(tracked):
        return tracked
    return request.session.setdefault(VISITOR_KEY, f"shop-{uuid4().hex}")
