"""System checks of fusion's settings."""

from typing import Any

from django.core import checks

from .app_settings import FusionSettings, app_settings

POSITIVE = ("FACT_RETENTION_DAYS", "FACT_BATCH_SIZE", "EXPORT_EVENT_LIMIT", "REQUESTS_PER_MINUTE")


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    messages: list[checks.CheckMessage] = [
        checks.Warning(
            f"ECOMAI['FUSION'] has no setting {name}.",
            hint=f"Known are {', '.join(sorted(FusionSettings.declared()))}.",
            id="ecomai_fusion.W001",
        )
        for name in FusionSettings.unknown_names()
    ]
    defaults = app_settings.DEFAULT_CONSENT
    if not isinstance(defaults, dict) or not all(isinstance(value, bool) for value in defaults.values()):
        messages.append(
            checks.Error(
                "ECOMAI['FUSION']['DEFAULT_CONSENT'] must map purposes to True or False.",
                hint="For example {'newsletter': False, 'recommendations': True, '*': False}.",
                id="ecomai_fusion.E001",
            )
        )
    for name in POSITIVE:
        value = getattr(app_settings, name)
        if not isinstance(value, int) or value < 1:
            messages.append(
                checks.Error(f"ECOMAI['FUSION']['{name}'] must be at least 1.", id="ecomai_fusion.E002")
            )
    return messages
