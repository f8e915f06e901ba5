"""`{% load ecomai_tracker %}{% ecomai_tracker %}`: the script that reports what happens on a shop page."""

from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ecomai.commerce.app_settings import app_settings
from ecomai.commerce.services import site_key
from ecomai.commerce.visitors import customer_id_of_login, sign_customer

register = template.Library()


@register.simple_tag(takes_context=True)
def ecomai_tracker(
    context: template.Context, *, customer_id: Any = None, storefront: str = "", consent: str = ""
) -> SafeString | str:
    """Write the script tag: no inline code, so that a strict Content-Security-Policy holds.

    The logged-in customer, or `customer_id` where the shop knows better, goes in as a signed token.
    Writes nothing when the site's key has been revoked.
    """
    key = site_key(storefront)
    if not key:
        return ""
    request = context.get("request")
    external_id = str(customer_id) if customer_id else customer_id_of_login(request) if request else ""
    return format_html(
        '<script src="{}" defer data-endpoint="{}" data-key="{}" '
        'data-consent="{}" data-customer="{}"></script>',
        static("ecomai/tracker.js"),
        reverse("ecomai:events"),
        key,
        consent or app_settings.TRACKER_CONSENT,
        sign_customer(external_id, storefront=storefront) if external_id else "",
    )
