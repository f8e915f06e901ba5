"""System checks of the settings."""

import re
from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from .app_settings import MarketingSettings, app_settings

POSITIVE = (
    "HISTORY_DAYS", "BATCH_SIZE", "MESSAGES_PER_WEEK", "AD_ATTRIBUTION_DAYS", "AD_REQUESTS_PER_MINUTE",
    "SENDING_WORKERS", "MAIL_TIMEOUT_SECONDS", "SOFT_BOUNCES", "LEAST_JUDGED",
)  # fmt: skip
TEXTS = (
    "PURPOSE", "TIER_TRAIT", "REFERRALS_TRAIT", "BASE_URL", "AD_TEXT_ENCODER", "BOUNCE_ADDRESS", "HASH_KEY",
)  # fmt: skip
LIMITS = {"MAILS_PER_MINUTE": "a number of mails, or 0", "MESSAGES_PER_MINUTE": "a number of messages, or 0"}
SHARES = ("MOST_REFUSED", "MOST_BOUNCED", "MOST_COMPLAINED", "MOST_UNSUBSCRIBED")


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
    if not _is_hours(app_settings.QUIET_HOURS):
        messages.append(_wrong("QUIET_HOURS", "two hours from 0 to 23"))
    messages += [_wrong(name, expected) for name, expected in LIMITS.items() if not _is_limit(name)]
    messages += [_wrong(name, "a share above 0 and up to 1") for name in SHARES if not _is_share(name)]
    if not re.fullmatch(r"([^@\s+]+@[^@\s]+)?", str(app_settings.BOUNCE_ADDRESS)):
        messages.append(_wrong("BOUNCE_ADDRESS", "an address without a plus, such as bounces@shop.example"))
    if not re.match(r"(https?://[^/]|$)", str(app_settings.BASE_URL)):
        messages.append(_wrong("BASE_URL", "an address such as https://shop.example"))
    share = app_settings.AD_EXPLORATION
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        messages.append(_wrong("AD_EXPLORATION", "a share from 0 to 1"))
    hosts = app_settings.AD_TARGET_HOSTS
    if not isinstance(hosts, tuple | list) or not all(isinstance(host, str) for host in hosts):
        messages.append(_wrong("AD_TARGET_HOSTS", "a list of hosts such as brand.example"))
    return messages


def _is_hours(value: object) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and all(type(hour) is int and 0 <= hour <= 23 for hour in value)
    )


def _is_positive(name: str) -> bool:
    value = getattr(app_settings, name)
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_limit(name: str) -> bool:
    value = getattr(app_settings, name)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_share(name: str) -> bool:
    value = getattr(app_settings, name)
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def _wrong(name: str, expected: str) -> CheckMessage:
    return Error(f'ECOMAI["MARKETING"]["{name}"] must be {expected}.', id="marketing.E001")
