"""`{% ecomai_ads "placement" %}`: advertisements in a shop's own page, with the label that they are some."""

import logging
from contextlib import nullcontext

from django import template
from django.db import connection, transaction
from django.http import HttpRequest
from django.template.loader import get_template
from django.utils.safestring import SafeString

from ecomai.commerce.services import site_key

from ..services.ads.requests import choose_for_request

logger = logging.getLogger(__name__)
register = template.Library()

TEMPLATE = "ecomai/marketing/ads.html"


@register.simple_tag(takes_context=True)
def ecomai_ads(context: template.Context, placement: str, n: int = 1) -> SafeString | str:
    """Show up to `n` advertisements of a place. The page never suffers: a fault is logged."""
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        logger.error("{%% ecomai_ads %%} needs the request in the template's context.")
        return ""
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            answer = choose_for_request(request, placement=placement, n=n)
            if not answer.ads:
                return ""
            key = site_key()
        strip = get_template(TEMPLATE).template  # type: ignore[attr-defined]
        with context.push(ads=answer.ads, placement=placement, key=key):
            return strip.render(context)
    except Exception:
        logger.exception("Advertisements could not be shown at “%s”.", placement)
        return ""
