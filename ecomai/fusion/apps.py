from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class FusionConfig(AppConfig):
    name = "ecomai.fusion"
    label = "ecomai_fusion"
    verbose_name = _("ecomai: customers, facts and consent")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.core.checks import register

        from ecomai.commerce.behaviour import register_refusals

        from . import receivers
        from .checks import check_settings

        register(check_settings)
        register_refusals("ecomai.fusion.selectors.who_refused_tracking")
        post_migrate.connect(receivers.create_beat_entries, sender=self)
