"""Reads for the console: queues, problems, what runs, and how far the first day has come."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Value
from django.utils import timezone

from ecomai import scenarios
from ecomai.commerce.models import Event, RejectedRow
from ecomai.registry.models import Job

from .app_settings import app_settings
from .models import AlertEpisode, QualityReport, QueueHeartbeat

# A job that was queued a moment ago does not wait yet.
PATIENCE = timedelta(seconds=45)


@dataclass(frozen=True)
class Queue:
    """A queue that our jobs use, and when a worker last served it (None: never)."""

    name: str
    seen_at: datetime | None
    n_waiting: int = 0

    @property
    def silent_seconds(self) -> float:
        return (timezone.now() - self.seen_at).total_seconds() if self.seen_at else float("inf")

    @property
    def is_alive(self) -> bool:
        return self.silent_seconds <= app_settings.QUEUE_SILENT_AFTER_SECONDS


def queue_names() -> list[str]:
    return sorted({"default", *(spec.queue for spec in scenarios.model_specs())})


def queues() -> list[Queue]:
    """Each queue with its last sign of life: a heartbeat, or the lease of a job that a worker holds.

    A worker that trains for hours takes no messages meanwhile, but prolongs its lease.
    """
    due = Q(state=Job.State.QUEUED, run_after__lte=timezone.now() - PATIENCE)
    unfinished = Job.objects.exclude(state__in=Job.FINISHED_STATES).order_by().values("queue")
    jobs = unfinished.annotate(n=Count("id", filter=due), beat=Max("heartbeat_at"))
    idle = QueueHeartbeat.objects.order_by().values("queue").annotate(n=Value(0), beat=F("seen_at"))
    seen: dict[str, datetime] = {}
    waiting: dict[str, int] = {}
    for row in jobs.union(idle, all=True):
        name, beat = row["queue"], row["beat"]
        waiting[name] = waiting.get(name, 0) + row["n"]
        if beat and (name not in seen or beat > seen[name]):
            seen[name] = beat
    return [Queue(name, seen.get(name), waiting.get(name, 0)) for name in queue_names()]


def newest_event_at() -> datetime | None:
    return newest_event()[0]


def newest_event() -> tuple[datetime | None, bool]:
    """When the newest event was, and whether it names an item."""
    newest = Event.objects.order_by("-occurred_at").values_list("occurred_at", "item_id").first()
    return (newest[0], newest[1] is not None) if newest else (None, False)


def count_rejected_rows() -> int:
    return RejectedRow.objects.filter(state=RejectedRow.State.WAITING).count()


def latest_quality_report() -> QualityReport | None:
    return QualityReport.objects.order_by("-computed_at").first()


def active_jobs(*, limit: int = 8) -> list[Job]:
    """Jobs under way or waiting, running ones first; parts are shown by their parent."""
    unfinished = Job.objects.exclude(state__in=Job.FINISHED_STATES).filter(parent=None)
    # "running" sorts behind "queued"
    return list(unfinished.select_related("training_run").order_by("-state", "-created_at")[:limit])


def failed_jobs(*, days: int = 7, limit: int = 5) -> list[Job]:
    """Jobs that failed lately and have not been followed by a success of the same work."""
    same_work = Job.objects.filter(kind=OuterRef("kind"), label=OuterRef("label"), parent=None)
    later_success = same_work.filter(state=Job.State.SUCCEEDED, finished_at__gt=OuterRef("finished_at"))
    failed = Job.objects.filter(
        ~Exists(later_success),
        state=Job.State.FAILED, parent=None, finished_at__gte=timezone.now() - timedelta(days=days),
    )  # fmt: skip
    newest: dict[tuple[str, str], Job] = {}
    for job in failed.select_related("training_run").order_by("-finished_at")[:50]:
        newest.setdefault((job.kind, job.label), job)
    return list(newest.values())[:limit]


def open_alerts(*, limit: int = 20) -> list[AlertEpisode]:
    """What rules found and nobody acknowledged yet, newest first, but what the front page says itself."""
    others = _open_alerts().exclude(rule__measure="console.alerts")
    return list(others.select_related("rule").order_by("-opened_at")[:limit])


def count_open_alerts(*, of: str) -> int:
    """Count the alerts that nobody acknowledged yet on measures whose names begin so, for a card."""
    return _open_alerts().filter(rule__measure__startswith=of).count()


def _open_alerts() -> QuerySet[AlertEpisode]:
    return AlertEpisode.objects.filter(
        opened_at__isnull=False, resolved_at=None, acknowledged_at=None, rule__is_on=True
    )
