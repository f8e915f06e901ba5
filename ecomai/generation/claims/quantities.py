"""Numbers with their units, as texts and attributes write them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Unit -> what it measures, and how many of the smallest one it is.
_UNITS: dict[str, tuple[str, float]] = {}
for _names, _what, _factor in (
    ("ml millilitre millilitres milliliter milliliters 毫升", "volume", 1), ("cl", "volume", 10),
    ("l litre litres liter liters 升", "volume", 1000),
    ("mg 毫克", "mass", 0.001), ("g gram grams 克", "mass", 1),
    ("kg kilo kilos kilogram kilograms 公斤 千克", "mass", 1000),
    ("oz ounce ounces 盎司", "ounce", 1), ("lb lbs pound pounds 磅", "pound", 1),
    ("mm millimetre millimetres millimeter millimeters 毫米", "length", 1),
    ("cm centimetre centimetres centimeter centimeters 厘米", "length", 10),
    ("m metre metres meter meters 米", "length", 1000), ("inch inches 英寸", "inch", 1),
    ("w watt watts 瓦", "power", 1), ("v volt volts 伏", "voltage", 1), ("mah 毫安时", "charge", 1),
    ("gb", "storage", 1), ("tb", "storage", 1000), ("hz", "frequency", 1), ("°c 度 摄氏度", "temperature", 1),
    ("% percent per\u00a0cent 折 成", "share", 1), ("min mins minute minutes 分钟", "time", 1),
    ("h hour hours 小时", "time", 60), ("day days 天 日", "time", 1440), ("week weeks 周", "time", 10080),
    ("month months 个月 月", "month", 1), ("year years 年", "month", 12), ("times 倍", "times", 1),
    ("pc pcs piece pieces 件 只 个", "pieces", 1), ("eur € euro euros 欧元", "eur", 1),
    ("usd $ dollar dollars 美元", "usd", 1), ("gbp £", "gbp", 1), ("cny ¥ yuan rmb 元 人民币", "cny", 1),
):  # fmt: skip
    for _name in _names.split(" "):
        _UNITS[_name] = (_what, _factor)

_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "dozen": 12, "twenty": 20, "thirty": 30, "fifty": 50, "hundred": 100,
    "thousand": 1000, "million": 1_000_000, "twice": 2, "double": 2, "triple": 3, "half": 0.5, "halves": 0.5,
}  # fmt: skip
_DIGITS = {letter: float(n) for n, letter in enumerate("一二三四五六七八九十", 1)} | {"两": 2, "半": 0.5}
_COUNTED = "毫升 升 毫克 克 公斤 千克 毫米 厘米 米 英寸 小时 分钟 个月 年 天 倍 折 成 件 只 个 层 款 人 瓦 周"
#: “一个” and its like are articles rather than counts.
_ARTICLES = frozenset(("个", "件", "只", "款", "天"))

UNIT_NAMES = frozenset(_UNITS)
_unit_names = "|".join(re.escape(name) for name in sorted(_UNITS, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<sign>[€$£¥])?\s?(?<![\w.,])(?P<n>\d+(?:[.,]\d+)*)(?:\s?-?(?P<unit>{_unit_names})(?![a-z]))?",
    re.I,
)
_ANY_DIGIT = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(rf"\b(?P<word>{'|'.join(_WORDS)})\b(?:[\s-](?P<unit>{_unit_names})\b)?", re.I)
_CHINESE = re.compile(
    rf"(?P<word>[{''.join(_DIGITS)}]+)(?P<unit>{'|'.join(sorted(_COUNTED.split(), key=len, reverse=True))})"
)


@dataclass(frozen=True)
class Quantity:
    """A number as it was written, and what it measures; `what` is empty where it has no unit."""

    written: str
    number: float
    what: str = ""
    amount: float = 0.0

    def is_supported_by(self, facts: "list[Quantity]") -> bool:
        """Whether one of them says the same: the same amount, or the same bare number."""
        if self.what in ("", "pieces"):
            return any(abs(fact.number - self.number) < 1e-9 for fact in facts)
        return any(
            fact.what == self.what and abs(fact.amount - self.amount) <= 1e-9 * max(1, self.amount)
            for fact in facts
        )


def quantities(text: str) -> Iterator[Quantity]:
    """Yield the numbers of a sentence, in digits and in words."""
    seen: list[tuple[int, int]] = []
    for match in _NUMBER.finditer(text):
        seen.append(match.span("n"))
        yield _quantity(match.group().strip(), _number(match["n"]), match["unit"] or match["sign"] or "")
    for match in _ANY_DIGIT.finditer(text):
        if not any(start <= match.start() < end for start, end in seen):
            yield _quantity(match.group(), _number(match.group()), "")  # part of a name, such as X200
    for match in _WORD.finditer(text):
        yield _quantity(match.group(), float(_WORDS[match["word"].casefold()]), match["unit"] or "")
    for match in _CHINESE.finditer(text):
        if match["word"] != "一" or match["unit"] not in _ARTICLES:
            yield _quantity(match.group(), _chinese(match["word"]), match["unit"])


def attribute_quantities(name: str, value: str) -> Iterator[Quantity]:
    """Yield the numbers of an attribute; the unit may stand in its name, as in `volume ml: 350`."""
    unit = next((word for word in re.split(r"[\s_()]+", name.casefold()) if word in _UNITS), "")
    for found in quantities(value):
        yield found if found.what or not unit else _quantity(found.written, found.number, unit)


def _quantity(written: str, number: float, unit: str) -> Quantity:
    what, factor = _UNITS.get(unit.casefold(), ("", 0.0)) if unit else ("", 0.0)
    return Quantity(written, number, what, number * factor)


def _number(text: str) -> float:
    """Read 1,000 as a thousand and 1,5 as one and a half."""
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    text = text.replace(",", ".")
    head, dot, tail = text.rpartition(".")
    return float(head.replace(".", "") + dot + tail)


def _chinese(word: str) -> float:
    """Read numbers up to ninety-nine."""
    tens, ten, ones = word.partition("十")
    if not ten:
        return _DIGITS[word[-1]] if len(word) == 1 else float("nan")
    return 10.0 * _DIGITS.get(tens, 1) + _DIGITS.get(ones, 0)
