"""How the shop writes prices and addresses."""

from decimal import Decimal
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Item
from ecomai.commerce.money import format_money
from ecomai_project.storefront.selectors import NEW_DAYS

register = template.Library()
FEW = 4


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    return format_money(amount, currency)


@register.filter
def picture(item: Item) -> str:
    """Return the address of the item's first picture, or ''."""
    urls = item.image_urls if isinstance(item.image_urls, list) else []
    return str(urls[0]) if urls else ""


@register.filter
def browse_link(path: str) -> str:
    return f"{reverse('storefront:browse')}?{urlencode({'category': path})}"


@register.filter
def is_new(item: Item) -> bool:
    return (timezone.now() - item.listed_at).days < NEW_DAYS


@register.filter
def is_scarce(item: Item) -> bool:
    return item.stock is not None and 0 < item.stock <= FEW
