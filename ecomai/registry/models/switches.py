"""Off switches of scenarios."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ScenarioSwitch(models.Model):
    """An off switch. The row with an empty name switches all scenarios."""

    scenario_name = models.CharField(_("scenario"), max_length=64, primary_key=True, blank=True)
    is_on = models.BooleanField(_("on"), default=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("switch")
        verbose_name_plural = _("switches")

    def __str__(self) -> str:
        return self.scenario_name or str(_("all scenarios"))
