"""Which texts have the pieces of a query, weighted by BM25; numpy alone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.pieces import MAX_LETTERS, cut

OPENING_WORDS = 4


@dataclass(frozen=True)
class Weighing:
    """What texts are cut into, and how pieces are weighed; as `BM25Index` of training names it."""

    kind: str
    k1: float
    b: float
    language: str
    is_opening: bool = False  # only the first words of a text count

    def pieces(self, text: str) -> list[str]:
        if self.is_opening:
            text = " ".join(text.split()[:OPENING_WORDS])
        return cut(text[:MAX_LETTERS], self.kind, self.language)

    def weigh(
        self, counts: NDArray[np.float32], lengths: NDArray[np.float32], mean_length: float
    ) -> NDArray[np.float32]:
        """Return how much pieces count for their frequency in texts of these lengths."""
        relative = lengths / max(mean_length, 1e-9)
        found = counts * (self.k1 + 1) / (counts + self.k1 * (1 - self.b + self.b * relative))
        return found.astype(np.float32)


@dataclass(frozen=True, eq=False)
class WordIndex:
    """A matrix of pieces by texts in compressed rows; never changed."""

    weighing: Weighing
    vocabulary: dict[str, int]
    idf: NDArray[np.float32]  # (n_pieces,)
    weights: NDArray[np.float32]  # (n_entries,)
    columns: NDArray[np.int32]  # (n_entries,)
    starts: NDArray[np.int64]  # (n_pieces + 1,)
    n_texts: int
    mean_length: float
    rarest: float = field(default=0.0)

    @classmethod
    def of_arrays(cls, weighing: Weighing, pieces: Sequence[str], arrays: dict[str, NDArray[Any]]) -> Self:
        """Return what training has exported."""
        vocabulary = {piece: row for row, piece in enumerate(pieces)}
        idf = arrays["idf"]
        n_texts, mean_length = arrays["sizes"].tolist()
        return cls(
            weighing, vocabulary, idf, arrays["weights"], arrays["columns"], arrays["starts"],
            int(n_texts), float(mean_length), float(idf.max(initial=0)),
        )  # fmt: skip

    @classmethod
    def of_texts(cls, texts: Sequence[str], weighing: Weighing, like: "WordIndex | None" = None) -> Self:
        """Index texts; pieces that another index knows are as rare as they are there."""
        vocabulary: dict[str, int] = {}
        rows: list[int] = []
        columns: list[int] = []
        counts: list[int] = []
        lengths = np.zeros(len(texts), dtype=np.float32)
        for place, text in enumerate(texts):
            found = Counter(weighing.pieces(text))
            lengths[place] = sum(found.values())
            rows += [vocabulary.setdefault(piece, len(vocabulary)) for piece in found]
            columns += [place] * len(found)
            counts += found.values()
        row, column = np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int32)
        n_with = np.bincount(row, minlength=len(vocabulary))
        idf = np.log1p((len(texts) - n_with + 0.5) / (n_with + 0.5)).astype(np.float32)
        mean_length = float(lengths.mean()) if len(texts) else 1.0
        if like is not None and like.n_texts:
            known = [like.vocabulary.get(piece, -1) for piece in vocabulary]
            at = np.array(known, dtype=np.int64)
            idf = np.where(at >= 0, like.idf[np.maximum(at, 0)], like.rarest).astype(np.float32)
            mean_length = like.mean_length
        order = np.argsort(row, kind="stable")
        row, column = row[order], column[order]
        saturated = weighing.weigh(np.array(counts, dtype=np.float32)[order], lengths[column], mean_length)
        starts = np.concatenate([[0], np.cumsum(n_with)]).astype(np.int64)
        weights = (idf[row] * saturated).astype(np.float32)
        rarest = float(idf.max(initial=0))
        return cls(weighing, vocabulary, idf, weights, column, starts, len(texts), mean_length, rarest)

    def scores(self, pieces: Iterable[str]) -> NDArray[np.float32]:
        """Return how well each text answers, (n_texts,)."""
        found = np.zeros(self.n_texts, dtype=np.float32)
        for piece, n in Counter(pieces).items():
            entries = self._entries(piece)
            found[self.columns[entries]] += n * self.weights[entries]
        return found

    def has(self, piece: str, column: int) -> bool:
        return bool((self.columns[self._entries(piece)] == column).any())

    def rarity(self, pieces: Iterable[str]) -> float:
        """Return how rare pieces are together; what no text has is as rare as can be."""
        rows = [self.vocabulary.get(piece, -1) for piece in pieces]
        return float(sum(self.idf[row] if row >= 0 else self.rarest for row in rows))

    def sums(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return, of each text, the weights of its pieces together, and how many pieces it has."""
        weights = np.bincount(self.columns, self.weights, minlength=self.n_texts).astype(np.float32)
        return weights, np.bincount(self.columns, minlength=self.n_texts).astype(np.float32)

    def _entries(self, piece: str) -> slice:
        row = self.vocabulary.get(piece)
        return slice(0, 0) if row is None else slice(self.starts[row], self.starts[row + 1])
