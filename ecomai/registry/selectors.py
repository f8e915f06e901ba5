"""Reads of jobs, runs, versions and switches."""

import time
from collections.abc import Sequence
from typing import Any, Literal

from django.db.models import Exists, Max, OuterRef, QuerySet

from ecomai.exceptions import NotFoundError
from ecomai.reading import in_transaction, read_rows

from .app_settings import registry_settings
from .models import (
    AuditEntry,
    LabellingTask,
    ModelDeployment,
    ModelVersion,
    RunMetric,
    ScenarioSwitch,
    TrainingRun,
)
from .models.audit import SYSTEM

ALL_SCENARIOS = ""

# (read at, names that are off); one tuple is swapped whole, so threads need no lock.
_switched_off: tuple[float, frozenset[str]] | None = None


def is_scenario_on(name: str) -> bool:
    """Whether a scenario may act: neither its own switch nor the one for all is off; at most 1 s old."""
    off = switched_off()
    return name not in off and ALL_SCENARIOS not in off


def switched_off() -> frozenset[str]:
    """Names of the scenarios whose switch is off; "" stands for all."""
    global _switched_off
    now = time.monotonic()
    known = _switched_off
    # Inside a transaction the answer must be that transaction's own.
    if known and now - known[0] < min(registry_settings.SWITCH_CACHE_SECONDS, 1) and not in_transaction():
        return known[1]
    off = frozenset(ScenarioSwitch.objects.filter(is_on=False).values_list("scenario_name", flat=True))
    if not in_transaction():
        _switched_off = (now, off)
    return off


def forget_switches() -> None:
    """Read the switches anew at the next question."""
    global _switched_off
    _switched_off = None


# -- versions -----------------------------------------------------------------------------------


def deployments() -> QuerySet[ModelDeployment]:
    """What serves each model now, with its versions; one query."""
    return ModelDeployment.objects.select_related("live_version", "shadow_version").order_by("model_name")


def deployed_versions() -> dict[tuple[str, Literal["live", "shadow"]], int]:
    """Which version answers for a model, shown (live) or only kept (shadow); asked every second."""
    found: dict[tuple[str, Literal["live", "shadow"]], int] = {}
    for model_name, live, shadow in read_rows(_DEPLOYED):
        if live is not None:
            found[model_name, "live"] = live
        if shadow is not None:
            found[model_name, "shadow"] = shadow
    return found


def versions_by_number(wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Return the rows of versions by model and number; those that are gone are left out."""
    named = ModelVersion.objects.filter(
        model_name__in={name for name, _number in wanted}, number__in={number for _name, number in wanted}
    ).exclude(is_artifact_deleted=True)
    found = {(name, number): pk for pk, name, number in named.values_list("pk", "model_name", "number")}
    return {one: found[one] for one in wanted if one in found}


_DEPLOYED = (
    "SELECT model_name, live_version_id, shadow_version_id "  # noqa: S608
    f"FROM {ModelDeployment._meta.db_table} ORDER BY model_name"
)


def last_runs() -> dict[str, TrainingRun]:
    """The newest training of each model, with its job and version; one query."""
    newest = TrainingRun.objects.order_by().values("model_name").annotate(newest=Max("pk")).values("newest")
    runs = TrainingRun.objects.filter(pk__in=newest).select_related("job", "version")
    return {run.model_name: run for run in runs}


def live_version(model_name: str) -> ModelVersion | None:
    return ModelVersion.objects.filter(model_name=model_name, state=ModelVersion.State.LIVE).first()


def serving_version(model_name: str) -> ModelVersion | None:
    """The version that a candidate would replace: the live one, or the one in shadow before go-live."""
    deployment = deployments().filter(model_name=model_name).first()
    return (deployment.live_version or deployment.shadow_version) if deployment else None


def previous_version(model_name: str) -> ModelVersion | None:
    """The version to roll back to: the newest before the serving one that served and still has its files."""
    serving = serving_version(model_name)
    if serving is None:
        return None
    earlier = ModelVersion.objects.filter(
        model_name=model_name, number__lt=serving.number, promoted_at__isnull=False, is_artifact_deleted=False
    )
    return earlier.order_by("-number").first()


def model_card(version: ModelVersion) -> dict[str, Any]:
    """All that should be known about a version: what its training said, and what the registry recorded."""
    return {
        **version.card,
        "model": version.model_name,
        "version": version.number,
        "state": version.state,
        "created_at": version.created_at.isoformat(),
        "data_from": version.window_start and version.window_start.isoformat(),
        "data_until": version.window_end and version.window_end.isoformat(),
        "data_fingerprint": version.data_fingerprint,
        "metrics": version.metrics,
        "baseline_metrics": version.baseline_metrics,
        "group_metrics": version.group_metrics,
        "hyperparameters": version.hyperparameters,
        "random_state": version.random_state,
        "code_version": version.code_version,
        "artifact_sha256": version.artifact_digest,
    }


# -- runs and jobs ------------------------------------------------------------------------------


def get_run(number: int) -> TrainingRun:
    """Return a training run with its job. Raises NotFoundError."""
    run = TrainingRun.objects.select_related("job").filter(pk=number).first()
    if run is None:
        raise NotFoundError
    return run


def training_curve(run: TrainingRun, *, n_points: int = 300) -> list[tuple[str, int, float]]:
    """The run's curve as (metric, step, value); long ones are thinned, and keep their last point."""
    points = list(
        RunMetric.objects.filter(run=run).order_by("name", "step").values_list("name", "step", "value")
    )
    by_name: dict[str, list[tuple[str, int, float]]] = {}
    for point in points:
        by_name.setdefault(point[0], []).append(point)
    thinned = []
    for curve in by_name.values():
        stride = -(-len(curve) // n_points)
        kept = curve[::stride]
        thinned += kept if kept[-1] == curve[-1] else [*kept, curve[-1]]
    return thinned


def comparable_runs(run: TrainingRun) -> QuerySet[TrainingRun]:
    """Other trainings of the same model that have a curve, newest first."""
    runs = TrainingRun.objects.filter(model_name=run.model_name).exclude(pk=run.pk)
    has_curve = Exists(RunMetric.objects.filter(run=OuterRef("pk")))
    return runs.filter(has_curve).select_related("version").order_by("-pk")


def acts_of_people() -> QuerySet[AuditEntry]:
    """Return what people, keys, the schedule and the policy did, newest first; not each routine answer."""
    return AuditEntry.objects.exclude(actor_label=SYSTEM).order_by("-created_at")


def known_actions() -> list[str]:
    """Return the actions of the audit log: all of people, and of the system those of its newest entries."""
    newest = AuditEntry.objects.order_by("-pk").values_list("action", flat=True)[:1000]
    return sorted({*acts_of_people().order_by().values_list("action", flat=True).distinct(), *newest})


def next_case(*, model_name: str = "", after: int | None = None) -> LabellingTask | None:
    """The waiting case that the model is least certain about."""
    cases = LabellingTask.objects.filter(state=LabellingTask.State.WAITING)
    if model_name:
        cases = cases.filter(model_name=model_name)
    return cases.order_by("confidence", "pk").first()
