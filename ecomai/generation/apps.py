from django.apps import AppConfig
from django.db.models.signals import post_delete, post_migrate, post_save
from django.utils.translation import gettext_lazy as _


class GenerationConfig(AppConfig):
    name = "ecomai.generation"
    label = "ecomai_generation"
    verbose_name = _("ecomai: texts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.core.checks import register

        from ecomai.console.doctor import register_findings

        from . import receivers
        from .checks import check_settings

        register(check_settings)
        register_findings("ecomai.generation.doctor.findings")
        post_migrate.connect(receivers.create_prompts, sender=self)
        for name in ("Prompt", "BrandVoice"):
            for signal in (post_save, post_delete):
                signal.connect(receivers.read_wordings_anew, sender=self.get_model(name))
