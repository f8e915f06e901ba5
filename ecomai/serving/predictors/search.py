"""Search in a catalogue: words, stems, trigrams, spelling, vectors, what others took, and trees; no torch."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.exceptions import InvalidInputError
from ecomai.inference.pieces import RUN, cut, stem
from ecomai.inference.spelling import Corrections
from ecomai.inference.stop_words import STOP_WORDS
from ecomai.inference.text import normalise
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.trees import Trees

from .base import Predictor, read_arrays, read_json
from .search_order import FirstOrder
from .text_encoder import TextEncoder
from .word_index import Weighing, WordIndex

#: In the order of the trees' columns.
SOURCES = ("stems", "trigrams", "stem_pairs", "vectors")
VIEWS = ("all", "first", "last", "numbers")
COLUMNS = (
    *SOURCES, *(f"{source}_share" for source in SOURCES), *(f"has_{view}" for view in VIEWS),
    "opening", "text_share", "n_query_words", "n_text_words", "is_corrected",
)  # fmt: skip
UNTRAINED_WEIGHTS = {"stems": 1.0, "trigrams": 1.0, "stem_pairs": 0.3, "vectors": 1.0}
#: What another word for the same counts against the word itself.
SYNONYM_SHARE = 0.8
MOST_VARIANTS = 4
# A text is found that has this share of the query's rarity, or nearly as much as the best one.
WORDS_SHARE, NEARLY, LEAST_WORDS = 0.6, 0.9, 0.3
# Or whose meaning is near enough, also against the best one.
LEAST_COSINE, NEAR_BEST = 0.38, 0.75
# A word that no text has tells nothing of them, so it counts this much of the rarest one.
UNKNOWN_SHARE = 0.35
# Who describes a thing ("something to drink tea from") names it by its meaning more than by its words.
MEANING_OF_DESCRIPTION, SHARPNESS = 0.75, 3
# Where no word is known, or whose letters are.
LETTERS_SHARE = 0.5


class PastQuery(NamedTuple):
    """What people searched for: how many of them, and how many turned to something they found."""

    query: str
    n_people: int
    n_led: int


@dataclass(frozen=True, eq=False)
class _Texts:
    """Texts with their indices: trained ones first, then those that came or changed since."""

    item_ids: Sequence[str]
    places: dict[str, int]
    indices: dict[str, WordIndex]
    vectors: NDArray[np.float32]  # (n_items, n_features)
    added: dict[str, WordIndex] | None = None
    is_replaced: NDArray[np.bool_] | None = None  # of the trained ones: a newer text stands at the end

    def scores(self, name: str, pieces: Sequence[str]) -> NDArray[np.float32]:
        found = self.indices[name].scores(pieces)
        if self.added is None or self.is_replaced is None:
            return found
        return np.concatenate([np.where(self.is_replaced, 0, found), self.added[name].scores(pieces)])

    def has(self, piece: str, place: int) -> bool:
        n = self.indices["presence"].n_texts
        if place < n:
            return self.indices["presence"].has(piece, place)
        return self.added is not None and self.added["presence"].has(piece, place - n)

    def knows(self, piece: str) -> bool:
        indices = [self.indices, self.added or {}]
        return any(piece in index["presence"].vocabulary for index in indices if index)

    def rarity(self, pieces: Sequence[str]) -> float:
        if self.added is None:
            return self.indices["presence"].rarity(pieces)
        known = self.indices["presence"]
        return float(
            sum(known.rarity([piece]) if piece in known.vocabulary else self.added["presence"].rarity([piece])
                for piece in pieces)
        )  # fmt: skip

    @cached_property
    def sums(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        parts = [index["presence"].sums() for index in (self.indices, self.added) if index is not None]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


@dataclass(frozen=True, eq=False)
class SearchScores:
    """How well each item answers a query; `word_shares` and the others say by what."""

    item_ids: Sequence[str]
    query: str  # as it was understood
    total: NDArray[np.float32]
    word_shares: NDArray[np.float32]
    synonym_shares: NDArray[np.float32]  # of the best variant
    cosines: NDArray[np.float32]
    taken: NDArray[np.float32]  # by others who searched so, from 0 to 1
    is_found: NDArray[np.bool_]
    variants: Sequence[str] = ()
    is_by_meaning: bool = False  # it describes a thing, so that its words count little


class SearchPredictor(Predictor):
    """Scores all items for a query. Safe for many threads; `add_texts` swaps in a longer state."""

    kind: ClassVar[str] = "search"

    def __init__(
        self, texts: _Texts, corrections: Corrections, *, language: str, weights: dict[str, float],
        description: dict[str, Any] | None = None, folder: Path | None = None,
    ) -> None:  # fmt: skip
        description = description or {}
        self.folder = folder
        self.language = language
        self.weights = weights
        self.has_text_encoder: bool = description.get("has_text_encoder", False)
        self.n_features = int(texts.vectors.shape[1])
        self.behaviour_weight: float = description.get("behaviour_weight", 0.0)
        self.digests: dict[str, str] = {}
        self.past_queries: list[PastQuery] = []
        self.first_order: FirstOrder | None = None
        self._ranker_share: float = description.get("ranker_share", 0.0)
        self._n_candidates: int = description.get("n_candidates", 300)
        self._trees: Trees | None = None
        self._behaviour: dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]] = {}
        self._texts = texts
        self._corrections = corrections
        corrections.is_word = self._is_word
        self._added: dict[str, tuple[str, NDArray[np.float32] | None]] = {}
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path) -> Self:
        folder = Path(folder)
        description = cls.read_description(folder)
        if list(description["columns"]) != list(COLUMNS):
            raise UnreadableArtifactError(reason="their trees were trained on other columns.")
        item_ids = read_json(folder / "items.json")
        arrays = read_arrays(folder / "search.safetensors")
        words = read_json(folder / "search.json")
        indices = {
            name: WordIndex.of_arrays(
                Weighing(**weighing), _pieces_of(words["pieces"], name),
                {part: arrays[f"{name}.{part}"] for part in ("idf", "weights", "columns", "starts", "sizes")},
            )
            for name, weighing in description["indices"].items()
        }  # fmt: skip
        places = {item_id: place for place, item_id in enumerate(item_ids)}
        texts = _Texts(item_ids, places, indices, arrays["vectors"].astype(np.float32))
        spelling = words["spelling"]
        language = description["language"]
        corrections = Corrections(spelling["counts"], min_count=spelling["min_count"], language=language)
        found = cls(
            texts, corrections, language=language, weights=description["weights"],
            description=description, folder=folder,
        )  # fmt: skip
        found._read_parts(folder, words, arrays)
        if order := description.get("order"):
            found.first_order = FirstOrder.load(folder, order)
        return found

    def _read_parts(self, folder: Path, words: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.digests = dict(zip(self._texts.item_ids, words["digests"], strict=True))
        self.past_queries = [PastQuery(*row) for row in words["past_queries"]]
        if self._ranker_share:
            self._trees = Trees(folder / "search_trees.onnx")
        starts = arrays["behaviour.starts"].tolist()
        for query, (start, stop) in zip(words["behaviour"], pairwise(starts), strict=True):
            rows = slice(start, stop)
            self._behaviour[query] = (arrays["behaviour.items"][rows], arrays["behaviour.shares"][rows])

    @classmethod
    def of_texts(
        cls, item_ids: Sequence[str], texts: Sequence[str], *, digests: Sequence[str] = (), language: str
    ) -> Self:
        """Search by words alone, where nothing has been trained yet."""
        weighings = {
            "stems": Weighing("stems", 0.6, 0.5, language),
            "trigrams": Weighing("trigrams", 0.6, 0.3, language),
            "stem_pairs": Weighing("stem_pairs", 0.6, 0.5, language),
            "presence": Weighing("stems", 0.0, 0.0, language),
        }
        indices = {name: WordIndex.of_texts(texts, weighing) for name, weighing in weighings.items()}
        places = {item_id: place for place, item_id in enumerate(item_ids)}
        state = _Texts(item_ids, places, indices, np.empty((len(item_ids), 0), dtype=np.float32))
        found = cls(
            state, Corrections(count_words(texts), min_count=1, language=language), language=language,
            weights={name: UNTRAINED_WEIGHTS[name] for name in SOURCES[:3]},
        )  # fmt: skip
        found.digests = dict(zip(item_ids, digests, strict=False))
        return found

    @property
    def item_ids(self) -> Sequence[str]:
        """Ids in the order of scores. Grows at its end when texts are added."""
        return self._texts.item_ids

    @cached_property
    def text_encoder(self) -> TextEncoder:
        if self.folder is None:
            raise UnreadableArtifactError(reason="they came without an encoder.")
        return TextEncoder.load(self.folder)

    # -- items that came since ----------------------------------------------------------------------

    def add_texts(
        self, texts: dict[str, str], vectors: dict[str, NDArray[np.float32]], digests: dict[str, str]
    ) -> None:
        """Let new items, and items with a new text, be found; a vector may come later, with a second call."""
        if any(len(vector) != self.n_features for vector in vectors.values()):
            raise InvalidInputError(reason=f"text vectors must have {self.n_features} numbers.")
        with self._lock:
            for item_id, text in texts.items():
                self._added[item_id] = (text, vectors.get(item_id))
            self.digests |= digests
            self._texts = self._grown(list(self._added))
            counts = Counter(self._corrections.counts)
            counts.update(count_words(list(texts.values()), at_least=self._corrections.min_count))
            self._corrections = Corrections(
                counts, min_count=self._corrections.min_count, language=self.language,
                is_word=self._is_word,
            )  # fmt: skip

    def _grown(self, added: list[str]) -> _Texts:
        now = self._texts
        n = now.indices["presence"].n_texts
        trained = now.item_ids[:n]
        texts = [self._added[item_id][0] for item_id in added]
        vectors = np.zeros((len(added), self.n_features), dtype=np.float32)
        for place, item_id in enumerate(added):
            if (vector := self._added[item_id][1]) is not None:
                vectors[place] = vector
        is_replaced = np.isin(np.asarray(trained, dtype=str), added) if n else np.zeros(0, dtype=bool)
        all_vectors = np.concatenate([now.vectors[:n], vectors])
        all_vectors[:n][is_replaced] = 0
        places = {item_id: place for place, item_id in enumerate(trained)}
        places |= {item_id: n + place for place, item_id in enumerate(added)}
        return replace(
            now,
            item_ids=[*trained, *added],
            places=places,
            vectors=all_vectors,
            added={
                name: WordIndex.of_texts(texts, index.weighing, like=index)
                for name, index in now.indices.items()
            },
            is_replaced=is_replaced,
        )

    # -- queries ------------------------------------------------------------------------------------

    def correct(self, query: str) -> str:
        """Return the query as it was probably meant."""
        return self._corrections.correct(query)

    def _is_word(self, word: str) -> bool:
        return self.has_text_encoder and self.text_encoder.knows_word(word)

    def telling(self, query: str) -> str:
        """Return a query without words that say nothing, unless there are no others."""
        stop_words = STOP_WORDS.get(self.language, frozenset())
        words = query.split()
        telling = [word for word in words if normalise(word) not in stop_words]
        return " ".join(telling) if telling and len(telling) < len(words) else query

    def is_known(self, word: str) -> bool:
        return word in self._corrections.counts

    def words_like(self, beginning: str) -> list[str]:
        """Return beginnings of known words that differ from this one by one letter; for suggestions."""
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        pool = {
            word[: len(beginning)] for word in self._corrections.counts if len(word) >= len(beginning) - 1
        }
        near = process.extract(beginning, list(pool), scorer=OSA.distance, score_cutoff=1, limit=8)
        return [word for word, distance, _place in near if distance]

    def search(
        self, typed: str, *, corrected: str = "", variants: Sequence[str] = (),
        vector: NDArray[np.float32] | None = None,
    ) -> SearchScores:  # fmt: skip
        """Score all items. `variants` say the same in other words; without `vector` words alone answer."""
        texts, whole = self._texts, corrected or typed
        query, typed = self.telling(whole), self.telling(typed)
        variants = [self.telling(variant) for variant in list(variants)[:MOST_VARIANTS]]
        cosines = np.zeros(len(texts.item_ids), dtype=np.float32)
        has_vectors = vector is not None and self.n_features > 0
        if vector is not None and has_vectors:
            cosines = np.maximum(texts.vectors @ vector, 0)
        raw = np.stack([*self._word_scores(texts, typed, query, variants), cosines])
        shares = raw / np.maximum(raw.max(axis=1, keepdims=True, initial=0), 1e-9)
        weights = np.array([self.weights.get(source, 0.0) for source in SOURCES], dtype=np.float32)
        if not has_vectors:
            weights[-1] = 0
        total = (weights / max(float(weights.sum()), 1e-9)) @ shares
        pieces = cut(query, "stems", self.language)
        own_shares = self._presence_shares(texts, pieces)
        other_shares = np.max(
            [np.zeros_like(total)]
            + [self._presence_shares(texts, cut(one, "stems", self.language)) for one in variants],
            axis=0,
        )
        if self._trees is not None and has_vectors:
            total = self._with_trees(texts, raw, shares, total, pieces, is_corrected=query != typed)
        is_by_meaning = has_vectors and query != whole
        if is_by_meaning:
            total = _by_meaning(total, shares[-1])
        taken = self._taken(texts, query)
        total = total + self.behaviour_weight * taken
        letters = self._letters(texts, query)
        is_found = _is_found(np.maximum(own_shares, other_shares), cosines, taken, letters)
        return SearchScores(
            texts.item_ids, query, total.astype(np.float32), own_shares, other_shares, cosines, taken,
            is_found, variants, is_by_meaning,
        )  # fmt: skip

    def matched_words(self, query: str, item_id: str) -> list[str]:
        """Return the words of a query that an item's text has, in the query's spelling."""
        texts = self._texts
        place = texts.places.get(item_id)
        if place is None:
            return []
        words = dict.fromkeys(RUN.findall(normalise(self.telling(query))))
        return [word for word in words if any(texts.has(p, place) for p in cut(word, "stems", self.language))]

    def likeness(self, item_ids: Sequence[str]) -> NDArray[np.float32]:
        """Return how like a history each item is by its text, from -1 to 1; newer items count more."""
        texts = self._texts
        places = [texts.places[item_id] for item_id in item_ids if item_id in texts.places]
        if not places or not self.n_features:
            return np.zeros(len(texts.item_ids), dtype=np.float32)
        weights = 0.9 ** np.arange(len(places))[::-1]
        profile = weights.astype(np.float32) @ texts.vectors[places]
        length = np.float32(max(float(np.linalg.norm(profile)), 1e-9))
        found: NDArray[np.float32] = texts.vectors @ (profile / length)
        return found

    def _word_scores(
        self, texts: _Texts, typed: str, query: str, variants: Sequence[str]
    ) -> list[NDArray[np.float32]]:
        found: list[NDArray[np.float32]] = []
        for source in SOURCES[:3]:
            score = texts.scores(source, cut(query, source, self.language))
            if source == "trigrams" and query != typed:  # a correction can be wrong
                score = np.float32(0.5) * (score + texts.scores(source, cut(typed, source, self.language)))
            for variant in variants:
                other = texts.scores(source, cut(variant, source, self.language))
                score = np.maximum(score, np.float32(SYNONYM_SHARE) * other)
            found.append(score)
        return found

    def _presence_shares(self, texts: _Texts, pieces: Sequence[str]) -> NDArray[np.float32]:
        """Return which share of what is rare in a query each text has."""
        pieces = list(dict.fromkeys(pieces))
        found: NDArray[np.float32] = texts.scores("presence", pieces)
        known = [piece for piece in pieces if texts.knows(piece)]
        unknown = [piece for piece in pieces if piece not in known]
        rarity = texts.rarity(known) + UNKNOWN_SHARE * texts.rarity(unknown)
        return found / np.float32(max(rarity, 1e-9))

    def _letters(self, texts: _Texts, query: str) -> NDArray[np.float32]:
        """Return which share of a query's trigrams each text has, by their weight."""
        pieces = list(dict.fromkeys(cut(query, "trigrams", self.language)))
        index = texts.indices["trigrams"]
        most = index.rarity(pieces) * (1 + index.weighing.k1)
        return texts.scores("trigrams", pieces) / np.float32(max(most, 1e-9))

    def _taken(self, texts: _Texts, query: str) -> NDArray[np.float32]:
        found = np.zeros(len(texts.item_ids), dtype=np.float32)
        known = self._behaviour.get(canonical(query, self.language))
        if known is None:
            return found
        for place, share in zip(known[0].tolist(), known[1].tolist(), strict=True):
            found[texts.places[texts.item_ids[place]]] = share  # a newer text stands at the end
        return found

    def _with_trees(
        self, texts: _Texts, raw: NDArray[np.float32], shares: NDArray[np.float32],
        mixed: NDArray[np.float32], pieces: list[str], *, is_corrected: bool,
    ) -> NDArray[np.float32]:  # fmt: skip
        """Let the trees order the candidates; others stay below as they were."""
        n = min(self._n_candidates, len(mixed))
        if n == 0 or self._trees is None:
            return mixed
        places = np.argpartition(-mixed, n - 1)[:n]
        places = places[mixed[places] > 0]
        columns = self._columns(texts, raw, shares, places, pieces, is_corrected=is_corrected)
        found = mixed * (1 - self._ranker_share)
        found[places] += self._ranker_share * self._trees.predict(columns)
        if len(places):
            rest = np.ones(len(mixed), dtype=bool)
            rest[places] = False
            found[rest] += min(float(found[places].min()) - float(found[rest].max(initial=-np.inf)), 0.0)
        return found

    def _columns(
        self, texts: _Texts, raw: NDArray[np.float32], shares: NDArray[np.float32],
        places: NDArray[np.int64], pieces: list[str], *, is_corrected: bool,
    ) -> NDArray[np.float32]:  # fmt: skip
        """Return what training told the trees of a query and each of these texts."""
        columns = [*raw[:, places], *shares[:, places]]
        shared_all = np.zeros(len(places), dtype=np.float32)
        for view in VIEWS:
            seen = _view(view, pieces)
            shared = texts.scores("presence", seen)[places]
            rarity = texts.rarity(seen)
            columns.append(shared / rarity if rarity > 0 else np.full(len(places), np.nan))
            shared_all = shared if view == "all" else shared_all
        rarities, n_words = texts.sums
        columns.append(texts.scores("opening", pieces)[places])
        columns.append(shared_all / np.maximum(rarities[places], 1e-9))
        columns.append(np.full(len(places), len(pieces)))
        columns += [n_words[places], np.full(len(places), is_corrected)]
        return np.stack(columns, axis=1).astype(np.float32)


def canonical(query: str, language: str) -> str:
    """Return the same text for queries of the same words, whatever their order and endings."""
    return " ".join(sorted({stem(word, language) for word in RUN.findall(normalise(query))}))


def count_words(texts: Sequence[str], *, at_least: int = 1) -> dict[str, int]:
    """Return in how many texts each word is; each counts `at_least` so often."""
    counts = Counter(word for text in texts for word in set(RUN.findall(normalise(text))))
    return {word: max(n, at_least) for word, n in counts.items()}


def _is_found(
    word_shares: NDArray[np.float32], cosines: NDArray[np.float32], taken: NDArray[np.float32],
    letters: NDArray[np.float32],
) -> NDArray[np.bool_]:  # fmt: skip
    """Return which items are an answer, and not only the least unlike ones."""
    best_words = float(word_shares.max(initial=0))
    found = taken > 0
    if best_words >= LEAST_WORDS:
        found = found | (word_shares >= min(WORDS_SHARE, NEARLY * best_words))
    else:
        best = float(letters.max(initial=0))
        found = found | ((letters >= LETTERS_SHARE) & (letters >= NEARLY * best))
    nearest = float(cosines.max(initial=0))
    return found | (cosines >= max(LEAST_COSINE, NEAR_BEST * nearest))


def _by_meaning(total: NDArray[np.float32], cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scores in which meaning counts most; `cosines` are shares of the best one."""
    words = total / max(float(total.max(initial=0)), 1e-9)
    mixed = (1 - MEANING_OF_DESCRIPTION) * words + MEANING_OF_DESCRIPTION * cosines**SHARPNESS
    return mixed.astype(np.float32)


def _view(view: str, pieces: list[str]) -> list[str]:
    if view == "all":
        return list(dict.fromkeys(pieces))
    if view == "numbers":
        return list(dict.fromkeys(piece for piece in pieces if piece.isdigit()))
    named = [piece for piece in pieces if not piece.isdigit()]
    return named[:1] if view == "first" else named[-1:]


def _pieces_of(pieces: dict[str, Any], name: str) -> list[str]:
    """Return an index's pieces; those of another index stand there by its name."""
    found = pieces[name]
    return list(pieces[found]) if isinstance(found, str) else list(found)
