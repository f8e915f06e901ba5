"""What a query and a text have to do with each other, as numbers for trees; serving and training share it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .pieces import MAX_LETTERS, cut

#: Words after which a title says no more what a thing is, but what it is like or for.
JOINTS = {"english": ("in", "with", "for")}
#: Words and units that say nothing of what a thing is, as stems.
FILLERS = {
    "english": frozenset(
        ("a", "and", "by", "cm", "cu", "d", "for", "ft", "gal", "h", "in", "lb", "mm", "of", "on", "or", "oz",
         "sq", "the", "to", "w", "with", "x")
    ),
}  # fmt: skip
COLUMNS = (
    "n_query_words", "n_text_words", "has_share", "n_missing", "has_rarity", "rarest_missing",
    "missing_rarity", "shared_rarity", "name_has_share", "has_numbers", "n_numbers", "has_head", "is_head",
    "asks_head", "head_place", "head_place_from_end", "first_place", "opens_with_it", "n_missing_brands",
    "earliest_place", "mean_place", "has_neighbours", "text_share", "name_share", "n_unasked",
    "head_rarity", "text_head_rarity", "head_is_often_head", "text_head_is_often_head",
    "has_trigrams", "trigram_overlap",
)  # fmt: skip
ABSENT = -1.0
KEPT_TEXTS = 20_000


@dataclass(frozen=True)
class WordFacts:
    """How often each stem is in the catalogue's texts, opens one, and is what one is about.

    Attributes
    ----------
    n_texts : int
    n_with, n_first, n_head : mapping of str to int
    language : str
        Of the stems.
    """

    n_texts: int = 0
    n_with: Mapping[str, int] = field(default_factory=dict)
    n_first: Mapping[str, int] = field(default_factory=dict)
    n_head: Mapping[str, int] = field(default_factory=dict)
    language: str = "english"

    @classmethod
    def of_texts(cls, texts: Sequence[str], language: str) -> Self:
        """Count the words of a catalogue."""
        with_it: Counter[str] = Counter()
        first: Counter[str] = Counter()
        head: Counter[str] = Counter()
        for text in texts:
            read = read_text(text, language)
            with_it.update(list(read.places))
            first.update(read.stems[:1])
            head.update([read.head] if read.head else [])
        return cls(len(texts), dict(with_it), dict(first), dict(head), language)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def rarity(self, stem: str) -> float:
        """Return the logarithm of how rare a stem is, as in BM25."""
        n = self.n_with.get(stem, 0)
        return float(np.log1p((self.n_texts - n + 0.5) / (n + 0.5)))

    def opens(self, stem: str) -> float:
        """Return which share of the texts with a stem begin with it, as they do with a brand."""
        return self.n_first.get(stem, 0) / self.n_with[stem] if stem in self.n_with else 0.0

    def heads(self, stem: str) -> float:
        """Return which share of the texts with a stem are about it."""
        return self.n_head.get(stem, 0) / (self.n_with.get(stem, 0) + 1)


@dataclass(frozen=True)
class ReadText:
    """A text, cut once: its stems, and those of the phrase that names the thing."""

    stems: list[str]
    name: list[str]
    head: str
    trigrams: frozenset[str]

    @cached_property
    def places(self) -> dict[str, int]:
        """Return where each stem stands first."""
        return {stem: place for place, stem in reversed(list(enumerate(self.stems)))}

    @cached_property
    def neighbours(self) -> set[tuple[str, str]]:
        return set(pairwise(self.stems))


@lru_cache(maxsize=KEPT_TEXTS)
def read_text(text: str, language: str) -> ReadText:
    """Cut a text, and find what it is about: the last word before "in", "for", a comma or the like."""
    text = text[:MAX_LETTERS]
    stems = cut(text, "stems", language)
    name = cut(_name(text, language), "stems", language)
    head = _last_word(name, language) or _last_word(stems, language)
    return ReadText(stems, name, head, frozenset(cut(text, "trigrams", language)))


def _name(text: str, language: str) -> str:
    joints = "|".join(JOINTS.get(language, ()))
    ends = rf"\s+(?:{joints})\s+(?=\w)|,|\(|\s-\s" if joints else r",|\(|\s-\s"
    return next((part for part in re.split(ends, text) if part.strip()), text)


def _last_word(stems: Sequence[str], language: str) -> str:
    fillers = FILLERS.get(language, frozenset())
    return next((stem for stem in reversed(stems) if stem not in fillers and not stem.isdigit()), "")


class QueryReader:
    """One query, to be compared with many texts.

    Parameters
    ----------
    facts : WordFacts
    query : str
        As it was understood.
    typed : str
        As it was typed: letters are looked for there, because a correction can be wrong.
    """

    def __init__(self, facts: WordFacts, query: str, typed: str) -> None:
        read = read_text(query, facts.language)
        fillers = FILLERS.get(facts.language, frozenset())
        words = [stem for stem in read.stems if stem not in fillers]
        self.facts = facts
        self.head = read.head
        self.stems = list(dict.fromkeys(words))
        self.named = [stem for stem in self.stems if not stem.isdigit()]
        self.numbers = [stem for stem in self.stems if stem.isdigit()]
        self.brands = [stem for stem in self.named if facts.opens(stem) > 0.5]
        self.neighbours = list(pairwise(words))
        self.rarities = {stem: facts.rarity(stem) for stem in self.stems}
        self.trigrams = read_text(typed, facts.language).trigrams

    def columns(self, text: str) -> list[float]:
        """Return what is known of the query and a text, in the order of `COLUMNS`."""
        read = read_text(text, self.facts.language)
        shared = {stem for stem in self.stems if stem in read.places}
        return [
            *self._presence(read, shared), *self._heads(read), *self._places(read, shared),
            *self._rest(read, shared), *self._letters(read),
        ]  # fmt: skip

    def _presence(self, read: ReadText, shared: set[str]) -> list[float]:
        n = len(self.stems)
        missing = [rarity for stem, rarity in self.rarities.items() if stem not in shared]
        has = sum(self.rarities[stem] for stem in shared)
        return [
            n, len(read.stems), _share(len(shared), n), len(missing),
            _share(has, sum(self.rarities.values())),
            max(missing, default=0.0), sum(missing), has,
            _share(sum(stem in read.name for stem in self.stems), n),
            _share(sum(stem in shared for stem in self.numbers), len(self.numbers), absent=np.nan),
            len(self.numbers),
        ]  # fmt: skip

    def _heads(self, read: ReadText) -> list[float]:
        return [self.head in read.places, self.head == read.head, read.head in self.stems]

    def _places(self, read: ReadText, shared: set[str]) -> list[float]:
        places = [read.places[stem] for stem in shared]
        from_end = len(read.name) - 1 - read.name.index(self.head) if self.head in read.name else ABSENT
        return [
            read.places.get(self.head, ABSENT),
            from_end,
            read.places.get(self.named[0], ABSENT) if self.named else ABSENT,
            bool(read.stems) and read.stems[0] in self.stems,
            sum(stem not in shared for stem in self.brands),
            min(places, default=ABSENT),
            sum(places) / len(places) / len(read.stems) if places else ABSENT,
            _share(
                sum(pair in read.neighbours for pair in self.neighbours), len(self.neighbours), absent=np.nan
            ),
        ]

    def _rest(self, read: ReadText, shared: set[str]) -> list[float]:
        """Return how much of the text was asked for."""
        facts = self.facts
        fillers = FILLERS.get(facts.language, frozenset())
        name = set(read.name)
        asked = sum(self.rarities[stem] for stem in self.stems if stem in name)
        return [
            _share(sum(self.rarities[stem] for stem in shared), sum(map(facts.rarity, read.places))),
            _share(asked, sum(map(facts.rarity, name))),
            sum(stem not in self.rarities and stem not in fillers for stem in name),
            facts.rarity(self.head) if self.head else 0.0,
            facts.rarity(read.head) if read.head else 0.0,
            facts.heads(self.head),
            facts.heads(read.head),
        ]

    def _letters(self, read: ReadText) -> list[float]:
        n_shared = len(self.trigrams & read.trigrams)
        n_either = len(self.trigrams) + len(read.trigrams) - n_shared
        return [_share(n_shared, len(self.trigrams)), _share(n_shared, n_either)]


def _share(part: float, whole: float, *, absent: float = 0.0) -> float:
    return part / whole if whole else absent


def pair_columns(
    facts: WordFacts, query: str, texts: Sequence[str], *, typed: str = ""
) -> NDArray[np.float32]:
    """Return what is known of a query and each text.

    Parameters
    ----------
    facts : WordFacts
    query : str
        As it was understood.
    texts : sequence of n_texts str
    typed : str, default ""
        As it was typed; empty where that is the same.

    Returns
    -------
    float32 array of shape (n_texts, len(COLUMNS))
        A share of something that the query lacks is not a number.

    Examples
    --------
    >>> facts = WordFacts.of_texts(["red mug", "blue mug for tea", "tea pot"], "english")
    >>> found = pair_columns(facts, "tea mugs", ["blue mug for tea", "tea pot"])
    >>> found[:, COLUMNS.index("is_head")].tolist()
    [1.0, 0.0]
    """
    reader = QueryReader(facts, query, typed or query)
    rows = [reader.columns(text) for text in texts]
    return np.array(rows, dtype=np.float32).reshape(len(texts), len(COLUMNS))
