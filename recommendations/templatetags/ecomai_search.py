"""`{% search_box %}` and `{% search_results %}`: search in a shop's own pages."""

import logging
from contextlib import nullcontext
from typing import Any

from django import template
from django.db import connection, transaction
from django.http import HttpRequest
from django.template.loader import get_template
from django.urls import reverse
from django.utils.safestring import SafeString

from ecomai.commerce.services import site_key

from ..pages.search import PER_PAGE, page_context

logger = logging.getLogger(__name__)
register = template.Library()

BOX, RESULTS = "ecomai/recommendations/search_box.html", "ecomai/recommendations/search_results.html"


@register.simple_tag(takes_context=True)
def search_box(context: template.Context, action: str = "", box_id: str = "ecomai-q") -> SafeString:
    """Show a search field. It is a plain form; its script adds suggestions while a visitor types.

    `action` is the address of the page of results; `box_id` tells two boxes of one page apart.
    """
    request = context.get("request")
    query = request.GET.get("q", "") if isinstance(request, HttpRequest) else ""
    values = {
        "action": action,
        "box_id": box_id,
        "query": query[:500],
        "endpoint": reverse("ecomai:search-suggestions"),
        "key": _key(),
    }
    box = get_template(BOX).template  # type: ignore[attr-defined]
    with context.push(**values):
        return box.render(context)


def _key() -> str:
    """Return the key of the site's pages; without one the box has no suggestions, and works."""
    try:
        return site_key()
    except Exception:
        logger.exception("The search box has no suggestions.")
        return ""


@register.simple_tag(takes_context=True)
def search_results(context: template.Context, per_page: int = PER_PAGE) -> SafeString:
    """Show what was found for the page's `?q=…`, with facets, orders and pages.

    Whatever goes wrong is logged; the visitor reads that the search is away for the moment.
    """
    request: Any = context.get("request")
    try:
        if not isinstance(request, HttpRequest):
            raise TypeError("{% search_results %} needs the request in the template's context.")
        # A failed query must not spoil the page's own transaction.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            values = page_context(request, per_page=per_page)
    except Exception:
        logger.exception("Search results could not be shown.")
        values = {"query": "", "answer": None, "is_away": True}
    results = get_template(RESULTS).template  # type: ignore[attr-defined]
    with context.push(**values):
        return results.render(context)
