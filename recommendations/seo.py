"""Titles and descriptions for search engines, composed from an item's own facts and from nothing else."""

import hashlib
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import strip_tags

from ecomai.commerce.models import Item

from .models.seo import DESCRIPTION_LENGTH, TITLE_LENGTH

LANGUAGES = ("en", "zh-hans")
#: Facts of an attribute longer than this are texts of their own.
LONGEST_ATTRIBUTE, MOST_ATTRIBUTES = 40, 6
#: What changes from day to day is no fact for a page that search engines keep for months.
_SPACES = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


@dataclass(frozen=True)
class Facts:
    """What may be said of an item: prices and stock may not, as they change while a page is remembered."""

    title: str
    brand: str
    category: str
    attributes: Sequence[tuple[str, str]]
    sentences: Sequence[str]

    @property
    def digest(self) -> str:
        """Tells whether a text that was composed before still says what is so."""
        facts = [self.title, self.brand, self.category, list(self.attributes), list(self.sentences)]
        return hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Words:
    """How a language joins facts. There are no adjectives in it: what is good is for the shop to say."""

    by: str  # title and brand
    of: str  # what comes before and its category
    pair: str
    comma: str
    stop: str


WORDS = {
    "en": Words(by="%(title)s by %(brand)s", of="%(what)s in %(category)s", pair="%(name)s: %(value)s",
                comma=", ", stop=". "),
    "zh-hans": Words(by="%(brand)s %(title)s", of="%(what)s，%(category)s", pair="%(name)s：%(value)s",
                     comma="，", stop="。"),
}  # fmt: skip


def facts_of(item: Item) -> Facts:
    attributes = item.attributes if isinstance(item.attributes, dict) else {}
    return Facts(
        title=_plain(item.title),
        brand=_plain(item.brand),
        category=_plain(item.category_path.split(" > ")[-1]),
        attributes=tuple(_attributes(attributes)),
        sentences=tuple(_sentences(item.description)),
    )


def _plain(text: Any) -> str:
    """Return text without markup and what no page should carry."""
    text = html.unescape(strip_tags(str(text)))
    text = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in text)
    return _SPACES.sub(" ", text).strip()


def _attributes(attributes: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(attributes.items()):
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            continue
        name, value = _plain(name).replace("_", " "), _plain(value)
        if name and value and len(name) + len(value) <= LONGEST_ATTRIBUTE:
            yield name, value


def _sentences(description: str) -> list[str]:
    found = [part.strip() for part in _SENTENCE_END.split(_plain(description))]
    return [part for part in found if part][:3]


# -- composing ------------------------------------------------------------------------------------


def compose(facts: Facts, language: str) -> tuple[str, str]:
    """Return a title and a description that search engines show whole."""
    return compose_title(facts), compose_description(facts, WORDS[language])


def compose_title(facts: Facts) -> str:
    """Return the longest of the usual forms that fits; what the title says already is not said again."""
    brand = "" if _is_said(facts.brand, facts.title) else facts.brand
    category = "" if _is_said(facts.category, f"{facts.title} {brand}") else facts.category
    forms = [
        [facts.title, *([brand] if brand else []), *([category] if category else [])],
        [facts.title, *([brand] if brand else [])],
        [facts.title],
    ]
    for form in forms:
        title = (
            form[0] + "".join(f" – {part}" for part in form[1:2]) + "".join(f" | {part}" for part in form[2:])
        )
        if width(title) <= TITLE_LENGTH:
            return title
    return shortened(facts.title, TITLE_LENGTH)


def compose_description(facts: Facts, words: Words) -> str:
    """Say what it is and what is known of it, sentence by sentence, as long as a whole one fits."""
    what = facts.title
    if facts.brand and not _is_said(facts.brand, what):
        what = words.by % {"title": what, "brand": facts.brand}
    if facts.category and not _is_said(facts.category, what):
        what = words.of % {"what": what, "category": facts.category}
    text = shortened(what, DESCRIPTION_LENGTH - width(words.stop.rstrip())) + words.stop.rstrip()
    for part in [_attribute_sentence(facts, words, text), *facts.sentences]:
        ended = part if not part or part[-1] in ".!?。！？" else part + words.stop.rstrip()
        joined = f"{text}{words.stop[len(words.stop.rstrip()) :]}{ended}"
        if part and width(joined) <= DESCRIPTION_LENGTH:
            text = joined
    return text


def _attribute_sentence(facts: Facts, words: Words, text: str) -> str:
    found = ""
    for name, value in facts.attributes[:MOST_ATTRIBUTES]:
        if _is_said(value, text):
            continue
        pair = words.pair % {"name": name[:1].upper() + name[1:] if not found else name, "value": value}
        longer = f"{found}{words.comma}{pair}" if found else pair
        if width(text) + width(longer) + 2 > DESCRIPTION_LENGTH:
            break
        found = longer
    return found


def _is_said(part: str, text: str) -> bool:
    return not part or part.casefold() in text.casefold()


def width(text: str) -> int:
    """How much room a text takes where search engines show it: Chinese letters take twice as much."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def shortened(text: str, most: int) -> str:
    """Return text that fits, ended between words and with an ellipsis where it was cut."""
    if width(text) <= most:
        return text
    kept = "".join(_while_it_fits(text, most - 1))
    at_word = (
        kept.rsplit(" ", 1)[0] if " " in kept and text[len(kept) : len(kept) + 1] not in ("", " ") else kept
    )
    return at_word.rstrip(" ,;:-–") + "…"


def _while_it_fits(text: Iterable[str], most: int) -> Iterator[str]:
    used = 0
    for letter in text:
        used += width(letter)
        if used > most:
            return
        yield letter
