"""Removes what is no longer needed: old versions' files, leftovers, checkpoints, jobs, curves, entries."""

import logging
import shutil
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from .app_settings import registry_settings
from .artifacts import artifact_places, artifact_storage, remove_artifact, unreferenced_files
from .audit_chain import remove_entries_before
from .models import Job, ModelVersion, RunMetric, TrainingRun
from .runs import run_folder
from .selectors import previous_version
from .services.access import write_audit
from .training_logs import remove_logs

logger = logging.getLogger(__name__)

LEFTOVER_AGE = timedelta(days=1)
# With all their parts, which Django collects in memory.
JOBS_AT_ONCE = 100
State = ModelVersion.State


def delete_old_artifacts() -> dict[str, int]:
    """Keep the files of what serves, of the version to roll back to and of the newest; remove the others'."""
    names = ModelVersion.objects.order_by().values_list("model_name", flat=True).distinct()
    return {
        "artifacts": sum(_delete_old_versions_files(name) for name in names),
        "leftovers": _delete_leftovers(),
        "shared_files": _delete_unreferenced_files(),
        "run_folders": _delete_run_folders(),
        "jobs": _delete_old_jobs(),
        "curve_points": _delete_old_curves(),
        "audit_entries": _delete_old_audit_entries(),
    }


def _delete_old_versions_files(model_name: str) -> int:
    versions = ModelVersion.objects.filter(model_name=model_name, is_artifact_deleted=False).order_by(
        "-number"
    )
    rollback = previous_version(model_name)
    newest = set(versions.values_list("pk", flat=True)[: registry_settings.KEEP_VERSIONS])
    n_deleted = 0
    for version in versions:
        if version.pk in newest or version == rollback or version.state in (State.LIVE, State.SHADOW):
            continue
        # The row says so first: a version whose files are half gone must not be promoted.
        is_marked = ModelVersion.objects.filter(
            pk=version.pk, state__in=[State.CANDIDATE, State.RETIRED]
        ).update(is_artifact_deleted=True)
        if is_marked:
            _remove(version.artifact_path)
            remove_logs(version.artifact_path)
            write_audit(action="delete_artifact", subject=model_name, details={"version": version.number})
            n_deleted += 1
    return n_deleted


def _remove(place: str) -> None:
    try:
        remove_artifact(place)
    except FileNotFoundError:
        logger.info("The artifact %s was gone already.", place)


def _delete_leftovers() -> int:
    """Files without a version, from a worker that died between storing and registering."""
    storage = artifact_storage()
    known = set(
        ModelVersion.objects.filter(is_artifact_deleted=False).values_list("artifact_path", flat=True)
    )
    n_deleted = 0
    for place in artifact_places():
        if place not in known and _is_old(storage, place):
            _remove(place)
            n_deleted += 1
    return n_deleted


def _delete_unreferenced_files() -> int:
    """Shared files of removed versions. Young ones stay: a worker may be about to name them."""
    storage = artifact_storage()
    n_deleted = 0
    for name in unreferenced_files():
        is_old = storage.get_modified_time(name) < timezone.now() - LEFTOVER_AGE
        # Asked again for each: a training may have taken it up meanwhile.
        if is_old and name in unreferenced_files():
            storage.delete(name)
            n_deleted += 1
    return n_deleted


def _is_old(storage, place: str) -> bool:  # type: ignore[no-untyped-def]
    files = storage.listdir(place)[1]
    return all(storage.get_modified_time(f"{place}/{name}") < timezone.now() - LEFTOVER_AGE for name in files)


def _delete_run_folders() -> int:
    """Checkpoints of trainings that succeeded, were cancelled, or failed long ago; of this machine."""
    long_ago = timezone.now() - timedelta(days=registry_settings.KEEP_RUN_FOLDERS_DAYS)
    parent = Path(registry_settings.FOLDER) / "runs"
    # Listed before the rows are read: the folder of a training that begins meanwhile must not look unused.
    there = list(parent.iterdir()) if parent.is_dir() else []
    kept: set[Path] = set()
    for run in TrainingRun.objects.select_related("job").exclude(
        job__state__in=[Job.State.SUCCEEDED, Job.State.CANCELLED]
    ):
        if not run.job.is_finished or (run.job.finished_at and run.job.finished_at > long_ago):
            kept.add(run_folder(run))
    doomed = [path for path in there if path not in kept]
    for path in doomed:
        shutil.rmtree(path, ignore_errors=True)
    return len(doomed)


def _delete_old_jobs() -> int:
    long_ago = timezone.now() - timedelta(days=registry_settings.KEEP_JOBS_DAYS)
    old = Job.objects.filter(
        state__in=Job.FINISHED_STATES,
        finished_at__lt=long_ago,
        training_run__isnull=True,
        parent__isnull=True,
    )
    n_deleted = 0
    while pks := list(old.values_list("pk", flat=True)[:JOBS_AT_ONCE]):
        n_deleted += Job.objects.filter(pk__in=pks).delete()[0]
    return n_deleted


def _delete_old_curves() -> int:
    """Points of the curves of old trainings, some thousands each; their runs and versions stay."""
    long_ago = timezone.now() - timedelta(days=registry_settings.KEEP_JOBS_DAYS)
    old = TrainingRun.objects.filter(job__finished_at__lt=long_ago, curve__isnull=False).exclude(
        version__state__in=[State.LIVE, State.SHADOW]
    )
    runs = list(old.values_list("pk", flat=True).distinct())
    return sum(RunMetric.objects.filter(run=pk).delete()[0] for pk in runs)


def _delete_old_audit_entries() -> int:
    if not registry_settings.KEEP_AUDIT_DAYS:
        return 0
    long_ago = timezone.now() - timedelta(days=registry_settings.KEEP_AUDIT_DAYS)
    return remove_entries_before(long_ago)
