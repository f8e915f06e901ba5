"""Training runs in a worker: from the request's row to a registered, judged version."""

import logging
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils.module_loading import import_string

from ecomai import __version__, scenarios

from . import training_logs
from .app_settings import registry_settings
from .artifacts import StoredArtifact, discard_artifact, open_artifact, store_artifact
from .exceptions import CorruptArtifactError, InvalidArtifactError
from .jobs import JobCancelled, LeaseLost, RunningJob
from .leases import DATABASE_FAULTS, held
from .models import ActiveTraining, Job, ModelVersion, RunMetric, TrainingRun
from .searches import RunSearch, end_trials, search_summary
from .selectors import serving_version

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Candidate:
    """What a scenario's `train(run)` returns: the files to serve, and what is needed to judge them.

    `folder` holds safetensors, ONNX and JSON files only; `kind` says which predictor of `ecomai.serving`
    loads them. The three metrics are measured on the same test period; `group_metrics` maps a group's
    name to its metrics.
    """

    folder: Path
    kind: str
    metrics: dict[str, float]
    baseline_metrics: dict[str, float]
    data_fingerprint: str
    live_metrics: dict[str, float] = field(default_factory=dict)
    group_metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    window_start: datetime | None = None
    window_end: datetime | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)


# How much of the way that is left when a search begins is the search.
SEARCH_SHARE = 0.8


class Run:
    """What a scenario's `train(run)` gets.

    `folder` is private to the run and outlives a killed worker, so checkpoints in it resume. What is
    written into `log_folder` (TensorBoard's event files) is kept with the version. `search` is None
    unless a search of hyperparameters was asked for.
    """

    def __init__(self, row: TrainingRun, spec: scenarios.ModelSpec, job: RunningJob) -> None:
        self.model_name = row.model_name
        self.run_id = row.pk
        self.cutoff = row.cutoff
        self.hyperparameters: dict[str, Any] = row.hyperparameters
        self.random_state = row.random_state
        self.folder = run_folder(row)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_folder = self.folder / training_logs.FOLDER
        self.compared_with = serving_version(row.model_name)
        self.search = self._search(row, spec)
        self._job = job
        self._curve = CurveWriter(row)
        self._progress = 0.0
        self._searched = 0.0

    def _search(self, row: TrainingRun, spec: scenarios.ModelSpec) -> RunSearch | None:
        if not (row.search_minutes and spec.search_space):
            return None
        return RunSearch(row, spec, folder=self.folder / "trials", report=self._report_search)

    def report(self, progress: float, message: str = "") -> None:
        """Say how far the training is, from 0 to 1; raises `JobCancelled` if asked to stop.

        A search in between takes its share of what was left when it began.
        """
        self._progress = progress
        self._job.report(self._position(), message)

    def _report_search(self, progress: float, message: str, seconds_left: float) -> None:
        self._searched = SEARCH_SHARE * progress
        self._job.report(self._position(), message, seconds_left=seconds_left)

    def _position(self) -> float:
        return 1 - (1 - self._progress) * (1 - self._searched)

    def log(self, step: int, **metrics: float) -> None:
        """Add points to the live curve; the same step again replaces its point."""
        self._curve.add(step, metrics)
        self._job.check_cancelled()

    def check_cancelled(self) -> None:
        self._job.check_cancelled()

    def live_artifact(self) -> Path | None:
        """The files of the version that serves now, verified, to judge it on the same test period.

        None where nothing serves, or where its files are damaged: a retrain is the way out of that.
        """
        version = self.compared_with = serving_version(self.model_name)
        if version is None:
            return None
        try:
            return open_artifact(version)
        except CorruptArtifactError:
            logger.exception("The live version of %s cannot be judged.", self.model_name)
            return None

    def close(self) -> None:
        self._curve.flush()


class CurveWriter:
    """Writes a run's curve in bulk, at most once a second."""

    def __init__(self, row: TrainingRun) -> None:
        self._run_id = row.pk
        self._points: dict[tuple[str, int], float] = {}
        self._written_at = -math.inf

    def add(self, step: int, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            if math.isfinite(value):
                self._points[name, step] = float(value)
            else:
                logger.warning("Training run %s: %s is %s at step %s.", self._run_id, name, value, step)
        if time.monotonic() - self._written_at >= registry_settings.REPORT_INTERVAL_SECONDS:
            self.flush()

    def flush(self) -> None:
        points, self._points = self._points, {}
        self._written_at = time.monotonic()
        rows = [
            RunMetric(run_id=self._run_id, name=name, step=step, value=value)
            for (name, step), value in points.items()
        ]
        try:
            RunMetric.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["run", "name", "step"], update_fields=["value"]
            )
        except DATABASE_FAULTS:
            if connection.in_atomic_block:
                raise
            logger.warning("The curve of training run %s waits; the database is away.", self._run_id)
            connection.close()
            self._points = {**points, **self._points}


def run_folder(row: TrainingRun) -> Path:
    """Where a run keeps its checkpoints; a retry goes on in the folder of the run that it repeats."""
    number = row.job.arguments.get("folder_of", row.pk)
    return Path(registry_settings.FOLDER) / "runs" / f"{row.model_name}-{number}"


def run_training_job(job: RunningJob) -> dict[str, Any]:
    """The job of kind `training`: train, register, judge. A second call goes on where the first stopped."""
    from .services import consider_promotion

    row = TrainingRun.objects.select_related("job", "version").get(pk=job.arguments["run_id"])
    version = row.version or _train_and_register(row, job)
    verdict = consider_promotion(version=version)
    shutil.rmtree(run_folder(row), ignore_errors=True)
    return {"version": version.number, "verdict": verdict.reasons, "is_promoted": verdict.is_promoted}


def _train_and_register(row: TrainingRun, job: RunningJob) -> ModelVersion:
    spec = scenarios.get_model_spec(row.model_name)
    train: Callable[[Run], Candidate] = import_string(spec.train)
    run = Run(row, spec, job)
    try:
        candidate = train(run)
        run.check_cancelled()
    except JobCancelled:
        shutil.rmtree(run.folder, ignore_errors=True)
        raise
    finally:
        run.close()
    _check_candidate(candidate, spec)
    return register_candidate(row, candidate, job.job, compared_with=run.compared_with)


def _check_candidate(candidate: Candidate, spec: scenarios.ModelSpec) -> None:
    for name, metrics in (("metrics", candidate.metrics), ("baseline_metrics", candidate.baseline_metrics)):
        value = metrics.get(spec.primary_metric)
        if value is None or not math.isfinite(value):
            raise InvalidArtifactError(reason=f"{name} has no value for {spec.primary_metric}.")


def register_candidate(
    row: TrainingRun, candidate: Candidate, job: Job, *, compared_with: ModelVersion | None = None
) -> ModelVersion:
    """Store a candidate's files and make it a version; either both are there afterwards, or neither."""
    last = ModelVersion.objects.filter(model_name=row.model_name).order_by("-number").first()
    number = last.number + 1 if last else 1
    stored = store_artifact(candidate.folder, model_name=row.model_name, number=number, kind=candidate.kind)
    try:
        with transaction.atomic():
            # The lease is checked under the row's lock: a worker that lost it must not register.
            if held(job).select_for_update().first() is None:
                raise LeaseLost
            version = _create_version(row, candidate, number, stored, compared_with)
            TrainingRun.objects.filter(pk=row.pk).update(
                version=version, data_fingerprint=candidate.data_fingerprint
            )
    except DATABASE_FAULTS:
        # Whether the commit arrived is unknown, so the files stay; the daily clean-up knows by then.
        raise
    except BaseException:
        discard_artifact(stored.path)
        raise
    training_logs.keep_logs(run_folder(row), stored.path)
    return version


def plain_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    """JSON knows neither numpy's numbers nor NaN."""
    return {str(name): float(value) for name, value in metrics.items() if math.isfinite(value)}


def _create_version(
    row: TrainingRun,
    candidate: Candidate,
    number: int,
    stored: StoredArtifact,
    compared_with: ModelVersion | None,
) -> ModelVersion:
    return ModelVersion.objects.create(
        model_name=row.model_name,
        number=number,
        kind=candidate.kind,
        artifact_path=stored.path,
        artifact_digest=stored.digest,
        artifact_bytes=stored.n_bytes,
        format_version=stored.format_version,
        metrics=plain_metrics(candidate.metrics),
        baseline_metrics=plain_metrics(candidate.baseline_metrics),
        live_metrics=plain_metrics(candidate.live_metrics),
        compared_with=compared_with if candidate.live_metrics else None,
        group_metrics={name: plain_metrics(values) for name, values in candidate.group_metrics.items()},
        window_start=candidate.window_start,
        window_end=candidate.window_end,
        data_fingerprint=candidate.data_fingerprint,
        hyperparameters=candidate.hyperparameters or row.hyperparameters,
        random_state=row.random_state,
        code_version=__version__,
        card={**candidate.card, **search_summary(row)},
    )


def release_training(job: Job) -> None:
    """Let the model train again; part of the transaction that ends a training's job."""
    end_trials(job.arguments["run_id"])
    ActiveTraining.objects.filter(run__job=job).delete()
