from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "ecomai.console"
    label = "ecomai_console"
    verbose_name = _("ecomai: console")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ecomai.commerce.signals import history_imported
        from ecomai.registry.jobs import register_job

        from . import checks, measures, receivers

        register_job("data_quality", "ecomai.console.services.compute_quality_report")
        register_job("alert_delivery", "ecomai.console.alerting.deliver")
        measures.register_own_measures()
        checks.register_checks()
        history_imported.connect(receivers.renew_quality_report)
        post_migrate.connect(receivers.create_beat_entries, sender=self)
