"""Hyperparameters that people choose by name, in forms: declared data, read by services and by the admin."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Option:
    """What a hyperparameter is called, and what it may be: one of some values, or without them yes or no."""

    verbose_name: Any
    help_text: Any = ""
    choices: Mapping[str | int, Any] = field(default_factory=dict)

    @property
    def values(self) -> tuple[str | int | bool, ...]:
        return tuple(self.choices) if self.choices else (False, True)

    def contains(self, value: Any) -> bool:
        """Whether it is one of the values; 1 is not yes."""
        return any(type(value) is type(known) and value == known for known in self.values)
