"""Drawings of things for body and face."""

from .shapes import (
    BODY,
    DARK,
    GLASS,
    SHADE,
    SHINE,
    STEEL,
    WOOD,
    Look,
    circle,
    darker,
    drawing,
    floor,
    label,
    leaf,
    path,
    rect,
    stroke,
    turned,
)  # fmt: skip


@drawing("cleanser")
def cleanser(look: Look) -> str:
    foam = "".join(
        circle(268 + 17 * (i % 4), 312 - 12 * (i // 4), 12 - i % 3, "#ffffff", 'opacity=".9"')
        for i in range(8)
    )
    return (
        floor(205, 330, 110)
        + rect(184, 82, 32, 44, STEEL, 6)
        + path("M150 80 Q152 66 176 66 H216 V84 H164 L160 92Z", DARK)
        + path(
            "M146 152 Q146 122 172 122 H228 Q254 122 254 152 V304 Q254 322 236 322 H164 Q146 322 146 304Z",
            BODY,
        )
        + label(160, 176, 80, 108, darker(look.base, 0.15))
        + rect(154, 146, 9, 164, SHINE, 4)
        + foam
    )


@drawing("serum")
def serum(look: Look) -> str:
    drop = path("M292 250 q22 32 0 48 q-22 -16 0 -48Z", look.base, 'opacity=".85"') + circle(
        286, 280, 5, "#fff"
    )
    return (
        floor(200, 330, 90)
        + rect(180, 54, 40, 56, DARK, 18)
        + rect(172, 104, 56, 30, STEEL, 5)
        + path(
            "M150 168 Q150 138 180 134 H220 Q250 138 250 168 V306 Q250 324 232 324 H168 Q150 324 150 306Z",
            BODY,
            'opacity=".92"',
        )
        + rect(192, 134, 16, 120, GLASS, 6)
        + path(
            "M154 214 Q200 224 246 214 V304 Q246 320 230 320 H170 Q154 320 154 304Z",
            look.dark,
            'opacity=".55"',
        )
        + label(164, 222, 72, 80, darker(look.base, 0.2))
        + rect(158, 158, 8, 148, SHINE, 4)
        + drop
    )


@drawing("sunscreen")
def sunscreen(look: Look) -> str:
    rays = "".join(turned(30 * i, rect(196, 176, 8, 20, "#f4b63f", 4), 200, 222) for i in range(12))
    tube = (
        path("M140 96 H260 L250 286 H150Z", "#fff8e8")
        + path("M140 96 H260 L258 132 Q200 120 142 132Z", BODY)
        + rect(138, 84, 124, 18, look.dark, 4)
        + circle(200, 222, 22, "#f4b63f")
        + rays
        + path("M154 268 Q178 254 200 268 T246 268 L250 288 H150Z", "#7db5de")
        + rect(160, 286, 80, 38, BODY, 8)
        + path("M152 108 L160 280 L172 280 L166 108Z", SHINE)
    )
    return floor(200, 330, 90) + tube


@drawing("soap")
def soap(look: Look) -> str:
    def bar(x: float, y: float) -> str:
        return (
            rect(x, y, 172, 84, BODY, 26)
            + rect(x + 12, y + 10, 148, 9, SHINE, 5)
            + rect(x + 40, y + 28, 92, 32, look.dark, 14, 'opacity=".35"')
            + stroke(f"M{x + 62} {y + 44} h48", look.light, 5)
        )

    bubbles = "".join(
        circle(x, y, r, "rgba(255,255,255,.6)", 'stroke="#fff" stroke-width="2"')
        for x, y, r in (
            (98, 168, 20),
            (130, 138, 12),
            (304, 176, 16),
            (286, 142, 9),
            (82, 210, 10),
            (322, 216, 11),
        )
    )
    twig = leaf(300, 316, 60, 62, "#7f9a6b", "#55703f") + leaf(290, 318, 54, 34, "#93b07c", "#55703f")
    stack = bar(114, 226) + (bar(122, 148) + bar(108, 70) if look.option else "")
    dish = path("M84 304 H316 Q306 328 268 328 H132 Q94 328 84 304Z", WOOD)
    return floor(200, 330, 130) + dish + stack + bubbles + twig


@drawing("hand_cream")
def hand_cream(look: Look) -> str:
    tube = (
        path("M150 92 H250 Q258 200 242 278 H158 Q142 200 150 92Z", BODY)
        + rect(146, 80, 108, 18, look.dark, 4)
        + "".join(stroke(f"M{156 + 9 * i} 82 v13", SHADE, 2) for i in range(11))
        + rect(168, 276, 64, 44, STEEL if look.model == 1 else DARK, 10)
        + label(164, 140, 72, 96, darker(look.base, 0.15))
        + path("M160 104 Q152 190 166 268 L174 268 Q164 190 170 104Z", SHINE)
    )
    swirl = path("M262 316 q-4 -24 24 -26 q8 -16 22 -4 q24 2 18 30Z", "#fffaf4") + stroke(
        "M278 306 q14 -14 28 -2", "#e6dccb", 3
    )
    return floor(205, 328, 110) + swirl + turned(-8, tube, 200, 300)


@drawing("razor")
def razor(look: Look) -> str:
    grip = "".join(stroke(f"M189 {206 + 11 * i} l22 6", darker(look.base, 0.3), 3) for i in range(8))
    head = path("M132 112 Q200 92 268 112 V126 Q200 142 132 126Z", BODY) + path(
        "M140 128 H260 V138 H140Z", STEEL
    )
    comb = "".join(rect(146 + 12 * i, 138, 6, 10, look.dark, 2) for i in range(10)) if look.model == 1 else ""
    tool = head + comb + rect(192, 138, 16, 30, STEEL, 3) + rect(186, 164, 28, 160, BODY, 12) + grip
    tool += (
        rect(182, 186, 36, 10, look.dark, 5)
        + rect(182, 298, 36, 22, look.dark, 8)
        + rect(191, 170, 5, 140, SHINE, 2)
    )
    foam = "".join(
        circle(x, y, r, "#ffffff", 'opacity=".92"')
        for x, y, r in ((92, 300, 22), (118, 306, 18), (104, 282, 16), (80, 316, 14))
    )
    return floor(200, 328, 110) + foam + turned(24, tool, 200, 220)


@drawing("razor_blades")
def razor_blades(look: Look) -> str:
    blade = (
        path("M104 132 H296 V142 L306 150 V176 L296 184 V194 H104 V184 L94 176 V150 L104 142Z", STEEL)
        + rect(140, 158, 120, 10, "#6d747c", 5)
        + circle(200, 163, 11, "#6d747c")
        + stroke("M108 137 H292", "#ffffff", 3)
    )
    pack = (
        rect(112, 214, 176, 104, BODY, 10)
        + label(146, 226, 108, 80, darker(look.base, 0.1))
        + rect(118, 220, 9, 92, SHINE, 4)
    )
    more = turned(7, blade, 200, 163) if look.option else ""
    return floor(200, 328, 120) + more + turned(-7, blade, 200, 163) + pack
