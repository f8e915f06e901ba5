"""System checks of the settings."""

from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from .app_settings import SupportBotSettings, app_settings


def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = [
        Warning(
            f'ECOMAI["SUPPORT_BOT"] has no setting {name!r}.',
            hint="Is the name spelt right? docs/support-bot.md lists them all.",
            id="support_bot.W001",
        )
        for name in SupportBotSettings.unknown_names()
    ]
    for name, setting in SupportBotSettings.declared().items():
        if isinstance(setting.default, int | float) and not isinstance(setting.default, bool):
            messages += _wrong(name)
    return [*messages, *_judge()]


def _judge() -> list[CheckMessage]:
    from ecomai.generation.app_settings import app_settings as generation_settings

    if not app_settings.JUDGE_BY_MODEL or generation_settings.COMPOSER != "grounded":
        return []
    text = 'ECOMAI["SUPPORT_BOT"]["JUDGE_BY_MODEL"] is set, and no language model is there to judge.'
    hint = 'Set ECOMAI["GENERATION"]["COMPOSER"] to "local" or "remote".'
    return [Warning(text, hint=hint, id="support_bot.W002")]


def _wrong(name: str) -> list[CheckMessage]:
    value = getattr(app_settings, name)
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
        return []
    return [Error(f'ECOMAI["SUPPORT_BOT"]["{name}"] must be a number from 1 on.', id="support_bot.E001")]
