"""The page of a prompt: its versions, newest first, each with what it changed."""

import difflib
from dataclasses import dataclass

from .models import Prompt, PromptVersion

MOST_VERSIONS = 50


@dataclass(frozen=True)
class DiffLine:
    """A line of a version: `mark` is "+", "-" or " "."""

    mark: str
    text: str


@dataclass(frozen=True)
class VersionRow:
    version: PromptVersion
    is_live: bool
    lines: list[DiffLine]


def history(prompt: Prompt) -> list[VersionRow]:
    """Return the newest versions, each compared with the one before it."""
    versions = list(prompt.versions.select_related("created_by").order_by("-number")[: MOST_VERSIONS + 1])
    before: list[PromptVersion | None] = [*versions[1:], None]
    rows = [
        VersionRow(version, version.pk == prompt.live_version_id, changed_lines(earlier, version))
        for version, earlier in zip(versions, before, strict=True)
    ]
    return rows[:MOST_VERSIONS]


def changed_lines(earlier: PromptVersion | None, version: PromptVersion) -> list[DiffLine]:
    """Return templates and instructions line by line, with what came and what went."""
    if earlier is None:
        return [DiffLine(" ", line) for line in _lines(version)]
    marked = difflib.ndiff(_lines(earlier), _lines(version))
    return [DiffLine(line[0], line[2:]) for line in marked if line[0] != "?"]


def _lines(version: PromptVersion) -> list[str]:
    return [*version.templates.splitlines(), "", *version.instructions.splitlines()]
