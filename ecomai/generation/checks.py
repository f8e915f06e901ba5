"""System checks of the settings of generated texts."""

from typing import Any

from django.core import checks
from django.utils.module_loading import import_string

from .app_settings import GenerationSettings, app_settings

POSITIVE = ("MAX_NEW_TOKENS", "REMOTE_TIMEOUT_SECONDS", "TOKENS_PER_DAY", "IMAGE_SIDE", "IMAGE_STEPS")


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    unknown = [
        checks.Warning(
            f"ECOMAI['GENERATION'] has no setting {name}.",
            hint=f"Known are {', '.join(sorted(GenerationSettings.declared()))}.",
            id="ecomai_generation.W001",
        )
        for name in GenerationSettings.unknown_names()
    ]
    return [*unknown, *_composer(), *_numbers()]


def _composer() -> list[checks.CheckMessage]:
    from .services import SHIPPED

    name = app_settings.COMPOSER
    needed = {"local": ("LOCAL_MODEL",), "remote": ("REMOTE_URL", "REMOTE_MODEL")}.get(name, ())
    missing = [each for each in needed if not getattr(app_settings, each)]
    if missing:
        text = f"ECOMAI['GENERATION']['COMPOSER'] is '{name}', and {' and '.join(missing)} is not set."
        return [checks.Error(text, id="ecomai_generation.E002")]
    if name not in SHIPPED:
        try:
            import_string(name)
        except ImportError:
            text = f"ECOMAI['GENERATION']['COMPOSER'] names '{name}', which cannot be imported."
            return [
                checks.Error(text, hint=f"Shipped are {', '.join(SHIPPED)}.", id="ecomai_generation.E001")
            ]
    return []


def _numbers() -> list[checks.CheckMessage]:
    from .budget import is_amount

    wrong = [name for name in POSITIVE if not _is_positive(getattr(app_settings, name))]
    wrong += [
        name
        for name in ("COST_PER_DAY", "PRICE_PER_MILLION_TOKENS")
        if not is_amount(getattr(app_settings, name))
    ]
    support = app_settings.MIN_SUPPORT
    if not isinstance(support, int | float) or not 0 <= support <= 1:
        wrong.append("MIN_SUPPORT")
    return [
        checks.Error(f"ECOMAI['GENERATION']['{name}'] is no sensible value.", id="ecomai_generation.E003")
        for name in wrong
    ]


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
