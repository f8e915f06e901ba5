"""Cancelling and retrying jobs."""

from typing import Any

from django.db import transaction

from ecomai.registry import jobs
from ecomai.registry.kinds import TRAINING_KIND
from ecomai.registry.models import Job

from .access import check_permission, write_audit


def cancel_job(*, job: Job, user: Any = None, actor_label: str = "") -> None:
    """Stop a job: at once while it is queued, at its next check while it runs.

    Raises `JobFinishedError` if it has ended already.
    """
    check_permission(user, "request_training" if job.kind == TRAINING_KIND else "cancel_job")
    with transaction.atomic():
        jobs.cancel(job)
        write_audit(
            action="cancel_job", subject=job, user=user, actor_label=actor_label, details={"job": job.pk}
        )
    job.refresh_from_db()


def retry_job(*, job: Job, user: Any = None, actor_label: str = "") -> Job:
    """Queue an ended job again; for a training this is a new run. Raises `JobNotFinishedError`."""
    if job.kind == TRAINING_KIND:
        from .trainings import retry_training

        return retry_training(run=job.training_run, user=user, actor_label=actor_label).job
    check_permission(user, "cancel_job")
    with transaction.atomic():
        jobs.retry(job)
        write_audit(
            action="retry_job", subject=job, user=user, actor_label=actor_label, details={"job": job.pk}
        )
    return job
