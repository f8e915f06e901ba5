"""System checks of the settings."""

from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from .app_settings import RecommendationSettings, app_settings

POSITIVE = (
    "HISTORY_LENGTH", "DEFAULT_N", "MAX_N", "BATCH_N", "SHARD_SIZE", "TIME_BUDGET_SECONDS", "POPULARITY_DAYS",
    "POPULARITY_HALF_LIFE_DAYS", "LOG_DAYS", "MIN_INTERACTIONS", "MIN_CUSTOMERS", "MIN_ITEMS",
)  # fmt: skip


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = [
        Warning(
            f'ECOMAI["RECOMMENDATIONS"] has no setting {name!r}.',
            hint="Is the name spelt right? docs/recommendations.md lists them all.",
            id="recommendations.W001",
        )
        for name in RecommendationSettings.unknown_names()
    ]
    for name in POSITIVE:
        value = getattr(app_settings, name)
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            messages.append(_wrong(name, "a number above 0"))
    if not isinstance(app_settings.LOG_SHARE, int | float) or not 0 <= app_settings.LOG_SHARE <= 1:
        messages.append(_wrong("LOG_SHARE", "a number from 0 to 1"))
    weights = app_settings.EVENT_WEIGHTS
    if not isinstance(weights, dict) or not any(weight > 0 for weight in weights.values()):
        messages.append(_wrong("EVENT_WEIGHTS", "a dictionary with at least one positive weight"))
    return messages


def _wrong(name: str, expected: str) -> CheckMessage:
    return Error(f'ECOMAI["RECOMMENDATIONS"]["{name}"] must be {expected}.', id="recommendations.E001")
