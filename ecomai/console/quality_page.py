"""The latest data quality report as sentences, tables and charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import EventType

from . import charts, selectors, services
from .app_settings import app_settings
from .models import QualityReport

MAX_CHART_TYPES = 6


@dataclass(frozen=True)
class Gap:
    """How many rows lack something, in words."""

    text: str
    n: int
    total: int
    url_name: str

    @property
    def share(self) -> float:
        return self.n / self.total if self.total else 0.0

    @property
    def percent(self) -> float:
        return self.share * 100

    @property
    def state(self) -> str:
        return "ok" if not self.n else "attention" if self.share < 0.2 else "problem"


def context() -> dict[str, Any]:
    """Return the page's context; reads one row, never the events."""
    report = selectors.latest_quality_report()
    shared = {"report": report, "job": services.quality_job_under_way()}
    if report is None:
        return shared
    found = report.findings
    return {
        **shared,
        "is_old": (timezone.now() - report.computed_at).days >= 2,
        "freshness": [_fresh(row) for row in found["freshness"]],
        "per_day": _per_day_chart(found["events_per_day"]),
        "gaps": _gaps(found["missing"]),
        "duplicates": found["duplicates"],
        "rejected": [_rejected(row) for row in found["rejected"]],
        "rejected_chart": _rejected_chart(found["rejected"]),
        "crawlers": _crawlers(found["crawlers"]),
        "currencies": found["currencies"],
        "is_empty": _is_empty(report),
    }


def _is_empty(report: QualityReport) -> bool:
    return report.window_end is None and not any(gap["total"] for gap in report.findings["missing"])


def type_label(name: str) -> str:
    return str(EventType(name).label) if name in EventType.values else name


def _fresh(row: dict[str, Any]) -> dict[str, Any]:
    newest = datetime.fromisoformat(row["newest"])
    age_hours = (timezone.now() - newest).total_seconds() / 3600
    return {
        **row,
        "newest": newest,
        "label": type_label(row["type"]),
        "state": "ok" if age_hours <= app_settings.EVENTS_STALE_AFTER_HOURS else "attention",
    }


def _per_day_chart(rows: Sequence[dict[str, Any]]) -> charts.Chart:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["type"]] = totals.get(row["type"], 0) + row["n"]
    shown = sorted(totals, key=lambda name: -totals[name])[:MAX_CHART_TYPES]
    counts = {(row["day"], row["type"]): row["n"] for row in rows}
    days = sorted({row["day"] for row in rows})
    return charts.bar_chart(
        title=_("Events per day"),
        categories=[date.fromisoformat(day) for day in days],
        series={type_label(name): [counts.get((day, name), 0) for day in days] for name in shown},
        x_title=_("Day"),
        is_stacked=True,
    )


def _gaps(rows: Sequence[dict[str, Any]]) -> list[Gap]:
    texts = {
        ("item", "title"): _("Items without a title"),
        ("item", "description"): _("Items without a description"),
        ("item", "category"): _("Items without a category"),
        ("item", "price"): _("Items without a price"),
        ("item", "no_sane_price"): _("Items with a price of zero or less"),
        ("item", "picture"): _("Items without a picture"),
        ("order", "customer"): _("Orders without a customer"),
        ("order", "lines"): _("Orders without lines"),
        ("event", "person"): _("Events without a customer or session"),
        ("event", "item"): _("Views, baskets and purchases without an item"),
    }
    lists = {
        "item": "admin:ecomai_commerce_item_changelist",
        "order": "admin:ecomai_commerce_order_changelist",
        "event": "admin:ecomai_commerce_event_changelist",
    }
    gaps = [
        Gap(texts[row["of"], row["what"]], row["n"], row["total"], lists[row["of"]])
        for row in rows
        if row["total"]
    ]
    return sorted(gaps, key=lambda gap: -gap.share)


def _rejected(row: dict[str, Any]) -> dict[str, Any]:
    query = urlencode({"state__exact": "waiting", "kind__exact": row["kind"], "code__exact": row["code"]})
    return {**row, "newest": datetime.fromisoformat(row["newest"]), "query": query}


def _rejected_chart(rows: Sequence[dict[str, Any]]) -> charts.Chart:
    shown = rows[:10]
    return charts.bar_chart(
        title=_("Rejected rows by reason"),
        categories=[f"{row['kind']}: {row['code']}" for row in shown],
        series={_("Rows"): [row["n"] for row in shown]},
        x_title=_("Reason"),
        is_horizontal=True,
        size="small",
    )


def _crawlers(row: dict[str, Any]) -> dict[str, Any]:
    total = row["n_left_out"] + row["n_kept"]
    return {**row, "percent": 100 * row["n_left_out"] / total if total else 0.0}
