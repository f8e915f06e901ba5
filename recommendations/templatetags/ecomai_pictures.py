"""`{% picture_search %}`: a button beside the search box that searches by a picture."""

import logging
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from ecomai.commerce.services import site_key

from .. import services

logger = logging.getLogger(__name__)
register = template.Library()


@register.simple_tag
def picture_search(box_id: str = "ecomai-picture") -> SafeString | str:
    """Show the button where an image encoder serves, else nothing. `box_id` is unique in the page.

    The page must never suffer: whatever goes wrong is logged, and nothing is shown.
    """
    try:
        if not services.can_search_by_picture() or not (key := site_key()):
            return ""
        values: dict[str, Any] = {"endpoint": reverse("ecomai:picture-search"), "key": key, "box_id": box_id}
        return render_to_string("ecomai/recommendations/picture_search.html", values)
    except Exception:
        logger.exception("The search by picture could not be shown.")
        return ""
