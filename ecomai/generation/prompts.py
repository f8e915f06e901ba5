"""Prompts that scenarios ship: their first versions, and what they may be used for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Wording:
    """Templates and instructions in one language."""

    templates: str
    instructions: str


@dataclass(frozen=True)
class PromptSpec:
    """A kind of text, with what it is composed by until somebody changes it, by language.

    `tried_at` names the admin page that tries a version out before it is live; it takes `?version=`.
    `adapter` names the registry's model of adapters that a local language model writes such texts with.
    """

    name: str
    verbose_name: Any
    wordings: Mapping[str, Wording]
    tried_at: str = ""
    adapter: str = ""


_specs: dict[str, PromptSpec] = {}


def register_prompt(spec: PromptSpec) -> None:
    """Make a kind of text known; called from a scenario's `ready()`."""
    _specs[spec.name] = spec


def registered_prompts() -> list[PromptSpec]:
    return list(_specs.values())


def find_prompt(name: str) -> PromptSpec | None:
    return _specs.get(name)
