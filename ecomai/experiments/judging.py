"""From sums per arm to results, as plain values: lifts with intervals, guard rails, the split."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from . import statistics
from .app_settings import app_settings
from .metrics import MetricSpec, get_metric
from .models import Experiment
from .outcomes import ArmMoments
from .statistics import Moments

#: Where nothing is known of the traffic at the start, sequences are narrowest here.
USUAL_UNITS = 10_000
HELD_BACK = 0


def metrics_of(experiment: Experiment) -> list[MetricSpec]:
    """The metric that decides, first, and those of the guard rails."""
    names = [experiment.primary_metric, *(rail.metric for rail in experiment.guard_rails.all())]
    return [get_metric(name) for name in dict.fromkeys(names)]


def judge(experiment: Experiment, *, counts: Mapping[int, int], moments: ArmMoments) -> dict[str, Any]:
    """Return the results of an experiment as JSON values."""
    arms = list(experiment.arms.all())
    control = next(arm for arm in arms if arm.is_control)
    compared = [arm for arm in arms if not arm.is_control and arm.removed_at is None]
    alpha = app_settings.ALPHA / max(len(compared), 1)
    rho2 = statistics.tune_rho2(planned_n=2 * (experiment.planned_units or USUAL_UNITS), alpha=alpha)
    primary = get_metric(experiment.primary_metric)
    effects: dict[str, dict[str, Any]] = {}
    for arm in compared:
        pair = _moments(moments, arm.pk, primary), _moments(moments, control.pk, primary)
        if min(one.n for one in pair) >= app_settings.MIN_UNITS_PER_ARM:
            theta = statistics.cuped_theta(pair)
            effect = statistics.compare(*pair, theta=theta, alpha=alpha, rho2=rho2)
            if effect is not None:
                effects[str(arm.pk)] = asdict(effect)
    adjusted = statistics.holm({key: values["p_value"] for key, values in effects.items()})
    for key, values in effects.items():
        # Holm may be surer than the interval, which is as wide as for all arms at once.
        values["adjusted_p"] = adjusted[key]
    rails = [
        _guard_rail(experiment, rail, arm.pk, control.pk, moments)
        for rail in experiment.guard_rails.all()
        for arm in compared
    ]
    return {
        "arms": {
            str(arm.pk): {
                "n_exposed": counts.get(arm.pk, 0),
                **_counted(_moments(moments, arm.pk, primary)),
            }
            for arm in arms
        },
        "held_back": {
            "n_exposed": counts.get(HELD_BACK, 0), **_counted(_moments(moments, HELD_BACK, primary))
        },
        "effects": effects,
        "guard_rails": rails,
        "split": _split(experiment, counts),
    }  # fmt: skip


def count_alarms(results: Mapping[str, Any]) -> int:
    broken = sum(rail["state"] == "broken" for rail in results["guard_rails"])
    return broken + results["split"]["is_alarm"]


def _moments(moments: ArmMoments, arm: int, metric: MetricSpec) -> Moments:
    return moments.get(arm, {}).get(metric.name, Moments())


def _counted(moments: Moments) -> dict[str, Any]:
    return {"n_counted": moments.n, "total": moments.y, "mean": moments.mean}


def _guard_rail(
    experiment: Experiment, rail: Any, arm: int, control: int, moments: ArmMoments
) -> dict[str, Any]:
    """One-sided: `broken` once more is surely lost than allowed, `kept` once less surely is."""
    metric = get_metric(rail.metric)
    pair = _moments(moments, arm, metric), _moments(moments, control, metric)
    answer = {"metric": rail.metric, "arm": arm, "allowed_loss": rail.allowed_loss, "state": "open"}
    if min(one.n for one in pair) < app_settings.MIN_UNITS_PER_ARM:
        return answer
    alpha = app_settings.ALPHA
    rho2 = statistics.tune_rho2(planned_n=2 * (experiment.planned_units or USUAL_UNITS), alpha=2 * alpha)
    theta = statistics.cuped_theta(pair)
    effect = statistics.compare(*pair, theta=theta, alpha=alpha, rho2=rho2, is_one_sided=True)
    if effect is None:
        return answer
    sign = 1 if metric.greater_is_better else -1
    worst, best = sorted((sign * effect.low, sign * effect.high))
    state = "broken" if best < -rail.allowed_loss else "kept" if worst > -rail.allowed_loss else "open"
    return {**answer, "state": state, "lift": effect.lift, "low": effect.low, "high": effect.high}


def _split(experiment: Experiment, counts: Mapping[int, int]) -> dict[str, Any]:
    """Whether visitors came to the arms in the proportion of their weights; arms taken out are left aside."""
    there = {arm.pk for arm in experiment.arms.all() if arm.removed_at is None}
    parts = [part for part in experiment.allocation if part["arm"] in there]
    observed = [counts.get(part["arm"], 0) for part in parts]
    weights = [part["weight"] for part in parts]
    if len(parts) < 2:
        return {"p_value": 1.0, "sequential_p": 1.0, "is_alarm": False}
    sequential = statistics.sequential_srm_p(observed, weights)
    return {
        "p_value": statistics.chi_square_p(observed, weights),
        "sequential_p": sequential,
        "is_alarm": sequential < statistics.SRM_ALARM,
    }
