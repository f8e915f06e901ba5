from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CommerceConfig(AppConfig):
    name = "ecomai.commerce"
    label = "ecomai_commerce"
    verbose_name = _("ecomai: shop data")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.core import checks

        from ecomai.checks import register_checks
        from ecomai.registry.kinds import register_job

        from . import receivers
        from .adapters import sync
        from .adapters.backfill import JOB_KIND
        from .adapters.checks import check_adapter
        from .checks import check_settings

        register_checks()
        checks.register(check_settings)
        checks.register(check_adapter)
        register_job(JOB_KIND, "ecomai.commerce.adapters.backfill.run_backfill_job")
        sync.connect()
        post_migrate.connect(receivers.create_beat_entries, sender=self)
