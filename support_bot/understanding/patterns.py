"""What messages name in a fixed form: numbers of orders, dates, amounts of money, addresses of mail."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache

from babel import Locale

from ecomai.inference.spans import Span

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
NUMBER = r"\d+(?:[.,]\d+)*"
ORDER = re.compile(
    r"(?:\b(?:order|purchase|invoice|parcel)\b\s*(?:no\.?|number|id)?|订单号?|单号)\s*[:：#]?\s*"
    r"(?P<value>[A-Z]{0,4}-?\d{3,20}(?:-\d+)*)"
    r"|#(?P<hash>\d{3,20})\b|(?<![\d.,/-])(?P<long>\d{6,20})(?![\d.,/-]*\d)",
    re.IGNORECASE,
)
ISO_DATE = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})\b")
HAN_DATE = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})[日号]")
DAYS_AGO = {
    "today": 0, "yesterday": -1, "tomorrow": 1, "今天": 0, "昨天": -1, "前天": -2, "明天": 1, "后天": 2,
}  # fmt: skip
CURRENCY_WORDS = {
    "dollar": "USD", "dollars": "USD", "euro": "EUR", "euros": "EUR", "pounds": "GBP", "yuan": "CNY",
    "元": "CNY", "块": "CNY", "人民币": "CNY",
}  # fmt: skip
SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY", "￥": "CNY"}
CODES = ("USD", "EUR", "GBP", "CNY", "JPY", "CHF", "CAD", "AUD")


@dataclass(frozen=True)
class Entity:
    """What a part of a message names; `value` is its plain form, such as an ISO date."""

    kind: str
    text: str
    start: int
    end: int
    value: str


def find_patterns(text: str, *, today: date) -> list[Entity]:
    """Return what a text names, in its order; parts do not overlap, and the surer kind wins."""
    found: list[Entity] = []
    for find in FINDERS:
        for entity in find(text, today):
            if all(entity.end <= other.start or other.end <= entity.start for other in found):
                found.append(entity)
    return sorted(found, key=lambda entity: entity.start)


def of_span(text: str, span: Span) -> Entity:
    """Return a learned span as an entity."""
    said = text[span.start : span.end]
    return Entity(span.kind, said, span.start, span.end, said.strip("#"))


def _emails(text: str, today: date) -> Iterator[Entity]:
    for found in EMAIL.finditer(text):
        yield Entity("email", found.group(), found.start(), found.end(), found.group().lower())


def _amounts(text: str, today: date) -> Iterator[Entity]:
    for found in _amount_pattern().finditer(text):
        number = found["after"] or found["before"]
        code = found["sign"] or found["word"]
        amount = _decimal(number)
        if amount is not None:
            currency = SYMBOLS.get(code) or CURRENCY_WORDS.get(code.lower()) or code.upper()
            yield Entity("amount", found.group(), found.start(), found.end(), f"{amount} {currency}")


@cache
def _amount_pattern() -> re.Pattern[str]:
    signs = "|".join(map(re.escape, (*SYMBOLS, *CODES)))
    names = "|".join(map(re.escape, sorted((*CURRENCY_WORDS, *CODES, *SYMBOLS), key=len, reverse=True)))
    return re.compile(
        rf"(?P<sign>{signs})\s?(?P<after>{NUMBER})|(?<![a-z0-9_.])(?P<before>{NUMBER})\s?(?P<word>{names})(?![a-z])",
        re.IGNORECASE,
    )


def _decimal(number: str) -> Decimal | None:
    """Return a number however its thousands are set apart: two digits behind the last mark are cents."""
    whole, mark, cents = number, "", ""
    if len(number) > 3 and number[-3] in ".,":
        whole, mark, cents = number[:-3], ".", number[-2:]
    try:
        return Decimal(re.sub("[.,]", "", whole) + mark + cents)
    except InvalidOperation:
        return None


def _dates(text: str, today: date) -> Iterator[Entity]:
    for pattern in (ISO_DATE, HAN_DATE):
        for found in pattern.finditer(text):
            year, month, day = found.groups()
            yield from _dated(found, _day(int(year or today.year), int(month), int(day)))
    for found in _named_days().finditer(text):
        yield from _dated(found, today + timedelta(days=DAYS_AGO[found.group().lower()]))
    for found in _named_months().finditer(text):
        month = _months()[found["month"].lower()]
        yield from _dated(found, _day(int(found["year"] or today.year), month, int(found["a"] or found["b"])))


def _dated(found: re.Match[str], day: date | None) -> Iterator[Entity]:
    if day is not None:
        yield Entity("date", found.group(), found.start(), found.end(), day.isoformat())


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@cache
def _named_days() -> re.Pattern[str]:
    return re.compile(
        "|".join(rf"\b{name}\b" if name.isascii() else name for name in DAYS_AGO), re.IGNORECASE
    )


@cache
def _months() -> dict[str, int]:
    names = Locale("en").months["format"]
    return {
        name.lower(): number for width in ("wide", "abbreviated") for number, name in names[width].items()
    }


@cache
def _named_months() -> re.Pattern[str]:
    names = "|".join(sorted(_months(), key=len, reverse=True))
    th = r"(?:st|nd|rd|th)?"
    return re.compile(
        rf"\b(?:(?P<a>\d{{1,2}}){th}\s+)?(?P<month>{names})\b(?(a)|\s+(?P<b>\d{{1,2}}){th}\b)(?:,?\s+(?P<year>\d{{4}}))?",
        re.IGNORECASE,
    )


def _orders(text: str, today: date) -> Iterator[Entity]:
    for found in ORDER.finditer(text):
        name = next(name for name in ("value", "hash", "long") if found[name])
        yield Entity("order_number", found[name], found.start(name), found.end(name), found[name])


FINDERS: tuple[Callable[[str, date], Iterator[Entity]], ...] = (_emails, _amounts, _dates, _orders)
