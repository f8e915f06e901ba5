"""The fairness page: how groups fare in the newest period, with what chance alone may explain."""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.console import charts

from ..app_settings import app_settings
from ..models import FairnessReport, Kind
from ..services import fairness
from ..services.fairness import GroupFigures, Share
from ..services.policies import current_policy

Grouping = FairnessReport.Grouping
N_CHARTED = 12


def context(query: Mapping[str, str]) -> dict[str, Any]:
    kind, grouping = query.get("kind", ""), query.get("grouping", "")
    kind = kind if kind in Kind.values else Kind.PAYMENT_FRAUD.value
    grouping = grouping if grouping in Grouping.values else Grouping.COUNTRY.value
    report = FairnessReport.objects.filter(kind=kind, grouping=grouping).order_by("-day", "-pk").first()
    figures = fairness.read_figures(report.figures) if report else []
    unfair = _unfair(figures)
    return {
        "filters": _filters(kind, grouping),
        "report": report,
        "rows": [_row(one, unfair) for one in figures],
        "charts": _charts(figures) if figures else [],
        "unfair": unfair,
        "least": app_settings.FAIRNESS_LEAST,
        "n_days": app_settings.FAIRNESS_DAYS,
        "forbidden": current_policy(storefront="", kind=kind).forbidden_features,
        "is_by_age": grouping == Grouping.AGE_BAND,
    }


def _unfair(figures: list[GroupFigures]) -> dict[str, str]:
    """Return a sentence for each group that fares worse than chance explains."""
    said: dict[str, list[str]] = {}
    approved, stopped = (
        _("approved less often than all others by %(gap)s"),
        _("honest ones stopped more often than all others by %(gap)s"),
    )
    judged = ((fairness.approval_gaps, approved), (fairness.false_positive_gaps, stopped))
    for gaps, text in judged:
        for gap in gaps(figures):
            if gap.value > 0:
                said.setdefault(gap.group, []).append(text % {"gap": _points(gap.value)})
    return {group: "; ".join(texts) for group, texts in said.items()}


def _points(share: float) -> str:
    return _("%(n)s percentage points") % {"n": number_format(round(share * 100, 1), 1)}


def _row(one: GroupFigures, unfair: Mapping[str, str]) -> dict[str, Any]:
    return {
        "group": one.group or _("not known"),
        "n": one.n,
        "approved": _text(fairness.share(one.n_approved, one.n)),
        "reviewed": _text(fairness.share(one.n_reviewed, one.n)),
        "declined": _text(fairness.share(one.n_declined, one.n)),
        "false_positives": _text(fairness.share(one.n_honest_stopped, one.n_honest)),
        "unfair": unfair.get(one.group, ""),
        "is_small": one.n < app_settings.FAIRNESS_LEAST,
    }


def _text(share: Share | None) -> str:
    if share is None:
        return "–"
    parts = (share.value, share.low, share.high)
    value, low, high = (number_format(round(part * 100, 1), 1) for part in parts)
    return _("%(value)s %% (%(low)s to %(high)s)") % {"value": value, "low": low, "high": high}


def _charts(figures: list[GroupFigures]) -> list[charts.Chart]:
    shown = [one for one in figures if one.n >= app_settings.FAIRNESS_LEAST][:N_CHARTED]
    if not shown:
        return []
    return [
        charts.bar_chart(
            title=_("Approved and wrongly stopped, by group"),
            categories=[one.group or _("not known") for one in shown],
            series={
                _("Approved"): [one.n_approved / one.n for one in shown],
                _("Honest, and stopped"): [
                    one.n_honest_stopped / one.n_honest if one.n_honest else None for one in shown
                ],
            },
            percent=True,
        )
    ]


def _filters(kind: str, grouping: str) -> list[dict[str, Any]]:
    fields = [("kind", _("Kind"), Kind.choices, kind), ("grouping", _("Groups"), Grouping.choices, grouping)]
    return [
        {"name": name, "label": label, "options": [(value, text, value == chosen) for value, text in options]}
        for name, label, options, chosen in fields
    ]
