"""What a person wants to see of all models at once, in a constant number of queries."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Max, QuerySet
from django.utils.module_loading import import_string

from ecomai import scenarios

from .models import (
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
    def active_run(self) -> TrainingRun | None:
        """The training under way; the last one, as a model has one at a time."""
        return self.last_run if self.last_run and not self.last_run.job.is_finished else None

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

    @property
    def scheduled_hyperparameters(self) -> dict[str, Any]:
        """With which scheduled trainings differ from the model's own."""
        return self.schedule.hyperparameters if self.schedule and self.crontab else {}


def crontab_text(schedule: TrainingSchedule | None) -> str:
    """The schedule as a crontab line; empty where there is none, or where it is switched off in beat."""
    if schedule is None or not schedule.periodic_task.enabled or schedule.periodic_task.crontab is None:
        return ""
    clock = schedule.periodic_task.crontab
    parts = (clock.minute, clock.hour, clock.day_of_month, clock.month_of_year, clock.day_of_week)
    return " ".join(parts)


def model_overviews(*, parts: Collection[str] | None = None) -> list[ModelOverview]:
    """One overview for each registered model; a query for each part, and what the models' readiness asks.

    `parts` names the fields that are needed, where that is not all; `readiness` is one of them.
    """
    found = _read(PARTS if parts is None else parts)
    has_readiness = parts is None or "readiness" in parts
    return [
        _overview(scenario, spec, found, has_readiness)
        for scenario in scenarios.installed()
        for spec in scenario.models
    ]


def model_overview(model_name: str) -> ModelOverview:
    """Raises `NotFoundError` for a name that no installed scenario has."""
    spec = scenarios.get_model_spec(model_name)
    scenario = next(each for each in scenarios.installed() if spec in each.models)
    return _overview(scenario, spec, _read(PARTS), has_readiness=True)


def _read(parts: Collection[str]) -> dict[str, dict[str, Any]]:
    """Read the parts; before the first version nothing is asked that only versions have."""
    n_versions = _version_counts()
    names = set(parts) - (set() if n_versions else {"deployment", "candidate", "previous"})
    return {"n_versions": n_versions} | {name: read() for name, read in PARTS.items() if name in names}


def _by_model(rows: QuerySet[Any]) -> dict[str, Any]:
    return {row.model_name: row for row in rows}


def _candidates() -> dict[str, ModelVersion]:
    versions = ModelVersion.objects.filter(state=ModelVersion.State.CANDIDATE, is_artifact_deleted=False)
    return _by_model(_newest(versions))


def _version_counts() -> dict[str, int]:
    return dict(ModelVersion.objects.order_by().values_list("model_name").annotate(Count("pk")))


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


# Field of an overview, besides the number of versions -> what reads it for all models, in one query.
PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "deployment": lambda: _by_model(deployments()),
    "last_run": last_runs,
    "candidate": _candidates,
    "schedule": lambda: _by_model(TrainingSchedule.objects.select_related("periodic_task__crontab")),
    "policy": lambda: _by_model(PromotionPolicy.objects.all()),
    "previous": _earlier_versions,
}


def _overview(
    scenario: scenarios.Scenario,
    spec: scenarios.ModelSpec,
    parts: dict[str, dict[str, Any]],
    has_readiness: bool,
) -> ModelOverview:
    found = {name: rows[spec.name] for name, rows in parts.items() if spec.name in rows}
    earlier = found.pop("previous", [])
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
