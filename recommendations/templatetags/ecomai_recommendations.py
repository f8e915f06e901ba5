"""`{% recommendations %}`: a strip of recommended items in a shop's own page; and the like in a mail."""

import json
import logging
from contextlib import nullcontext
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from django import template
from django.db import connection, transaction
from django.http import HttpRequest
from django.template.loader import get_template
from django.urls import reverse
from django.utils.safestring import SafeString

from ecomai.commerce.models import Item
from ecomai.commerce.services import site_key
from ecomai.commerce.visitors import customer_id_of_login, session_of, sign_customer, storefront_of

from .. import services
from ..serializers import first_image

logger = logging.getLogger(__name__)
register = template.Library()

TEMPLATE = "ecomai/recommendations/strip.html"
MAIL_TEMPLATE = "ecomai/recommendations/mail.html"


@register.simple_tag(takes_context=True)
def recommendations(
    context: template.Context,
    placement: str = "",
    n: int | None = None,
    item: Any = "",
    basket: Any = (),
    category: str = "",
    in_stock: bool = False,
    heading: str = "",
) -> SafeString | str:
    """Show a strip of items for the visitor, beside an `item`, or with a `basket` of item ids.

    The page must never suffer: whatever goes wrong is logged, and nothing is shown.
    """
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        logger.error("{%% recommendations %%} needs the request in the template's context.")
        return ""
    try:
        # A failed query must not spoil the page's own transaction. Where there is none, none is begun:
        # inside one, what a process knows for a second would be read anew.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            answer = services.recommend_for_request(
                request, item_id=str(item or ""), basket=_ids(basket), n=n, placement=placement,
                filters=services.ItemFilter(category=category, is_in_stock=in_stock),
            )  # fmt: skip
        return _render(answer, context, heading) if answer.picks else ""
    except Exception:
        logger.exception("Recommendations could not be shown at “%s”.", placement)
        return ""


@register.simple_tag
def mail_recommendations(
    base_url: str,
    customer: Any = "",
    basket: Any = (),
    n: int = 3,
    placement: str = "email",
    heading: str = "",
    storefront: str = "",
) -> SafeString | str:
    """Show items in an HTML mail to a customer, or to go with a `basket` of item ids.

    `base_url` is the shop's address, before which a mail's links mean nothing. A click counts where the page
    it leads to has the tracker. The mail must never suffer: a fault is logged, and nothing is shown.
    """
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            answer = services.recommend(
                storefront=storefront, customer_id=str(customer or ""), basket=_ids(basket), n=n,
                placement=placement, filters=services.ItemFilter(is_in_stock=True),
            )  # fmt: skip
        entries = [
            {"pick": pick, "item": pick.item, "href": _mail_link(base_url, answer, pick, position)}
            for position, pick in enumerate(answer.picks, start=1)
            if pick.item.url
        ]
        return get_template(MAIL_TEMPLATE).render({"heading": heading, "entries": entries}) if entries else ""
    except Exception:
        logger.exception("Recommendations could not be put into a mail at “%s”.", placement)
        return ""


def _mail_link(base_url: str, answer: services.AnswerList, pick: services.Pick, position: int) -> str:
    """Return the item's full address, which says what was clicked; `tracker.js` reads it."""
    address = urlsplit(urljoin(base_url, pick.item.url))
    shown = {"placement": answer.placement, "position": position, "item": pick.item.external_id}
    told = ({"answer": answer.key} | shown) if answer.key else {}
    query = [*parse_qsl(address.query), *((f"ecomai_{name}", str(value)) for name, value in told.items())]
    return urlunsplit(address._replace(query=urlencode(query)))


def _ids(basket: Any) -> list[str]:
    if isinstance(basket, str):
        basket = basket.split(",")
    return [str(external_id).strip() for external_id in basket if str(external_id).strip()]


def _render(answer: services.AnswerList, context: template.Context, heading: str) -> SafeString:
    """Render the strip within the page's own context: context processors may ask the database."""
    entries = [
        {
            "pick": pick,
            "item": pick.item,
            "image_url": first_image(pick.item),
            "properties": _properties(answer, position),
        }
        for position, pick in enumerate(answer.picks, start=1)
    ]
    strip = get_template(TEMPLATE).template  # type: ignore[attr-defined]
    with context.push(answer=answer, heading=heading, entries=entries, feedback=_feedback(context)):
        return strip.render(context)


def _feedback(context: template.Context) -> dict[str, str] | None:
    """Return how the page says what its visitor thinks of an item; None where nobody would be known by it."""
    request = context["request"]
    customer_id = customer_id_of_login(request)
    if not customer_id and not session_of(request):
        return None
    key = site_key()
    if not key:
        return None
    return {
        "endpoint": reverse("ecomai:recommendation-feedback"),
        "key": key,
        "customer": sign_customer(customer_id) if customer_id else "",
    }


def _properties(answer: services.AnswerList, position: int) -> str:
    """Return what impressions and clicks carry, so that they can be held against the answer."""
    key = {"answer": str(answer.key)} if answer.key else {}
    return json.dumps(key | {"placement": answer.placement, "position": position})


@register.simple_tag(takes_context=True)
def seo_meta(context: template.Context, item: Any, language: str = "") -> services.SeoMeta | str:
    """An item's approved title and description for search engines, as elements of the page's head.

    `item` is the shop's id of it, or one of our rows. With `as`, a page puts `title` and `description` where
    it likes. Nothing where nothing was approved: the page must never suffer.
    """
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            request = context.get("request")
            storefront = storefront_of(request) if isinstance(request, HttpRequest) else ""
            known = Item.objects.filter(external_id=str(item), storefront=storefront)
            row = item if isinstance(item, Item) else known.first()
            return (services.seo_meta(row, language=language) if row else None) or ""
    except Exception:
        logger.exception("The text for search engines of “%s” could not be read.", item)
        return ""
