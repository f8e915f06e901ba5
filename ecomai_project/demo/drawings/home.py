# ruff: noqa: E501 - an outline stays on one line
"""Drawings of things for the home."""

from .shapes import (
    BODY,
    DARK,
    GLASS,
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
    lighter,
    path,
    rect,
    stroke,
    turned,
)  # fmt: skip

GLOW = "url(#glow)"


@drawing("table_lamp")
def table_lamp(look: Look) -> str:
    shade = {
        0: "M132 178 L160 82 H240 L268 178Z",
        1: "M112 180 Q122 82 200 80 Q278 82 288 180Z",
        2: "M142 176 Q122 78 200 78 Q278 78 258 176Z",
        3: "M118 178 L172 88 H228 L282 178Z",
    }[look.model % 4]
    foot = (
        path("M164 318 Q158 250 190 232 H210 Q242 250 236 318Z", WOOD)
        if look.model % 2
        else path("M150 318 Q140 238 200 230 Q260 238 250 318Z", PAPER)
    )
    return (
        circle(200, 160, 150, GLOW)
        + floor(200, 328, 85)
        + rect(194, 170, 12, 70, STEEL)
        + foot
        + rect(146, 312, 108, 14, WOOD if look.model % 2 else "#d8cdb8", 7)
        + path(shade, BODY)
        + ellipse(200, 178, 66, 9, "#fff3cf")
        + path("M168 96 L152 168 L168 170 L182 96Z", SHINE)
        + stroke("M262 182 V214", "#c9b391", 3)
        + circle(262, 218, 5, "#c9b391")
    )


@drawing("floor_lamp")
def floor_lamp(look: Look) -> str:
    if look.model == 2:
        stand = stroke("M200 130 L140 322 M200 130 L260 322 M200 130 L208 322", "#b98a52", 9)
        head = path("M146 132 L168 58 H232 L254 132Z", BODY) + ellipse(200, 132, 54, 8, "#fff3cf")
        return circle(200, 120, 130, GLOW) + floor(200, 328, 90) + stand + head
    if look.model == 1:
        stand = stroke("M128 318 V170 C128 40 268 30 276 112", look.base, 9)
        head = path("M230 156 Q232 108 276 106 Q320 108 322 156Z", BODY) + ellipse(276, 156, 46, 8, "#fff3cf")
        return (
            circle(276, 176, 120, GLOW)
            + floor(140, 326, 80)
            + stand
            + ellipse(128, 320, 46, 10, look.dark)
            + head
        )
    stand = stroke("M160 318 L190 130 L250 92", look.base, 9) + circle(190, 130, 9, look.dark)
    head = turned(
        24, path("M222 118 L244 70 H276 L298 118Z", BODY) + ellipse(260, 118, 38, 7, "#fff3cf"), 260, 90
    )
    return (
        circle(256, 160, 120, GLOW)
        + floor(170, 326, 80)
        + stand
        + ellipse(160, 320, 48, 10, look.dark)
        + head
    )


@drawing("light_bulb")
def light_bulb(look: Look) -> str:
    bulb = (
        circle(200, 168, 84, "rgba(255,250,235,.75)", 'stroke="#e6d7b0" stroke-width="2"')
        if look.model == 1
        else path("M200 72 C132 72 112 134 136 182 Q158 214 162 246 H238 Q242 214 264 182 C288 134 268 72 200 72Z",
                  "rgba(255,250,235,.75)", 'stroke="#e6d7b0" stroke-width="2"')
    )  # fmt: skip
    thread = stroke("M176 246 L168 160 L184 190 L200 152 L216 190 L232 160 L224 246", "#e98b35", 4)
    soft = ellipse(200, 150, 62, 66, "#fff6dc")
    grooves = "".join(stroke(f"M168 {268 + 13 * i} L232 {262 + 13 * i}", "#8d959d", 3) for i in range(3))
    return (
        circle(200, 165, 155, GLOW)
        + floor(200, 330, 60)
        + bulb
        + (soft if look.model == 2 else thread)
        + path("M154 112 Q162 92 184 86 Q164 108 160 142Z", "rgba(255,255,255,.9)")
        + rect(164, 246, 72, 58, STEEL, 8)
        + grooves
        + path("M176 304 H224 L214 322 H186Z", DARK)
    )


@drawing("cushion")
def cushion(look: Look) -> str:
    shape = "M96 116 Q200 136 304 116 Q288 216 304 316 Q200 298 96 316 Q112 216 96 116Z"
    pattern = {
        0: "".join(
            leaf(150 + 50 * (i % 3), 196 + 76 * (i // 3), 44, -20 + 40 * (i % 2), look.light, look.base)
            for i in range(6)
        ),
        1: "".join(
            path(f"M{124 + 36 * i} 121 h14 q-6 92 0 190 h-14 q-8 -98 0 -190Z", look.light) for i in range(5)
        ),
        2: "".join(
            circle(132 + 34 * (i % 5), 152 + 33 * (i // 5), 12, lighter(look.base, 0.18)) for i in range(25)
        ),
        3: "".join(stroke(f"M112 {158 + 30 * i} q44 -26 88 0 t88 0", look.light, 5) for i in range(5)),
    }[look.model % 4]
    return (
        floor(200, 322, 125)
        + path(shape, BODY)
        + f'<g opacity=".6">{pattern}</g>'
        + stroke(shape, look.dark, 3, 'opacity=".5"')
        + path("M112 130 Q160 142 200 140 Q150 156 128 200 Q122 164 112 130Z", "rgba(255,255,255,.22)")
    )


@drawing("throw")
def throw(look: Look) -> str:
    def fold(x: float, y: float, w: float, h: float) -> str:
        return rect(x, y, w, h, BODY, 22) + rect(x + 12, y + 8, w - 24, 7, SHINE, 4)

    checks = "".join(rect(104 + 32 * i, 244, 9, 62, look.light, 3, 'opacity=".6"') for i in range(6))
    fringe = "".join(stroke(f"M{110 + 12 * i} 302 v20", look.light, 4) for i in range(16))
    return (
        floor(200, 328, 130)
        + fringe
        + fold(86, 238, 228, 70)
        + (checks if look.model != 2 else "")
        + fold(92, 190, 216, 54)
        + fold(98, 146, 204, 50)
        + (stroke("M104 216 H296 M110 170 H290", look.light, 6, 'opacity=".7"') if look.model == 2 else "")
        + stroke("M92 240 H308 M98 194 H302", SHADE, 4)
    )


@drawing("vase")
def vase(look: Look) -> str:
    shape = {
        0: "M182 150 Q186 190 152 212 Q110 250 142 300 Q160 324 200 324 Q240 324 258 300 Q290 250 248 212 Q214 190 218 150Z",
        1: "M152 150 H248 Q256 240 246 316 Q200 330 154 316 Q144 240 152 150Z",
        2: "M190 158 Q190 208 160 226 Q132 258 152 300 Q166 324 200 324 Q234 324 248 300 Q268 258 240 226 Q210 208 210 158Z",
        3: "M170 150 Q180 180 150 206 Q124 240 152 290 L166 324 H234 L248 290 Q276 240 250 206 Q220 180 230 150Z",
    }[look.model % 4]
    twig = stroke(
        "M200 160 C196 120 220 90 214 46 M202 130 C180 110 172 90 168 66 M206 112 C228 96 236 84 250 70",
        "#6f7d54",
        4,
    )
    blossoms = "".join(
        circle(x + dx, y + dy, 8, "#f7d9d3") + circle(x, y, 5, "#e98b35")
        for x, y in ((214, 48), (168, 66), (250, 70), (222, 92))
        for dx, dy in ((-7, 0), (7, 0), (0, -7), (0, 7))
    )
    ears = stroke("M168 176 q-34 10 -18 44 M232 176 q34 10 18 44", look.dark, 9) if look.model == 3 else ""
    return (
        floor(200, 328, 85)
        + twig
        + blossoms
        + ears
        + path(shape, BODY)
        + path("M160 226 Q140 262 158 300 Q150 258 176 222Z", SHINE)
        + stroke("M146 262 Q200 276 254 262", look.dark, 3, 'opacity=".4"')
    )


@drawing("candle")
def candle(look: Look) -> str:
    return (
        circle(200, 116, 110, GLOW)
        + floor(200, 328, 85)
        + stroke("M200 172 V140", "#4a3b2e", 4)
        + path("M200 82 q24 34 0 62 q-24 -28 0 -62Z", "#f7a93b")
        + path("M200 106 q11 20 0 36 q-11 -16 0 -36Z", "#fff1c4")
        + rect(136, 160, 128, 164, lighter(look.base, 0.55), 14)
        + rect(136, 186, 128, 138, BODY, 14)
        + ellipse(200, 186, 64, 10, lighter(look.base, 0.45))
        + rect(132, 150, 136, 176, GLASS, 16, 'stroke="rgba(255,255,255,.7)" stroke-width="3" opacity=".55"')
        + label(158, 218, 84, 74, darker(look.base, 0.1))
        + rect(146, 166, 9, 144, SHINE, 4)
    )
