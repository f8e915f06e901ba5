"""Drawn pictures of the demo shop's products, as small SVG files."""

from ecomai_project.demo.catalogue import DemoItem
from ecomai_project.demo.catalogue_types import COLOURS

from . import care, coffee, electronics, fashion, garden, home, kitchen, outdoors, stationery  # noqa: F401
from .shapes import DRAWINGS, Look, darker, lighter, mixed

# The wall behind the product, by department: light enough for every product colour.
WALLS = {
    "CT": "#f3e7d8",
    "KI": "#e9eee4",
    "HL": "#f5e9e2",
    "GA": "#e6f0e2",
    "SO": "#e2edf3",
    "EL": "#e9e8f3",
    "BC": "#f6e8ec",
    "FA": "#f2ece0",
    "ST": "#e5eef0",
}
# What the wall is mixed with behind pale products, so that they stand out.
DEEP_WALLS = {
    "CT": "#c69c72",
    "KI": "#8fa987",
    "HL": "#cf9d86",
    "GA": "#86ac84",
    "SO": "#86a9bd",
    "EL": "#9a94bf",
    "BC": "#cf97a5",
    "FA": "#b8a27c",
    "ST": "#85a7ae",
}
PALE_COLOURS = frozenset({"white", "cream", "sand"})


def draw_item(item: DemoItem) -> str:
    """Return the picture of an item as SVG text, in the item's own colour."""
    base = COLOURS[item.colour].hex
    models = (item.type.models.en.split("/"), item.type.models.zh.split("/"))
    model = next(names.index(item.model) for names in models if item.model in names)
    look = Look(base, lighter(base, 0.38), darker(base, 0.3), model, item.option)
    wall = WALLS[item.department.code]
    if item.colour in PALE_COLOURS and item.type.shows_colour:
        wall = mixed(wall, DEEP_WALLS[item.department.code], 0.45)
    size = 1.04 + 0.05 * min(item.option, 2)
    content = DRAWINGS[item.type.key](look)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="400" height="400">'
        f"<defs>{_fills(base)}{_wall(wall)}</defs>"
        '<rect width="400" height="400" fill="url(#wall)"/>'
        f'<path d="M0 300 Q200 286 400 300 V400 H0Z" fill="{darker(wall, 0.07)}"/>'
        f'<circle cx="200" cy="190" r="142" fill="{lighter(wall, 0.45)}" opacity=".75"/>'
        f'<g transform="translate({200 - 200 * size:.1f} {328 - 328 * size:.1f}) scale({size:.2f})">'
        f"{content}</g>"
        "</svg>\n"
    )


def _wall(wall: str) -> str:
    return _gradient("wall", ((0, lighter(wall, 0.3)), (1, wall)), upright=True)


def _fills(base: str) -> str:
    return (
        _gradient("body", ((0, mixed(base, "#fff7e8", 0.3)), (0.42, base), (1, darker(base, 0.3))))
        + _gradient("steel", ((0, "#f2f4f6"), (0.35, "#c3c9cf"), (0.6, "#eceff1"), (1, "#8d959d")))
        + _gradient("wood", ((0, "#d9a873"), (0.5, "#c08c55"), (1, "#8f6238")))
        + _gradient("dark", ((0, "#5a5f6b"), (0.45, "#3a3d46"), (1, "#23252c")))
        + _gradient("paper", ((0, "#fffdf7"), (1, "#e6dfd0")))
        + _gradient(
            "glass",
            ((0, "rgba(255,255,255,.75)"), (0.5, "rgba(210,230,235,.45)"), (1, "rgba(150,180,190,.55)")),
        )
        + '<radialGradient id="floor"><stop offset="0" stop-color="#1b1b30" stop-opacity=".3"/>'
        '<stop offset="1" stop-color="#1b1b30" stop-opacity="0"/></radialGradient>'
        '<radialGradient id="glow"><stop offset="0" stop-color="#ffe9a8" stop-opacity=".95"/>'
        '<stop offset="1" stop-color="#ffe9a8" stop-opacity="0"/></radialGradient>'
    )


def _gradient(name: str, stops: tuple[tuple[float, str], ...], *, upright: bool = False) -> str:
    end = 'x2="0" y2="1"' if upright else 'x2="1" y2="0"'
    colours = "".join(f'<stop offset="{offset}" stop-color="{colour}"/>' for offset, colour in stops)
    return f'<linearGradient id="{name}" x1="0" y1="0" {end}>{colours}</linearGradient>'
