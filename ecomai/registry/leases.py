"""The moves of a job's row: who may hold it, for how long, and how it ends.

Every write names the lease's token, so a worker that lost its lease can change nothing any more.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, connections, transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from .app_settings import registry_settings
from .kinds import on_end_of
from .models import Job

logger = logging.getLogger(__name__)

T = TypeVar("T")

DATABASE_FAULTS = (OperationalError, InterfaceError)


def take_lease(job_id: int) -> Job | None:
    """Make this worker the holder of a queued job that is due; None where there is nothing to do."""
    now = timezone.now()
    is_taken = Job.objects.filter(
        pk=job_id, state=Job.State.QUEUED, run_after__lte=now, is_cancel_requested=False
    ).update(
        state=Job.State.RUNNING,
        lease_token=uuid.uuid4(),
        lease_until=now + timedelta(seconds=registry_settings.LEASE_SECONDS),
        heartbeat_at=now,
        started_at=now,
        attempts=F("attempts") + 1,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        seconds_left=None,
        error_code="",
        error_message="",
        traceback="",
    )
    return Job.objects.get(pk=job_id) if is_taken else None


def held(job: Job) -> Any:
    """The job's row, as long as it is still this worker's."""
    return Job.objects.filter(pk=job.pk, lease_token=job.lease_token, state=Job.State.RUNNING)


def prolong_lease(job: Job) -> bool:
    now = timezone.now()
    until = now + timedelta(seconds=registry_settings.LEASE_SECONDS)
    return bool(held(job).update(lease_until=until, heartbeat_at=now))


def persist(write: Callable[[], T]) -> T:
    """Do a write that must not be lost, waiting up to two leases for a database that restarts."""
    deadline = time.monotonic() + 2 * registry_settings.LEASE_SECONDS
    pause = 0.2
    while True:
        try:
            return write()
        except DATABASE_FAULTS:
            if connection.in_atomic_block or time.monotonic() > deadline:
                raise
            logger.warning("The database is away; the result of a job is written when it is back.")
            connection.close()
            time.sleep(pause)
            pause = min(pause * 2, 5)


def end_job(job: Job, state: str, *, rows: Any = None, **fields: Any) -> bool:
    """End a job together with what depends on its end; False if the row was no longer in `rows`."""
    rows = held(job) if rows is None else rows
    with transaction.atomic():
        is_ended = bool(
            rows.update(
                state=state,
                finished_at=timezone.now(),
                lease_token=None,
                lease_until=None,
                seconds_left=None,
                **fields,
            )
        )
        if is_ended:
            _follow_end(Job.objects.get(pk=job.pk))
    return is_ended


def _follow_end(job: Job) -> None:
    if path := on_end_of(job.kind):
        import_string(path)(job)
    if job.parent_id:
        settle_parent(Job.objects.select_for_update().get(pk=job.parent_id))


def settle_parent(parent: Job) -> None:
    """Let a job that consists of parts follow them: its progress, and its end when the last part ends."""
    counts = parent.shards.aggregate(
        total=Count("pk"),
        succeeded=Count("pk", filter=Q(state=Job.State.SUCCEEDED)),
        failed=Count("pk", filter=Q(state=Job.State.FAILED)),
        ended=Count("pk", filter=Q(state__in=Job.FINISHED_STATES)),
    )
    rows = Job.objects.filter(pk=parent.pk, lease_token=None, state=Job.State.RUNNING)
    if counts["ended"] < counts["total"]:
        rows.update(progress=counts["ended"] / counts["total"])
        return
    if counts["failed"]:
        sentence = _("%(failed)s of %(total)s parts failed; retry them from the list of parts.") % counts
        end_job(parent, Job.State.FAILED, rows=rows, error_code="parts_failed", error_message=sentence)
    elif counts["succeeded"] < counts["total"]:
        end_job(parent, Job.State.CANCELLED, rows=rows)
    else:
        end_job(parent, Job.State.SUCCEEDED, rows=rows, progress=1.0, result={"parts": counts["total"]})


class Heartbeat:
    """Prolongs a job's lease from a thread of its own while the work is done.

    `is_lost` turns true when the row is no longer this worker's. Inside a transaction nobody else can
    see the lease, so none is prolonged.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.is_lost = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{job.pk}", daemon=True)

    def __enter__(self) -> "Heartbeat":
        if not connection.in_atomic_block:
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=registry_settings.LEASE_SECONDS)

    def _run(self) -> None:
        try:
            while not self._stopped.wait(registry_settings.LEASE_SECONDS / 3):
                self._beat()
        finally:
            connections.close_all()

    def _beat(self) -> None:
        try:
            self.is_lost = not prolong_lease(self.job)
        except DATABASE_FAULTS:
            logger.warning("Job %s could not prolong its lease; the database is away.", self.job.pk)
            connection.close()
            return
        if self.is_lost:
            self._stopped.set()
