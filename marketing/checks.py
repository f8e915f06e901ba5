"""System checks of the settings."""

from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from .app_settings import MarketingSettings, app_settings

POSITIVE = ("HISTORY_DAYS", "BATCH_SIZE", "MESSAGES_PER_WEEK")
TEXTS = ("PURPOSE", "TIER_TRAIT", "REFERRALS_TRAIT", "BASE_URL")


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = [
        Warning(
            f'ECOMAI["MARKETING"] has no setting {name!r}.',
            hint="Is the name spelt right? docs/marketing.md lists them all.",
            id="marketing.W001",
        )
        for name in MarketingSettings.unknown_names()
    ]
    messages += [_wrong(name, "a number above 0") for name in POSITIVE if not _is_positive(name)]
    messages += [_wrong(name, "a text") for name in TEXTS if not isinstance(getattr(app_settings, name), str)]
    return messages


def _is_positive(name: str) -> bool:
    value = getattr(app_settings, name)
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _wrong(name: str, expected: str) -> CheckMessage:
    return Error(f'ECOMAI["MARKETING"]["{name}"] must be {expected}.', id="marketing.E001")
