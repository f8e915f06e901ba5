# ruff: noqa: E501 - an outline stays on one line
"""Drawings of plants and garden things."""

import math

from .shapes import (
    BODY,
    PAPER,
    SHINE,
    STEEL,
    Look,
    circle,
    darker,
    drawing,
    ellipse,
    floor,
    leaf,
    lighter,
    path,
    rect,
    stroke,
    turned,
)  # fmt: skip

GREENS = (("#4f8f55", "#2f6a3c"), ("#3f7f4c", "#25592f"), ("#6fae62", "#3f7f4c"))


@drawing("house_plant")
def house_plant(look: Look) -> str:
    plants = {0: _monstera, 1: _snake_plant, 2: _rubber_fig, 3: _pothos, 4: _calathea}
    pot = (
        path("M144 250 H256 L244 318 Q200 332 156 318Z", "#c77b4f")
        + rect(136, 238, 128, 22, "#b96c42", 8)
        + path("M156 264 L164 312 L176 314 L170 264Z", SHINE)
    )
    return floor(200, 328, 90) + plants[look.model % 5]() + pot


def _monstera() -> str:
    spots = ((150, 150, -38), (250, 150, 38), (200, 110, 4), (128, 208, -64), (272, 206, 64), (176, 180, -14))
    parts = []
    for i, (x, y, degrees) in enumerate(spots):
        parts.append(stroke(f"M200 246 Q{(x + 200) / 2} {y + 60} {x} {y + 20}", "#3c6a38", 5))
        fill, vein = GREENS[i % 3]
        heart = path("M0 30 C-54 14 -50 -44 0 -56 C50 -44 54 14 0 30Z", fill) + stroke("M0 26 V-46", vein, 3)
        cuts = "".join(
            stroke(f"M{s * 35} {yy} L{s * 15} {yy + 6}", "#eef4ea", 6)
            for s in (-1, 1)
            for yy in (-24, -4, 12)
        )
        parts.append(f'<g transform="translate({x} {y}) rotate({degrees})">{heart}{cuts}</g>')
    return "".join(parts)


def _snake_plant() -> str:
    parts = []
    for x, height, lean in ((160, 150, -14), (180, 190, -5), (204, 210, 3), (226, 176, 9), (246, 140, 18)):
        blade = path(f"M-13 0 Q-17 {-height * 0.6} 0 {-height} Q17 {-height * 0.6} 13 0Z", "#5d9a5b")
        blade += path(f"M-7 0 Q-10 {-height * 0.6} 0 {-height + 14} Q10 {-height * 0.6} 7 0Z", "#3f7f4c")
        blade += "".join(
            stroke(f"M-7 {-y} q7 -6 14 0", "#86b87a", 3) for y in range(20, int(height) - 40, 24)
        )
        parts.append(f'<g transform="translate({x} 246) rotate({lean})">{blade}</g>')
    return "".join(parts)


def _rubber_fig() -> str:
    parts = [stroke("M200 246 V90", "#6b4a2e", 7)]
    for i in range(9):
        side = -1 if i % 2 else 1
        parts.append(leaf(200, 236 - 17 * i, 82 - 3 * i, side * (64 - 4 * i), GREENS[i % 2][0], "#8fbf7f"))
    return "".join(parts)


def _pothos() -> str:
    rings = (
        [(72, -104 + 17 * i) for i in range(13)]
        + [(46, -84 + 28 * i) for i in range(7)]
        + [(20, 30), (24, -28)]
    )
    parts = []
    for i, (radius, angle) in enumerate(rings):
        x, y = 200 + radius * math.sin(math.radians(angle)), 232 - radius * math.cos(math.radians(angle))
        fill, vein = GREENS[i % 3]
        parts.append(stroke(f"M200 246 Q200 210 {x:.0f} {y:.0f}", "#5a8a4c", 3))
        heart = path("M0 10 C-34 0 -31 -38 0 -46 C31 -38 34 0 0 10Z", fill)
        heart += stroke("M0 8 V-36", lighter(vein, 0.3), 2)
        parts.append(f'<g transform="translate({x:.0f} {y:.0f}) rotate({angle * 0.8:.0f})">{heart}</g>')
    hanging = leaf(140, 254, 62, 190, "#4f8f55", "#2f6a3c") + leaf(264, 258, 54, 170, "#6fae62", "#3f7f4c")
    return "".join(parts) + hanging


def _calathea() -> str:
    parts = []
    for i, degrees in enumerate((-62, 60, -38, 36, -16, 14, 0)):
        length = 120 + 9 * i
        inner = leaf(0, -22, length * 0.72, 0, "#8fc07f", "#74406b")
        whole = leaf(0, 0, length, 0, "#37704a", "#74406b") + inner
        parts.append(f'<g transform="translate(200 246) rotate({degrees})">{whole}</g>')
    return "".join(parts)


@drawing("planter")
def planter(look: Look) -> str:
    shape = {
        0: "M104 152 H296 L272 310 Q200 328 128 310Z",
        1: "M112 160 Q84 300 160 318 H240 Q316 300 288 160Z",
        2: "M116 152 H284 V300 Q284 318 266 318 H134 Q116 318 116 300Z",
    }[look.model % 3]
    ribs = "".join(stroke(f"M{138 + 25 * i} 176 V306", look.dark, 5, 'opacity=".35"') for i in range(6))
    return (
        floor(200, 330, 120)
        + ellipse(200, 318, 104, 12, look.dark)
        + path(shape, BODY)
        + (ribs if look.model == 2 else "")
        + ellipse(200, 155, 94, 18, look.light)
        + ellipse(200, 159, 82, 13, "#4a3626")
        + leaf(186, 160, 60, -24, "#6fae62", "#3f7f4c")
        + leaf(206, 162, 72, 10, "#4f8f55", "#2f6a3c")
        + leaf(222, 160, 46, 44, "#6fae62", "#3f7f4c")
        + path("M130 186 q-2 66 14 108 l14 4 q-12 -60 -10 -112Z", SHINE)
    )


@drawing("watering_can")
def watering_can(look: Look) -> str:
    drops = "".join(
        path(f"M{66 + 12 * i} {176 + 16 * (i % 2)} q7 12 0 18 q-7 -6 0 -18Z", "#7db5de") for i in range(3)
    )
    return (
        floor(215, 328, 105)
        + stroke("M158 276 C118 268 118 190 84 150", look.base, 15)
        + turned(-38, rect(62, 136, 40, 17, STEEL, 6), 84, 146)
        + drops
        + stroke("M268 188 C356 160 352 292 280 288", look.dark, 13)
        + path("M152 196 H280 L292 308 Q216 334 140 308Z", BODY)
        + ellipse(216, 196, 64, 14, look.dark)
        + path("M152 196 Q216 160 250 188 Q210 206 152 196Z", look.light)
        + path("M164 216 L156 300 L174 306 L180 216Z", SHINE)
    )


@drawing("secateurs")
def secateurs(look: Look) -> str:
    handle = path("M198 196 Q238 214 244 276 Q246 318 228 330 Q214 330 216 306 Q220 246 180 214Z", BODY)
    other = path("M202 196 Q162 214 156 276 Q154 318 172 330 Q186 330 184 306 Q180 246 220 214Z", BODY)
    blade = path("M190 204 Q160 150 186 74 Q230 130 214 204Z", STEEL)
    hook = path("M186 204 Q196 160 236 122 Q246 130 236 146 Q222 180 216 206Z", "#6d747c")
    coil = stroke("M180 240 q20 -14 40 0 q-20 12 -40 0", "#8d959d", 4)
    tool = (
        hook
        + blade
        + other
        + handle
        + coil
        + circle(200, 204, 15, STEEL)
        + circle(200, 204, 6, darker(look.base, 0.5))
    )
    rose = (
        circle(104, 132, 24, "#e2a3ad")
        + circle(104, 132, 14, "#c8626f")
        + stroke("M104 156 Q112 220 96 300", "#4f8f55", 5)
    )
    return (
        floor(200, 334, 100)
        + rose
        + leaf(106, 226, 44, -50, "#6fae62", "#3f7f4c")
        + turned(20, tool, 200, 210)
    )


@drawing("fertiliser")
def fertiliser(look: Look) -> str:
    picture = (
        circle(200, 232, 24, "#e98b35") + leaf(206, 212, 26, 40, "#4f8f55", "#2f6a3c")
        if look.model == 2
        else "".join(circle(200 + 16 * math.cos(a), 236 + 16 * math.sin(a), 12, "#ef7f6b") for a in range(6))
        + circle(200, 236, 9, "#f4d06a")
        if look.model == 1
        else leaf(200, 262, 50, -26, "#6fae62", "#3f7f4c") + leaf(200, 262, 56, 22, "#4f8f55", "#2f6a3c")
    )
    return (
        floor(200, 330, 85)
        + path(
            "M150 148 Q150 120 180 114 V96 H220 V114 Q250 120 250 148 V308 Q250 324 234 324 H166 Q150 324 150 308Z",
            "#54704f",
        )
        + rect(172, 64, 56, 38, BODY, 8)
        + path("M150 172 H250 V300 H150Z", "#fbf6e6")
        + picture
        + rect(170, 278, 60, 8, look.base, 4)
        + rect(157, 130, 9, 180, "rgba(255,255,255,.25)", 4)
    )


@drawing("seeds")
def seeds(look: Look) -> str:
    art = {
        0: "".join(
            circle(x, y, 22, "#d3423b") + circle(x - 7, y - 7, 6, "#ef8d80")
            for x, y in ((180, 206), (224, 218), (196, 250))
        )
        + stroke("M180 186 L200 164 L224 196", "#4f8f55", 4),
        1: "".join(
            leaf(200, 268, 70, d, g, "#2f6a3c")
            for d, g in ((-46, "#6fae62"), (46, "#6fae62"), (-16, "#4f8f55"), (18, "#5d9a5b"))
        ),
        2: "".join(
            stroke(f"M{x} {y} L200 280", "#4f8f55", 3) + circle(x, y, 15, c) + circle(x, y, 6, "#f4d06a")
            for x, y, c in ((168, 196, "#b39ad1"), (206, 180, "#7db5de"), (236, 208, "#e2a3ad"))
        ),
        3: "".join(leaf(200, 222, 56, d, "#f0b429", "#d9922f") for d in range(0, 360, 30))
        + circle(200, 222, 24, "#6b4226"),
        4: "".join(
            ellipse(200, 236 + 3 * i, 60 - 12 * i, 44 - 9 * i, c)
            for i, c in enumerate(("#6fae62", "#8fc07f", "#b6d99b", "#d8ecc0"))
        ),
    }[look.model % 5]
    packet = (
        rect(126, 110, 148, 206, PAPER, 6)
        + rect(126, 110, 148, 34, BODY, 6)
        + rect(150, 122, 100, 9, "#fffaf0", 4)
        + art
        + rect(150, 292, 100, 7, "#b9b0a2", 3)
        + stroke("M126 144 H274", darker(look.base, 0.2), 2)
    )
    grains = "".join(ellipse(118 + 21 * i, 326 - 3 * (i % 2), 5, 3.5, "#8f6238") for i in range(9))
    second = turned(9, rect(140, 116, 148, 200, "#e2d9c6", 6), 214, 216) if look.option else ""
    return floor(200, 328, 105) + second + turned(-3, packet, 200, 216) + grains
