"""System checks of the registry's settings."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

from .app_settings import RegistrySettings, registry_settings


def register_checks() -> None:
    checks.register(check_settings)
    checks.register(check_folder)


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    messages: list[checks.CheckMessage] = [
        checks.Warning(
            f"ECOMAI['REGISTRY'] has no setting {name}.",
            hint=f"Known are {', '.join(sorted(RegistrySettings.declared()))}.",
            id="ecomai_registry.W001",
        )
        for name in RegistrySettings.unknown_names()
    ]
    if registry_settings.LEASE_SECONDS < 1:
        messages.append(checks.Error("LEASE_SECONDS must be at least 1.", id="ecomai_registry.E001"))
    if registry_settings.KEEP_VERSIONS < 1:
        messages.append(checks.Error("KEEP_VERSIONS must be at least 1.", id="ecomai_registry.E002"))
    if registry_settings.KEEP_AUDIT_DAYS < 0:
        messages.append(checks.Error("KEEP_AUDIT_DAYS must not be negative.", id="ecomai_registry.E005"))
    alias = registry_settings.STORAGE
    if alias and alias not in settings.STORAGES:
        messages.append(
            checks.Error(
                f"ECOMAI['REGISTRY']['STORAGE'] names “{alias}”, which STORAGES does not have.",
                id="ecomai_registry.E003",
            )
        )
    return messages


def check_folder(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Models learn from customers, so their files must not lie where a web server publishes."""
    folder = Path(registry_settings.FOLDER).resolve()
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        published = getattr(settings, name, None)
        if published and folder.is_relative_to(Path(published).resolve()):
            return [
                checks.Error(
                    f"ECOMAI['REGISTRY']['FOLDER'] lies below {name}, which is published.",
                    hint="Choose a folder that no web server serves.",
                    id="ecomai_registry.E004",
                )
            ]
    return []
