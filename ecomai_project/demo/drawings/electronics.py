# ruff: noqa: E501 - an outline stays on one line
"""Drawings of electronic things."""

from .shapes import (
    BODY,
    DARK,
    INK,
    SHADE,
    SHINE,
    STEEL,
    Look,
    circle,
    darker,
    drawing,
    ellipse,
    floor,
    label,
    lighter,
    moved,
    path,
    rect,
    stroke,
    turned,
)  # fmt: skip


@drawing("headphones")
def headphones(look: Look) -> str:
    def cup(x: float, side: int) -> str:
        return (
            rect(x - 26, 192, 52, 118, BODY, 26)
            + rect(x + (side * 22) - 13, 200, 26, 102, darker(look.base, 0.5), 13)
            + rect(x - 16, 204, 9, 92, SHINE, 5)
        )

    return (
        floor(200, 328, 115)
        + stroke("M106 236 V190 C106 52 294 52 294 190 V236", look.dark, 24)
        + stroke("M106 210 V190 C106 52 294 52 294 190 V210", look.base, 13)
        + stroke("M138 122 C160 90 240 90 262 122", darker(look.base, 0.5), 15)
        + rect(98, 176, 16, 46, STEEL, 5)
        + rect(286, 176, 16, 46, STEEL, 5)
        + cup(104, 1)
        + cup(296, -1)
        + (circle(100, 286, 5, "#ffd479") if look.model else "")
    )


@drawing("speaker")
def speaker(look: Look) -> str:
    mesh = "".join(
        circle(x, y, 2.6, darker(look.base, 0.45), 'opacity=".6"')
        for x in range(132, 276, 13)
        for y in range(170, 300, 13)
    )
    if look.model == 0:
        return (
            floor(200, 326, 120) + ellipse(200, 246, 118, 78, BODY) + ellipse(200, 246, 96, 58, darker(look.base, 0.2))
            + moved(30, 34, "".join(circle(x, y, 2.6, look.light, 'opacity=".6"') for x in range(104, 240, 13) for y in range(178, 250, 12)))
            + stroke("M268 186 C300 150 330 176 306 214", "#c9a26b", 8) + ellipse(160, 192, 40, 10, SHINE)
        )  # fmt: skip
    if look.model == 2:
        return (
            floor(200, 326, 140) + stroke("M110 172 V140 Q110 118 132 118 H268 Q290 118 290 140 V172", look.dark, 15)
            + rect(70, 164, 260, 154, BODY, 26) + circle(138, 246, 52, DARK) + circle(138, 246, 34, INK)
            + circle(138, 246, 14, STEEL) + circle(262, 246, 52, DARK) + circle(262, 246, 34, INK)
            + circle(262, 246, 14, STEEL) + rect(176, 182, 48, 12, "#fffaf0", 6) + rect(86, 172, 228, 8, SHINE, 4)
        )  # fmt: skip
    return (
        floor(200, 328, 95) + rect(112, 108, 176, 214, BODY, 34) + mesh + rect(124, 160, 152, 148, SHADE, 20, 'opacity=".35"')
        + ellipse(200, 124, 58, 10, look.light) + circle(176, 124, 4, INK) + circle(200, 124, 4, INK)
        + circle(224, 124, 4, INK) + rect(122, 136, 10, 166, SHINE, 5)
    )  # fmt: skip


@drawing("keyboard")
def keyboard(look: Look) -> str:
    columns = 12 if look.model == 1 else 14
    width = 268 / columns
    caps = "".join(
        rect(
            66 + width * i,
            188 + 26 * row,
            width - 4,
            20,
            lighter(look.base, 0.35) if (i + row) % 7 else "#e98b35",
            4,
        )
        + rect(67 + width * i, 189 + 26 * row, width - 6, 7, "rgba(255,255,255,.35)", 3)
        for row in range(4)
        for i in range(columns)
        if not (row == 3 and 3 < i < 9)
    )
    space = rect(66 + width * 4, 266, width * 5 - 4, 20, look.light, 4)
    board = (
        rect(52, 176, 296, 124, BODY, 14) + rect(58, 180, 284, 114, darker(look.base, 0.4), 10) + caps + space
    )
    cable = stroke("M200 176 C200 120 260 140 264 86", look.dark, 6)
    return floor(200, 318, 150) + cable + turned(-5, board, 200, 240)


@drawing("mouse")
def mouse(look: Look) -> str:
    return (
        floor(200, 326, 90)
        + path("M200 98 Q278 100 276 206 Q278 322 200 324 Q122 322 124 206 Q122 100 200 98Z", BODY)
        + stroke("M200 100 V196 M126 200 Q200 176 274 200", look.dark, 4)
        + rect(190, 128, 20, 46, DARK, 10)
        + rect(194, 134, 12, 16, STEEL, 6)
        + path("M146 132 Q160 110 182 108 Q160 134 156 186 H138 Q138 154 146 132Z", SHINE)
        + (stroke("M128 232 Q120 256 132 280", look.dark, 7) if look.model else "")
        + circle(200, 298, 5, "#8fd18a")
    )


@drawing("power_bank")
def power_bank(look: Look) -> str:
    lights = "".join(circle(160 + 18 * i, 288, 5, "#8fd18a" if i < 3 else SHADE) for i in range(4))
    bolt = path("M208 142 L176 208 H198 L190 256 L226 186 H204Z", "#fffaf0", 'opacity=".92"')
    pack = (
        rect(136, 96, 128, 220, BODY, 26)
        + rect(148, 108, 10, 190, SHINE, 5)
        + bolt
        + lights
        + rect(182, 88, 36, 12, INK, 4)
    )
    cable = stroke("M200 88 C200 44 292 40 300 120 C306 190 320 220 318 300", look.dark, 7) + rect(
        306, 296, 24, 32, STEEL, 6
    )
    return floor(205, 328, 110) + cable + pack


@drawing("cable")
def cable(look: Look) -> str:
    rings = "".join(
        ellipse(
            200,
            214,
            98 - 13 * i,
            82 - 12 * i,
            "none",
            f'stroke="{look.base if i % 2 else look.dark}" stroke-width="9"',
        )
        for i in range(3)
    )
    braid = ellipse(
        200, 214, 98, 82, "none", 'stroke="#fff" stroke-width="2" stroke-dasharray="3 9" opacity=".6"'
    )
    plug = rect(0, 0, 30, 52, DARK, 7) + rect(6, -20, 18, 24, STEEL, 5) + rect(5, 6, 5, 38, SHINE, 2)
    return (
        floor(200, 316, 120)
        + rings
        + braid
        + stroke("M282 256 C330 280 320 180 318 152", look.base, 9)
        + moved(303, 102, plug)
        + stroke("M118 168 C70 150 84 230 86 256", look.base, 9)
        + moved(101, 308, f'<g transform="rotate(180)">{plug}</g>')
        + rect(180, 282, 40, 22, "#f4ead9", 6)
    )


@drawing("instant_camera")
def instant_camera(look: Look) -> str:
    stripe = "".join(
        rect(192 + 6 * i, 252, 6, 56, c)
        for i, c in enumerate(("#c8423b", "#e98b35", "#f4d06a", "#3f8a5d", "#7db5de"))
    )
    photo = rect(146, 292, 108, 44, "#fffaf0", 3) + rect(156, 300, 88, 36, "#9fc6dd")
    second = circle(258, 206, 24, INK) + circle(258, 206, 13, "#5d7fa0") if look.model == 2 else ""
    return (
        floor(200, 334, 120)
        + rect(88, 126, 224, 184, BODY, 30)
        + path("M118 126 Q124 92 152 92 H248 Q276 92 282 126Z", look.dark)
        + (stripe if look.model != 2 else "")
        + rect(104, 144, 62, 38, "#fff6d6", 9)
        + rect(104, 144, 62, 16, "#ffffff", 8)
        + circle(270, 158, 15, DARK)
        + circle(270, 158, 7, "#7d93a8")
        + circle(198, 218, 62, "#e9e5da")
        + circle(198, 218, 50, DARK)
        + circle(198, 218, 32, "#31455e")
        + circle(198, 218, 17, "#16202e")
        + circle(184, 204, 9, "rgba(255,255,255,.75)")
        + second
        + circle(116, 214, 14, "#ef7f6b")
        + photo
        + rect(100, 132, 200, 7, SHINE, 4)
    )


@drawing("instant_film")
def instant_film(look: Look) -> str:
    def photo(degrees: float, sky: str, hill: str, sun: str) -> str:
        w = (104, 124, 158)[look.option % 3]
        frame = ("#fffdf6", "#26282e", "#f6d6dc")[look.model % 3]
        x = 200 - w / 2
        return turned(
            degrees,
            rect(x, 116, w, 158, frame, 5, 'stroke="#d8d0c0" stroke-width="1"')
            + rect(x + 11, 128, w - 22, 108, sky) + circle(x + w - 36, 154, 14, sun)
            + path(f"M{x + 11} 236 V204 Q{x + w * 0.3} 168 {x + w * 0.55} 206 T{x + w - 11} 196 V236Z", hill),
            200, 300,
        )  # fmt: skip

    colours = ("#9a9a9a", "#5b5b5b", "#e4e4e4") if look.model == 1 else ("#9fc6dd", "#5f8f6f", "#f4c95c")
    other = ("#7d7d7d", "#444444", "#cfcfcf") if look.model == 1 else ("#f0c4a0", "#b9694e", "#fff0c0")
    box = (
        rect(128, 262, 144, 62, BODY, 8)
        + label(160, 270, 80, 46, darker(look.base, 0.1))
        + rect(134, 266, 7, 54, SHINE, 3)
    )
    return floor(200, 330, 110) + photo(-17, *other) + photo(15, *other) + photo(-1, *colours) + box
