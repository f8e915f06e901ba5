"""System checks of the settings."""

from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from .app_settings import RiskSettings, app_settings

POSITIVE = (
    "MAX_LINES", "KEPT_LINES", "MAX_PICTURES", "PICTURE_MAX_BYTES", "REQUESTS_PER_MINUTE",
    "LABEL_DELAY_DAYS", "KEEP_DAYS", "MIN_ASSESSMENTS",
    "MIN_FRAUD", "LOCK_MINUTES", "APPEALS_PER_HOUR", "MOST_APPEALS", "FAIRNESS_DAYS", "FAIRNESS_LEAST",
)  # fmt: skip
TEXTS = ("HASH_KEY", "TEXT_ENCODER", "IMAGE_ENCODER")
PREFIXES = {"IPV4_PREFIX": 32, "IPV6_PREFIX": 128}


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = [
        Warning(
            f'ECOMAI["RISK"] has no setting {name!r}.',
            hint="Is the name spelt right? docs/risk.md lists them all.",
            id="risk.W001",
        )
        for name in RiskSettings.unknown_names()
    ]
    messages += [_wrong(name, "a number above 0") for name in POSITIVE if not _is_positive(name)]
    messages += [
        _wrong(name, f"a number from 1 to {bits}")
        for name, bits in PREFIXES.items()
        if not _is_positive(name) or getattr(app_settings, name) > bits
    ]
    if not _is_share(app_settings.LEARNING_SHARE):
        messages.append(_wrong("LEARNING_SHARE", "a share from 0 to 1"))
    messages += [_wrong(name, "a text") for name in TEXTS if not isinstance(getattr(app_settings, name), str)]
    return messages


def _is_positive(name: str) -> bool:
    value = getattr(app_settings, name)
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _wrong(name: str, expected: str) -> CheckMessage:
    return Error(f'ECOMAI["RISK"]["{name}"] must be {expected}.', id="risk.E001")
