# ruff: noqa: E501 - an outline stays on one line
"""Drawings of clothes, bags and accessories."""

from .shapes import (
    BODY,
    INK,
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
    path,
    rect,
    stroke,
    turned,
)  # fmt: skip


@drawing("tshirt")
def tshirt(look: Look) -> str:
    shape = "M148 92 Q200 124 252 92 L326 130 L300 190 L270 176 V316 Q200 326 130 316 V176 L100 190 L74 130Z"
    stripes = "".join(
        path(
            f"M130 {180 + 30 * i} Q200 {190 + 30 * i} 270 {180 + 30 * i} v12 Q200 {202 + 30 * i} 130 {192 + 30 * i}Z",
            look.light,
        )
        for i in range(5)
    )
    pocket = path("M218 170 h36 v30 q-18 14 -36 0Z", look.dark, 'opacity=".4"')
    return (
        floor(200, 332, 100)
        + path(shape, BODY)
        + (stripes if look.model == 2 else pocket if look.model == 1 else "")
        + path("M148 92 Q200 124 252 92 Q244 132 200 134 Q156 132 148 92Z", look.dark, 'opacity=".55"')
        + stroke("M130 176 V316 M270 176 V316", SHADE, 3)
        + path("M142 190 Q138 260 146 308 L160 310 Q150 250 156 190Z", "rgba(255,255,255,.25)")
        + stroke("M104 180 L92 150 M296 180 L308 150", SHADE, 2)
    )


@drawing("sweater")
def sweater(look: Look) -> str:
    shape = "M150 96 Q200 116 250 96 L304 124 Q330 210 336 290 L300 298 L276 190 V318 H124 V190 L100 298 L64 290 Q70 210 96 124Z"
    knit = {
        0: "".join(
            stroke(f"M{136 + 22 * i} 150 V296", look.dark, 5, 'opacity=".35" stroke-dasharray="9 7"')
            for i in range(7)
        ),
        1: stroke("M150 104 L124 190 M250 104 L276 190", look.dark, 5, 'opacity=".5"'),
        2: "".join(
            stroke(
                f"M{x} {140 + 28 * i} q12 14 0 28 M{x + 12} {140 + 28 * i} q-12 14 0 28",
                look.dark,
                4,
                'opacity=".5"',
            )
            for x in (150, 194, 238)
            for i in range(6)
        ),
    }[look.model % 3]
    ribs = "".join(stroke(f"M{130 + 12 * i} 302 v16", look.dark, 3, 'opacity=".5"') for i in range(13))
    return (
        floor(200, 334, 115)
        + path(shape, BODY)
        + knit
        + rect(122, 298, 156, 24, look.dark, 7, 'opacity=".45"')
        + ribs
        + path("M150 96 Q200 76 250 96 Q246 126 200 128 Q154 126 150 96Z", look.dark)
        + ellipse(200, 100, 36, 11, darker(look.base, 0.5))
        + stroke("M68 276 L102 284 M332 276 L298 284", look.dark, 8, 'opacity=".6"')
        + path("M134 190 V290 L148 292 V186Z", "rgba(255,255,255,.2)")
    )


@drawing("rain_jacket")
def rain_jacket(look: Look) -> str:
    shape = "M152 110 Q200 128 248 110 L302 136 Q326 216 330 288 L296 296 L276 200 V318 Q200 328 124 318 V200 L104 296 L70 288 Q74 216 98 136Z"
    buttons = "".join(circle(212, 176 + 34 * i, 6, STEEL) for i in range(4))
    drops = "".join(
        path(f"M{x} {y} q8 13 0 20 q-8 -7 0 -20Z", "#7db5de")
        for x, y in ((70, 84), (110, 62), (300, 70), (336, 112))
    )
    return (
        drops
        + floor(200, 334, 115)
        + path("M150 114 Q140 56 200 54 Q260 56 250 114 Q200 140 150 114Z", look.dark)
        + path("M166 112 Q164 76 200 76 Q236 76 234 112 Q200 128 166 112Z", darker(look.base, 0.55))
        + path(shape, BODY)
        + rect(194, 128, 12, 190, look.dark, 3, 'opacity=".6"')
        + (buttons if look.model == 0 else stroke("M200 132 V316", "#f4ead9", 3))
        + path("M140 248 h44 v34 h-44Z M216 248 h44 v34 h-44Z", look.dark, 'opacity=".45"')
        + path("M134 200 V300 L146 302 V192Z", SHINE)
    )


@drawing("backpack")
def backpack(look: Look) -> str:
    roll = (
        path("M132 112 Q200 96 268 112 L262 84 Q200 70 138 84Z", look.dark) + rect(186, 78, 28, 60, WOOD, 5)
        if look.model == 0
        else path("M126 170 V148 Q128 84 200 82 Q272 84 274 148 V170Z", look.dark)
    )
    pocket = (
        rect(138, 224, 124, 74, look.dark, 16, 'opacity=".7"')
        if look.model != 2
        else rect(130, 230, 62, 68, look.dark, 12) + rect(208, 230, 62, 68, look.dark, 12)
    )
    straps = (
        stroke("M150 130 V216 M250 130 V216", "#8f6238", 12)
        + rect(143, 192, 14, 18, STEEL, 3)
        + rect(243, 192, 14, 18, STEEL, 3)
    )
    return (
        floor(200, 330, 105)
        + stroke("M112 170 Q84 230 112 296 M288 170 Q316 230 288 296", look.dark, 15)
        + stroke("M176 82 q24 -34 48 0", look.dark, 10)
        + path(
            "M118 170 Q116 104 200 100 Q284 104 282 170 V296 Q282 322 254 322 H146 Q118 322 118 296Z", BODY
        )
        + roll
        + pocket
        + stroke("M150 240 H250", "#f4ead9", 3, 'stroke-dasharray="7 6"')
        + straps
        + rect(126, 180, 11, 118, SHINE, 5)
    )


@drawing("tote_bag")
def tote_bag(look: Look) -> str:
    high = 46 if look.option else 92
    art = (
        "".join(
            rect(164 + 16 * i, 216 - (i * 17) % 23, 12, 56 + (i * 17) % 23, c, 2)
            for i, c in enumerate(("#c8423b", "#f4d06a", "#2b7f86", "#74406b", "#e98b35"))
        )
        if look.model
        else circle(200, 240, 32, "#ef7f6b") + path("M196 210 q6 -22 26 -22 q-4 20 -26 22Z", "#4f8f55")
    )
    return (
        floor(200, 330, 110)
        + stroke(f"M152 160 C150 {high} 250 {high} 248 160", look.dark, 11)
        + path("M108 152 H292 L304 316 Q200 330 96 316Z", BODY)
        + rect(108, 152, 184, 14, look.dark, 3, 'opacity=".5"')
        + rect(146, 148, 14, 26, look.dark, 3)
        + rect(240, 148, 14, 26, look.dark, 3)
        + rect(146, 190, 108, 94, "rgba(255,250,240,.88)", 8)
        + art
        + path("M118 176 L108 306 L124 310 L132 176Z", SHINE)
    )


@drawing("scarf")
def scarf(look: Look) -> str:
    tartan = (
        "".join(stroke(f"M{122 + 24 * i} 150 V300", look.light, 5, 'opacity=".6"') for i in range(3))
        + "".join(stroke(f"M110 {186 + 34 * i} H186", look.light, 5, 'opacity=".6"') for i in range(4))
        if look.model == 1
        else "".join(stroke(f"M112 {196 + 26 * i} h72", look.dark, 4, 'opacity=".4"') for i in range(5))
    )
    fringe = "".join(stroke(f"M{114 + 10 * i} 304 v20", look.base, 4) for i in range(8))
    fringe2 = "".join(stroke(f"M{214 + 10 * i} 268 v20", look.dark, 4) for i in range(7))
    return (
        floor(195, 330, 110)
        + fringe2
        + path("M208 150 H280 V272 H208Z", look.dark)
        + path("M96 132 Q100 72 200 70 Q300 72 304 132 Q300 186 200 188 Q100 186 96 132Z", BODY)
        + ellipse(200, 118, 66, 28, darker(look.base, 0.5))
        + path("M108 148 Q130 176 190 174 V306 H110Z", BODY)
        + tartan
        + fringe
        + stroke("M112 132 Q120 164 190 168", SHINE, 7)
        + stroke("M136 152 Q200 180 290 150", look.dark, 5, 'opacity=".5"')
    )


@drawing("watch")
def watch(look: Look) -> str:
    marks = "".join(
        turned(30 * i, rect(198, 134, 4, 13 if i % 3 == 0 else 7, INK, 2), 200, 200) for i in range(12)
    )
    face = "#fbf7ee" if look.model != 2 else "#2f3d35"
    hand = INK if look.model != 2 else "#f4ead9"
    stitches = stroke(
        "M172 60 V124 M228 60 V124 M172 276 V340 M228 276 V340", "#f4ead9", 2, 'stroke-dasharray="6 5"'
    )
    return (
        floor(200, 352, 80, 9)
        + path("M162 128 L168 44 H232 L238 128Z", BODY)
        + path("M162 272 L168 352 Q200 366 232 352 L238 272Z", BODY)
        + stitches
        + "".join(circle(200, 306 + 13 * i, 3, darker(look.base, 0.5)) for i in range(3))
        + circle(200, 200, 84, STEEL)
        + rect(280, 190, 18, 20, STEEL, 5)
        + circle(200, 200, 72, face)
        + marks
        + stroke("M200 200 L168 172", hand, 7)
        + stroke("M200 200 L222 152", hand, 5)
        + stroke("M200 214 L200 146", "#c8423b", 2)
        + circle(200, 200, 6, hand)
        + path("M150 150 Q176 124 214 130 Q170 142 146 188 Q142 166 150 150Z", "rgba(255,255,255,.3)")
    )
