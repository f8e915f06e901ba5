"""The cards of the front page that every shop has: its models, and its data. No event is read here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecomai.registry.metric_texts import gain_text, metric_title
from ecomai.registry.models import ModelVersion
from ecomai.registry.overviews import ModelOverview
from ecomai.registry.services.promotion import relative_gain

from . import charts, selectors
from .cards import Card, CardState
from .models import QualityReport


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What serves of one model, how good it is, and when it last learned."""

    name: str
    title: str
    value: str
    text: str
    trained: str
    state: CardState
    is_training: bool
    may_be_trained: bool


@dataclass(frozen=True, kw_only=True)
class ShopData:
    """How much the shop has, as counted by the latest data quality report."""

    report: QualityReport
    cards: Sequence[Card]
    per_day: charts.Chart
    quality: str


def model_cards(states: Sequence[ModelOverview], request: HttpRequest) -> list[ModelCard]:
    if not request.user.has_perm("ecomai_registry.view_modeldeployment"):
        return []
    return [_model_card(state) for state in states]


def _model_card(state: ModelOverview) -> ModelCard:
    version = state.serving
    card_state: CardState = "ok" if state.is_live else "attention" if version else "empty"
    return ModelCard(
        name=state.spec.name, title=str(state.spec.verbose_name), state=card_state,
        value=_serves(state, version), text=_quality(state, version) if version else "",
        trained=_trained(state), is_training=state.active_run is not None, may_be_trained=state.is_ready,
    )  # fmt: skip


def _serves(state: ModelOverview, version: ModelVersion | None) -> str:
    if version is None:
        return _("Nothing serves yet")
    text = _("v%(number)s, live") if state.is_live else _("v%(number)s, in shadow")
    return text % {"number": version.number}


def _quality(state: ModelOverview, version: ModelVersion) -> str:
    """The metric that decides, beside the baseline, in words; empty where it was not measured."""
    metric = state.spec.primary_metric
    value, baseline = version.metrics.get(metric), version.baseline_metrics.get(metric)
    if value is None:
        return ""
    words = {"metric": metric_title(metric), "value": number_format(round(value, 2), 2)}
    if baseline is None:
        return _("%(metric)s: %(value)s.") % words
    gain = relative_gain(value, baseline, greater_is_better=state.spec.greater_is_better)
    words["gain"] = gain_text(gain)
    if gain >= 1:
        return _("%(metric)s: %(value)s, %(gain)s that of the simple baseline.") % words
    return _("%(metric)s: %(value)s, %(gain)s against the simple baseline.") % words


def _trained(state: ModelOverview) -> str:
    run = state.last_run
    if state.active_run:
        return _("A training is under way.")
    if run is None:
        return _("It was never trained.")
    time = {"time": timesince(run.created_at, depth=1), "state": run.job.get_state_display()}
    return _("Last training: %(time)s ago, %(state)s.") % time


def shop_data(request: HttpRequest, *, newest_event_at: datetime | None) -> ShopData | None:
    """None for those who may not see it, and before the first report."""
    if not request.user.has_perm("ecomai_console.view_qualityreport"):
        return None
    report = selectors.latest_quality_report()
    if report is None or "totals" not in report.findings:
        return None
    return ShopData(
        report=report,
        cards=_total_cards(report.findings["totals"], newest_event_at),
        per_day=_per_day(report.findings["events_per_day"]),
        quality=_problems(report.n_problems),
    )


def _total_cards(totals: dict[str, int], newest: datetime | None) -> list[Card]:
    fresh = _("Newest: %(time)s ago.") % {"time": timesince(newest, depth=1)} if newest else ""
    lines: list[tuple[str, Any, str]] = [
        ("items", _("Items"), ""),
        ("customers", _("Customers"), ""),
        ("orders", _("Orders"), ""),
        ("events", _("Events"), fresh),
    ]
    return [
        Card(
            title=title, value=number_format(totals[name], force_grouping=True), text=text,
            state="ok" if totals[name] else "empty",
        )
        for name, title, text in lines
    ]  # fmt: skip


def _per_day(rows: Sequence[dict[str, Any]]) -> charts.Chart:
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["day"]] = totals.get(row["day"], 0) + row["n"]
    days = sorted(totals)
    return charts.line_chart(
        title=_("Events per day"), x=[date.fromisoformat(day) for day in days], x_title=_("Day"),
        series={_("Events"): [totals[day] for day in days]}, size="small", is_filled=True, from_zero=True,
    )  # fmt: skip


def _problems(n: int) -> str:
    if not n:
        return _("Nothing is wrong with the data.")
    return ngettext(
        "The data quality report names one thing to look at.",
        "The data quality report names %(n)s things to look at.",
        n,
    ) % {"n": n}
