"""What may be said of an item: its title, brand, category, attributes and description, nothing else."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecomai.commerce.models import Item

from .texts import plain, sentences_of

#: Facts of an attribute longer than this are texts of their own.
LONGEST_ATTRIBUTE, MOST_ATTRIBUTES = 40, 6
MOST_SENTENCES = 3


@dataclass(frozen=True)
class Facts:
    """What may be said of an item: prices and stock may not, as they change while a text is remembered."""

    title: str = ""
    brand: str = ""
    category: str = ""
    attributes: Sequence[tuple[str, str]] = ()
    sentences: Sequence[str] = ()

    @property
    def digest(self) -> str:
        """Tells whether a text that was composed before still says what is so."""
        facts = [self.title, self.brand, self.category, list(self.attributes), list(self.sentences)]
        return hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()

    def lines(self) -> list[str]:
        """Return all of it, a fact a line."""
        pairs = [f"{name}: {value}" for name, value in self.attributes]
        return [part for part in (self.title, self.brand, self.category, *pairs, *self.sentences) if part]


def facts_of(item: Item) -> Facts:
    attributes = item.attributes if isinstance(item.attributes, dict) else {}
    return Facts(
        title=plain(item.title),
        brand=plain(item.brand),
        category=plain(item.category_path.split(" > ")[-1]),
        attributes=tuple(_attributes(attributes)),
        sentences=tuple(sentences_of(plain(item.description))[:MOST_SENTENCES]),
    )


def _attributes(attributes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(attributes.items()):
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            continue
        name, value = plain(name).replace("_", " "), plain(value)
        if name and value and len(name) + len(value) <= LONGEST_ATTRIBUTE:
            yield name, value
