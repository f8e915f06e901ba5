"""Where steps that people put into an order stand in their picture, and the lines between them; in pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from unicodedata import east_asian_width

#: Where an exit leads that leads nowhere else.
END = "end"
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 216, 64, 56, 56, 12
#: Lines that run side by side keep so far apart.
APART = 8
#: Of the texts in a box, in letters of ordinary width.
WIDEST_NAME, WIDEST_ABOUT = 25, 30


class Step(Protocol):
    """A step under its key, with the keys of those that it leads to."""

    @property
    def key(self) -> str: ...

    @property
    def exits(self) -> Sequence[str]: ...


@dataclass(frozen=True, kw_only=True)
class Told:
    """What stands in a box; `kind` chooses its colours, `n` is how many are there."""

    kind: str
    name: str
    about: str = ""
    n: int = 0


@dataclass(frozen=True)
class Box:
    """One step; `key` is `end` where the way ends."""

    key: str
    x: int
    y: int


@dataclass(frozen=True)
class Line:
    """From a step along its `number`-th exit; the label stands at `x` and `y`."""

    source: str
    number: int
    path: str
    x: int
    y: int


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(steps: Sequence[Step]) -> Picture:
    """Put each step below all that lead to it, and branches beside each other.

    `steps` begin with the first one, and each comes after all that lead to it.
    """
    rows = _rows(steps)
    columns = _columns(steps, rows)
    boxes = {
        key: Box(key, MARGIN + columns[key] * (WIDTH + GAP_X), MARGIN + row * (HEIGHT + GAP_Y))
        for key, row in rows.items()
    }
    lines = [
        _line(boxes[step.key], boxes[target], number, len(step.exits), boxes)
        for step in steps
        for number, target in enumerate(step.exits)
    ]
    width = max(box.x for box in boxes.values()) + WIDTH + GAP_X
    height = max(box.y for box in boxes.values()) + HEIGHT + MARGIN
    return Picture(width, height, tuple(boxes.values()), tuple(lines))


def picture_context(
    steps: Sequence[Step], told: Mapping[str, Told], labels: Mapping[tuple[str, int], str]
) -> dict[str, Any]:
    """Return what `parts/step_picture.html` shows: `told` by key, `labels` by a step's key and exit."""
    picture = draw(steps)
    boxes = [
        {
            "box": box, "kind": told[box.key].kind, "n": told[box.key].n,
            "name": shortened(told[box.key].name, WIDEST_NAME),
            "about": shortened(told[box.key].about, WIDEST_ABOUT),
            "text_x": box.x + 14, "number_x": box.x + WIDTH - 12,
            "name_y": box.y + 27, "about_y": box.y + 47,
        }
        for box in picture.boxes
    ]  # fmt: skip
    lines = [{"line": line, "label": labels.get((line.source, line.number), "")} for line in picture.lines]
    return {"picture": picture, "boxes": boxes, "lines": lines, "box_width": WIDTH, "box_height": HEIGHT}


def shortened(text: str, widest: int) -> str:
    """Return as much of a text as has room; letters such as Chinese ones are as wide as two.

    Examples
    --------
    >>> shortened("请问是哪个订单", 9), shortened("Wait", 9)
    ('请问是哪…', 'Wait')
    """
    room = widest
    for place, letter in enumerate(text):
        room -= 2 if east_asian_width(letter) in "WF" else 1
        if room < 0:
            return f"{text[: place - 1]}…"
    return text


def _rows(steps: Sequence[Step]) -> dict[str, int]:
    rows = {steps[0].key: 0}
    for step in steps:
        for target in step.exits:
            rows[target] = max(rows.get(target, 0), rows[step.key] + 1)
    return rows


def _columns(steps: Sequence[Step], rows: Mapping[str, int]) -> dict[str, int]:
    """The first exit goes straight on where there is room; the others begin a column to the right."""
    columns = {steps[0].key: 0}
    taken = {(0, 0)}
    for step in steps:
        for number, target in enumerate(step.exits):
            if target in columns:
                continue
            column = columns[step.key] + (number if target != END else 0)
            while (rows[target], column) in taken:
                column += 1
            columns[target] = column
            taken.add((rows[target], column))
    return columns


def _line(source: Box, target: Box, number: int, n_exits: int, boxes: Mapping[str, Box]) -> Line:
    """Straight down to the next row; past other rows through a gap between columns."""
    x = source.x + WIDTH * (3 + 4 * number) // 10 if n_exits > 1 else source.x + WIDTH // 2
    top, bottom, end = source.y + HEIGHT, target.y, target.x + WIDTH // 2
    turn, last_turn = top + GAP_Y // 2 + APART * number, bottom - GAP_Y // 2 - APART * number
    is_next = bottom - top == GAP_Y
    is_free = not any(box.x == target.x and top < box.y < bottom for box in boxes.values())
    if is_next or is_free:
        path = f"M{x} {top}V{turn}H{end}V{bottom - 6}"
    else:
        lane = max(source.x, target.x) + WIDTH + GAP_X // 2 - APART * number
        path = f"M{x} {top}V{turn}H{lane}V{last_turn}H{end}V{bottom - 6}"
    return Line(source.key, number, path, x + (6 if number else -6), top + 16)
