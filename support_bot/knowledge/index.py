"""Passages in memory: found by words in any script, and by meaning where an encoder serves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ecomai.generation.texts import sentences_of
from ecomai.inference.pieces import cut
from ecomai.inference.stop_words import STOP_WORDS
from ecomai.inference.text import main_script
from ecomai.serving.predictors.word_index import Weighing, WordIndex

from .subjects import NO_ARTICLE, Subjects, general_questions

Floats = NDArray[np.float32]

WORDS = Weighing("stems", k1=0.9, b=0.4, language="english")
#: How much each counts for the order of passages, by meaning and by words alone: chosen on the questions
#: that `grounding` tunes on.
BY_MEANING = {"asked": 1.0, "subject": 1.0, "passage": 0.5, "sentence": 0.25, "words": 0.25}
BY_WORDS = {"asked_words": 1.0, "words": 1.0}
#: Asked of a shop again and again, whatever the question is about: they tell nothing apart.
ASKING = """
how what when where which who why can could do does did is are was will would should may might must have has
had want need like please tell know get got there if so much many long about possible able way still also just
really okay ok hello hi thanks thank dear you your yours we our my mine me i am been any anything something
s t d m ll re ve don doesn didn isn aren wasn hasn haven won wouldn shouldn couldn
"""
_SILENT_LETTERS = "的了吗我你您们是在有么呢吧请问怎什可以能想要多少几和与就也都还这那个一"
_SILENT = frozenset(cut(" ".join((*STOP_WORDS["english"], ASKING)), "stems", "english")) | {*_SILENT_LETTERS}


class Encoder(Protocol):
    def encode(self, texts: Sequence[str]) -> Floats: ...


@dataclass(frozen=True)
class Entry:
    """A passage as it is found: what it says, whose it is, and the ways in which it is asked for."""

    passage_id: int
    article_id: int
    title: str
    heading: str
    text: str
    language: str
    asked_as: tuple[str, ...]
    url: str = ""
    storefront: str = ""
    is_public: bool = True
    category: str = ""

    @property
    def full_text(self) -> str:
        return "\n".join(filter(None, (self.title, self.heading, self.text)))

    @property
    def sentences(self) -> list[str]:
        return sentences_of(self.text.replace("\n", " "))

    @property
    def texts(self) -> list[str]:
        """All of it that has a vector."""
        return [self.full_text, *self.asked_as, *self.sentences]


@dataclass(frozen=True)
class Hit:
    """A passage with its likeness to a question, each part from 0 to 1.

    By meaning: `asked` to how it is asked for, `subject` to all of its article taken together, `passage` to
    all that it says, `sentence` to its likest one, `elsewhere` to what no article is about; 0 without an
    encoder. By words: `words` is the share of their weight that the passage has, `covered`
    that its article has, `asked_words` what a way to ask has in common.
    """

    entry: Entry
    score: float
    asked: float
    subject: float
    passage: float
    sentence: float
    elsewhere: float
    words: float
    covered: float
    asked_words: float


class PassageIndex:
    """Passages of a shop. It is never changed; a change of an article makes another one."""

    def __init__(self, entries: Sequence[Entry], vectors: Mapping[str, Floats] | None = None) -> None:
        self.entries = list(entries)
        self._vectors = vectors or {}
        self._words = WordIndex.of_texts([entry.full_text for entry in self.entries], WORDS)
        self._stems = [frozenset(WORDS.pieces(entry.full_text)) for entry in self.entries]
        self._asked_stems = [
            [frozenset(telling(text)) for text in entry.asked_as] for entry in self.entries
        ]  # fmt: skip
        self._ways = _Ways(self._asked_stems, self._words)
        self.languages = {entry.language for entry in self.entries}

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def has_vectors(self) -> bool:
        """Whether an encoder has read it; until then words alone find."""
        return bool(self._vectors)

    @cached_property
    def _article_stems(self) -> dict[int, frozenset[str]]:
        found: dict[int, frozenset[str]] = {}
        for entry, stems, asked in zip(self.entries, self._stems, self._asked_stems, strict=True):
            known = found.get(entry.article_id, frozenset())
            found[entry.article_id] = known.union(stems, *asked)
        return found

    @cached_property
    def _dense(self) -> dict[str, tuple[Floats, NDArray[np.int64]]]:
        """Vectors of the ways to ask, of passages and of sentences, each with the place of its passage."""
        return {
            "asked": self._matrix(lambda entry: entry.asked_as),
            "passage": self._matrix(lambda entry: [entry.full_text]),
            "sentence": self._matrix(lambda entry: entry.sentences),
        }

    @cached_property
    def _subjects(self) -> Subjects | None:
        texts = dict.fromkeys(
            (text, entry.article_id)
            for entry in self.entries for text in entry.texts if text in self._vectors and is_read(text)
        )  # fmt: skip
        if not texts:
            return None
        general = [self._vectors[text] for text in general_questions() if text in self._vectors]
        vectors = [self._vectors[text] for text, _id in texts]
        return Subjects(_stacked(vectors), [article_id for _text, article_id in texts], _stacked(general))

    def _matrix(self, texts_of: Callable[[Entry], Sequence[str]]) -> tuple[Floats, NDArray[np.int64]]:
        found = [(text, at) for at, entry in enumerate(self.entries) for text in texts_of(entry)]
        known = [(self._vectors[text], at) for text, at in found if text in self._vectors]
        return _stacked([vector for vector, _at in known]), np.array(
            [at for _vector, at in known], dtype=np.int64
        )

    def find(
        self, question: str, *, n: int = 5, vector: Floats | None = None,
        may_show: Callable[[Entry], bool] = lambda entry: True,
    ) -> list[Hit]:  # fmt: skip
        """Return the passages that are likest, the best first, of those that may be shown."""
        allowed = np.array([may_show(entry) for entry in self.entries], dtype=bool)
        if not allowed.any():
            return []
        pieces = telling(question)
        likeness = self._by_words(pieces)
        likeness |= {kind: self._by_meaning(kind, vector) for kind in ("asked", "passage", "sentence")}
        likeness["subject"], elsewhere = self._by_subject(vector)
        weights = BY_WORDS if vector is None else BY_MEANING
        scores = np.sum([weight * likeness[kind] for kind, weight in weights.items()], axis=0)
        scores /= sum(weights.values())
        order = np.argsort(-np.where(allowed, scores, -np.inf), kind="stable")[:n]
        return [
            Hit(
                entry=self.entries[at], score=float(scores[at]), elsewhere=elsewhere,
                covered=self._share(pieces, self._article_stems[self.entries[at].article_id]),
                **{kind: float(each[at]) for kind, each in likeness.items()},
            )
            for at in order.tolist() if allowed[at]
        ]  # fmt: skip

    def _by_words(self, pieces: Sequence[str]) -> dict[str, Floats]:
        shares = [self._share(pieces, stems) for stems in self._stems]
        return {"words": np.array(shares, dtype=np.float32), "asked_words": self._ways.shares(pieces)}

    def _by_meaning(self, kind: str, vector: Floats | None) -> Floats:
        """Return the cosine of each passage's likest text of a kind, (n_passages,); 0 where there is none."""
        found = np.zeros(len(self.entries), dtype=np.float32)
        if vector is not None:
            rows, places = self._dense[kind]
            if len(rows):
                np.maximum.at(found, places, rows @ vector)
        return found

    def _by_subject(self, vector: Floats | None) -> tuple[Floats, float]:
        """Return the share of each passage's article, (n_passages,), and that of none; 0 without a vector."""
        known = self._subjects if vector is not None else None
        shares = known.shares(vector) if known is not None and vector is not None else {}
        found = [shares.get(entry.article_id, 0.0) for entry in self.entries]
        return np.array(found, dtype=np.float32), shares.get(NO_ARTICLE, 0.0)

    def _share(self, pieces: Sequence[str], stems: frozenset[str]) -> float:
        """Return the share of the weight of pieces that stand in a text."""
        weight = self._words.rarity(pieces)
        return self._words.rarity([piece for piece in pieces if piece in stems]) / weight if weight else 0.0


class _Ways:
    """How much of its weight a question shares with the ways to ask, without looking at all of them."""

    def __init__(self, stems: Sequence[Sequence[frozenset[str]]], words: WordIndex) -> None:
        self._words = words
        self._n = len(stems)
        ways = [(at, way) for at, row in enumerate(stems) for way in row]
        self._places = [at for at, _way in ways]
        self._weights = [words.rarity(list(way)) for _at, way in ways]
        self._with: dict[str, list[int]] = {}
        for number, (_at, way) in enumerate(ways):
            for piece in way:
                self._with.setdefault(piece, []).append(number)

    def shares(self, pieces: Sequence[str]) -> Floats:
        """Return the greatest share of each passage's ways: what is in both of what is in either."""
        common: dict[int, float] = {}
        for piece in pieces:
            weight = self._words.rarity([piece])
            for number in self._with.get(piece, ()):
                common[number] = common.get(number, 0.0) + weight
        asked = self._words.rarity(pieces)
        found = np.zeros(self._n, dtype=np.float32)
        for number, both in common.items():
            place, either = self._places[number], self._weights[number] + asked - both
            if either > 0:
                found[place] = max(found[place], both / either)
        return found


def is_read(text: str) -> bool:
    """Whether the published encoder has learned the script of a text: others have no vector by meaning."""
    return main_script(text) in ("", "latin")


def _stacked(vectors: Sequence[Floats]) -> Floats:
    return np.array(vectors, dtype=np.float32).reshape(len(vectors), len(vectors[0]) if vectors else 0)


def telling(text: str) -> list[str]:
    """Return the pieces of a text that tell what it is about, each once.

    Examples
    --------
    >>> telling("How long does the delivery to Norway take?")
    ['deliveri', 'norway', 'take']
    """
    return list(dict.fromkeys(piece for piece in WORDS.pieces(text) if piece not in _SILENT))
