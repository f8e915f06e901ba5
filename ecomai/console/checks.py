"""System checks of the console: what a host forgot to install or misspelt."""

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning, register

from ecomai.conf import Section

NEEDED = {
    "django_htmx": "pages of the console do not refresh by themselves",
    "drf_spectacular_sidecar": "the pages of the API documentation stay empty",
}


def register_checks() -> None:
    register(check_installed, "ecomai")
    register(check_setting_names, "ecomai")


def check_installed(**kwargs: Any) -> list[CheckMessage]:
    """Static files of others come from their own apps."""
    return [
        Warning(
            f"“{name}” is not in INSTALLED_APPS, so {effect}.",
            hint=f"Add “{name}” to INSTALLED_APPS; it is installed with ecomai.",
            id="ecomai.console.W001",
        )
        for name, effect in NEEDED.items()
        if not apps.is_installed(name)
    ]


def check_setting_names(**kwargs: Any) -> list[CheckMessage]:
    """A misspelt setting would silently keep its default."""
    from django.conf import settings

    given = getattr(settings, "ECOMAI", {})
    unknown = [f"ECOMAI[{name!r}]" for name in given if name not in Section.sections]
    for name, section in Section.sections.items():
        if name in given:
            unknown += [f"ECOMAI[{name!r}][{setting!r}]" for setting in section.unknown_names()]
    return [
        Warning(f"{name} is not a setting.", hint="Look for a typing error.", id="ecomai.console.W002")
        for name in unknown
    ]
