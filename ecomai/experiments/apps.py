from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ExperimentsConfig(AppConfig):
    name = "ecomai.experiments"
    label = "ecomai_experiments"
    verbose_name = _("ecomai: experiments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.core.checks import register

        from ecomai.console.alerts import register_alerts
        from ecomai.fusion.registration import register_eraser, register_exporter

        from . import receivers
        from .checks import check_settings

        register(check_settings)
        register_alerts("ecomai.experiments.alerts.alerts")
        register_eraser("experiments", "ecomai.experiments.personal_data.erase")
        register_exporter("experiments", "ecomai.experiments.personal_data.export")
        post_migrate.connect(receivers.create_beat_entries, sender=self)
