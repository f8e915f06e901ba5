# ruff: noqa: E501 - an outline stays on one line
"""Drawings of stationery and art things."""

from .shapes import (
    BODY,
    DARK,
    GLASS,
    INK,
    PAPER,
    SHADE,
    SHINE,
    STEEL,
    WOOD,
    Look,
    circle,
    darker,
    drawing,
    ellipse,
    floor,
    label,
    leaf,
    path,
    rect,
    stroke,
    turned,
)  # fmt: skip

PAINTS = (
    "#c8423b",
    "#e98b35",
    "#f4c95c",
    "#7f9a45",
    "#3f8a5d",
    "#2b7f86",
    "#3f6fb0",
    "#2c416f",
    "#74406b",
    "#d98aa5",
    "#80583a",
    "#2f3136",
)


@drawing("fountain_pen")
def fountain_pen(look: Look) -> str:
    pen = (
        path("M182 92 Q200 78 218 92 V226 H182Z", BODY)
        + rect(180, 222, 40, 12, STEEL, 3)
        + path("M184 234 H216 L210 276 H190Z", DARK)
        + path("M190 276 H210 L201 326 H199Z", "#e3b65a")
        + circle(200, 290, 3, INK)
        + stroke("M200 292 V322", INK, 1.5)
        + rect(188, 98, 6, 122, SHINE, 3)
    )
    cap = (
        rect(180, 120, 42, 120, BODY, 14)
        + rect(214, 132, 7, 78, "#e3b65a", 3)
        + rect(180, 226, 42, 10, STEEL, 3)
    )
    line = stroke("M66 316 q18 -40 34 -8 q10 22 24 -8 q12 -22 24 4 q8 14 30 10", darker(look.base, 0.2), 4)
    return (
        floor(210, 332, 120)
        + line
        + turned(-18, f'<g transform="translate(96 34)">{cap}</g>', 300, 220)
        + turned(34, pen, 200, 220)
    )


@drawing("ink")
def ink(look: Look) -> str:
    splash = path("M284 318 q-12 -26 16 -26 q10 -22 30 -6 q26 4 12 32Z", look.base, 'opacity=".8"')
    return (
        floor(205, 328, 120)
        + splash
        + rect(158, 96, 84, 52, DARK, 10)
        + rect(158, 116, 84, 5, SHADE)
        + path(
            "M170 146 H230 V160 Q276 170 282 210 V296 Q282 322 256 322 H144 Q118 322 118 296 V210 Q124 170 170 160Z",
            GLASS,
            'stroke="#fff" stroke-width="3"',
        )
        + path("M128 214 Q200 200 272 214 V292 Q272 312 252 312 H148 Q128 312 128 292Z", BODY)
        + label(156, 224, 88, 72, look.base)
        + rect(134, 196, 11, 106, SHINE, 5)
    )


@drawing("notebook")
def notebook(look: Look) -> str:
    art = {
        0: leaf(208, 236, 70, -24, look.light, look.base) + leaf(208, 236, 80, 18, look.light, look.base),
        1: "".join(circle(160 + 24 * (i % 5), 156 + 24 * (i // 5), 4, look.light) for i in range(25)),
        2: label(158, 142, 98, 64, look.base),
    }[look.model % 3]
    book = (
        rect(128, 92, 168, 232, PAPER, 8)
        + rect(120, 86, 168, 232, BODY, 10)
        + rect(120, 86, 22, 232, look.dark, 8, 'opacity=".7"')
        + rect(262, 86, 9, 232, darker(look.base, 0.5), 0)
        + art
        + rect(148, 94, 108, 7, SHINE, 4)
        + path("M206 318 v26 l8 -8 l8 8 v-26Z", "#c8423b")
    )
    return floor(206, 330, 110) + turned(-6, book, 200, 220)


@drawing("watercolours")
def watercolours(look: Look) -> str:
    n = (6, 8, 9)[look.option % 3]
    pans = "".join(
        rect(90 + i * 220 / n, 208 + 44 * row, 220 / n - 6, 36, PAINTS[(i + row * 5 + look.model) % 12], 5)
        + rect(93 + i * 220 / n, 211 + 44 * row, 220 / n - 12, 8, "rgba(255,255,255,.3)", 3)
        for row in range(2)
        for i in range(n)
    )
    wells = "".join(
        ellipse(134 + 66 * i, 150, 26, 17, "#f2f0ea")
        + ellipse(134 + 66 * i, 152, 17, 9, PAINTS[(3 * i + look.model) % 12], 'opacity=".7"')
        for i in range(3)
    )
    brush = (
        rect(196, 40, 10, 150, WOOD, 5)
        + rect(195, 182, 12, 26, STEEL, 2)
        + path("M195 206 H207 Q206 232 201 240 Q196 232 195 206Z", "#6b4226")
    )
    return (
        floor(200, 326, 140)
        + rect(74, 112, 252, 84, PAPER, 12)
        + wells
        + rect(74, 194, 252, 116, BODY, 14)
        + rect(82, 200, 236, 102, "#fbf9f3", 9)
        + pans
        + turned(58, brush, 250, 150)
    )


@drawing("brushes")
def brushes(look: Look) -> str:
    n = 4 if look.option == 0 else 7
    parts = []
    for i in range(n):
        degrees = -24 + 48 * i / (n - 1)
        tip = (
            "M193 92 H207 Q209 66 200 44 Q191 66 193 92Z"
            if look.model == 0
            else "M190 92 H210 V56 Q200 50 190 56Z"
        )
        tool = path(tip, "#6b4226" if i % 2 else "#a9713c") + rect(192, 88, 16, 40, STEEL, 3)
        tool += path("M193 126 H207 L204 300 H196Z", BODY if i % 2 else WOOD)
        parts.append(turned(degrees, tool, 200, 330))
    jar = path("M142 224 H258 L250 312 Q200 328 150 312Z", GLASS, 'stroke="#fff" stroke-width="3"')
    water = path("M146 262 Q200 272 254 262 L250 310 Q200 324 150 310Z", "#9fc6dd", 'opacity=".7"')
    return floor(200, 328, 90) + "".join(parts) + jar + water + rect(152, 234, 9, 72, SHINE, 4)


@drawing("sketchbook")
def sketchbook(look: Look) -> str:
    rings = "".join(rect(104 + 20 * i, 92, 7, 26, STEEL, 3) for i in range(10))
    hill = path("M112 262 Q160 190 206 240 T296 214 V290 H112Z", "#8fb79a", 'opacity=".8"')
    sky = rect(112, 134, 184, 156, "#eef4f6") + circle(252, 174, 18, "#f4c95c", 'opacity=".85"')
    sea = path("M112 272 Q200 256 296 272 V290 H112Z", "#7db5de", 'opacity=".7"')
    page = rect(92, 108, 224, 206, PAPER, 6) + (
        sky + hill + sea
        if look.model == 0
        else sky
        + sea
        + path("M170 262 L206 176 L226 262Z", "#fffaf0")
        + path("M150 262 H250 L236 282 H166Z", "#c77b4f")
    )
    pencil = (
        rect(0, 0, 12, 132, "#e9b23f", 2)
        + path("M0 0 H12 L6 -18Z", "#f0dcbc")
        + rect(0, 124, 12, 14, "#e2a3ad", 3)
    )
    return (
        floor(206, 328, 125)
        + rect(100, 118, 224, 206, BODY, 8)
        + page
        + rings
        + f'<g transform="translate(318 178) rotate(24)">{pencil}</g>'
    )
