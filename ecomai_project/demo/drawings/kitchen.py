"""Drawings of kitchen things."""

from .shapes import (
    BODY,
    DARK,
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
    moved,
    path,
    rect,
    steam,
    stroke,
    turned,
)  # fmt: skip


@drawing("frying_pan")
def frying_pan(look: Look) -> str:
    egg = path(
        "M118 196 q-8 -34 30 -38 q20 -24 52 -10 q42 -4 36 36 q16 34 -26 40 q-30 20 -54 2 q-36 4 -38 -30Z",
        "#fffaf0",
    )
    pan = (
        rect(262, 186, 122, 24, WOOD if look.model % 2 else DARK, 12)
        + rect(252, 189, 28, 18, STEEL, 5)
        + circle(366, 198, 5, "#f3e7d8")
        + circle(172, 198, 116, BODY)
        + circle(172, 198, 100, darker(look.base, 0.45))
        + circle(172, 198, 92, darker(look.base, 0.55))
        + stroke("M88 168 A92 92 0 0 1 150 110", SHINE, 7)
    )
    yolk = circle(176, 188, 25, "#f4b63f") + circle(168, 180, 7, "#fbd98a")
    return floor(186, 326, 130) + turned(-24, pan + egg + yolk, 190, 200)


@drawing("cooking_pot")
def cooking_pot(look: Look) -> str:
    return (
        floor(200, 326, 130)
        + stroke("M92 214 q-32 4 -22 32 q6 12 26 10", look.dark, 14)
        + stroke("M308 214 q32 4 22 32 q-6 12 -26 10", look.dark, 14)
        + path("M90 190 H310 V276 Q310 322 262 322 H138 Q90 322 90 276Z", BODY)
        + rect(104, 204, 12, 90, SHINE, 6)
        + path("M84 188 Q200 104 316 188Z", BODY)
        + rect(80, 180, 240, 18, look.dark, 9)
        + rect(178, 118, 44, 16, STEEL, 8)
        + ellipse(200, 118, 24, 11, STEEL)
        + path("M124 170 Q164 138 204 134 Q160 148 146 172Z", SHINE)
        + steam(190, 96)
    )


@drawing("chef_knife")
def chef_knife(look: Look) -> str:
    shape = (
        "M60 190 H250 V232 Q140 240 60 190Z"
        if look.model % 2
        else "M52 232 Q90 178 250 180 V236 Q120 240 52 232Z"
    )
    knife = (
        path(shape, STEEL, 'stroke="#aab2ba" stroke-width="1"')
        + stroke("M82 216 Q160 226 248 224", "rgba(255,255,255,.8)", 3)
        + rect(248, 182, 14, 42, "#d8dde2", 3)
        + path("M260 184 H356 Q372 186 368 206 Q366 222 350 220 L260 222Z", BODY)
        + "".join(circle(282 + 30 * i, 203, 5, "#e6e9ec") for i in range(3))
        + path("M262 188 H352 L350 195 H262Z", SHINE)
    )
    board = (
        rect(86, 262, 236, 62, WOOD, 16)
        + circle(302, 293, 9, "#f3e7d8")
        + stroke("M104 282 H270 M104 302 H250", SHADE, 2)
    )
    herbs = "".join(ellipse(118 + 15 * i, 262 - 4 * (i % 2), 9, 4, "#5f8f4f") for i in range(6))
    return floor(200, 328, 140) + board + herbs + turned(-18, moved(0, -12, knife), 210, 210)


@drawing("whetstone")
def whetstone(look: Look) -> str:
    drops = "".join(ellipse(132 + 36 * i, 236 - (i % 2) * 10, 7, 4, "rgba(255,255,255,.8)") for i in range(5))
    return (
        floor(200, 322, 140)
        + rect(76, 284, 248, 32, WOOD, 10)
        + path("M92 238 L124 214 H324 L308 238Z", darker(look.base, 0.05))
        + path("M308 238 L324 214 V268 L308 286Z", darker(look.base, 0.3))
        + rect(92, 238, 216, 26, look.light)
        + rect(92, 262, 216, 24, BODY)
        + drops
        + turned(
            -14,
            path("M84 176 H262 V204 Q150 212 84 176Z", STEEL) + rect(258, 174, 90, 28, DARK, 12),
            200,
            190,
        )
    )


@drawing("stand_mixer")
def stand_mixer(look: Look) -> str:
    return (
        floor(200, 330, 130)
        + rect(92, 298, 216, 28, BODY, 14)
        + path("M236 302 Q226 210 242 168 H300 Q306 240 298 302Z", BODY)
        + path("M88 160 Q86 104 146 102 H276 Q318 106 312 150 Q306 182 268 182 H112 Q90 182 88 160Z", BODY)
        + path("M104 128 Q130 110 196 112 Q140 120 116 146Z", SHINE)
        + rect(84, 140, 20, 26, STEEL, 8)
        + circle(262, 142, 13, STEEL)
        + rect(112, 158, 130, 8, look.dark, 4)
        + rect(150, 180, 18, 28, STEEL, 4)
        + stroke("M159 206 q-26 34 0 62 M159 206 q26 34 0 62 M159 206 V268", "#aeb6bd", 4)
        + path("M98 222 H222 Q224 292 186 298 H134 Q96 292 98 222Z", STEEL)
        + ellipse(160, 222, 62, 9, "#eef1f3")
        + path("M110 232 q0 40 18 54 q-8 -24 -6 -54Z", "rgba(255,255,255,.8)")
    )


@drawing("cake_tin")
def cake_tin(look: Look) -> str:
    if look.model == 1:
        cake = path("M112 206 Q128 138 168 150 Q200 132 232 150 Q272 138 288 206Z", "#b97a3f")
        cake += path(
            "M150 158 Q200 132 250 158 Q238 188 222 172 Q206 196 192 172 Q170 190 150 158Z", "#fff6e8"
        )
    else:
        cake = path("M108 206 Q112 150 200 148 Q288 150 292 206Z", "#d9a25f")
        cake += path("M118 178 Q200 138 282 178 Q200 196 118 178Z", "#f3c987")
        cake += "".join(circle(150 + 25 * i, 166 - 7 * (i % 2), 8, "#b3304c") for i in range(5))
    return (
        floor(200, 326, 125)
        + cake
        + path("M84 206 H316 L298 306 Q296 320 278 320 H122 Q104 320 102 306Z", BODY)
        + rect(76, 198, 248, 18, look.dark, 9)
        + path("M104 222 L116 304 L132 308 L122 222Z", SHINE)
        + (rect(284, 232, 26, 44, STEEL, 6) if look.model == 2 else "")
        + (
            stroke("M150 224 L156 312 M200 224 V314 M250 224 L244 312", look.dark, 4)
            if look.model == 1
            else ""
        )
    )


@drawing("bowl")
def bowl(look: Look) -> str:
    def one(y: float, scale: float = 1.0) -> str:
        shape = (
            path("M84 196 H316 Q308 318 224 322 H176 Q92 318 84 196Z", BODY)
            + ellipse(200, 196, 116, 26, look.light)
            + ellipse(200, 200, 100, 19, look.dark)
            + path("M104 224 q14 62 62 84 q-34 -40 -40 -84Z", SHINE)
        )
        return moved(200 - 200 * scale, y, shape, scale)

    if look.option == 2:
        return floor(200, 328, 100) + "".join(one(76 - 34 * i, 0.76) for i in range(4))
    soup = ellipse(200, 202, 92, 15, "#e98b35") + "".join(
        circle(160 + 22 * i, 200 + 4 * (i % 2), 6, "#7f9a45") for i in range(5)
    )
    return (
        floor(200, 328, 100)
        + one(0)
        + (soup if look.model % 2 else ellipse(200, 201, 92, 14, "#fff6e8"))
        + (stroke("M236 196 L300 118 M250 200 L316 126", INK, 6) if look.model == 2 else "")
    )
