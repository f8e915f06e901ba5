"""Background work."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """One piece of background work. The row is the truth; a broker message only wakes a worker.

    A worker holds the row by a lease that its heartbeat prolongs; when a lease dies, a beat task
    queues the row again until `max_attempts`. Tasks take the row's id and are safe to run twice.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    FINISHED_STATES = (State.SUCCEEDED, State.FAILED, State.CANCELLED)

    kind = models.CharField(_("kind"), max_length=100, help_text=_("Names the function that does the work."))
    label = models.CharField(_("what"), max_length=200, blank=True, default="")
    arguments = models.JSONField(_("arguments"), default=dict, blank=True)
    queue = models.CharField(_("queue"), max_length=32, default="default")
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.QUEUED)
    parent = models.ForeignKey(
        "self",
        verbose_name=_("part of"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="shards",
    )
    progress = models.FloatField(_("progress"), default=0.0, help_text=_("From 0 to 1."))
    progress_message = models.CharField(_("doing"), max_length=200, blank=True, default="")
    seconds_left = models.FloatField(_("estimated seconds left"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    max_attempts = models.PositiveIntegerField(_("attempts allowed"), default=3)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True, default="")
    is_cancel_requested = models.BooleanField(_("cancellation asked for"), default=False)
    result = models.JSONField(_("result"), default=dict, blank=True)
    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_message = models.TextField(_("what went wrong"), blank=True, default="")
    traceback = models.TextField(_("traceback"), blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked for by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    run_after = models.DateTimeField(_("not before"), default=timezone.now)
    wake_at = models.DateTimeField(
        default=timezone.now,
        editable=False,
        help_text=_("When a queued row is announced to the workers again."),
    )
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        permissions = [
            ("cancel_job", _("Can cancel and retry jobs")),
            ("view_job_traceback", _("Can read the technical details of a failure")),
            ("request_scoring", _("Can request that a model scores everything anew")),
        ]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="ecomai_job_lease"),
            models.Index(fields=["state", "wake_at"], name="ecomai_job_wake"),
            models.Index(fields=["kind", "-created_at"], name="ecomai_job_kind"),
            models.Index(fields=["-created_at"], name="ecomai_job_created"),
        ]

    def __str__(self) -> str:
        return self.label or self.kind

    @property
    def is_finished(self) -> bool:
        return self.state in self.FINISHED_STATES
