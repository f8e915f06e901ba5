"""Background work: queue it, do it under a lease, report, cancel, and take up what a dead worker left.

The row is the truth and the broker's message only wakes a worker. So a message may be lost or come twice,
and a worker may die at any line: `requeue_dead_jobs` finds the row and announces it again.
"""

import logging
import math
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from kombu.exceptions import KombuError

from ecomai.exceptions import EcomaiError, UnavailableError

from .app_settings import registry_settings
from .exceptions import (
    DiskFullError,
    EnvironmentFaultError,
    JobFinishedError,
    JobNotFinishedError,
    WorkerLostError,
)
from .kinds import TRAINING_KIND, get_kind, register_job
from .leases import DATABASE_FAULTS, Heartbeat, end_job, held, persist, settle_parent, take_lease
from .masking import mask_personal_data
from .models import Job
from .request_ids import current_request_id

__all__ = [
    "JobCancelled", "LeaseLost", "RunningJob", "cancel", "enqueue_job", "execute_job", "register_job",
    "requeue_dead_jobs", "retry", "wake_jobs",
]  # fmt: skip

logger = logging.getLogger(__name__)

BROKER_AWAY = "broker_away"
MAX_WAKE_INTERVAL = timedelta(minutes=10)
REQUEUE_BATCH = 1000
DISK_FULL_ERRNO = 28


class JobCancelled(Exception):  # noqa: N818  (it is an answer to a person, no error)
    """Someone asked this job to stop. Let it pass: the job ends as cancelled."""


class LeaseLost(Exception):  # noqa: N818
    """The row is another worker's by now; whatever this one does must not count."""


def enqueue_job(
    *,
    kind: str,
    arguments: Mapping[str, Any] | None = None,
    label: Any = "",
    queue: str = "default",
    parent: Job | None = None,
    max_attempts: int = 3,
    created_by: Any = None,
    run_after: datetime | None = None,
) -> Job:
    """Write a job's row, and wake a worker when the transaction commits."""
    job = new_job(
        kind=kind, arguments=arguments, label=label, queue=queue, parent=parent, max_attempts=max_attempts,
        created_by=created_by, run_after=run_after,
    )  # fmt: skip
    job.save()
    transaction.on_commit(lambda: wake_jobs([job]))
    return job


def new_job(
    *, kind: str, arguments: Mapping[str, Any] | None, label: Any, run_after: datetime | None, **fields: Any
) -> Job:
    """Return a job that is not saved yet; for writing many at once."""
    get_kind(kind)
    due = run_after or timezone.now()
    return Job(
        kind=kind,
        arguments=dict(arguments or {}),
        label=str(label)[:200],
        run_after=due,
        wake_at=due + timedelta(seconds=registry_settings.WAKE_AFTER_SECONDS if run_after is None else 0),
        request_id=current_request_id.get(),
        **fields,
    )


# -- waking workers -----------------------------------------------------------------------------


def wake_jobs(jobs: Iterable[Job]) -> int:
    """Announce queued jobs that are due; return how many messages the broker took.

    Where the broker is away the rows stay queued and say so, and beat announces them later.
    """
    now = timezone.now()
    due = [job for job in jobs if job.run_after <= now]
    for n_sent, job in enumerate(due):
        try:
            _send(job)
        except (KombuError, OSError) as error:
            logger.warning(
                "The message broker is away (%s); %s jobs wait.", type(error).__name__, len(due) - n_sent
            )
            _note_broker_away([job.pk for job in due[n_sent:]])
            return n_sent
    return len(due)


def _send(job: Job) -> None:
    from . import tasks

    task, argument = tasks.run_job, job.pk
    if job.kind == TRAINING_KIND:
        task, argument = tasks.run_training, job.arguments["run_id"]
    # One retry renews a stale connection; more would keep a person's request waiting.
    policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1}
    task.apply_async((argument,), queue=job.queue, retry=True, retry_policy=policy)


def _note_broker_away(ids: list[int]) -> None:
    Job.objects.filter(pk__in=ids, state=Job.State.QUEUED).update(
        error_code=BROKER_AWAY,
        error_message=_(
            "The message broker is away. The job waits, and starts by itself when the broker is back."
        ),
        wake_at=timezone.now(),
    )


def requeue_dead_jobs() -> dict[str, int]:
    """Take up rows whose worker died or whose message was lost. Safe to run twice, and at the same time."""
    n_requeued = sum(_take_up(job) for job in _dead_jobs())
    _end_unwanted_jobs()
    waiting = list(
        Job.objects.filter(state=Job.State.QUEUED, wake_at__lte=timezone.now()).order_by("wake_at")[
            :REQUEUE_BATCH
        ]
    )
    n_woken = wake_jobs(waiting)
    _space_next_wake(waiting[:n_woken])
    for parent in Job.objects.filter(state=Job.State.RUNNING, lease_token=None):
        settle_parent(parent)
    return {"requeued": n_requeued, "woken": n_woken}


def _dead_jobs() -> list[Job]:
    return list(Job.objects.filter(state=Job.State.RUNNING, lease_until__lt=timezone.now())[:REQUEUE_BATCH])


def _end_unwanted_jobs() -> None:
    """End rows that were asked to stop while they waited for another attempt."""
    for job in Job.objects.filter(state=Job.State.QUEUED, is_cancel_requested=True)[:REQUEUE_BATCH]:
        waiting = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED, is_cancel_requested=True)
        end_job(job, Job.State.CANCELLED, rows=waiting)


def _take_up(job: Job) -> bool:
    """Queue a dead worker's job again, unless it was to stop, or stopped its workers too often."""
    rows = held(job).filter(lease_until__lt=timezone.now())
    if job.is_cancel_requested:
        return end_job(job, Job.State.CANCELLED, rows=rows)
    if job.attempts >= job.max_attempts:
        error = WorkerLostError(attempts=job.attempts)
        return end_job(job, Job.State.FAILED, rows=rows, error_code=error.code, error_message=str(error))
    logger.warning("Job %s lost its worker %s; it is queued again.", job.pk, job.worker)
    now = timezone.now()
    return bool(
        rows.update(state=Job.State.QUEUED, lease_token=None, lease_until=None, run_after=now, wake_at=now)
    )


def _space_next_wake(jobs: list[Job]) -> None:
    """Double the pause between messages with a row's age, so that a long queue is not flooded with copies."""
    now = timezone.now()
    shortest = timedelta(seconds=registry_settings.WAKE_AFTER_SECONDS)
    for job in jobs:
        job.wake_at = now + min(max(now - job.run_after, shortest), MAX_WAKE_INTERVAL)
        # The state is compared again: a worker may hold the row by now.
        Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(
            wake_at=job.wake_at, error_code="", error_message=""
        )


# -- doing the work -----------------------------------------------------------------------------


class RunningJob:
    """What a job's function gets: its arguments, and a way to report and to notice a cancellation."""

    def __init__(self, job: Job, heartbeat: Heartbeat) -> None:
        self.job = job
        self.arguments: dict[str, Any] = job.arguments
        self._heartbeat = heartbeat
        self._reported_at = -math.inf
        self._checked_at = -math.inf
        self._first: tuple[float, float] | None = None

    def report(self, progress: float, message: str = "", *, seconds_left: float | None = None) -> None:
        """Write how far the work is, at most once a second; raises `JobCancelled` if asked to stop.

        `seconds_left` is for work that knows; by default it is estimated from the progress so far.
        """
        progress = min(max(float(progress), 0.0), 1.0)
        now = time.monotonic()
        self._first = self._first or (now, progress)
        if now - self._reported_at >= registry_settings.REPORT_INTERVAL_SECONDS:
            self._reported_at = now
            self._write(
                progress=progress,
                progress_message=str(message)[:200],
                seconds_left=self._seconds_left(now, progress) if seconds_left is None else seconds_left,
            )
        self.check_cancelled()

    def check_cancelled(self) -> None:
        """Raise `JobCancelled` if someone asked for it; cheap enough for every step of a loop."""
        if self._heartbeat.is_lost:
            raise LeaseLost
        now = time.monotonic()
        if now - self._checked_at < min(registry_settings.REPORT_INTERVAL_SECONDS, 1):
            return
        self._checked_at = now
        try:
            is_cancel_requested = held(self.job).values_list("is_cancel_requested", flat=True).first()
        except DATABASE_FAULTS:
            if connection.in_atomic_block:
                raise
            self._note_database_away()
            return
        if is_cancel_requested is None:
            raise LeaseLost
        if is_cancel_requested:
            raise JobCancelled

    def _write(self, **fields: Any) -> None:
        try:
            held(self.job).update(**fields)
        except DATABASE_FAULTS:
            if connection.in_atomic_block:
                raise
            self._note_database_away()

    def _note_database_away(self) -> None:
        # Hours of work are worth more than a progress bar: go on, and report when the database is back.
        logger.warning("Job %s could not report; the database is away.", self.job.pk)
        connection.close()

    def _seconds_left(self, now: float, progress: float) -> float | None:
        """Estimate from this attempt alone: what a dead worker's checkpoint brought in took no time now."""
        assert self._first is not None  # noqa: S101
        started, first = self._first
        if progress - first < 0.01:
            return None
        return (now - started) * (1 - progress) / (progress - first)


def execute_job(job_id: int) -> None:
    """Do a job, if it is due and nobody else's. Safe to call twice for the same row."""
    job = take_lease(job_id)
    if job is None:
        return
    context = current_request_id.set(job.request_id)
    try:
        _work(job)
    finally:
        current_request_id.reset(context)


def _work(job: Job) -> None:
    try:
        function: Callable[[RunningJob], dict[str, Any] | None] = import_string(get_kind(job.kind).path)
        with Heartbeat(job) as heartbeat:
            result = function(RunningJob(job, heartbeat)) or {}
    except JobCancelled:
        persist(lambda: end_job(job, Job.State.CANCELLED))
    except LeaseLost:
        logger.warning("Job %s is another worker's by now; this attempt does not count.", job.pk)
    except Exception as error:
        text = mask_personal_data(traceback.format_exc())
        _settle_failure(job, error, text)
    except BaseException:
        # The worker is being stopped in good order: hand the row back at once.
        persist(lambda: _queue_again(job, timezone.now(), attempts=job.attempts - 1))
        raise
    else:
        persist(lambda: end_job(job, Job.State.SUCCEEDED, progress=1.0, result=result))


def is_environment_fault(error: BaseException) -> bool:
    """Whether trying again later may help: a database, a network or a service was away."""
    return isinstance(error, (*DATABASE_FAULTS, ConnectionError, TimeoutError, UnavailableError, KombuError))


def _settle_failure(job: Job, error: Exception, text: str) -> None:
    if isinstance(error, OSError) and error.errno == DISK_FULL_ERRNO:
        error = DiskFullError()
    if is_environment_fault(error):
        if job.attempts < job.max_attempts:
            logger.warning("Job %s met a fault of the environment and is tried again.\n%s", job.pk, text)
            pause = registry_settings.RETRY_BACKOFF_SECONDS * 2 ** (job.attempts - 1)
            persist(lambda: _queue_again(job, timezone.now() + timedelta(seconds=pause), traceback=text))
            return
        error = EnvironmentFaultError(attempts=job.attempts, fault=type(error).__name__)
    expected = error if isinstance(error, EcomaiError) else None
    logger.log(
        logging.WARNING if expected else logging.ERROR, "Job %s (%s) failed.\n%s", job.pk, job.kind, text
    )
    sentence = (
        mask_personal_data(str(expected))
        if expected
        else _(
            "Something unexpected happened. The technical details are kept with the job for your developer."
        )
    )
    code = expected.code if expected else "unexpected"
    persist(lambda: end_job(job, Job.State.FAILED, error_code=code, error_message=sentence, traceback=text))


def _queue_again(job: Job, run_after: datetime, **fields: Any) -> None:
    held(job).update(
        state=Job.State.QUEUED,
        lease_token=None,
        lease_until=None,
        run_after=run_after,
        wake_at=run_after,
        **fields,
    )


# -- cancelling and retrying ---------------------------------------------------------------------------


def cancel(job: Job) -> None:
    """Stop a job and its parts: at once while queued, at its next check while it runs."""
    Job.objects.filter(pk=job.pk).exclude(state__in=Job.FINISHED_STATES).update(is_cancel_requested=True)
    for part in job.shards.exclude(state__in=Job.FINISHED_STATES):
        cancel(part)
    if not end_job(job, Job.State.CANCELLED, rows=Job.objects.filter(pk=job.pk, state=Job.State.QUEUED)):
        job.refresh_from_db()
        if job.is_finished and job.state != Job.State.CANCELLED:
            raise JobFinishedError


def retry(job: Job) -> None:
    """Queue an ended job again, with all its attempts; of a job with parts, those that did not succeed."""
    if not job.is_finished:
        raise JobNotFinishedError
    now = timezone.now()
    fresh = {
        "state": Job.State.QUEUED, "attempts": 0, "is_cancel_requested": False, "progress": 0.0,
        "progress_message": "", "error_code": "", "error_message": "", "traceback": "", "finished_at": None,
        "run_after": now, "wake_at": now + timedelta(seconds=registry_settings.WAKE_AFTER_SECONDS),
    }  # fmt: skip
    with transaction.atomic():
        parts = list(job.shards.exclude(state=Job.State.SUCCEEDED))
        again = parts or [job]
        ended = Job.objects.filter(pk__in=[each.pk for each in again], state__in=Job.FINISHED_STATES)
        ended.update(**fresh)
        if parent_id := job.pk if parts else job.parent_id:
            Job.objects.filter(pk=parent_id).update(state=Job.State.RUNNING, **_reopened())
        for each in again:
            each.refresh_from_db()
        transaction.on_commit(lambda: wake_jobs(again))
    job.refresh_from_db()


def _reopened() -> dict[str, Any]:
    return {"finished_at": None, "error_code": "", "error_message": "", "is_cancel_requested": False}
