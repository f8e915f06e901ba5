"""Contacts by the hour, what to expect of the coming week, and how many people that needs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Sum
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.console import charts
from ecomai.numbers import format_percent

from ..app_settings import app_settings
from ..models import ContactVolume, DayFigures
from ..services.office import Office
from ..volume import HOURS_OF_WEEK, Forecast, forecast, needed_agents

N_PAST_HOURS, N_SHOWN_PAST = 8 * HOURS_OF_WEEK, 72
#: Minutes that a chat takes a person, before any was counted.
USUAL_MINUTES = 8.0
HOUR = timedelta(hours=1)


def context() -> dict[str, Any]:
    """Return past and coming hours; from counted rows alone, a fixed number of queries."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    first, all_counts, handed = _counts(now)
    if not len(all_counts):
        return {"has_any": False}
    contacts, people = forecast(all_counts), forecast(handed)
    minutes = _minutes_each()
    return {
        "has_any": True,
        "is_forecast": contacts is not None,
        "chart": _chart(now, all_counts, contacts),
        "agents": _agents(now, people, minutes) if people else None,
        "minutes": number_format(minutes, 1),
        "answer_minutes": app_settings.FIRST_ANSWER_MINUTES,
        "chats_at_once": app_settings.CHATS_AT_ONCE,
        "n_hours": len(all_counts),
        "since": first,
        "error": number_format(contacts.error, 2) if contacts else "",
        "naive_error": number_format(contacts.naive_error, 2) if contacts else "",
        "coverage": format_percent(contacts.coverage) if contacts else "",
    }


def _counts(now: datetime) -> tuple[datetime | None, np.ndarray, np.ndarray]:
    """Contacts and those handed over, hour by hour without gaps, the oldest first."""
    rows = (
        ContactVolume.objects.filter(hour__gte=now - N_PAST_HOURS * HOUR, hour__lt=now)
        .order_by("hour").values_list("hour").annotate(n=Sum("n_conversations"), k=Sum("n_handed_over"))
    )  # fmt: skip
    found = {hour: (n, k) for hour, n, k in rows}
    if not found:
        return None, np.array([]), np.array([])
    first = min(found)
    hours = [first + place * HOUR for place in range(int((now - first) / HOUR))]
    counts = np.array([found.get(hour, (0, 0)) for hour in hours], dtype=float)
    return first, counts[:, 0], counts[:, 1]


def _chart(now: datetime, counts: np.ndarray, expected: Forecast | None) -> charts.Chart:
    shown = counts[-N_SHOWN_PAST:]
    n_past, n_next = len(shown), len(expected.mean) if expected else 0
    hours = [now + place * HOUR for place in range(-n_past, n_next)]
    series: dict[str, Sequence[float | None]] = {_("Counted"): [*map(float, shown), *[None] * n_next]}
    if expected:
        for name, values in (
            (_("Expected"), expected.mean), (_("Low"), expected.low), (_("High"), expected.high),
        ):  # fmt: skip
            series[name] = [*[None] * n_past, *(round(float(value), 1) for value in values)]
    chart = charts.line_chart(
        title=_("Contacts in each hour"), x=hours, series=series, from_zero=True, size="large"
    )
    for trace in chart.figure["data"]:
        trace["mode"] = "lines"
    for trace in chart.figure["data"][2:]:
        trace["line"] = {"dash": "dot", "width": 1}
    return chart


def _agents(now: datetime, expected: Forecast, minutes: float) -> dict[str, Any]:
    """People needed by weekday and hour, of the hours in which the office is open."""
    office = Office()
    days: dict[Any, dict[int, int | None]] = {}
    for place, rate in enumerate(expected.high):
        hour = now + place * HOUR
        local = hour.astimezone(timezone.get_default_timezone())
        n = needed_agents(
            float(rate), minutes_each=minutes, answer_minutes=app_settings.FIRST_ANSWER_MINUTES,
            chats_at_once=app_settings.CHATS_AT_ONCE,
        ) if office.is_open(hour) else None  # fmt: skip
        days.setdefault(local.date(), {})[local.hour] = n
    hours = sorted({hour for row in days.values() for hour, n in row.items() if n is not None})
    return {
        "hours": hours,
        "rows": [(day, [row.get(hour) for hour in hours]) for day, row in sorted(days.items())],
    }


def _minutes_each() -> float:
    """Minutes that a chat took a person lately."""
    since = timezone.localdate() - timedelta(days=60)
    sums = DayFigures.objects.filter(day__gte=since).aggregate(
        seconds=Sum("agent_seconds"), n=Sum("n_person_answered")
    )
    if not sums["n"] or not sums["seconds"]:
        return USUAL_MINUTES
    return max(1.0, sums["seconds"] / sums["n"] / 60)
