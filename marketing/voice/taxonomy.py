"""The aspects that a shop begins with, and the words that tell, in English and Chinese."""

from dataclasses import dataclass

from django.utils.translation import gettext_noop


@dataclass(frozen=True)
class Seed:
    """An aspect to begin with; a word counts from its beginning on, so “deliver” finds “delivered”.

    Examples are sentences that a sentence of the same meaning is near to.
    """

    slug: str
    name: str
    words: tuple[str, ...]
    examples: tuple[str, ...]


SEEDS = (
    Seed("fit", gettext_noop("Fit and size"), (
        "fit", "size", "sizing", "too small", "too big", "too large", "too tight", "too loose", "too short",
        "too long", "runs small", "runs large", "runs big", "tight", "loose", "baggy", "waist", "sleeve",
        "hips", "length", "尺码", "尺寸", "大小", "偏大", "偏小", "太紧", "太松", "合身", "太长", "太短",
    ), (
        "It is much smaller than I am used to.",
        "I had to go one up from what I usually wear.",
        "It hangs on me like a tent.",
        "比平时穿的小了一号。",
        "穿起来绷得难受。",
    )),
    Seed("quality", gettext_noop("Quality"), (
        "quality", "fabric", "material", "stitch", "seam", "well made", "poorly made", "fell apart",
        "broke", "broken", "tear", "tore", "torn", "ripped", "faded", "flimsy", "sturdy", "durable", "shrank",
        "shrunk", "pilling", "defect", "scratch", "workmanship", "质量", "做工", "面料", "材质", "掉色",
        "起球", "坏了", "结实", "耐用", "瑕疵", "缩水", "线头",
    ), (
        "It came apart after two washes.",
        "Solid, it will last for years.",
        "One handle snapped off the first day.",
        "用了一周就散架了。",
        "很扎实，能用好几年。",
    )),
    Seed("delivery", gettext_noop("Delivery"), (
        "deliver", "shipping", "shipped", "shipment", "ship ", "courier", "parcel", "package arriv",
        "arrived late", "arrived quick", "arrived on time", "came late", "waited", "waiting for", "tracking",
        "postage", "lost in the post", "on time", "days late", "weeks late", "快递", "物流", "发货", "送货",
        "配送", "送到", "到货", "包裹", "收到货", "运费",
    ), (
        "It took three weeks to get here.",
        "It was at my door the next morning.",
        "The box was crushed when the postman handed it over.",
        "等了半个月才拿到。",
        "第二天就到家了。",
    )),
    Seed("price", gettext_noop("Price"), (
        "price", "pricey", "priced", "cost", "expensive", "cheap", "overpriced", "worth", "money",
        "value for", "bargain", "discount", "on sale", "价格", "价钱", "贵", "便宜", "性价比", "划算",
        "物有所值", "优惠", "降价",
    ), (
        "I paid far too much for this.",
        "You get a lot for what you pay.",
        "Elsewhere it is half of that.",
        "花这么多钱不值。",
        "这个价位没得挑。",
    )),
    Seed("service", gettext_noop("Service"), (
        "service", "support", "staff", "refund", "return", "exchange", "complain", "replied", "reply",
        "customer care", "helpful", "rude", "answered", "hotline", "客服", "服务", "退货", "退款", "换货",
        "态度", "售后", "回复",
    ), (
        "Nobody got back to me when I asked for help.",
        "They sorted out my problem at once.",
        "I was left waiting on the phone for an hour.",
        "问了好几次都没人理。",
        "问题很快就帮我解决了。",
    )),
    Seed("colour", gettext_noop("Colour and looks"), (
        "colour", "color", "print", "pattern", "shade", "looks", "pretty", "beautiful", "gorgeous", "ugly",
        "stylish", "design", "颜色", "色差", "款式", "好看", "漂亮", "难看", "图案", "设计", "样式",
    ), (
        "It is darker than I thought, more of a brown.",
        "It goes with everything I own.",
        "It is lovely to look at.",
        "比想象中暗很多。",
        "摆在家里特别显档次。",
    )),
    Seed("description", gettext_noop("As described"), (
        "description", "described", "picture", "photo", "pictured", "online it", "advertised", "as shown",
        "wrong item", "not what i ordered", "misleading", "描述", "图片", "照片", "实物", "宣传", "发错",
        "不符", "货不对板",
    ), (
        "I got something else than what I had chosen.",
        "It is not what the page promised.",
        "Exactly what I saw on the screen.",
        "收到的和网页上的不一样。",
        "和页面上写的完全一致。",
    )),
    Seed("comfort", gettext_noop("Comfort and use"), (
        "comfort", "comfy", "soft", "itchy", "scratchy", "easy to use", "easy to", "hard to use",
        "instructions", "battery", "heavy", "light weight", "lightweight", "noisy", "smell", "舒服", "舒适",
        "柔软", "好用", "难用", "操作", "说明书", "电池", "太重", "轻便", "噪音", "气味", "味道",
    ), (
        "I can wear it all day without noticing it.",
        "It takes ages to work out how to switch it on.",
        "It is too loud to sleep next to.",
        "戴一整天也不累。",
        "半天都不知道怎么开机。",
    )),
)  # fmt: skip
