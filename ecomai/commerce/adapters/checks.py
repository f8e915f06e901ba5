"""System checks of the host's adapter."""

from typing import Any

from django.core import checks

from ecomai.commerce.app_settings import app_settings

from .base import ShopAdapter
from .exceptions import UnknownModelError
from .mapping import ModelMapping, find_model


def check_adapter(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The adapter can be imported, is one, and maps models that exist."""
    try:
        adapter_class = app_settings.ADAPTER or ShopAdapter
    except ImportError as error:
        return [
            checks.Error(
                f"ECOMAI['COMMERCE']['ADAPTER'] cannot be imported: {error}",
                hint="Give the dotted path of your subclass of ecomai.commerce.adapters.ShopAdapter.",
                id="ecomai_commerce.E010",
            )
        ]
    if not (isinstance(adapter_class, type) and issubclass(adapter_class, ShopAdapter)):
        return [
            checks.Error(
                f"ECOMAI['COMMERCE']['ADAPTER'] is {adapter_class!r}, no subclass of ShopAdapter.",
                hint="Derive it from ecomai.commerce.adapters.ShopAdapter.",
                id="ecomai_commerce.E010",
            )
        ]
    return [message for mapping in adapter_class().mappings() for message in _check_mapping(mapping)]


def _check_mapping(mapping: ModelMapping) -> list[checks.CheckMessage]:
    messages: list[checks.CheckMessage] = []
    for label in (mapping.model, *mapping.touched_by):
        try:
            find_model(label)
        except UnknownModelError as error:
            messages.append(
                checks.Error(
                    str(error),
                    hint="Write it as 'app_label.ModelName' of an app in INSTALLED_APPS.",
                    id="ecomai_commerce.E011",
                )
            )
    return messages
