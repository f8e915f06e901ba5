"""Filters of the customer picture."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from ecomai.commerce.models import EventType

register = template.Library()


@register.filter
def plain(value: Any) -> str:
    """A value as a person writes it: a list with commas, yes and no; a dash where there is none."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list | tuple):
        return ", ".join(plain(part) for part in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {plain(part)}" for name, part in value.items()) or "–"
    return "–" if value in (None, "") else str(value)


@register.filter
def trait_name(name: str) -> str:
    return name.replace("_", " ").capitalize()


@register.filter
def event_label(name: str) -> str:
    return str(EventType(name).label) if name in EventType.values else name
