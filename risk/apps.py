from typing import Any

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate
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
        from ecomai.commerce.signals import orders_changed
        from ecomai.registry.jobs import register_job

        from . import checks, measures, receivers, signals
        from .scenario import scenario

        scenarios.register(scenario)
        register(checks.check_settings, "ecomai")
        measures.register_measures()
        register_job("risk.backtest", f"{__package__}.backtesting.jobs.run_backtest")
        signals.label_recorded.connect(receivers.on_label_recorded, dispatch_uid="risk.chargebacks")
        signals.appeal_changed.connect(receivers.on_appeal_changed, dispatch_uid="risk.answers")
        orders_changed.connect(receivers.on_orders_changed, dispatch_uid="risk.orders")
        post_migrate.connect(receivers.create_beat_entries, sender=self)
        post_migrate.connect(receivers.note_key, sender=self)
