"""What the shop's pages ask of Oscar for the recommendations beside them, and words for events."""

from typing import Any

from django import template

from ecomai.commerce.models import EventType

register = template.Library()


@register.simple_tag
def products_of(lines: Any) -> list[str]:
    """Return the ids, as ecomai knows them, of what is on the lines: a variant's is its parent's."""
    return [str(line.product.parent_id or line.product_id) for line in lines if line.product]


@register.filter
def in_words(event_type: str) -> str:
    return str(dict(EventType.choices).get(event_type, event_type)).capitalize()
