"""What the console writes: signs of life of queues, and data quality reports."""

import socket
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import Job
from ecomai.registry.services import write_audit

from . import quality
from .app_settings import app_settings
from .models import QualityReport, QueueHeartbeat

QUALITY_KIND = "data_quality"


def record_heartbeat(*, queue: str) -> None:
    """Note that a worker serves a queue."""
    QueueHeartbeat.objects.update_or_create(
        queue=queue, defaults={"seen_at": timezone.now(), "worker": socket.gethostname()}
    )


def request_quality_report(*, user: Any = None) -> Job:
    """Queue a new data quality report, or return the one that is under way already."""
    if user is not None and not user.has_perm("ecomai_console.compute_qualityreport"):
        raise PermissionDeniedError
    with transaction.atomic():
        under_way = quality_job_under_way()
        if under_way is not None:
            return under_way
        job = enqueue_job(kind=QUALITY_KIND, label=_("Data quality report"), created_by=user)
        write_audit(action="compute_quality", subject=job, user=user)
    return job


def quality_job_under_way() -> Job | None:
    unfinished = Job.objects.filter(kind=QUALITY_KIND).exclude(state__in=Job.FINISHED_STATES)
    return unfinished.order_by("-created_at").first()


def compute_quality_report(job: RunningJob) -> dict[str, Any]:
    """Do the work of a `data_quality` job. A second run of the same job replaces its report."""
    window = quality.window()
    findings = quality.collect(window, report=job.report)
    report, _created = QualityReport.objects.update_or_create(
        job=job.job,
        defaults={
            "findings": findings,
            "window_start": window.start,
            "window_end": window.end,
            "n_problems": quality.count_problems(findings),
            "computed_at": timezone.now(),
        },
    )
    _delete_old_reports()
    return {"report": report.pk, "problems": report.n_problems}


def _delete_old_reports() -> None:
    kept = QualityReport.objects.order_by("-computed_at").values_list("pk", flat=True)
    oldest_kept = list(kept[: app_settings.KEEP_QUALITY_REPORTS])
    QualityReport.objects.exclude(pk__in=oldest_kept).delete()
