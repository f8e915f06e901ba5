"""What the console keeps for itself: signs of life of the queues, and reports on the shop's data."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.registry.models import Job


class Console(models.Model):
    """No table: it gives the console a place and a permission in any AdminSite."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_console", _("Can see the console"))]
        verbose_name = _("console")
        verbose_name_plural = _("Console")

    def __str__(self) -> str:
        return "console"


class QueueHeartbeat(models.Model):
    """When a worker last took a message from a queue."""

    queue = models.CharField(_("queue"), max_length=32, primary_key=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True, default="")
    seen_at = models.DateTimeField(_("last sign of life"))

    class Meta:
        verbose_name = _("sign of life")
        verbose_name_plural = _("signs of life")

    def __str__(self) -> str:
        return self.queue


class QualityReport(models.Model):
    """What a job found out about the shop's data at a moment; pages read this and never scan events."""

    job = models.OneToOneField(
        Job, verbose_name=_("job"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    window_start = models.DateTimeField(_("from"), null=True, blank=True)
    window_end = models.DateTimeField(_("until"), null=True, blank=True)
    findings = models.JSONField(_("findings"), default=dict)
    n_problems = models.PositiveIntegerField(_("things to look at"), default=0)
    computed_at = models.DateTimeField(_("computed"), default=timezone.now)

    class Meta:
        verbose_name = _("data quality report")
        verbose_name_plural = _("data quality")
        default_permissions = ("view",)
        permissions = [("compute_qualityreport", _("Can have the data quality computed again"))]
        get_latest_by = "computed_at"
        indexes = [models.Index(fields=["-computed_at"], name="ecomai_quality_computed")]

    def __str__(self) -> str:
        return f"{self.computed_at:%Y-%m-%d %H:%M}"


class ReadyGroup(models.Model):
    """What a ready-made group of staff was ever given, so that an admin's changes to it stand."""

    role = models.CharField(max_length=32, primary_key=True)
    group = models.OneToOneField(
        "auth.Group", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    given = models.JSONField(default=list)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.role
