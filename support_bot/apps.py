from typing import Any

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_delete, post_migrate, post_save
from django.utils.translation import gettext_lazy as _

from ecomai.checks import check_label_is_free


class SupportBotConfig(AppConfig):
    name = __package__
    label = "ecomai_support_bot"
    verbose_name = _("ecomai: support")
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: Any) -> None:
        check_label_is_free(self.label, app_name)
        super().__init__(app_name, app_module)

    def ready(self) -> None:
        from ecomai import scenarios
        from ecomai.generation.prompts import register_prompt
        from ecomai.registry.jobs import register_job
        from ecomai.registry.signals import case_labelled

        from . import checks, logs, measures, receivers
        from .prompts import prompts
        from .scenario import scenario

        scenarios.register(scenario)
        register_job("support_bot.reading", f"{__package__}.services.attachments.run_reading")
        register_job("support_bot.trial", f"{__package__}.services.trying.run_trial")
        register_job("support_bot.judging", f"{__package__}.services.judging_by_model.run_judging")
        register(checks.check_settings, "ecomai")
        for spec in prompts():
            register_prompt(spec)
        logs.mask_loggers(__package__)
        measures.register_measures()
        case_labelled.connect(receivers.keep_labelled_message, dispatch_uid="ecomai_support_bot.intents")
        for signal in (post_save, post_delete):
            signal.connect(receivers.read_flows_anew, sender=self.get_model("Flow"))
        post_migrate.connect(receivers.create_beat_entries, sender=self)
        post_migrate.connect(receivers.create_first_flows, sender=self)
