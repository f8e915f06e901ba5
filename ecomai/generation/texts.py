"""Plain text that others will show: without markup, within a width, ended where a sentence ends."""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import strip_tags

LANGUAGES = ("en", "zh-hans")
_SPACES = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")
_ENDS = ".!?。！？…"


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


def plain(text: Any) -> str:
    """Return text without markup and what no page should carry."""
    text = html.unescape(strip_tags(str(text)))
    text = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in text)
    return _SPACES.sub(" ", text).strip()


def sentences_of(text: str) -> list[str]:
    """Return the sentences of plain text, in their order."""
    return [part for found in _SENTENCE_END.split(text) if (part := found.strip())]


def is_said(part: str, text: str) -> bool:
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


def joined(text: str, parts: Iterable[str], words: Words, most: int) -> str:
    """Return a text with further sentences behind it, each as long as it fits whole."""
    for part in parts:
        longer = f"{text}{_gap(words) if text else ''}{ended(part, words)}"
        if part and width(longer) <= most:
            text = longer
    return text


def ended(part: str, words: Words) -> str:
    """Return a sentence with its full stop."""
    return part if not part or part[-1] in _ENDS else part + words.stop.rstrip()


def listed(pairs: Sequence[tuple[str, str]], words: Words, most: int, *, said: str = "") -> str:
    """Return names with their values as one sentence, as many as fit; what was said is not said again."""
    found = ""
    for name, value in pairs:
        if is_said(value, said):
            continue
        pair = words.pair % {"name": name[:1].upper() + name[1:] if not found else name, "value": value}
        longer = f"{found}{words.comma}{pair}" if found else pair
        if width(said) + width(longer) + 2 > most:
            break
        found = longer
    return found


def _gap(words: Words) -> str:
    return words.stop[len(words.stop.rstrip()) :]
