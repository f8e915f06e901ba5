"""Past assessments decided once more, by rules, thresholds or a model that are not live yet."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted
from ecomai.registry.models import AbstractBacktest

from .assessments import Kind


class Backtest(Storefronted, AbstractBacktest):
    """A period decided anew beside what is live, and judged by what turned out to be fraud."""

    kind = models.CharField(_("kind"), max_length=24, choices=Kind)
    configuration = models.JSONField(
        _("what is tried out"),
        help_text=_(
            'Such as {"rules": [3, 4], "policy": 2, "model_version": 7}; what is left out is as live.'
        ),
    )

    class Meta(AbstractBacktest.Meta):
        indexes = [models.Index(fields=["-created_at"], name="ecomai_risk_backtest_time")]

    def __str__(self) -> str:
        return self.name or f"{self.get_kind_display()} {super().__str__()}"
