"""System checks of the installation as a whole."""

import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks

import ecomai

PACKAGE = Path(ecomai.__file__).parent


def check_shadowed_scenarios(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """E001: INSTALLED_APPS names a scenario by its short name, and that is a file of the shop."""
    installed = {config.label: config for config in apps.get_app_configs()}
    return [
        checks.Error(
            f"INSTALLED_APPS has {name!r}, which is {_file_of(installed[name])}, not ecomai's scenario.",
            hint=f"Write 'ecomai.apps.{name}' instead: no module of yours shadows that name. If the file is "
            "an app of yours and you do not want ecomai's, silence ecomai.E001.",
            id="ecomai.E001",
        )
        for name in shipped_scenarios()
        if name in installed and f"ecomai_{name}" not in installed and _looks_meant_for_ours(installed[name])
    ]


def shipped_scenarios() -> Iterator[str]:
    """Names of the scenarios beside this package, as a wheel (`ecomai/apps/`) or a checkout has them."""
    for folder in (PACKAGE / "apps", PACKAGE.parent):
        for module in pkgutil.iter_modules([str(folder)]):
            if module.ispkg and (folder / module.name / "scenario.py").is_file():
                yield module.name


def _looks_meant_for_ours(config: AppConfig) -> bool:
    """A shop may well own an app called “marketing”, with models or a configuration of its own.

    A bare module of that name, or one that the shop has settings of ours for, is a mistake.
    """
    is_bare = config.models_module is None and type(config) is AppConfig
    return config.name == config.label and (is_bare or config.name.upper() in getattr(settings, "ECOMAI", {}))


def _file_of(config: AppConfig) -> str:
    return str(getattr(config.module, "__file__", None) or config.path)
