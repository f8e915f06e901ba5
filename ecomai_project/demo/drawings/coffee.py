# ruff: noqa: E501 - an outline stays on one line
"""Drawings of coffee and tea things."""

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
    lighter,
    path,
    rect,
    steam,
    stroke,
    turned,
)  # fmt: skip


@drawing("espresso_machine")
def espresso_machine(look: Look) -> str:
    cup = rect(178, 262, 44, 30, "#fffaf0", 8) + stroke("M222 270 q16 2 4 16", "#fffaf0", 5)
    lights = "".join(
        circle(150 + 34 * i, 138, 9, INK) + circle(150 + 34 * i, 138, 4, "#ffd479") for i in range(3)
    )
    return (
        floor(200, 330, 130)
        + rect(96, 96, 208, 226, BODY, 18)
        + rect(112, 176, 176, 120, darker(look.base, 0.45), 10)
        + rect(96, 96, 208, 70, BODY, 18)
        + rect(104, 102, 192, 10, SHINE, 5)
        + rect(112, 84, 176, 14, STEEL, 5)
        + "".join(
            ellipse(140 + 40 * i, 78, 17, 9, PAPER) + rect(123 + 40 * i, 62, 34, 18, PAPER, 6)
            for i in range(3)
        )
        + lights
        + circle(266, 138, 19, STEEL)
        + stroke("M266 138 L276 127", "#c8423b", 3)
        + rect(168, 176, 64, 22, STEEL, 6)
        + rect(176, 198, 48, 14, INK, 5)
        + rect(196, 202, 96, 11, WOOD, 5)
        + stroke("M190 214 V240 M210 214 V240", "#6b4226", 5)
        + stroke("M276 190 q10 40 -6 66", "#c3c9cf", 6)
        + cup
        + ellipse(200, 263, 20, 5, "#8a5a33")
        + rect(104, 292, 192, 16, STEEL, 5)
        + rect(96, 306, 208, 18, darker(look.base, 0.2), 7)
    )


@drawing("coffee_grinder")
def coffee_grinder(look: Look) -> str:
    beans = "".join(ellipse(164 + 24 * (i % 4), 118 + 16 * (i // 4), 11, 8, "#6b4226") for i in range(8))
    return (
        floor(200, 330, 90)
        + path("M138 78 H262 L246 160 H154Z", GLASS)
        + beans
        + path("M138 78 H262 L246 160 H154Z", "rgba(255,255,255,.25)", 'stroke="#fff" stroke-width="3"')
        + rect(132, 66, 136, 16, DARK, 8)
        + path("M150 158 H250 L262 250 H138Z", BODY)
        + rect(160, 172, 10, 66, SHINE, 5)
        + circle(200, 206, 20, STEEL)
        + stroke("M200 206 L212 196", INK, 4)
        + rect(146, 246, 108, 62, darker(look.base, 0.5), 8)
        + rect(160, 258, 80, 52, GLASS, 6)
        + rect(163, 282, 74, 27, "#6b4226", 5)
        + rect(128, 306, 144, 20, BODY, 9)
    )


@drawing("espresso_beans")
def espresso_beans(look: Look) -> str:
    return _bag(look, "#2d2420") + _bean(118, 318, -20) + _bean(280, 320, 25) + _bean(302, 312, -40)


@drawing("filter_beans")
def filter_beans(look: Look) -> str:
    return _bag(look, "#f4ead9") + _bean(120, 320, 15) + _bean(288, 318, -25)


def _bag(look: Look, band: str) -> str:
    return (
        floor(200, 328, 105)
        + path("M130 110 Q200 96 270 110 L282 318 Q200 334 118 318Z", BODY)
        + path("M130 110 Q200 96 270 110 L272 142 Q200 130 128 142Z", look.dark)
        + rect(126, 84, 148, 34, look.dark, 6)
        + rect(126, 96, 148, 5, SHINE, 2)
        + circle(200, 160, 8, SHADE)
        + circle(200, 160, 4, look.dark)
        + path("M126 190 H274 L278 280 H122Z", band)
        + label(152, 200, 96, 70, look.base)
        + path("M138 122 L130 306 L150 312 L152 122Z", "rgba(255,255,255,.16)")
    )


def _bean(x: float, y: float, degrees: float) -> str:
    bean = ellipse(x, y, 16, 11, "#6b4226") + stroke(f"M{x - 11} {y + 2} q11 -8 22 -3", "#3f2616", 3)
    return turned(degrees, bean, x, y)


@drawing("dripper")
def dripper(look: Look) -> str:
    ribs = "".join(
        stroke(f"M{140 + 24 * i} 128 L{170 + 12 * i} 204", look.dark, 3, 'opacity=".35"') for i in range(6)
    )
    return (
        floor(200, 330, 95)
        + path("M146 238 H254 L270 310 Q200 340 130 310Z", GLASS)
        + path("M139 278 H261 L268 308 Q200 334 132 308Z", "#7a4a27", 'opacity=".85"')
        + path("M110 118 H290 L226 214 H174Z", BODY)
        + ribs
        + ellipse(200, 118, 90, 17, look.light)
        + ellipse(200, 120, 76, 12, "#fdf6ea")
        + ellipse(200, 123, 58, 8, "#6b4226")
        + rect(142, 210, 116, 14, BODY, 7)
        + rect(168, 222, 64, 18, look.dark, 5)
        + stroke("M282 136 q40 12 8 48", look.base, 12)
        + stroke("M200 240 V268", "#7a4a27", 4)
        + stroke("M136 126 L178 196", SHINE, 6)
        + steam(188, 104)
    )


@drawing("paper_filters")
def paper_filters(look: Look) -> str:
    cones = "".join(
        path(f"M{128 + 9 * i} {108 - 5 * i} H{272 + 9 * i} L{214 + 9 * i} {236 - 5 * i} H{186 + 9 * i}Z",
             lighter("#e3cfae" if look.model else "#f1e7d6", 0.1 * i), 'stroke="#c9b391" stroke-width="1.5"')
        for i in range(4)
    )  # fmt: skip
    return (
        floor(200, 330, 110)
        + cones
        + path("M104 196 H296 V322 H104Z", "#c79a63")
        + path("M104 196 H296 V214 H104Z", "#b0834e")
        + label(
            144, 230, 112, 74, "#3f8a5d" if look.model == 2 else look.base if look.model == 1 else "#7db5de"
        )
        + rect(110, 200, 8, 118, SHINE, 4)
    )


@drawing("descaler")
def descaler(look: Look) -> str:
    drop = path("M200 214 q26 34 0 52 q-26 -18 0 -52Z", "#7db5de")
    return (
        floor(200, 330, 78)
        + path(
            "M156 146 Q156 122 176 116 V100 H224 V116 Q244 122 244 146 V306 Q244 324 226 324 H174 Q156 324 156 306Z",
            BODY,
        )
        + rect(172, 72, 56, 34, DARK, 7)
        + rect(166, 186, 68, 106, "#fffaf0", 8)
        + drop
        + rect(178, 272, 44, 6, look.base, 3)
        + rect(164, 140, 9, 160, SHINE, 4)
    )


@drawing("teapot")
def teapot(look: Look) -> str:
    cane = look.model % 2 == 0
    handle = (
        stroke("M146 158 C150 60 250 60 254 158", "#b98a52", 11)
        if cane
        else stroke("M276 206 C344 186 340 284 272 272", look.base, 17)
    )
    return (
        floor(200, 326, 120)
        + handle
        + path("M132 226 C96 218 100 176 66 160 L84 152 C120 164 118 196 146 200Z", look.base)
        + ellipse(200, 238, 90, 80, BODY)
        + rect(148, 304, 104, 16, look.dark, 8)
        + ellipse(200, 164, 52, 15, look.dark)
        + path("M152 162 Q200 132 248 162 Q200 178 152 162Z", BODY)
        + circle(200, 138, 11, look.dark)
        + path("M132 204 Q146 168 176 172 Q146 196 140 250 Q128 232 132 204Z", SHINE)
        + stroke("M116 262 Q200 300 284 262", look.dark, 4, 'opacity=".45"')
    )


@drawing("loose_tea")
def loose_tea(look: Look) -> str:
    leaves = leaf(200, 262, 52, -38, "#5f8f4f", "#3c6a38") + leaf(200, 262, 60, 0, "#76a862", "#3c6a38")
    leaves += leaf(200, 262, 52, 38, "#5f8f4f", "#3c6a38")
    dots = "".join(
        ellipse(
            120 + 17 * i,
            324 - (i % 3) * 3,
            9,
            3.5,
            "#5a4a2c",
            f'transform="rotate({i * 37} {120 + 17 * i} 324)"',
        )
        for i in range(10)
    )
    return (
        floor(200, 328, 110)
        + rect(128, 138, 144, 180, BODY, 12)
        + ellipse(200, 140, 72, 14, look.dark)
        + rect(122, 98, 156, 46, STEEL, 10)
        + ellipse(200, 100, 78, 14, "#e9edf0")
        + rect(146, 176, 108, 112, "#fffaf0", 54)
        + leaves
        + rect(170, 268, 60, 7, look.base, 3)
        + rect(136, 150, 9, 158, SHINE, 4)
        + dots
    )


@drawing("mug")
def mug(look: Look) -> str:
    bands = {
        0: "",
        1: path("M126 232 Q200 250 274 232 L270 300 Q200 340 130 300Z", "#f4ead9", 'opacity=".9"'),
        2: "".join(
            stroke(f"M125 {190 + 22 * i} q37 10 75 10 t75 -10", "#fff6e4", 4, 'opacity=".7"')
            for i in range(5)
        ),
        3: "".join(
            circle(146 + 27 * (i % 5), 196 + 30 * (i // 5), 6, "#fff6e4", 'opacity=".8"') for i in range(15)
        ),
    }
    return (
        floor(205, 326, 105)
        + stroke("M268 184 C340 170 344 284 262 282", look.base, 21)
        + stroke("M268 184 C340 170 344 284 262 282", "rgba(255,255,255,.22)", 6)
        + path("M122 140 H278 V276 Q278 322 232 322 H168 Q122 322 122 276Z", BODY)
        + bands[look.model % 4]
        + ellipse(200, 141, 78, 18, look.light)
        + ellipse(200, 145, 66, 13, "#5d3a20")
        + ellipse(192, 143, 30, 5, "#8a5a33")
        + path("M136 172 q-4 70 6 112 l14 6 q-12 -60 -6 -116Z", SHINE)
        + steam(184, 116)
    )
