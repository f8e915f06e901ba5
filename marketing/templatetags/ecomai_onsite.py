"""`{% ecomai_onsite "slot" %}`: what waits for the customer who is logged in, in a shop's own page."""

import logging
from contextlib import nullcontext

from django import template
from django.db import connection, transaction
from django.http import HttpRequest
from django.template.loader import get_template
from django.utils.safestring import SafeString

from ecomai.commerce.services import site_key

from ..services import onsite

logger = logging.getLogger(__name__)
register = template.Library()

TEMPLATE = "ecomai/marketing/onsite.html"


@register.simple_tag(takes_context=True)
def ecomai_onsite(context: template.Context, slot: str, n: int = 1) -> SafeString | str:
    """Show up to `n` messages of a place; nothing to who is not known. A fault is logged, no more."""
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        logger.error("{%% ecomai_onsite %%} needs the request in the template's context.")
        return ""
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            customer = onsite.customer_of_request(request)
            messages = onsite.waiting_messages(customer, slot=slot, n=n) if customer else []
            if not messages:
                return ""
            key = site_key()
        shown = [(each, onsite.token_of(each), onsite.target_of(each)) for each in messages]
        strip = get_template(TEMPLATE).template  # type: ignore[attr-defined]
        with context.push(messages=shown, slot=slot, key=key):
            return strip.render(context)
    except Exception:
        logger.exception("Messages could not be shown at “%s”.", slot)
        return ""
