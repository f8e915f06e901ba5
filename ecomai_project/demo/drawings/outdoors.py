# ruff: noqa: E501 - an outline stays on one line
"""Drawings of things for sport and outdoors."""

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
    lighter,
    moved,
    path,
    rect,
    stroke,
    turned,
)  # fmt: skip


@drawing("running_shoes")
def running_shoes(look: Look) -> str:
    upper = "M78 262 Q74 214 88 186 Q98 172 112 184 Q126 208 152 198 Q178 186 196 160 Q206 152 216 162 L262 216 Q318 230 334 252 Q344 268 340 282 H82 Q78 272 78 262Z"
    stripe = {
        0: stroke("M150 270 Q186 258 206 214", "#fffaf0", 11),
        1: stroke("M142 236 H204 M148 256 H224", "#fffaf0", 7),
        2: path("M150 216 L202 272 H166 L132 240Z", "#fffaf0"),
        3: stroke("M142 222 q24 44 84 38", "#fffaf0", 8),
    }[look.model % 4]
    laces = "".join(stroke(f"M{198 + 15 * i} {180 + 17 * i} l27 -13", "#fffaf0", 6) for i in range(4))

    def shoe(fill: str) -> str:
        return (
            path(upper, fill)
            + path("M78 262 Q74 214 88 186 Q98 172 112 184 L124 282 H82 Q78 272 78 262Z", look.dark)
            + path("M196 160 Q206 152 216 162 L262 216 L236 232 L182 178Z", look.dark, 'opacity=".65"')
            + stripe
            + laces
            + path("M286 228 Q330 240 338 272 H312 Q310 246 286 228Z", look.dark, 'opacity=".55"')
            + stroke("M106 186 Q126 216 158 204 Q182 194 200 168", look.light, 5)
            + path("M74 276 H342 Q352 294 336 304 Q326 312 300 312 H112 Q76 312 74 276Z", "#fffaf0")
            + path("M76 296 Q140 306 190 296 T340 298 Q332 314 300 314 H112 Q84 314 76 296Z", look.base)
        )

    behind = moved(46, -26, f'<g opacity=".85">{shoe(look.dark)}</g>', 0.86)
    return floor(206, 322, 140) + behind + shoe(BODY)


@drawing("running_socks")
def running_socks(look: Look) -> str:
    def sock(dx: float) -> str:
        shape = "M148 92 H206 V222 Q210 238 236 252 Q286 268 270 298 Q258 316 224 312 Q168 300 152 268 Q144 250 148 222Z"
        return moved(
            dx, 0,
            path(shape, BODY) + rect(146, 84, 62, 26, look.dark, 8)
            + path("M232 250 Q288 266 270 300 Q256 318 228 312 Q216 276 232 250Z", look.dark, 'opacity=".7"')
            + rect(148, 128, 59, 10, "#fffaf0") + (rect(148, 148, 59, 6, "#fffaf0") if look.model else "")
            + stroke("M160 122 V220", SHINE, 7),
        )  # fmt: skip

    return floor(206, 322, 120) + sock(54) + sock(-42)


@drawing("energy_bar")
def energy_bar(look: Look) -> str:
    def bar(fill: str) -> str:
        teeth = "".join(f"L{76 + 6 * (i % 2)} {176 + 8 * i} " for i in range(10))
        teeth_right = "".join(f"L{324 - 6 * (i % 2)} {248 - 8 * i} " for i in range(10))
        return (
            path(f"M76 176 {teeth} L324 252 {teeth_right} L324 176Z", fill)
            + rect(98, 176, 5, 76, SHADE) + rect(297, 176, 5, 76, SHADE)
            + rect(136, 194, 112, 18, "#fffaf0", 6) + rect(136, 222, 70, 9, "rgba(255,255,255,.7)", 4)
            + path("M104 182 H296 V190 H104Z", SHINE)
        )  # fmt: skip

    crumbs = path("M246 268 L322 254 L336 302 L262 318Z", "#a9713c") + "".join(
        circle(268 + 17 * (i % 4), 276 + 18 * (i // 4), 6, c)
        for i, c in enumerate(("#e9c48b", "#7a4a27", "#e9c48b", "#f0d9a8") * 2)
    )
    return (
        floor(200, 326, 130) + turned(-16, moved(0, -46, bar(look.dark)), 200, 200)
        + turned(8, moved(0, 14, bar(BODY)), 200, 214) + crumbs
    )  # fmt: skip


@drawing("bottle")
def bottle(look: Look) -> str:
    top = (
        rect(172, 60, 56, 46, DARK, 10) + stroke("M184 60 q16 -30 32 0", INK, 8)
        if look.model % 2 == 0
        else rect(166, 66, 68, 40, STEEL, 12) + rect(166, 84, 68, 5, SHADE)
    )
    return (
        floor(200, 330, 75)
        + top
        + path(
            "M168 104 H232 Q252 122 252 152 V304 Q252 324 232 324 H168 Q148 324 148 304 V152 Q148 122 168 104Z",
            BODY,
        )
        + rect(148, 286, 104, 8, look.dark, 0, 'opacity=".6"')
        + path("M176 212 L200 176 L224 212 L212 212 L200 196 L188 212Z", "#fffaf0", 'opacity=".9"')
        + rect(160, 140, 12, 150, SHINE, 6)
    )


@drawing("tent")
def tent(look: Look) -> str:
    trees = "".join(
        path(f"M{x} 296 L{x + 26} {y} L{x + 52} 296Z", "#8fb79a")
        for x, y in ((38, 190), (306, 176), (336, 216))
    )
    moon = circle(308, 96, 22, "#fff3cf")
    if look.model == 2:
        body = path("M70 312 Q96 196 200 190 Q304 196 330 312Z", BODY) + path(
            "M158 312 Q168 226 200 212 Q232 226 242 312Z", darker(look.base, 0.55)
        )
        body += stroke("M70 312 Q96 196 200 190 Q304 196 330 312", look.dark, 5)
    else:
        body = (
            path("M200 128 L330 312 H70Z", BODY)
            + path("M200 128 L330 312 H262Z", look.dark)
            + path("M200 152 L244 312 H156Z", darker(look.base, 0.55))
            + path("M200 152 L156 312 H132 Q180 250 200 152Z", look.light)
            + stroke("M196 122 L70 312 M204 122 L330 312", look.dark, 5)
        )
    pegs = stroke("M70 312 L48 322 M330 312 L352 322", "#8f6238", 4)
    return moon + trees + floor(200, 322, 150) + body + pegs + stroke("M110 262 L160 190", SHINE, 7)


@drawing("sleeping_bag")
def sleeping_bag(look: Look) -> str:
    quilting = "".join(
        stroke(
            f"M{136 - 2 * i} {150 + 26 * i} Q200 {164 + 26 * i} {264 + 2 * i} {150 + 26 * i}",
            look.dark,
            3,
            'opacity=".5"',
        )
        for i in range(6)
    )
    bag = (
        path(
            "M200 62 Q268 64 270 132 L276 300 Q272 326 200 328 Q128 326 124 300 L130 132 Q132 64 200 62Z",
            BODY,
        )
        + quilting
        + ellipse(200, 112, 46, 34, lighter(look.base, 0.55))
        + ellipse(200, 118, 36, 25, darker(look.base, 0.5))
        + ellipse(200, 126, 30, 14, "#fffaf0")
        + stroke("M246 124 Q262 200 256 290", "#f4d06a", 4)
        + stroke("M142 150 V286", SHINE, 9)
    )
    return floor(200, 332, 120) + turned(26, moved(0, -6, bag), 200, 200)


@drawing("headlamp")
def headlamp(look: Look) -> str:
    return (
        circle(200, 214, 150, "url(#glow)")
        + floor(200, 326, 110)
        + stroke("M112 214 C84 92 316 92 288 214", look.base, 24)
        + stroke("M112 214 C84 92 316 92 288 214", "#fffaf0", 3, 'stroke-dasharray="3 12"')
        + rect(128, 178, 144, 84, BODY, 28)
        + rect(138, 184, 124, 9, SHINE, 5)
        + circle(200, 222, 44, DARK)
        + circle(200, 222, 34, "#fff6d6")
        + circle(200, 222, 16, "#ffe38a")
        + circle(188, 208, 8, "#ffffff")
        + rect(182, 164, 36, 16, look.dark, 6)
        + circle(146, 220, 6, "#c8423b")
    )


@drawing("yoga_mat")
def yoga_mat(look: Look) -> str:
    rings = "".join(
        circle(116, 246, 54 - 11 * i, "none", f'stroke="{look.dark}" stroke-width="4"') for i in range(5)
    )
    return (
        floor(210, 322, 150)
        + path("M116 300 H352 L372 320 H96Z", look.light)
        + path("M116 192 H312 Q352 206 350 246 Q348 296 312 300 H116Z", BODY)
        + circle(116, 246, 54, look.light)
        + rings
        + rect(186, 190, 18, 112, "#f4ead9", 4)
        + rect(268, 191, 18, 110, "#f4ead9", 4)
        + stroke("M195 190 C200 110 272 110 277 190", "#f4ead9", 10)
        + rect(130, 204, 200, 9, SHINE, 5)
    )


@drawing("yoga_block")
def yoga_block(look: Look) -> str:
    def block(x: float, y: float) -> str:
        specks = "".join(
            circle(x + 20 + (i * 37) % 150, y + 44 + (i * 23) % 60, 3, look.dark, 'opacity=".5"')
            for i in range(14)
        )
        return (
            path(f"M{x} {y + 30} L{x + 44} {y} H{x + 226} L{x + 182} {y + 30}Z", look.light)
            + path(f"M{x + 182} {y + 30} L{x + 226} {y} V{y + 74} L{x + 182} {y + 106}Z", look.dark)
            + rect(x, y + 30, 182, 76, BODY, 3)
            + specks
        )

    return (
        floor(205, 322, 140)
        + (block(90, 130) if look.option else "")
        + block(78, 212 if look.option else 206)
    )
