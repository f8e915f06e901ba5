"""Past assessments decided once more, by rules, thresholds or a model that are not live yet."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted
from ecomai.registry.models import Job

from .assessments import Kind


class Backtest(Storefronted):
    """A period decided anew beside what is live, and judged by what turned out to be fraud."""

    name = models.CharField(_("name"), max_length=100, blank=True, default="")
    kind = models.CharField(_("kind"), max_length=24, choices=Kind)
    configuration = models.JSONField(
        _("what is tried out"),
        help_text=_(
            'Such as {"rules": [3, 4], "policy": 2, "model_version": 7}; what is left out is as live.'
        ),
    )
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
        verbose_name = _("back-test")
        verbose_name_plural = _("back-tests")
        default_permissions = ("add", "view", "delete")
        indexes = [models.Index(fields=["-created_at"], name="ecomai_risk_backtest_time")]

    def __str__(self) -> str:
        return self.name or f"{self.get_kind_display()} {self.created_at:%Y-%m-%d %H:%M}"
