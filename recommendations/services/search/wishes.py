"""What a query says besides the words to look for: a price, a category, an attribute's value, a brand."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property

import numpy as np

from ecomai.inference.pieces import RUN
from ecomai.inference.text import DENSE_SCRIPTS, normalise, script_of_letter
from ecomai.serving.predictors.search import canonical

from ...catalogue import Catalogue
from ...shelf import Shelf
from .facets import range_label

PRICE, CATEGORY, BRAND = "price", "category", "brand"
_AMOUNT = r"(\d{1,9}(?:[.,]\d{1,2})?)"
_BEFORE = r"([€$£¥]|eur|usd|gbp|cny|rmb)?\s*"
_AFTER = r"\s*([€$£¥]|eur(?:os?)?|usd|dollars?|gbp|pounds?|cny|rmb|yuan|元|块钱?|欧元|美元)?(?![\w.,]*\d)"
CURRENCIES = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "欧元": "EUR", "$": "USD", "usd": "USD",
    "dollar": "USD", "dollars": "USD", "美元": "USD", "£": "GBP", "gbp": "GBP", "pound": "GBP",
    "pounds": "GBP", "¥": "CNY", "cny": "CNY", "rmb": "CNY", "yuan": "CNY", "元": "CNY", "块": "CNY",
    "块钱": "CNY",
}  # fmt: skip
_MOST = (
    r"(?:under|below|less than|cheaper than|up to|at most|max(?:imum)?\.?"
    r"|便宜于|低于|少于|不超过|不到|最多)"
)
_LEAST = r"(?:over|above|more than|at least|min(?:imum)?\.?|高于|超过|多于|不低于|至少)"
_ANY_CURRENCY = r"(?:[€$£¥]|eur(?:os?)?|usd|dollars?|gbp|pounds?|cny|rmb|yuan|元|块钱?|欧元|美元)"
_TO = r"\s*(?:-|–|~|to|and|到|至)\s*"
#: Amounts and currencies are told apart by their first sign; the first pattern that fits counts.
PATTERNS = (
    (re.compile(rf"(?:between|from)\s+{_BEFORE}{_AMOUNT}{_TO}{_BEFORE}{_AMOUNT}{_AFTER}"), "range"),
    (re.compile(rf"([€$£¥])\s*{_AMOUNT}{_TO}([€$£¥])?\s*{_AMOUNT}"), "range"),
    (re.compile(rf"(?<![\w.]){_AMOUNT}{_TO}{_AMOUNT}\s*({_ANY_CURRENCY})"), "range"),
    (re.compile(rf"{_MOST}\s*{_BEFORE}{_AMOUNT}{_AFTER}"), "most"),
    (re.compile(rf"{_LEAST}\s*{_BEFORE}{_AMOUNT}{_AFTER}"), "least"),
    (re.compile(rf"{_AMOUNT}\s*({_ANY_CURRENCY})?\s*(?:以下|以内|之内)"), "most"),
    (re.compile(rf"{_AMOUNT}\s*({_ANY_CURRENCY})?\s*以上"), "least"),
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One thing that a query asks for. `code` names it where a visitor takes it back."""

    kind: str
    code: str
    label: str
    value: str = ""
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True)
class Understood:
    """The words to look for, and what else was asked for."""

    text: str
    wishes: Sequence[Wish] = field(default_factory=tuple)


class Vocabulary:
    """Names of categories, brands and attributes' values, by the stems of their words."""

    def __init__(self, catalogue: Catalogue, shelf: Shelf, language: str) -> None:
        self.language = language
        self._catalogue = catalogue
        self._shelf = shelf

    @cached_property
    def categories(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for path in set(self._catalogue.categories[self._catalogue.is_active].tolist()):
            names = path.split(" > ")
            for n, name in enumerate(names, start=1):
                found.setdefault(canonical(name, self.language), set()).add(" > ".join(names[:n]))
        found.pop("", None)
        return found

    @cached_property
    def values(self) -> dict[str, tuple[str, str]]:
        """Attribute and value; a value of two attributes is the more common one's."""
        found: dict[str, tuple[str, str]] = {}
        for name, attribute in self._shelf.attributes.items():
            for value in attribute.values:
                if any(letter.isalpha() for letter in value) and len(value) > 1:
                    found.setdefault(canonical(value, self.language), (name, value))
        found.pop("", None)
        return found

    @cached_property
    def brands(self) -> dict[str, str]:
        names = set(np.asarray(self._catalogue.brands[self._catalogue.is_active]).tolist())
        found = {canonical(name, self.language): name for name in names if len(name) > 1}
        found.pop("", None)
        return found


def understand(query: str, vocabulary: Vocabulary, *, ignore: Collection[str] = ()) -> Understood:
    """Return what a query asks for, without what the visitor took back (`ignore`, by code)."""
    text, wishes = query, []
    if PRICE not in ignore and (found := _price(query)) is not None:
        text, wish = found
        wishes.append(wish)
    if not RUN.search(text):  # a price alone is no search
        return Understood(query)
    named = [*_values(text, vocabulary), *_brands(text, vocabulary), *_categories(text, vocabulary)]
    return Understood(text, [*wishes, *(wish for wish in named if wish.code not in ignore)])


def _price(query: str) -> tuple[str, Wish] | None:
    text = normalise(query)
    if len(text) != len(query):
        query = text
    for pattern, kind in PATTERNS:
        found = pattern.search(text)
        if found is None:
            continue
        groups = list(found.groups())
        amounts = [_amount(one) for one in groups if one and one[0].isdigit()]
        signs = [CURRENCIES.get(one, "") for one in groups if one and not one[0].isdigit()]
        currency = next((sign for sign in signs if sign), "")
        rest = " ".join(f"{query[: found.start()]} {query[found.end() :]}".split())
        low, high = _bounds(kind, amounts)
        return rest, Wish(
            kind=PRICE, code=PRICE, label=range_label(_said(low), _said(high), currency),
            min_price=low, max_price=high, currency=currency,
        )  # fmt: skip
    return None


def _bounds(kind: str, amounts: list[Decimal]) -> tuple[Decimal | None, Decimal | None]:
    if kind == "range":
        return min(amounts), max(amounts)
    return (None, amounts[0]) if kind == "most" else (amounts[0], None)


def _said(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        return Decimal(0)


def _values(text: str, vocabulary: Vocabulary) -> Iterator[Wish]:
    """Yield values that are said beside something else: of "red" alone red things are found anyway."""
    seen = set()
    for phrase, rest in _phrases(text, vocabulary.values, vocabulary.language):
        name, value = vocabulary.values[canonical(phrase, vocabulary.language)]
        if rest and name not in seen:
            seen.add(name)
            yield Wish(kind=name, code=f"{name}:{value}", label=f"{name}: {value}", value=value)


def _brands(text: str, vocabulary: Vocabulary) -> Iterator[Wish]:
    for phrase, rest in _phrases(text, vocabulary.brands, vocabulary.language):
        brand = vocabulary.brands[canonical(phrase, vocabulary.language)]
        if rest:
            yield Wish(kind=BRAND, code=f"brand:{brand}", label=brand, value=brand)
            return


def _categories(text: str, vocabulary: Vocabulary) -> Iterator[Wish]:
    """Yield the category whose name is all that is left besides an attribute's value or a brand."""
    rest = text
    for known in (vocabulary.values, vocabulary.brands):
        for phrase, _others in _phrases(rest, known, vocabulary.language):
            without = " ".join(normalise(rest).replace(normalise(phrase), " ", 1).split())
            rest = without or rest
    paths = vocabulary.categories.get(canonical(rest, vocabulary.language), set())
    if len(paths) == 1:
        (path,) = paths
        yield Wish(kind=CATEGORY, code=f"category:{path}", label=path.split(" > ")[-1], value=path)


def _phrases(text: str, known: Collection[str], language: str) -> Iterator[tuple[str, str]]:
    """Yield pieces of a text that are known, longest first, each with the rest of the text."""
    words = RUN.findall(normalise(text))[:16]
    for n in (3, 2, 1):
        for start in range(len(words) - n + 1):
            phrase = " ".join(words[start : start + n])
            if canonical(phrase, language) in known:
                yield phrase, " ".join([*words[:start], *words[start + n :]])
    for word in words:
        if any(script_of_letter(letter) in DENSE_SCRIPTS for letter in word):
            yield from (
                (name, word.replace(name, ""))
                for name in known
                if len(name) > 1 and name != word and name in word
            )
