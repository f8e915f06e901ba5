from typing import Any

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from ecomai.checks import check_label_is_free


class MarketingConfig(AppConfig):
    name = __package__
    label = "ecomai_marketing"
    verbose_name = _("ecomai: marketing")
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: Any) -> None:
        check_label_is_free(self.label, app_name)
        super().__init__(app_name, app_module)

    def ready(self) -> None:
        from ecomai import scenarios
        from ecomai.commerce.services.rejections import register_kind
        from ecomai.commerce.signals import events_ingested, history_imported, orders_changed
        from ecomai.console.alerts import register_alerts
        from ecomai.fusion.signals import consent_recorded, session_linked
        from ecomai.generation.prompts import register_prompt
        from ecomai.registry.jobs import register_job

        from . import checks, measures, receivers, signals
        from .prompts import prompts
        from .scenario import scenario

        scenarios.register(scenario)
        register(checks.check_settings, "ecomai")
        register_job("marketing.profiles", f"{__package__}.services.profiling.run_profiling")
        register_job("marketing.segment", f"{__package__}.services.memberships.run_evaluation")
        for spec in prompts():
            register_prompt(spec)
        register_job("marketing.content", f"{__package__}.services.content.run_content")
        register_job("marketing.picture", f"{__package__}.services.pictures.run_picture")
        register_job("marketing.campaign", f"{__package__}.services.sending.run_campaign")
        register_job("marketing.journey", f"{__package__}.services.travelling.take_in_members")
        register_job("marketing.vectors", f"{__package__}.services.likeness.run_vectors")
        register_job("marketing.voice", f"{__package__}.training.voice_reading.run_reading")
        register_job("marketing.similar", f"{__package__}.services.likeness.run_similar")
        register_job("marketing.cluster", f"{__package__}.services.clusters.run_cluster")
        events_ingested.connect(receivers.on_events_ingested, dispatch_uid="marketing.events")
        orders_changed.connect(receivers.on_orders_changed, dispatch_uid="marketing.orders")
        history_imported.connect(receivers.on_history_imported, dispatch_uid="marketing.history")
        session_linked.connect(receivers.on_session_linked, dispatch_uid="marketing.sessions")
        consent_recorded.connect(receivers.on_consent_recorded, dispatch_uid="marketing.consents")
        signals.segment_entered.connect(receivers.on_segment_entered, dispatch_uid="marketing.journeys")
        post_migrate.connect(receivers.create_beat_entries, sender=self)
        post_migrate.connect(receivers.create_aspects, sender=self)
        register_alerts(f"{__package__}.services.alarms.front_page_alerts")
        register_alerts(f"{__package__}.services.stopping.front_page_alerts")
        register_kind("mail_problem", f"{__package__}.services.bounces.take_problems")
        register_kind("feedback", f"{__package__}.services.voice.take_feedback")
        measures.register_measures()
