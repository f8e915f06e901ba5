from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RegistryConfig(AppConfig):
    name = "ecomai.registry"
    label = "ecomai_registry"
    verbose_name = _("ecomai: models and jobs")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, receivers
        from .kinds import TRAINING_KIND, register_job

        register_job(
            TRAINING_KIND,
            "ecomai.registry.runs.run_training_job",
            on_end="ecomai.registry.runs.release_training",
        )
        register_job("scoring", "ecomai.registry.services.scoring.follow_parts")
        register_job("score_shard", "ecomai.registry.services.scoring.score_shard")
        checks.register_checks()
        post_migrate.connect(receivers.create_beat_entries, sender=self)
