"""docs/embedding.md as something to perform: its blocks in order, each with the step it belongs to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#{2,3}) (?:(\d+)\. )?(.+)$", re.MULTILINE)
NAMED_FILE = re.compile(r"\A(?:# |\{# )([\w/.]+\.(?:py|html))(?: #\})?\n")


@dataclass(frozen=True)
class Block:
    """A code block; `step` is 0 outside the numbered steps, `file` is what its first line names."""

    section: str
    step: int
    language: str
    text: str

    @property
    def file(self) -> str:
        named = NAMED_FILE.match(self.text)
        return named[1] if named else ""

    @property
    def content(self) -> str:
        """What goes into the file: a comment of Python may stay, one of a template must not come first."""
        return NAMED_FILE.sub("", self.text)

    @property
    def commands(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.strip()]


def read_guide(page: Path) -> list[Block]:
    return list(_blocks(page.read_text(encoding="utf-8")))


def _blocks(text: str) -> Iterator[Block]:
    headings = [
        (found.start(), found[3], int(found[2] or 0))
        for found in HEADING.finditer(_without_blocks(text))
    ]  # fmt: skip
    for found in FENCE.finditer(text):
        _at, section, step = max(heading for heading in headings if heading[0] < found.start())
        yield Block(section, step, found[1], found[2])


def _without_blocks(text: str) -> str:
    """Blank out the blocks, so that a comment of Python is no heading; places stay where they are."""
    return FENCE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
