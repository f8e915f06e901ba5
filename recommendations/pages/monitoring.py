"""The monitoring page: cards, charts and tables of daily figures, and drift; reads summed rows only."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.console import charts
from ecomai.console.cards import Card
from ecomai.console.quality_page import type_label

from ..models import DriftReport
from . import figures
from .figures import MEASURES, Figures, Measure, Wanted

MOST_LINES = 6
CARDS = ("click_rate", "conversion", "fallback_share", "coverage", "head_share", "p95")
CHARTS = ("click_rate", "conversion", "fallback_share", "coverage", "head_share", "novelty")
#: From here on a spread has moved a little, and from there on so far that models should learn anew.
PSI_ATTENTION, PSI_PROBLEM = 0.1, 0.25
ALL = "*"


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """Read the filters of an address; what makes no sense is as if it were not there."""
    days = query.get("days", "")
    return Wanted(
        storefront=_chosen(query, "storefront"),
        placement=_chosen(query, "placement"),
        version=_version(query.get("version", ALL)),
        days=int(days) if days.isdecimal() and int(days) in figures.PERIODS else 30,
    )


def _chosen(query: Mapping[str, str], name: str) -> str | None:
    value = query.get(name, ALL)
    return None if value == ALL or "\x00" in value else value


def _version(text: str) -> tuple[str, int, str] | None:
    found = re.fullmatch(r"([\w.]*):(\d{1,9}):([^\x00]{0,100})", text)
    return (found[1], int(found[2]), found[3]) if found else None


def context(query: Mapping[str, str]) -> dict[str, Any]:
    wanted = wanted_of(query)
    now, before = figures.of_period(wanted), figures.of_period(wanted.earlier())
    return {
        "wanted": wanted,
        "filters": _filters(wanted),
        "query": urlencode(_as_query(wanted)),
        "cards": [_card(MEASURES[name], now, before) for name in CARDS] if now.n_answers else [],
        "charts": _charts(wanted) if now.n_answers else [],
        "all_measures": list(MEASURES.values()),
        "measures": [measure for measure in MEASURES.values() if measure.help_text],
        "table": _table(wanted),
        "n_answers": now.n_answers,
        "n_seen": now.n_seen,
        "counted_at": max((row.computed_at for row in now.rows), default=None),
        "drift": _drift(),
    }


def _as_query(wanted: Wanted) -> dict[str, str]:
    version = ":".join(str(part) for part in wanted.version) if wanted.version else ALL
    return {
        "storefront": ALL if wanted.storefront is None else wanted.storefront,
        "placement": ALL if wanted.placement is None else wanted.placement,
        "version": version,
        "days": str(wanted.days),
    }


def _filters(wanted: Wanted) -> list[dict[str, Any]]:
    """Return the fields of the form: name, label and options (value, text, whether it is chosen)."""
    known, chosen = figures.choices(), _as_query(wanted)
    storefronts = [(ALL, _("all")), *((name, name or "–") for name in known["storefronts"])]
    placements = [(ALL, _("all")), *((name, name or "–") for name in known["placements"])]
    versions = [(ALL, _("all"))] + [
        (":".join(str(part) for part in one), figures.who("", *one)) for one in known["versions"]
    ]
    periods = [(str(days), _("%(n)s days") % {"n": days}) for days in figures.PERIODS]
    fields = [
        ("placement", _("Placement"), placements),
        ("version", _("Version or pipeline"), versions),
        ("days", _("Period"), periods),
    ]
    if len(known["storefronts"]) > 1:
        fields.insert(0, ("storefront", _("Storefront"), storefronts))
    return [
        {
            "name": name,
            "label": label,
            "options": [(value, text, value == chosen[name]) for value, text in options],
        }
        for name, label, options in fields
    ]


def as_text(measure: Measure, value: float | None) -> str:
    if value is None:
        return "–"
    if measure.unit == "%":
        return f"{number_format(value * 100, 1 if value < 0.995 else 0)} %"
    return f"{number_format(value, 1)} {measure.unit}"


def _card(measure: Measure, now: Figures, before: Figures) -> Card:
    value, earlier = measure.read(now), measure.read(before)
    text = str(measure.help_text)
    if value is not None and earlier is not None:
        text = _("%(value)s in the period before.") % {"value": as_text(measure, earlier)}
    return Card(
        title=str(measure.verbose_name), value=as_text(measure, value), text=text,
        state="ok" if value is not None else "empty",
    )  # fmt: skip


# -- charts ---------------------------------------------------------------------------------------


def _charts(wanted: Wanted) -> list[charts.Chart]:
    days = [wanted.since + timedelta(days=n) for n in range(wanted.days)]
    lines = _lines(wanted)
    found = [_chart(MEASURES[name], days, lines) for name in CHARTS]
    total = figures.by_day(figures.rows_of(wanted))
    times = {
        str(MEASURES[name].verbose_name): _values(MEASURES[name], days, total) for name in ("p50", "p95")
    }
    found.append(
        charts.line_chart(
            title=_("Time to answer"), x=days, series=times, x_title=_("Day"), y_title="ms", from_zero=True
        )
    )
    return found


def _lines(wanted: Wanted) -> dict[str, dict[date, Figures]]:
    """Return what the charts tell apart: placements, or who answered at the one that was chosen."""
    if wanted.version is not None:
        return {figures.who("", *wanted.version): figures.by_day(figures.rows_of(wanted))}
    if wanted.placement is None:
        groups = figures.by_placement(wanted)
        named = {name or _("no placement"): group for name, group in groups.items()}
    else:
        named = {figures.who(*name[1:]): group for name, group in figures.by_version(wanted).items()}
    return {name: figures.by_day(group.rows) for name, group in list(named.items())[:MOST_LINES]}


def _chart(
    measure: Measure, days: Sequence[date], lines: Mapping[str, Mapping[date, Figures]]
) -> charts.Chart:
    return charts.line_chart(
        title=str(measure.verbose_name), x=days, x_title=_("Day"), percent=measure.unit == "%",
        y_title="" if measure.unit == "%" else measure.unit, from_zero=True, size="small",
        series={name: _values(measure, days, line) for name, line in lines.items()},
    )  # fmt: skip


def _values(measure: Measure, days: Sequence[date], line: Mapping[date, Figures]) -> list[float | None]:
    return [measure.read(line[day]) if day in line else None for day in days]


# -- tables and files -----------------------------------------------------------------------------


def _table(wanted: Wanted) -> list[dict[str, Any]]:
    return [
        {
            "placement": placement or "–",
            "who": figures.who(source, model_name, number, variant),
            "n_answers": group.n_answers,
            "cells": [as_text(measure, measure.read(group)) for measure in MEASURES.values()],
        }
        for (placement, source, model_name, number, variant), group in figures.by_version(wanted).items()
    ]


COUNTS = (
    "n_answers", "n_fallbacks", "n_slots", "n_seen", "n_clicked", "n_bought", "n_bought_after_click",
    "n_distinct_items", "n_offered_items",
)  # fmt: skip


def csv_lines(query: Mapping[str, str]) -> Iterator[str]:
    """Yield a file of one line a day, placement and version, for spreadsheets."""
    wanted = wanted_of(query)
    yield _line(
        [
            "day",
            "storefront",
            "placement",
            "source",
            "model",
            "version",
            "pipeline",
            *COUNTS,
            *MEASURES,
            "complete",
        ]
    )
    rows = figures.rows_of(wanted, scope=figures.Scope.VERSION)
    for row in rows.order_by("day", "storefront", "placement", "pk"):
        one = Figures([row])
        numbers = [measure.read(one) for measure in MEASURES.values()]
        yield _line(
            [
                row.day.isoformat(), _plain(row.storefront), _plain(row.placement), row.source,
                row.model_name, row.version_number or "", _plain(row.variant),
                *(getattr(row, name) for name in COUNTS),
                *("" if number is None else round(number, 6) for number in numbers), int(row.is_final),
            ]
        )  # fmt: skip


def _line(values: Sequence[Any]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue()


def _plain(text: str) -> str:
    """A spreadsheet takes what begins like this for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text


# -- drift ----------------------------------------------------------------------------------------


def _drift() -> list[dict[str, Any]]:
    """Return the newest report of each live version, with a line of the days before."""
    since = timezone.localdate() - timedelta(days=90)
    reports = DriftReport.objects.filter(day__gte=since).select_related("model_version").order_by("day")
    by_version: dict[int, list[DriftReport]] = {}
    for report in reports:
        by_version.setdefault(report.model_version_id, []).append(report)
    newest = max((one.day for one in reports), default=None)
    return [_drift_of(found) for found in by_version.values() if found[-1].day == newest]


def _drift_of(reports: Sequence[DriftReport]) -> dict[str, Any]:
    report = reports[-1]
    rows = []
    for name, label in drift_names().items():
        found = report.findings["drift"].get(name, {})
        rows.append(
            {
                "label": label,
                "psi": found.get("psi"),
                "js": found.get("js"),
                "state": state_of(found.get("psi")),
            }
        )
    version = report.model_version
    return {
        "report": report,
        "title": figures.who("", version.model_name, version.number, ""),
        "rows": rows,
        "charts": [_spread(name, label, report.findings) for name, label in drift_names().items()],
        "over_time": charts.line_chart(
            title=_("Distance from what was learned"), x=[one.day for one in reports], x_title=_("Day"),
            y_title="PSI", from_zero=True, size="small",
            series={
                label: [one.findings["drift"].get(name, {}).get("psi") for one in reports]
                for name, label in drift_names().items()
            },
        ),
    }  # fmt: skip


def drift_names() -> dict[str, str]:
    return {
        "categories": _("Categories"),
        "event_types": _("Types of events"),
        "history_lengths": _("Length of histories"),
    }


def state_of(psi: float | None) -> str:
    if psi is None:
        return "empty"
    return "ok" if psi < PSI_ATTENTION else "attention" if psi < PSI_PROBLEM else "problem"


def _spread(name: str, label: str, findings: Mapping[str, Any]) -> charts.Chart:
    before, now = findings["reference"].get(name, {}), findings["current"].get(name, {})
    names = sorted(
        {*before, *now}, key=lambda one: int(one) if name == "history_lengths" else -before.get(one, 0)
    )
    names = names[:12]
    return charts.bar_chart(
        title=label, categories=[_category(name, one) for one in names], x_title=label,
        percent=True, size="small", is_horizontal=name == "categories",
        series={
            _("what was learned from"): _shares(before, names),
            _("what comes in"): _shares(now, names),
        },
    )  # fmt: skip


def _category(name: str, value: str) -> str:
    if name == "history_lengths":
        return _("%(n)s and more") % {"n": value}
    return type_label(value) if name == "event_types" else value or "–"


def _shares(counts: Mapping[str, int], names: Sequence[str]) -> list[float]:
    total = sum(counts.values())
    return [counts.get(name, 0) / total if total else 0.0 for name in names]
