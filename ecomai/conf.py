"""The one setting, `ECOMAI`: sections of typed values with defaults, read when they are used."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from django.conf import settings
from django.utils.module_loading import import_string

T = TypeVar("T")


class Setting(Generic[T]):
    """One value of a section; the default is used where the host says nothing.

    `unit` and `help` are shown in the documentation, which a test holds against the code.
    """

    def __init__(self, default: T | Callable[[], T], *, help: str, unit: str = "") -> None:
        self.default = default
        self.help = help
        self.unit = unit

    def __set_name__(self, owner: type["Section"], name: str) -> None:
        self.name = name

    def __get__(self, section: "Section", owner: type["Section"]) -> T:
        values = getattr(settings, "ECOMAI", {}).get(section.name, {})
        if self.name in values:
            return cast(T, values[self.name])
        return self.default() if callable(self.default) else self.default


class ImportSetting(Setting[Any]):
    """A dotted path in the settings, an object in the code."""

    def __get__(self, section: "Section", owner: type["Section"]) -> Any:
        value = super().__get__(section, owner)
        return import_string(value) if isinstance(value, str) and value else value


class Section:
    """A part of `ECOMAI`, such as `ECOMAI["COMMERCE"]`; subclasses list `Setting`s."""

    name: str = ""
    sections: dict[str, "type[Section]"] = {}

    def __init_subclass__(cls, name: str) -> None:
        cls.name = name
        Section.sections[name] = cls

    @classmethod
    def declared(cls) -> dict[str, Setting[Any]]:
        return {key: value for key, value in vars(cls).items() if isinstance(value, Setting)}

    @classmethod
    def unknown_names(cls) -> list[str]:
        """Names in the host's setting that no `Setting` declares: usually a typing error."""
        values = getattr(settings, "ECOMAI", {}).get(cls.name, {})
        return sorted(set(values) - set(cls.declared()))
