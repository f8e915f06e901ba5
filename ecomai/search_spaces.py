"""Which values a search of hyperparameters may try: declared data, read by training and by the admin."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Integers:
    """Whole numbers from `low` to `high`, both included; `is_log` tries each order of magnitude equally."""

    low: int
    high: int
    step: int = 1
    is_log: bool = False

    def problem(self) -> str:
        """What is wrong with the range; empty if nothing is."""
        if self.is_log and (self.low <= 0 or self.step != 1):
            return "a logarithmic range must be above 0 and have no step"
        return "" if self.low <= self.high and self.step >= 1 else "low must not exceed high"

    def contains(self, value: Any) -> bool:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and self.low <= value <= self.high and (value - self.low) % self.step == 0


@dataclass(frozen=True)
class Floats:
    """Numbers from `low` to `high`; `is_log` tries each order of magnitude equally."""

    low: float
    high: float
    is_log: bool = False

    def problem(self) -> str:
        """What is wrong with the range; empty if nothing is."""
        if self.is_log and self.low <= 0:
            return "a logarithmic range must be above 0"
        return "" if self.low <= self.high else "low must not exceed high"

    def contains(self, value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high


@dataclass(frozen=True)
class Choices:
    """One of some values: text, numbers, booleans or None."""

    values: tuple[str | int | float | bool | None, ...]

    def problem(self) -> str:
        """What is wrong with the values; empty if nothing is."""
        return "" if self.values else "there must be a value to choose"

    def contains(self, value: Any) -> bool:
        return value in self.values


SearchSpace = Mapping[str, Integers | Floats | Choices]


def problems_of(space: SearchSpace) -> list[str]:
    """What is wrong with a space, a sentence for each name."""
    found = {name: values.problem() for name, values in space.items()}
    return [f"{name}: {text}." for name, text in found.items() if text]
