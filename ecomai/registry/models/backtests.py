"""What a past period done once more by a job keeps, in whichever scenario."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .jobs import Job


class AbstractBacktest(models.Model):
    """A period done anew beside what is live, and judged. The job writes `partial`, and at its end `report`.

    A scenario adds `configuration`, what is tried out, and an index by `created_at`.
    """

    name = models.CharField(_("name"), max_length=100, blank=True, default="")
    period_start = models.DateTimeField(_("from"))
    period_end = models.DateTimeField(_("until"))
    job = models.OneToOneField(
        Job, verbose_name=_("job"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    partial = models.JSONField(default=dict, editable=False)
    report = models.JSONField(_("report"), default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("started by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    created_at = models.DateTimeField(_("started"), default=timezone.now)

    class Meta:
        abstract = True
        verbose_name = _("back-test")
        verbose_name_plural = _("back-tests")
        default_permissions = ("add", "view", "delete")

    def __str__(self) -> str:
        return self.name or f"{self.created_at:%Y-%m-%d %H:%M}"

    @property
    def job_under_way(self) -> Job | None:
        """The job as long as it has not ended."""
        return None if self.job is None or self.job.is_finished else self.job
