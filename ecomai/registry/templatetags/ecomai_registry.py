"""Filters for the registry's admin pages."""

import json
from collections.abc import Sequence
from typing import Any

from django import template
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecomai.registry.comparisons import Column, MetricRow
from ecomai.registry.metric_texts import metric_title

register = template.Library()


@register.filter
def number(value: float | None) -> str:
    """A metric with four digits that matter, a count in full; a dash where it is not known."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return formats.number_format(round(value), force_grouping=True)
    return f"{value:.4g}"


@register.filter
def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


@register.filter
def pretty_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.filter
def time_left(seconds: float | None) -> str:
    """An estimate as a person would say it; empty where there is none."""
    if seconds is None:
        return ""
    if seconds < 60:
        return _("less than a minute left")
    minutes = round(seconds / 60)
    if minutes < 90:
        return ngettext("about %(n)s minute left", "about %(n)s minutes left", minutes) % {"n": minutes}
    hours = round(minutes / 60)
    return ngettext("about %(n)s hour left", "about %(n)s hours left", hours) % {"n": hours}


@register.filter
def seconds_text(seconds: float) -> str:
    """How long something took: minutes and seconds, as a clock shows them."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes else _("%(n)s s") % {"n": formats.number_format(seconds, 1)}


@register.filter
def is_simple(value: Any) -> bool:
    """Whether a value of a model card fits on its line."""
    return value is None or isinstance(value, str | int | float | bool)


@register.filter
def cell(value: Any) -> str:
    """A value of a table for people: yes or no, a number, or its text."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return number(value) if value is None or isinstance(value, int | float) else str(value)


@register.filter
def get(mapping: dict[str, Any], key: str) -> Any:
    return mapping.get(key)


@register.filter
def unlocalize_number(value: float) -> str:
    """A number for an HTML attribute, whatever the reader's language writes."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


@register.filter
def by_detail(rows: Sequence[MetricRow]) -> dict[str, list[MetricRow]]:
    """Rows that are shown at once, and those that are folded away."""
    main = [row for row in rows if not row.is_detail]
    return {"main": main or list(rows), "details": [row for row in rows if row.is_detail] if main else []}


@register.filter
def metric_name(name: str) -> str:
    return metric_title(name)


@register.simple_tag
def versus_columns() -> list[Column]:
    """Headings of a version's comparison."""
    titles = [_("This version"), _("Live version, same test"), _("Baseline, same test")]
    return [Column(title=title) for title in titles]


@register.simple_tag
def version_columns(versions: list[Any]) -> list[Column]:
    return [Column(title=f"v{version.number}") for version in versions]
