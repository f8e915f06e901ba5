"""What a person wants to see of all models at once, in a constant number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Max, QuerySet
from django.utils.module_loading import import_string

from ecomai import scenarios

from .models import (
    ActiveTraining,
    ModelDeployment,
    ModelVersion,
    PromotionPolicy,
    TrainingRun,
    TrainingSchedule,
)
from .selectors import deployments, last_runs


@dataclass(kw_only=True)
class ModelOverview:
    """A registered model and all that is known of it now."""

    spec: scenarios.ModelSpec
    scenario: scenarios.Scenario
    deployment: ModelDeployment | None = None
    last_run: TrainingRun | None = None
    active_run: TrainingRun | None = None
    candidate: ModelVersion | None = None
    previous: ModelVersion | None = None
    n_versions: int = 0
    schedule: TrainingSchedule | None = None
    policy: PromotionPolicy | None = None
    readiness: Sequence[scenarios.Readiness] = field(default_factory=list)

    @property
    def serving(self) -> ModelVersion | None:
        if self.deployment is None:
            return None
        return self.deployment.live_version or self.deployment.shadow_version

    @property
    def is_live(self) -> bool:
        return self.deployment is not None and self.deployment.live_version is not None

    @property
    def is_ready(self) -> bool:
        return all(each.is_enough for each in self.readiness)

    @property
    def crontab(self) -> str:
        return crontab_text(self.schedule)

    @property
    def search_minutes(self) -> int | None:
        """How long scheduled trainings search; None where nothing is scheduled, or without a search."""
        return self.schedule.search_minutes if self.schedule and self.crontab else None


def crontab_text(schedule: TrainingSchedule | None) -> str:
    """The schedule as a crontab line; empty where there is none, or where it is switched off in beat."""
    if schedule is None or not schedule.periodic_task.enabled or schedule.periodic_task.crontab is None:
        return ""
    clock = schedule.periodic_task.crontab
    parts = (clock.minute, clock.hour, clock.day_of_month, clock.month_of_year, clock.day_of_week)
    return " ".join(parts)


def model_overviews(*, has_readiness: bool = True) -> list[ModelOverview]:
    """One overview for each registered model; eight queries, and what the models' readiness asks."""
    parts = _parts()
    return [
        _overview(scenario, spec, parts, has_readiness)
        for scenario in scenarios.installed()
        for spec in scenario.models
    ]


def model_overview(model_name: str) -> ModelOverview:
    """Raises `NotFoundError` for a name that no installed scenario has."""
    spec = scenarios.get_model_spec(model_name)
    scenario = next(each for each in scenarios.installed() if spec in each.models)
    return _overview(scenario, spec, _parts(), has_readiness=True)


def _parts() -> dict[str, dict[str, Any]]:
    versions = ModelVersion.objects.all()
    candidates = versions.filter(state=ModelVersion.State.CANDIDATE, is_artifact_deleted=False)
    schedules = TrainingSchedule.objects.select_related("periodic_task__crontab")
    active = ActiveTraining.objects.select_related("run__job")
    n_versions = versions.order_by().values_list("model_name").annotate(Count("pk"))
    return {
        "deployment": {row.model_name: row for row in deployments()},
        "last_run": last_runs(),
        "active_run": {row.model_name: row.run for row in active if not row.run.job.is_finished},
        "candidate": {row.model_name: row for row in _newest(candidates)},
        "n_versions": dict(n_versions),
        "schedule": {row.model_name: row for row in schedules},
        "policy": {row.model_name: row for row in PromotionPolicy.objects.all()},
        "earlier": _earlier_versions(),
    }


def _newest(rows: QuerySet[Any]) -> QuerySet[Any]:
    """The newest row of each model."""
    newest = rows.order_by().values("model_name").annotate(newest=Max("pk")).values("newest")
    return rows.filter(pk__in=newest)


def _earlier_versions() -> dict[str, list[ModelVersion]]:
    served = ModelVersion.objects.filter(promoted_at__isnull=False, is_artifact_deleted=False)
    by_model: dict[str, list[ModelVersion]] = {}
    for version in served.order_by("-number"):
        by_model.setdefault(version.model_name, []).append(version)
    return by_model


def _overview(
    scenario: scenarios.Scenario,
    spec: scenarios.ModelSpec,
    parts: dict[str, dict[str, Any]],
    has_readiness: bool,
) -> ModelOverview:
    found = {name: rows[spec.name] for name, rows in parts.items() if spec.name in rows}
    earlier = found.pop("earlier", [])
    overview = ModelOverview(spec=spec, scenario=scenario, **found)
    serving = overview.serving
    if serving is not None:
        overview.previous = next((each for each in earlier if each.number < serving.number), None)
        # A candidate that is older than what serves is no news.
        if overview.candidate and overview.candidate.number < serving.number:
            overview.candidate = None
    if has_readiness and spec.readiness:
        overview.readiness = import_string(spec.readiness)()
    return overview
