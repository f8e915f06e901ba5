"""What a searching process keeps in memory of the shop's items: names, attributes and digests of texts.

At most about a second behind the database, as `catalogue`, whose changes tell what to read again.
"""

import hashlib
import json
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ecomai.commerce.models import Item

from .catalogue import Catalogue
from .texts import search_text

ROWS_AT_ONCE = 2000
TEXT_FIELDS = ("title", "category_path", "brand", "attributes", "description")
#: An attribute with more values tells items apart and is nothing to choose by.
MOST_VALUES = 100
MOST_LETTERS = 60


@dataclass(frozen=True)
class ShelfItem:
    title: str
    attributes: tuple[tuple[str, str], ...]
    digest: str  # of what it is found by


@dataclass(frozen=True, eq=False)
class Attribute:
    """The values of one attribute, and which of them each item of the shelf has; -1 for none."""

    values: list[str]
    codes: np.ndarray  # (n_items,) int32


@dataclass(frozen=True, eq=False)
class Shelf:
    """Never changed, only replaced. `keys` are sorted."""

    items: Mapping[int, ShelfItem] = field(default_factory=dict)
    revision: int = 0

    @cached_property
    def keys(self) -> np.ndarray:
        return np.array(sorted(self.items), dtype=np.int64)

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        """Attributes that are worth choosing by, the most common first."""
        counts: Counter[str] = Counter()
        rows: dict[str, dict[int, str]] = {}
        for place, key in enumerate(self.keys.tolist()):
            for name, value in self.items[key].attributes:
                rows.setdefault(name, {})[place] = value
                counts[name] += 1
        found = {}
        for name, _n in counts.most_common():
            values = sorted(set(rows[name].values()))
            if not 2 <= len(values) <= MOST_VALUES:
                continue
            number = {value: code for code, value in enumerate(values)}
            codes = np.full(len(self.keys), -1, dtype=np.int32)
            codes[list(rows[name])] = [number[value] for value in rows[name].values()]
            found[name] = Attribute(values, codes)
        return found

    def codes_in(self, catalogue: Catalogue, name: str) -> np.ndarray:
        """Return the codes of an attribute in the order of the catalogue."""
        at = np.searchsorted(self.keys, catalogue.keys)
        at = np.minimum(at, max(len(self.keys) - 1, 0))
        if not len(self.keys):
            return np.full(len(catalogue), -1, dtype=np.int32)
        return np.where(self.keys[at] == catalogue.keys, self.attributes[name].codes[at], -1)


def text_of(row: Mapping[str, Any]) -> str:
    return search_text(**{name: row[name] for name in TEXT_FIELDS})


def digest_of(text: str) -> str:
    """Return the same as the export of search writes."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_texts(keys: Sequence[int]) -> dict[int, str]:
    rows = Item.objects.filter(pk__in=list(keys)).values("pk", *TEXT_FIELDS)
    return {row["pk"]: text_of(row) for row in rows}


class ShelfCopy:
    """The process's copy. Readers never wait, except for the first load."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._shelf = Shelf()
        self._known = np.empty(0, dtype=np.int64)  # keys of the catalogue when it was read
        self._stamps = np.empty(0, dtype=np.int64)
        self._revision = -1

    def current(self, catalogue: Catalogue) -> Shelf:
        if catalogue.revision == self._revision and len(catalogue) == len(self._known):
            return self._shelf
        is_first = self._revision < 0
        if not self._lock.acquire(blocking=is_first):
            return self._shelf
        try:
            if catalogue.revision != self._revision or len(catalogue) != len(self._known):
                self._refresh(catalogue)
            return self._shelf
        finally:
            self._lock.release()

    def _refresh(self, catalogue: Catalogue) -> None:
        changed = self._changed(catalogue)
        gone = np.setdiff1d(self._known, catalogue.keys)
        if len(changed) or len(gone):
            fresh = _read(changed)
            kept = {key: item for key, item in self._shelf.items.items() if key not in set(gone.tolist())}
            is_other = len(gone) or any(kept.get(key) != item for key, item in fresh.items())
            if is_other:
                self._shelf = Shelf({**kept, **fresh}, self._shelf.revision + 1)
        self._known, self._stamps, self._revision = catalogue.keys, catalogue.updated, catalogue.revision

    def _changed(self, catalogue: Catalogue) -> list[int]:
        if not len(self._known):
            return catalogue.keys.tolist()
        at = np.minimum(np.searchsorted(self._known, catalogue.keys), len(self._known) - 1)
        is_known = (self._known[at] == catalogue.keys) & (self._stamps[at] == catalogue.updated)
        return catalogue.keys[~is_known].tolist()


def _read(keys: Sequence[int]) -> dict[int, ShelfItem]:
    found = {}
    for start in range(0, len(keys), ROWS_AT_ONCE):
        chunk = keys[start : start + ROWS_AT_ONCE]
        for row in Item.objects.filter(pk__in=chunk).values("pk", *TEXT_FIELDS):
            digest = digest_of(text_of(row))
            found[row["pk"]] = ShelfItem(row["title"], _attributes(row["attributes"]), digest)
    return found


def _attributes(attributes: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(attributes, dict):
        return ()
    found = []
    for name, value in sorted(attributes.items()):
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, bool) or first in ("", None) or isinstance(first, dict | list):
            continue
        text = first if isinstance(first, str) else json.dumps(first)
        if len(text) <= MOST_LETTERS and len(str(name)) <= MOST_LETTERS:
            found.append((sys.intern(str(name)), sys.intern(text)))
    return tuple(found)


_copy = ShelfCopy()


def current(catalogue: Catalogue) -> Shelf:
    """Return this process's copy, about as old as the catalogue."""
    return _copy.current(catalogue)


def forget() -> None:
    _copy.forget()
