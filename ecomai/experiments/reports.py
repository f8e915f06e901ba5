"""The results of experiments in words, tables and charts; they read snapshots, and never count events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from ecomai.console import charts
from ecomai.console.charts import Chart

from . import selectors
from .app_settings import app_settings
from .metrics import MetricSpec, choices, get_metric, metric_label
from .models import Arm, Experiment

State = Experiment.State
Results = Mapping[str, Any] | None


@dataclass(frozen=True)
class Verdict:
    """What the results say, as a full sentence; `state` colours it."""

    text: str
    state: Literal["calm", "good", "attention", "problem"] = "calm"


@dataclass(frozen=True, kw_only=True)
class ArmRow:
    """An arm in the table of results; `standing` is better, worse, even or open, empty for the control."""

    arm: Arm
    n_exposed: int = 0
    n_counted: int = 0
    mean: float = 0.0
    lift: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    variance_ratio: float | None = None
    standing: str = ""
    share: float = 0.0
    metric: MetricSpec | None = None

    @property
    def name(self) -> str:
        return self.arm.name

    @property
    def is_control(self) -> bool:
        return self.arm.is_control

    @property
    def is_removed(self) -> bool:
        return self.arm.removed_at is not None

    @property
    def mean_text(self) -> str:
        return mean_text(self.mean, self.metric) if self.n_counted else "–"

    @property
    def lift_text(self) -> str:
        return "" if self.lift is None else signed(self.lift)

    @property
    def interval_text(self) -> str:
        if self.low is None or self.high is None:
            return ""
        return _("%(low)s to %(high)s") % {"low": signed(self.low), "high": signed(self.high)}


def results_of(experiment: Experiment) -> Results:
    """The results that were counted last, of an experiment from `selectors.with_parts`."""
    found: Results = experiment.latest_results  # type: ignore[attr-defined]
    return found


def signed(share: float) -> str:
    """A relative change as people write it: +8.2 %."""
    sign = "+" if share > 0 else "−" if share < 0 else "±"
    return f"{sign}{formats.number_format(abs(share) * 100, 1, force_grouping=True)}\u00a0%"


def plain_percent(share: float, decimals: int = 1) -> str:
    return f"{formats.number_format(share * 100, decimals)}\u00a0%"


def grouped(number: float) -> str:
    return formats.number_format(round(number), force_grouping=True)


def mean_text(mean: float, metric: MetricSpec | None) -> str:
    if metric is None:
        return f"{mean:.4g}"
    return plain_percent(mean, 2) if metric.is_binary else formats.number_format(mean, 2, force_grouping=True)


def days_running(experiment: Experiment) -> int | None:
    if experiment.started_at is None:
        return None
    until = experiment.ended_at or timezone.now()
    return max((until - experiment.started_at).days, 0)


# -- the verdict --------------------------------------------------------------------------------


def verdict(experiment: Experiment, results: Results) -> Verdict:
    """Say in a sentence what is known and what to do next; what makes results worthless comes first."""
    if experiment.is_draft:
        return Verdict(_("It has not been started yet."))
    found = _judgement(experiment, results)
    if experiment.state == State.ROLLED_OUT and experiment.winner is not None:
        day = formats.date_format(timezone.localtime(experiment.decided_at), "SHORT_DATE_FORMAT")
        told = _("“%(arm)s” has been shown to everybody since %(day)s.") % {
            "arm": experiment.winner.name, "day": day,
        }  # fmt: skip
        return Verdict(f"{told} {found.text}", found.state)
    return found


def _judgement(experiment: Experiment, results: Results) -> Verdict:
    alarms = alarm_texts(experiment, results)
    if alarms:
        return Verdict(alarms[0], "problem")
    if not results:
        return Verdict(_("It has started; the first results come within a few minutes."))
    rows = [row for row in arm_rows(experiment, results) if not row.is_removed]
    compared = [row for row in rows if not row.is_control]
    if not compared:
        return Verdict(_("All arms but the control have been taken out, so there is nothing to compare."))
    if any(row.lift is None for row in compared):
        return _too_early(experiment, rows)
    metric = metric_label(experiment.primary_metric)
    control = next(row.name for row in rows if row.is_control)
    sign = sign_of(experiment)
    for standing, state, text in (
        ("better", "good", _(
            "“%(arm)s” is better than “%(control)s”: %(metric)s %(lift)s (surely %(interval)s). "
            "You may roll it out."
        )),
        ("even", "calm", _(
            "“%(arm)s” and “%(control)s” differ by less than what matters to you: %(metric)s %(lift)s "
            "(surely %(interval)s). Keep the simpler one."
        )),
        ("worse", "attention", _(
            "“%(arm)s” is worse than “%(control)s”: %(metric)s %(lift)s (surely %(interval)s). "
            "You may stop the experiment."
        )),
    ):  # fmt: skip
        standing_so = [row for row in compared if row.standing == standing]
        if standing_so and (standing == "better" or len(standing_so) == len(compared)):
            best = max(standing_so, key=lambda row: sign * (row.lift or 0.0))
            return Verdict(_filled(text, best, control, metric), state)  # type: ignore[arg-type]
    best = max(compared, key=lambda row: sign * (row.lift or 0.0))
    return _open(experiment, best, control, metric, min(row.n_counted for row in rows))


def sign_of(experiment: Experiment) -> int:
    known = dict(choices())
    is_known = experiment.primary_metric in known
    return 1 if not is_known or get_metric(experiment.primary_metric).greater_is_better else -1


def _filled(text: str, row: ArmRow, control: str, metric: str) -> str:
    return text % {
        "arm": row.name, "control": control, "metric": metric, "lift": row.lift_text,
        "interval": row.interval_text,
    }  # fmt: skip


def _too_early(experiment: Experiment, rows: Sequence[ArmRow]) -> Verdict:
    fewest = min(row.n_counted for row in rows)
    first = experiment.started_at + timedelta(days=experiment.outcome_days) if experiment.started_at else None
    if not fewest and first and first > timezone.now():
        day = formats.date_format(timezone.localtime(first), "SHORT_DATE_FORMAT")
        text = _(
            "It is too early to tell: a visitor counts after %(days)s days, so first results come on %(day)s."
        )
        return Verdict(text % {"days": experiment.outcome_days, "day": day})
    text = _(
        "It is too early to tell: the smallest arm has counted %(n)s visitors, and needs at least %(need)s."
    )
    return Verdict(text % {"n": grouped(fewest), "need": grouped(app_settings.MIN_UNITS_PER_ARM)})


def _open(experiment: Experiment, best: ArmRow, control: str, metric: str, n_counted: int) -> Verdict:
    text = _(
        "Nothing is sure yet: “%(arm)s” against “%(control)s” has %(metric)s %(lift)s (so far %(interval)s)."
    )
    told = _filled(text, best, control, metric)
    planned = experiment.planned_units
    if planned:
        reached = _("%(n)s of about %(planned)s planned visitors per arm have been counted.") % {
            "n": grouped(n_counted), "planned": grouped(planned),
        }  # fmt: skip
        told = f"{told} {reached}"
    return Verdict(told)


def alarm_texts(experiment: Experiment, results: Results) -> list[str]:
    """What is wrong with a started experiment, worst first."""
    texts = []
    if experiment.problem:
        texts.append(_("The results could not be counted: %(problem)s") % {"problem": experiment.problem})
    if results and results["split"]["is_alarm"]:
        texts.append(
            _(
                "Do not trust these results: visitors do not come to the arms in the planned proportions "
                "(%(counts)s). Something loses or adds visitors in one arm; find it, and start anew."
            )
            % {"counts": _split_text(experiment, results)}
        )
    names = {arm.pk: arm.name for arm in experiment.arms.all()}
    for rail in (results or {}).get("guard_rails", ()):
        if rail["state"] == "broken":
            text = _(
                "Stop “%(arm)s”: %(metric)s %(lift)s against the control, which is surely worse than the "
                "%(allowed)s that you allow."
            )
            texts.append(
                text
                % {
                    "arm": names.get(rail["arm"], ""), "metric": metric_label(rail["metric"]),
                    "lift": signed(rail["lift"]), "allowed": plain_percent(rail["allowed_loss"]),
                }
            )  # fmt: skip
    return texts


def _split_text(experiment: Experiment, results: Mapping[str, Any]) -> str:
    shares = planned_shares(experiment)
    total = sum(
        results["arms"][str(arm.pk)]["n_exposed"] for arm in experiment.arms.all() if arm.pk in shares
    )
    parts = []
    for arm in experiment.arms.all():
        if arm.pk in shares and total:
            n = results["arms"][str(arm.pk)]["n_exposed"]
            parts.append(
                _("“%(arm)s” %(share)s instead of %(planned)s")
                % {
                    "arm": arm.name,
                    "share": plain_percent(n / total),
                    "planned": plain_percent(shares[arm.pk]),
                }
            )
    return ", ".join(parts)


def planned_shares(experiment: Experiment) -> dict[int, float]:
    """Which part of the visitors each arm that is still there should have."""
    there = [arm for arm in experiment.arms.all() if arm.removed_at is None]
    frozen = {part["arm"]: part["weight"] for part in experiment.allocation}
    weights = {arm.pk: frozen.get(arm.pk, 0 if frozen else arm.weight) for arm in there}
    total = sum(weights.values())
    return {key: weight / total for key, weight in weights.items()} if total else {}


# -- tables and charts --------------------------------------------------------------------------


def arm_rows(experiment: Experiment, results: Results) -> list[ArmRow]:
    """One row for each arm, the control first."""
    shares = planned_shares(experiment)
    known = dict(choices())
    metric = get_metric(experiment.primary_metric) if experiment.primary_metric in known else None
    rows = []
    for arm in experiment.arms.all():
        counted = (results or {}).get("arms", {}).get(str(arm.pk), {})
        effect = (results or {}).get("effects", {}).get(str(arm.pk), {})
        rows.append(
            ArmRow(
                arm=arm, n_exposed=counted.get("n_exposed", 0), n_counted=counted.get("n_counted", 0),
                mean=counted.get("mean", 0.0), lift=effect.get("lift"), low=effect.get("low"),
                high=effect.get("high"), p_value=effect.get("adjusted_p"),
                variance_ratio=effect.get("variance_ratio"), standing=_standing(experiment, effect),
                share=shares.get(arm.pk, 0.0), metric=metric,
            )
        )  # fmt: skip
    return rows


def _standing(experiment: Experiment, effect: Mapping[str, Any]) -> str:
    if not effect:
        return ""
    if effect["adjusted_p"] < app_settings.ALPHA:
        return "better" if sign_of(experiment) * effect["lift"] > 0 else "worse"
    matters = experiment.minimum_effect
    return "even" if -matters < effect["low"] and effect["high"] < matters else "open"


def guard_rows(experiment: Experiment, results: Results) -> list[dict[str, Any]]:
    """One row for each guard rail and arm, also before anything has been counted."""
    names = {arm.pk: arm.name for arm in experiment.arms.all()}
    labels = {"kept": _("kept"), "broken": _("broken"), "open": _("not sure yet")}
    colours = {"kept": "succeeded", "broken": "failed", "open": "waiting"}
    found = (results or {}).get("guard_rails")
    if found is None:
        found = [
            {"metric": rail.metric, "arm": arm.pk, "allowed_loss": rail.allowed_loss, "state": "open"}
            for rail in experiment.guard_rails.all()
            for arm in experiment.arms.all()
            if not arm.is_control
        ]
    return [
        {
            "metric": metric_label(rail["metric"]),
            "arm": names.get(rail["arm"], ""),
            "allowed": plain_percent(rail["allowed_loss"]),
            "lift": signed(rail["lift"]) if "lift" in rail else "–",
            "label": labels[rail["state"]],
            "badge": colours[rail["state"]],
        }
        for rail in found
    ]


def lift_charts(experiment: Experiment) -> list[Chart]:
    """For each arm, its lift over time with the interval around it; the newest point is the verdict's."""
    points = selectors.snapshots(experiment)
    metric = metric_label(experiment.primary_metric)
    found = []
    for arm in experiment.arms.all():
        effects = [
            (point.counted_until, effect)
            for point in points
            if (effect := point.results.get("effects", {}).get(str(arm.pk)))
        ]
        if arm.is_control or not effects:
            continue
        names = {"lift": _("measured"), "high": _("at most"), "low": _("at least")}
        chart = charts.line_chart(
            title=_("“%(arm)s” against the control: %(metric)s") % {"arm": arm.name, "metric": metric},
            x=[at for at, _effect in effects], percent=True, size="large", x_title=_("Counted until"),
            series={names[key]: [effect[key] for _at, effect in effects] for key in names},
        )  # fmt: skip
        _draw_band(chart, metric)
        found.append(chart)
    return found


def _draw_band(chart: Chart, metric: str) -> None:
    """Make the interval an area around the line; grey, so that it is seen on light and dark pages."""
    lift, high, low = chart.figure["data"]
    for trace in (high, low):
        trace |= {"mode": "lines", "line": {"width": 1, "dash": "dot", "color": "rgba(128,128,128,.9)"}}
    low |= {"fill": "tonexty", "fillcolor": "rgba(128,128,128,.2)"}
    lift["line"] = {"width": 3}
    chart.figure["layout"]["yaxis"] |= {
        "tickformat": "+,.0%", "zeroline": True, "zerolinewidth": 2, "hoverformat": "+,.1%",
        "title": {"text": metric},
    }  # fmt: skip


def page_context(experiment: Experiment) -> dict[str, Any]:
    """What a report's page shows; `experiment` comes from `selectors.with_parts`."""
    results = results_of(experiment)
    removed = [arm for arm in experiment.arms.all() if arm.removed_at is not None]
    rows = arm_rows(experiment, results)
    ratios = [row.variance_ratio for row in rows if row.variance_ratio is not None]
    return {
        "experiment": experiment,
        "verdict": verdict(experiment, results),
        "more_alarms": alarm_texts(experiment, results)[1:],
        "rows": rows,
        "removed": removed,
        "guard_rows": guard_rows(experiment, results),
        "charts": lift_charts(experiment),
        "split": (results or {}).get("split"),
        "held_back": (results or {}).get("held_back"),
        "held_back_mean": _held_back_mean(experiment, results),
        "metric": metric_label(experiment.primary_metric),
        "days": days_running(experiment),
        "counted_until": experiment.counted_until,  # type: ignore[attr-defined]
        "progress": _progress(experiment, rows),
        "saved_percent": round((1 - min(ratios)) * 100) if ratios else 0,
        "alpha_percent": plain_percent(1 - app_settings.ALPHA, 0),
    }


def _held_back_mean(experiment: Experiment, results: Results) -> str:
    held_back = (results or {}).get("held_back") or {}
    rows = arm_rows(experiment, results)
    return mean_text(held_back.get("mean", 0.0), rows[0].metric) if held_back.get("n_counted") else "–"


def _progress(experiment: Experiment, rows: Sequence[ArmRow]) -> float | None:
    there = [row.n_counted for row in rows if not row.is_removed]
    if not experiment.planned_units or not there:
        return None
    return min(min(there) / experiment.planned_units, 1.0)
