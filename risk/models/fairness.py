"""How groups of customers fare: counted once a day, so that pages and alerts read a row."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .assessments import Kind


class FairnessReport(models.Model):
    """The figures of one kind and one way of grouping customers, over a period that ends with a day."""

    class Grouping(models.TextChoices):
        COUNTRY = "country", _("country")
        AGE_BAND = "age_band", _("age band")

    kind = models.CharField(_("kind"), max_length=24, choices=Kind)
    grouping = models.CharField(_("groups"), max_length=16, choices=Grouping)
    day = models.DateField(_("day"))
    n_days = models.PositiveSmallIntegerField(_("days"))
    figures = models.JSONField(
        _("figures"),
        default=list,
        help_text=_("By group: how many were assessed, approved, reviewed, and wrongly so."),
    )
    computed_at = models.DateTimeField(_("counted"), default=timezone.now)

    class Meta:
        verbose_name = _("fairness")
        verbose_name_plural = _("fairness")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "grouping", "day", "n_days"], name="ecomai_risk_fairness_once"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.get_grouping_display()}, {self.day}"
