"""System checks of the experiments' settings."""

from typing import Any

from django.core import checks

from .app_settings import ExperimentsSettings, app_settings

POSITIVE = ("MIN_UNITS_PER_ARM", "SNAPSHOT_INTERVAL_SECONDS", "KEEP_EXPOSURES_DAYS")


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    messages: list[checks.CheckMessage] = [
        checks.Warning(
            f"ECOMAI['EXPERIMENTS'] has no setting {name}.",
            hint=f"Known are {', '.join(sorted(ExperimentsSettings.declared()))}.",
            id="ecomai_experiments.W001",
        )
        for name in ExperimentsSettings.unknown_names()
    ]
    for name, least, most in (("ALPHA", 0.0, 0.5), ("POWER", 0.5, 1.0)):
        value = getattr(app_settings, name)
        if not isinstance(value, int | float) or not least < value < most:
            messages.append(
                checks.Error(
                    f"ECOMAI['EXPERIMENTS']['{name}'] must lie between {least} and {most}.",
                    id="ecomai_experiments.E001",
                )
            )
    for name in POSITIVE:
        value = getattr(app_settings, name)
        if not isinstance(value, int) or value < 1:
            messages.append(
                checks.Error(
                    f"ECOMAI['EXPERIMENTS']['{name}'] must be at least 1.", id="ecomai_experiments.E002"
                )
            )
    return messages
