"""System checks of fusion's settings."""

from typing import Any

from django.conf import settings
from django.core import checks

from .app_settings import FusionSettings, app_settings

WITHOUT_SOURCE = (
    "Nothing in ECOMAI says where consent comes from, so pages report nothing and every purpose but "
    "recommendations is refused."
)
SOURCES = (
    "Decide it: FUSION.DEFAULT_CONSENT, such as {'recommendations': True}, is what counts until a customer "
    "answers; COMMERCE.TRACKER_CONSENT is 'wait' where a banner calls ecomai.consent(true), 'granted' where "
    "the shop asks beforehand. Either line ends this warning."
)

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
    messages += _check_consent_source()
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


def _check_consent_source() -> list[checks.CheckMessage]:
    """A shop that never decided is found here, and not by customers or a regulator."""
    given = getattr(settings, "ECOMAI", {})
    is_decided = "DEFAULT_CONSENT" in given.get("FUSION", {}) or "TRACKER_CONSENT" in given.get(
        "COMMERCE", {}
    )
    return [] if is_decided else [checks.Warning(WITHOUT_SOURCE, hint=SOURCES, id="ecomai_fusion.W002")]
