"""What alert rules can watch of recommendations: daily figures by placement, and drift by version."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.console.measures import Measure, Reading, register_measure

from .models import DriftReport
from .pages import figures
from .pages import monitoring as monitoring_page
from .pages.figures import MEASURES, Wanted

_HERE = __name__
#: Fewer answers say nothing: one slow request would be an alert.
LEAST_ANSWERS = 50
#: Figures of today and yesterday together; of what needs time to happen, a week.
DAYS = {"conversion": 7, "conversion_after_click": 7}
#: Measure -> default bound, and whether it is worse above it.
BOUNDS = {
    "click_rate": (0.01, False),
    "conversion": (0.002, False),
    "fallback_share": (0.2, True),
    "coverage": (0.1, False),
    "head_share": (0.8, True),
    "p95": (250.0, True),
}
PAGE = "admin:ecomai_recommendations_dailyfigures_changelist"


def register_measures() -> None:
    for name, (bound, is_worse_above) in BOUNDS.items():
        measure = MEASURES[name]
        register_measure(
            Measure(
                name=f"recommendations.{name}",
                verbose_name=measure.verbose_name,
                read=f"{_HERE}.{name}",
                unit=measure.unit,
                default_bound=bound,
                is_worse_above=is_worse_above,
                url_name=PAGE,
            )
        )
    register_measure(
        Measure(
            name="recommendations.drift",
            verbose_name=gettext_lazy("Drift from what was learned (PSI)"),
            read=f"{_HERE}.drift",
            default_bound=monitoring_page.PSI_PROBLEM,
            url_name=PAGE,
        )
    )
    register_measure(
        Measure(
            name="recommendations.unknown_items",
            verbose_name=gettext_lazy("Events with items that the live version did not learn"),
            read=f"{_HERE}.unknown_items",
            unit="%",
            default_bound=0.1,
            url_name=PAGE,
        )
    )


def _of_placements(name: str) -> list[Reading]:
    """Return the newest value of each placement; None while there are too few answers to say."""
    found = []
    for placement, group in figures.by_placement(Wanted(days=DAYS.get(name, 2))).items():
        value = MEASURES[name].read(group) if group.n_answers >= LEAST_ANSWERS else None
        found.append(Reading(value, placement, placement or _("no placement")))
    return found


def click_rate() -> list[Reading]:
    return _of_placements("click_rate")


def conversion() -> list[Reading]:
    return _of_placements("conversion")


def fallback_share() -> list[Reading]:
    return _of_placements("fallback_share")


def coverage() -> list[Reading]:
    return _of_placements("coverage")


def head_share() -> list[Reading]:
    return _of_placements("head_share")


def p95() -> list[Reading]:
    return _of_placements("p95")


def drift() -> list[Reading]:
    names = monitoring_page.drift_names()
    return [
        Reading(
            report.findings["drift"].get(name, {}).get("psi"),
            f"{report.model_version.model_name}:{name}", f"{title}: {label}",
        )
        for report, title in _newest_reports()
        for name, label in names.items()
    ]  # fmt: skip


def unknown_items() -> list[Reading]:
    return [
        Reading(report.unknown_item_share, report.model_version.model_name, title)
        for report, title in _newest_reports()
    ]


def _newest_reports() -> Sequence[tuple[DriftReport, Any]]:
    since = timezone.localdate() - timedelta(days=2)
    newest: dict[str, DriftReport] = {}
    for report in (
        DriftReport.objects.filter(day__gte=since).select_related("model_version").order_by("day", "pk")
    ):
        newest[report.model_version.model_name] = report
    return [
        (one, figures.who("", one.model_version.model_name, one.model_version.number, ""))
        for one in newest.values()
    ]
