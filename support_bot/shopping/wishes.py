"""What a customer looks for: words, price, colour and for whom, and how a next message changes it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from ecomai.inference.text import normalise

from ..understanding.patterns import CURRENCY_WORDS, SYMBOLS

_SIGN = r"(?P<sign>[$€£¥￥])?\s*"
_UNIT = r"\s*(?P<unit>€|\$|£|eur(?:os?)?|usd|dollars?|gbp|pounds?|cny|yuan|元|块钱?|人民币)?"
_NUMBER = r"(?P<n>\d{1,7}(?:[.,]\d{1,2})?)"
_UNDER = (
    r"(?:under|below|less than|cheaper than|up to|at most|no more than|not more than|max(?:imum)?\.?(?: of)?"
    r"|within|budget (?:is|of)|便宜于|低于|少于|不超过|不到|最多|预算)"
)
_OVER = r"(?:over|above|more than|at least|from|min(?:imum)?\.?|高于|超过|多于|不低于|至少)"
_MOST = (
    re.compile(rf"{_UNDER}\s*{_SIGN}{_NUMBER}{_UNIT}", re.IGNORECASE),
    re.compile(rf"{_SIGN}{_NUMBER}{_UNIT}\s*(?:or less|max\b|以下|以内|之内)", re.IGNORECASE),
)
_LEAST = (
    re.compile(rf"{_OVER}\s*{_SIGN}{_NUMBER}{_UNIT}", re.IGNORECASE),
    re.compile(rf"{_SIGN}{_NUMBER}{_UNIT}\s*(?:or more|以上)", re.IGNORECASE),
)
_BETWEEN = re.compile(
    rf"(?:between\s*)?{_SIGN}{_NUMBER.replace('<n>', '<low>')}\s*(?:-|–|to|and|到|至)\s*"
    rf"{_SIGN.replace('sign', 'sign2')}{_NUMBER}{_UNIT}",
    re.IGNORECASE,
)
#: What each colour is called; the first name is the one that is kept.
COLOURS = (
    ("red", "红色", "红"), ("blue", "蓝色", "蓝"), ("green", "绿色", "绿"), ("black", "黑色", "黑"),
    ("white", "白色", "白"), ("yellow", "黄色", "黄"), ("pink", "粉色", "粉红"), ("purple", "紫色", "紫"),
    ("brown", "棕色", "褐色"), ("grey", "gray", "灰色"), ("orange", "橙色"), ("gold", "golden", "金色"),
    ("silver", "银色"), ("beige", "米色"),
)  # fmt: skip
_OF_NAME = {name: names[0] for names in COLOURS for name in names}
_PEOPLE = (
    r"(?:my |our |a |an |the |his |her )?(?:little |younger |older |best )?"
    r"(?P<who>mother|mum|mom|father|dad|wife|husband|girlfriend|boyfriend|partner|sister|brother|son|daughter"
    r"|grandmother|grandma|grandfather|grandpa|friend|colleague|boss|teacher|baby|kids?|child(?:ren)?|aunt"
    r"|uncle|parents|man|woman|men|women|boys?|girls?)"
)
_FOR = re.compile(rf"\bfor {_PEOPLE}\b", re.IGNORECASE)
_FOR_HAN = re.compile(
    r"(?:送给?|给|为)(?:我|我的)?(?P<who>妈妈|母亲|爸爸|父亲|妻子|老婆|丈夫|老公|女朋友|男朋友|姐姐|妹妹|哥哥|弟弟|儿子"
    r"|女儿|奶奶|爷爷|外婆|外公|朋友|同事|老师|孩子|宝宝|父母)"
)
#: Words around a wish that say nothing of what it is.
_AROUND = re.compile(
    r"\b(?:i(?:'m| am)? (?:need|want|would like|looking for|searching for|wish)|i'?d like|looking for"
    r"|(?:can|could) you (?:please )?(?:recommend|suggest|show|find)(?: me)?|please|recommend(?: me)?"
    r"|suggest(?: me)?|show me|find me|do you (?:have|sell)|have you got|are there(?: any)?|is there"
    r"|what (?:is|does|'s) the price of|how much (?:is|are|does)|cost|give me|search for|buy|to buy|get"
    r"|what about|how about|maybe|hello|hi|thanks?|an?|the|any|some|for|in|with|of|me|one)\b"
    r"|我?想要?|我要|我需要|想买|想找|买|找一?[个件些款]?|有没有|有吗|请|推荐|帮我|给我|一[个件些款双]|你们|适合|的|吗|呢|价格",
    re.IGNORECASE,
)
_GENERIC = frozenset({
    "gift", "gifts", "present", "presents", "something", "anything", "idea", "ideas", "surprise", "nice",
    "thing", "things", "birthday", "christmas", "礼物", "礼品", "东西", "生日", "商品",
})  # fmt: skip
_NOT_A_WORD = re.compile(r"[^\w\s'-]+")


class Wish(msgspec.Struct, frozen=True):
    """What is looked for. `words` are searched; `for_whom` is said again and searched too."""

    words: str = ""
    for_whom: str = ""
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    currency: str = ""
    colour: str = ""
    category: str = ""

    @property
    def query(self) -> str:
        words = [self.colour, self.words, self.category.split(" > ")[-1]]
        # Whom a gift is for helps only where nothing says what it is.
        return " ".join(filter(None, [*words, self.for_whom if self.is_broad else ""]))

    @property
    def is_broad(self) -> bool:
        """Whether it could be anything."""
        return not self.category and all(word in _GENERIC for word in self.words.split())


@dataclass(frozen=True)
class _Price:
    low: Decimal | None
    high: Decimal | None
    currency: str
    start: int
    end: int


def read_wish(text: str) -> Wish:
    """Return what a message looks for.

    Examples
    --------
    >>> wish = read_wish("I need a gift for my mother under 50")
    >>> wish.words, wish.for_whom, wish.max_price
    ('gift', 'mother', Decimal('50'))
    """
    text = normalise(text)
    price = _price(text)
    if price is not None:
        text = f"{text[: price.start]} {text[price.end :]}"
    who = _FOR.search(text) or _FOR_HAN.search(text)
    if who is not None:
        text = f"{text[: who.start()]} {text[who.end() :]}"
    colour, text = _colour(text)
    words = " ".join(_NOT_A_WORD.sub(" ", _AROUND.sub(" ", text)).split())
    return Wish(
        words=words[:100], for_whom=who["who"] if who else "", colour=colour,
        min_price=price.low if price else None, max_price=price.high if price else None,
        currency=price.currency if price else "",
    )  # fmt: skip


def changed(wish: Wish, by: Wish) -> Wish:
    """Return a wish after a message that names something new of it; what it does not name stays."""
    fields = {name: value for name, value in msgspec.structs.asdict(by).items() if value and name != "words"}
    if by.min_price is not None or by.max_price is not None:
        fields |= {"min_price": by.min_price, "max_price": by.max_price, "currency": by.currency}
    known = msgspec.structs.asdict(wish)
    return Wish(**(known | fields))


def names_only_refinements(text: str) -> bool:
    """Whether a message says a price, a colour or for whom, and nothing else to look for."""
    found = read_wish(text)
    has_any = found.colour or found.for_whom or found.min_price is not None or found.max_price is not None
    return bool(has_any) and all(word in _GENERIC for word in found.words.split())


def without_limit(text: str) -> str:
    """Return a text without what something may cost at most.

    Examples
    --------
    >>> without_limit("a gift under 50").strip()
    'a gift'
    """
    for pattern in _MOST:
        text = pattern.sub(" ", text)
    return text


def _price(text: str) -> _Price | None:
    if found := _BETWEEN.search(text):
        low, high = sorted((_decimal(found["low"]), _decimal(found["n"])))
        if found["sign"] or found["sign2"] or found["unit"] or found.group().startswith("between"):
            currency = _currency(found["sign"] or found["sign2"] or found["unit"])
            return _Price(low, high, currency, *found.span())
    for patterns, is_most in ((_MOST, True), (_LEAST, False)):
        for pattern in patterns:
            if found := pattern.search(text):
                amount, currency = _decimal(found["n"]), _currency(found["sign"] or found["unit"])
                start, end = found.span()
                return _Price(None if is_most else amount, amount if is_most else None, currency, start, end)
    return None


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def _currency(sign: str | None) -> str:
    if not sign:
        return ""
    sign = sign.lower()
    return SYMBOLS.get(sign) or CURRENCY_WORDS.get(sign) or sign.upper()[:3]


def _colour(text: str) -> tuple[str, str]:
    """Return the colour that is named, and the text without it."""
    for name in sorted(_OF_NAME, key=len, reverse=True):
        pattern = rf"\b{name}\b" if name.isascii() else name
        if re.search(pattern, text):
            return _OF_NAME[name], re.sub(pattern, " ", text)
    return "", text


def names_of(colour: str) -> Iterator[str]:
    """Yield what a colour is called, in any language."""
    yield from (name for name, first in _OF_NAME.items() if first == colour)


def without_price(wish: Wish) -> Wish:
    return msgspec.structs.replace(wish, min_price=None, max_price=None, currency="")
