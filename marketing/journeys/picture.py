"""Where the steps of a journey stand in its picture, and the lines between them; in pixels."""

from collections.abc import Mapping
from dataclasses import dataclass

from .graph import END, Graph

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 216, 64, 56, 56, 12
#: Lines that run side by side keep so far apart.
APART = 8


@dataclass(frozen=True)
class Box:
    """One step; `key` is `end` where the journey ends."""

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


def draw(graph: Graph) -> Picture:
    """Put each step below all that lead to it, and branches beside each other."""
    rows = _rows(graph)
    columns = _columns(graph, rows)
    boxes = {
        key: Box(key, MARGIN + columns[key] * (WIDTH + GAP_X), MARGIN + row * (HEIGHT + GAP_Y))
        for key, row in rows.items()
    }
    lines = [
        _line(boxes[step.key], boxes[target], number, len(step.exits), boxes)
        for step in graph
        for number, target in enumerate(step.exits)
    ]
    width = max(box.x for box in boxes.values()) + WIDTH + GAP_X
    height = max(box.y for box in boxes.values()) + HEIGHT + MARGIN
    return Picture(width, height, tuple(boxes.values()), tuple(lines))


def _rows(graph: Graph) -> dict[str, int]:
    rows = {graph.first.key: 0}
    for step in graph:
        for target in step.exits:
            rows[target] = max(rows.get(target, 0), rows[step.key] + 1)
    return rows


def _columns(graph: Graph, rows: Mapping[str, int]) -> dict[str, int]:
    """The first exit goes straight on where there is room; the others begin a column to the right."""
    columns = {graph.first.key: 0}
    taken = {(0, 0)}
    for step in graph:
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
