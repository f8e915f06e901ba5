from typing import Any

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from ecomai.checks import check_label_is_free


class RecommendationsConfig(AppConfig):
    name = __package__
    label = "ecomai_recommendations"
    verbose_name = _("ecomai: recommendations")
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: Any) -> None:
        check_label_is_free(self.label, app_name)
        super().__init__(app_name, app_module)

    def ready(self) -> None:
        from ecomai import scenarios
        from ecomai.commerce import signals
        from ecomai.registry.jobs import register_job

        from . import checks, measures, receivers
        from .scenario import scenario

        scenarios.register(scenario)
        register(checks.check_settings, "ecomai")
        register(checks.check_encoder, "ecomai")
        register(checks.check_image_encoder, "ecomai")
        register_job("recommendations.encode_items", f"{__package__}.services.vectors.encode_items_job")
        register_job(
            "recommendations.encode_pictures", f"{__package__}.services.picture_vectors.encode_pictures_job"
        )
        signals.events_ingested.connect(
            receivers.on_events_ingested, dispatch_uid="recommendations.popularity"
        )
        signals.customer_identified.connect(
            receivers.on_customer_identified, dispatch_uid="recommendations.feedback"
        )
        signals.items_changed.connect(receivers.on_items_changed, dispatch_uid="recommendations.vectors")
        measures.register_measures()
        register_job("recommendations.replay", f"{__package__}.replaying.jobs.run_replay")
        post_migrate.connect(receivers.create_beat_entries, sender=self)
