"""`{% risk_decision order.number %}`: why an order waits or was refused, and an appeal, on a shop's page."""

import logging
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.visitors import proven_customer_id, storefront_of

from ..exceptions import AlreadyAppealedError, NoMoreAppealsError, NothingToAppealError, UnknownDecisionError
from ..models import Decision
from ..services import appeals

logger = logging.getLogger(__name__)
register = template.Library()

TEMPLATE = "ecomai/risk/decision.html"
SENT = _("We have your message, and will look at it again.")
PROBLEMS = {
    error.code: error.message for error in (AlreadyAppealedError, NoMoreAppealsError, NothingToAppealError)
}
HEADINGS = {
    Decision.REVIEW: _("We look at it before we go on"),
    Decision.STEP_UP: _("We need a confirmation from you"),
    Decision.DECLINE: _("We could not accept it"),
}


@register.simple_tag(takes_context=True)
def risk_decision(
    context: template.Context, external_id: Any, kind: str = "payment_fraud", token: str = ""
) -> SafeString | str:
    """Tell the customer whose it is why something was not approved; nothing to anybody else.

    `token` (of `services.appeals.sign_decision`) opens it to a guest. The page must never suffer.
    """
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        logger.error("{%% risk_decision %%} needs the request in the template's context.")
        return ""
    try:
        storefront = storefront_of(request)
        assessment = appeals.own_assessment(
            kind=kind, external_id=str(external_id), storefront=storefront, token=token,
            customer_id=proven_customer_id(request, storefront=storefront),
        )  # fmt: skip
        return _render(request, appeals.explain(assessment), token)
    except UnknownDecisionError:
        return ""
    except Exception:
        logger.exception("What was decided about “%s” could not be shown.", external_id)
        return ""


def _render(request: HttpRequest, explanation: appeals.Explanation, token: str) -> SafeString | str:
    if explanation.decision == Decision.APPROVE and explanation.appeal is None:
        return ""
    outcome = request.GET.get("appeal", "")
    return get_template(TEMPLATE).render(
        {
            "told": explanation, "token": token, "next": request.get_full_path(),
            "heading": HEADINGS.get(Decision(explanation.decision), ""),
            "said": SENT if outcome == "sent" else PROBLEMS.get(outcome, ""),
        },
        request,
    )  # fmt: skip
