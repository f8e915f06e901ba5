"""What a visitor may be about to type: searches that led others somewhere, categories and items."""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ecomai.commerce.models import Item
from ecomai.inference.pieces import RUN
from ecomai.inference.text import normalise
from ecomai.registry.selectors import is_scenario_on
from ecomai.serving.predictors.search import SearchPredictor

from ...app_settings import app_settings
from ...item_rows import items_by_key
from ...models.search import MOST_LETTERS
from . import index as indices
from .index import Index

SCENARIO = "recommendations"
N_QUERIES, N_CATEGORIES, N_ITEMS = 6, 3, 4
REFRESH_SECONDS = 60.0
#: A name is found by the beginning of each of its first words.
MOST_WORDS = 6
MOST_LOOKED_AT = 2000
QUERY, CATEGORY, ITEM = 0, 1, 2
LAST = "\U0010ffff"


class Entry(NamedTuple):
    kind: int
    text: str
    weight: float
    key: int = 0  # of an item
    n: int = 0  # items in a category, people who searched


@dataclass(frozen=True)
class Suggestions:
    """What to offer, best first; `corrected` where nothing begins as it was typed."""

    queries: Sequence[Entry] = ()
    categories: Sequence[Entry] = ()
    items: Sequence[Item] = ()
    corrected: str = ""
    typed: str = field(default="", repr=False)


class _Book:
    """Everything that may be suggested in one storefront, in the order of the alphabet."""

    def __init__(self, entries: list[Entry]) -> None:
        rows = sorted(
            (start, number) for number, entry in enumerate(entries) for start in _beginnings(entry.text)
        )
        self.entries = entries
        self.texts = [normalise(entry.text) for entry in entries]
        self._starts = [start for start, _number in rows]
        self._numbers = np.array([number for _start, number in rows], dtype=np.int64)
        self._weights = np.array([entry.weight for entry in entries], dtype=np.float64)
        self._kinds = np.array([entry.kind for entry in entries], dtype=np.int8)

    def find(self, typed: str) -> list[int]:
        """Return the numbers of entries that have words beginning so, the weightiest first."""
        found = self._beginning_with(typed)
        if not len(found) and " " in typed:
            # Not side by side: the last word is looked up, the others must be somewhere in it.
            *others, last = typed.split()
            found = np.array(
                [n for n in self._beginning_with(last) if all(word in self.texts[n] for word in others)],
                dtype=np.int64,
            )
        return found.tolist()

    def _beginning_with(self, typed: str) -> np.ndarray:
        first, last = bisect_left(self._starts, typed), bisect_left(self._starts, typed + LAST)
        numbers = self._numbers[first:last]
        if len(numbers) > MOST_LOOKED_AT:
            numbers = self._weightiest(numbers)
        numbers = np.unique(numbers)
        return numbers[np.argsort(-self._weights[numbers], kind="stable")]

    def _weightiest(self, numbers: np.ndarray) -> np.ndarray:
        """Return the best of each kind, so that none fills the whole list."""
        kept = []
        for kind in (QUERY, CATEGORY, ITEM):
            own = numbers[self._kinds[numbers] == kind]
            n = min(MOST_LOOKED_AT // 20, len(own))
            kept.append(own[np.argpartition(-self._weights[own], n - 1)[:n]] if n else own)
        return np.concatenate(kept)


def _beginnings(text: str) -> Iterator[str]:
    text = normalise(text)
    for n, found in enumerate(RUN.finditer(text)):
        if n == MOST_WORDS:
            break
        yield text[found.start() :]


class _Books:
    """A book for each storefront, made anew when the catalogue or the version has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._books: dict[str, tuple[Any, float, _Book]] = {}

    def get(self, index: Index, predictor: SearchPredictor, storefront: str) -> _Book:
        stamp = (index.shelf.revision, id(predictor))
        known = self._books.get(storefront)
        if known is not None and (known[0] == stamp or time.monotonic() - known[1] < REFRESH_SECONDS):
            return known[2]
        if not self._lock.acquire(blocking=known is None):
            return known[2] if known else _Book([])
        try:
            book = _Book(list(_entries(index, predictor, storefront)))
            self._books[storefront] = (stamp, time.monotonic(), book)
            return book
        finally:
            self._lock.release()


_books = _Books()


def forget() -> None:
    global _books
    _books = _Books()


def _entries(index: Index, predictor: SearchPredictor, storefront: str) -> Iterator[Entry]:
    catalogue = index.catalogue
    for past in predictor.past_queries:
        if past.n_led and past.n_people >= app_settings.SUGGESTION_MIN_PEOPLE:
            yield Entry(QUERY, past.query, past.n_led * past.n_led / past.n_people, n=past.n_people)
    is_offered = catalogue.is_active & (catalogue.storefronts == storefront)
    counts: dict[str, int] = {}
    for path in catalogue.categories[is_offered].tolist():
        names = path.split(" > ") if path else []
        for n in range(1, len(names) + 1):
            name = " > ".join(names[:n])
            counts[name] = counts.get(name, 0) + 1
    for path, n in counts.items():
        yield Entry(CATEGORY, path.split(" > ")[-1] if " > " in path else path, float(n), n=n)
    keys = catalogue.keys[is_offered].tolist()
    for key, popularity in zip(keys, catalogue.popularity[is_offered].tolist(), strict=True):
        if (item := index.shelf.items.get(key)) is not None:
            yield Entry(ITEM, item.title, popularity, key=key)


def suggest(*, typed: str, storefront: str = "") -> Suggestions:
    """Return what begins as a visitor types; with a letter wrong, what was probably meant.

    Nothing of the visitor matters, and nothing is kept. Only the rows of the items are read.
    """
    text = " ".join(normalise(typed[:MOST_LETTERS]).split())
    if not RUN.search(text) or not is_scenario_on(SCENARIO):
        return Suggestions(typed=typed)
    index = indices.current()
    if index.predictor is None:
        return Suggestions(typed=typed)
    book = _books.get(index, index.predictor, storefront)
    for tried in _spellings(text, index.predictor):
        if found := book.find(tried):
            corrected = tried if tried != text else ""
            return _shown(book, found, index, storefront, typed, corrected)
    return Suggestions(typed=typed)


def _spellings(text: str, predictor: SearchPredictor) -> Iterator[str]:
    """Yield the text, then what was probably meant: earlier words are whole, the last one only begun."""
    yield text
    *whole, last = text.split()
    begun = " ".join([*(predictor.correct(word) for word in whole), last])
    if begun != text:
        yield begun
    if len(last) >= 3 and last.isalpha():
        for other in predictor.words_like(last):
            yield " ".join([*(predictor.correct(word) for word in whole), other])


def _shown(
    book: _Book, found: list[int], index: Index, storefront: str, typed: str, corrected: str
) -> Suggestions:
    by_kind: dict[int, list[Entry]] = {QUERY: [], CATEGORY: [], ITEM: []}
    for number in found:
        by_kind[book.entries[number].kind].append(book.entries[number])
    keys = [entry.key for entry in by_kind[ITEM][: 2 * N_ITEMS]]
    rows = items_by_key(keys) if keys else {}
    items = [rows[key] for key in keys if key in rows]
    shown = [item for item in items if item.is_active and item.storefront == storefront]
    return Suggestions(
        queries=by_kind[QUERY][:N_QUERIES],
        categories=_distinct(by_kind[CATEGORY])[:N_CATEGORIES],
        items=shown[:N_ITEMS],
        corrected=corrected,
        typed=typed,
    )


def _distinct(entries: Sequence[Entry]) -> list[Entry]:
    return list({entry.text: entry for entry in reversed(entries)}.values())[::-1]
