"""The few SVG shapes, shades and fills that all drawings are made of."""

from collections.abc import Callable
from dataclasses import dataclass

BODY, STEEL, WOOD, DARK, PAPER, GLASS = (
    "url(#body)",
    "url(#steel)",
    "url(#wood)",
    "url(#dark)",
    "url(#paper)",
    "url(#glass)",
)
SHINE = "rgba(255,255,255,.38)"
SHADE = "rgba(20,20,40,.16)"
INK = "#3a3d46"


@dataclass(frozen=True)
class Look:
    """How one item looks: its colour in three shades, which model and which option it is."""

    base: str
    light: str
    dark: str
    model: int
    option: int


Drawing = Callable[[Look], str]
DRAWINGS: dict[str, Drawing] = {}


def drawing(key: str) -> Callable[[Drawing], Drawing]:
    """Register the drawing of a product type."""

    def register(function: Drawing) -> Drawing:
        DRAWINGS[key] = function
        return function

    return register


def mixed(colour: str, other: str, share: float) -> str:
    """Return `colour` with a share of `other` stirred in."""
    parts = [
        round(int(colour[i : i + 2], 16) * (1 - share) + int(other[i : i + 2], 16) * share) for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def lighter(colour: str, share: float = 0.3) -> str:
    return mixed(colour, "#ffffff", share)


def darker(colour: str, share: float = 0.25) -> str:
    return mixed(colour, "#1a1626", share)


def rect(x: float, y: float, w: float, h: float, fill: str, r: float = 0, more: str = "") -> str:
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{r}" fill="{fill}" {more}/>'


def ellipse(x: float, y: float, rx: float, ry: float, fill: str, more: str = "") -> str:
    return f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{fill}" {more}/>'


def circle(x: float, y: float, r: float, fill: str, more: str = "") -> str:
    return f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}" {more}/>'


def path(d: str, fill: str, more: str = "") -> str:
    return f'<path d="{d}" fill="{fill}" {more}/>'


def stroke(d: str, colour: str, width: float = 6, more: str = "") -> str:
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" '
        f'stroke-linejoin="round" {more}/>'
    )


def turned(degrees: float, content: str, x: float = 200, y: float = 200) -> str:
    return f'<g transform="rotate({degrees} {x} {y})">{content}</g>'


def moved(dx: float, dy: float, content: str, scale: float = 1.0) -> str:
    return f'<g transform="translate({dx} {dy}) scale({scale})">{content}</g>'


def floor(x: float = 200, y: float = 328, rx: float = 110, ry: float = 13) -> str:
    """The soft shadow a thing throws on the ground."""
    return ellipse(x, y, rx, ry, "url(#floor)")


def label(x: float, y: float, w: float, h: float, accent: str, paper: str = "#fffaf0") -> str:
    """A paper label with a line of colour and two of type."""
    return (
        rect(x, y, w, h, paper, 4)
        + rect(x + w * 0.16, y + h * 0.2, w * 0.68, h * 0.17, accent, 3)
        + rect(x + w * 0.22, y + h * 0.5, w * 0.56, h * 0.08, "#b9b0a2", 2)
        + rect(x + w * 0.3, y + h * 0.68, w * 0.4, h * 0.08, "#cfc7ba", 2)
    )


def steam(x: float, y: float) -> str:
    d = f"M{x} {y} c-14 -16 14 -26 0 -44 M{x + 26} {y} c-14 -16 14 -26 0 -44"
    return stroke(d, "rgba(255,255,255,.75)", 6)


def leaf(x: float, y: float, length: float, degrees: float, fill: str, vein: str) -> str:
    """A pointed leaf that grows from (x, y)."""
    w = length * 0.27
    blade = path(
        f"M0 0 C{-w * 1.3} {-length * 0.35} {-w} {-length * 0.8} 0 {-length} "
        f"C{w} {-length * 0.8} {w * 1.3} {-length * 0.35} 0 0Z",
        fill,
    )
    middle = stroke(f"M0 0 L0 {-length * 0.85}", vein, 2.5)
    return f'<g transform="translate({x} {y}) rotate({degrees})">{blade}{middle}</g>'
