"""Articles in Markdown: shown as a page, and cut into passages that say something by themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import Any

from markdown_it import MarkdownIt

#: A passage is closed at the end of the paragraph that makes it as long.
LONG_PASSAGE = 600


@dataclass(frozen=True)
class Part:
    """A passage of a text: its plain words, and where they stand in the Markdown."""

    heading: str
    text: str
    start: int
    end: int


@dataclass
class _Open:
    """A passage that is being gathered."""

    heading: str = ""
    lines: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    @property
    def length(self) -> int:
        return sum(map(len, self.lines))


def as_html(body: str) -> str:
    """Return a text as HTML. What is written as HTML in it is shown as letters, and scripts are no links."""
    return str(_parser().render(body))


def parts_of(body: str) -> list[Part]:
    """Return the passages of a text: its sections, long ones in pieces that end with a paragraph."""
    offsets = [0, *accumulate(len(line) + 1 for line in body.split("\n"))]
    return [
        Part(part.heading, "\n".join(part.lines), offsets[part.rows[0]],
             min(offsets[min(part.rows[-1], len(offsets) - 1)], len(body)))
        for part in _gathered(body)
    ]  # fmt: skip


def _gathered(body: str) -> Iterator[_Open]:
    above: list[str] = []
    part = _Open()
    for kind, level, text, rows in _blocks(body):
        is_heading = kind == "heading"
        if part.lines and (is_heading or part.length >= LONG_PASSAGE):
            yield part
        if is_heading:
            above = [*above[: level - 1], text]
        if is_heading or (part.lines and part.length >= LONG_PASSAGE):
            part = _Open(heading=" > ".join(above)[:500])
        if not is_heading:
            part.lines.append(text)
            part.rows += rows
    if part.lines:
        yield part


def _blocks(body: str) -> Iterator[tuple[str, int, str, Sequence[int]]]:
    """Yield the kind, level, plain text and rows of each block that holds text; a table's row is one."""
    kind, level, rows = "text", 0, [0, 0]
    cells: list[str] | None = None
    for token in _parser().parse(body):
        rows = token.map or rows
        if token.type == "heading_open":
            kind, level = "heading", int(token.tag[1])
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close":
            yield "text", 0, ": ".join(cells or ()) + ".", rows
            cells = None
        elif token.type in ("fence", "code_block") and token.content.strip():
            yield "text", 0, token.content.strip(), rows
        elif token.type == "inline" and (text := _plain(token)):
            if cells is not None:
                cells.append(text)
                continue
            yield kind, level, text, rows
            kind = "text"


def _plain(token: Any) -> str:
    written = (
        " " if child.type in ("softbreak", "hardbreak") else child.content for child in token.children or ()
    )
    return " ".join("".join(written).split())


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")
