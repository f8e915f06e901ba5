from typing import Any

from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from ecomai.checks import check_label_is_free


class RiskConfig(AppConfig):
    name = __package__
    label = "ecomai_risk"
    verbose_name = _("ecomai: risk")
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: Any) -> None:
        check_label_is_free(self.label, app_name)
        super().__init__(app_name, app_module)

    def ready(self) -> None:
        from ecomai import scenarios

        from . import checks
        from .scenario import scenario

        scenarios.register(scenario)
        register(checks.check_settings, "ecomai")
