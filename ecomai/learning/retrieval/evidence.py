"""What is known of a query and a text: scores of each source, and how they overlap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .bm25 import BM25Index
from .pieces import cut

#: Sources of candidates, in the order of their weights.
SOURCES = ("stems", "trigrams", "stem_pairs", "vectors")
#: Parts of a query whose presence in a text is looked at by itself.
VIEWS = ("all", "first", "last", "numbers")
QUERIES_AT_ONCE = 128
OPENING_WORDS = 4
COLUMNS = (
    *SOURCES,
    *(f"{source}_share" for source in SOURCES),
    *(f"has_{view}" for view in VIEWS),
    "opening", "text_share", "n_query_words", "n_text_words", "is_corrected",
)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """Some queries, and the score of each text by each source.

    Attributes
    ----------
    start : int
        Row of the first query.
    pieces : list of list of str
        Stems of each query.
    is_corrected : bool array of shape (n,)
    scores : float32 array of shape (n_sources, n, n_texts)
    """

    start: int
    pieces: list[list[str]]
    is_corrected: NDArray[np.bool_]
    scores: NDArray[np.float32]

    @property
    def shares(self) -> NDArray[np.float32]:
        """Scores as a share of each query's best, so that sources can be added."""
        return self.scores / np.maximum(self.scores.max(axis=2, keepdims=True), 1e-9)


class Evidence:
    """Indices of one catalogue, and what they say of queries.

    Parameters
    ----------
    indices : dict of str to BM25Index
        By source, and `presence`: stems without frequency and length, so that a score is the rarity of
        what a text shares with a query; `opening` likewise, of the first words of each text.
    vectors : float32 array of shape (n_texts, d)
        Of no column where texts have none.
    """

    def __init__(self, indices: dict[str, BM25Index], vectors: NDArray[np.float32]) -> None:
        self.indices = indices
        self.vectors = vectors
        presence = indices["presence"]
        self._text_rarity = np.zeros(presence.n_texts_, dtype=np.float32)
        np.add.at(self._text_rarity, presence.columns_, presence.weights_)
        self._n_text_words = np.bincount(presence.columns_, minlength=presence.n_texts_).astype(np.float32)

    @classmethod
    def fit(cls, texts: Sequence[str], vectors: NDArray[np.float32], *, language: str) -> Self:
        """Index the texts.

        Parameters
        ----------
        texts : sequence of n_texts str
        vectors : float32 array of shape (n_texts, d)
        language : str

        Returns
        -------
        Evidence
        """
        return cls(
            {name: index.fit(_part(name, texts)) for name, index in new_indices(language).items()}, vectors
        )

    def blocks(
        self, queries: Sequence[str], typed: Sequence[str], query_vectors: NDArray[np.float32]
    ) -> Iterator[Block]:
        """Yield the scores of some queries at a time, over all texts.

        Parameters
        ----------
        queries : sequence of n_queries str
            With their spelling corrected.
        typed : sequence of n_queries str
            As they were typed. Trigrams are looked for in both, as a correction can be wrong.
        query_vectors : float32 array of shape (n_queries, d)

        Yields
        ------
        Block
        """
        language = self.indices["stems"].language
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            rows = slice(start, start + QUERIES_AT_ONCE)
            pieces = [cut(query, "stems", language) for query in queries[rows]]
            is_corrected = np.array(
                [first != second for first, second in zip(queries[rows], typed[rows], strict=True)],
                dtype=bool,
            )
            scores = [self.indices[source].scores(queries[rows]) for source in SOURCES[:3]]
            if is_corrected.any():
                again = [typed[start + int(row)] for row in np.flatnonzero(is_corrected)]
                scores[1][is_corrected] = (
                    scores[1][is_corrected] + self.indices["trigrams"].scores(again)
                ) / 2
            scores.append(np.maximum(query_vectors[rows] @ self.vectors.T, 0))
            yield Block(start, pieces, is_corrected, np.stack(scores))

    def columns(self, block: Block, rows: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return what is known of pairs of a query and a text.

        Parameters
        ----------
        block : Block
        rows : int64 array of shape (n_pairs,)
            Of the block's queries.
        items : int64 array of shape (n_pairs,)
            Of the texts.

        Returns
        -------
        float32 array of shape (n_pairs, len(COLUMNS))
            Shares of a part that a query lacks are not a number.
        """
        presence, opening = self.indices["presence"], self.indices["opening"]
        found = [*block.scores[:, rows, items], *block.shares[:, rows, items]]
        for view in VIEWS:
            pieces = [_view(view, query) for query in block.pieces]
            rarity = presence.query_matrix(pieces) @ presence.idf_
            shared = presence.scores_of_pieces(pieces)[rows, items]
            if view == "all":
                text_share = shared / np.maximum(self._text_rarity[items], 1e-9)
            # What no text has counts as a piece that is as rare as can be.
            n_unknown = np.array(
                [sum(piece not in presence.vocabulary_ for piece in query) for query in pieces]
            )
            rarity = rarity + n_unknown * presence.idf_.max(initial=0)
            found.append(
                np.divide(shared, rarity[rows], out=np.full_like(shared, np.nan), where=rarity[rows] > 0)
            )
        found.append(opening.scores_of_pieces(block.pieces)[rows, items])
        n_query_words = np.array([len(query) for query in block.pieces], dtype=np.float32)
        found += [text_share, n_query_words[rows], self._n_text_words[items], block.is_corrected[rows]]
        return np.stack(found, axis=1).astype(np.float32)


def new_indices(language: str) -> dict[str, BM25Index]:
    """Return the indices of a catalogue, not fitted."""
    return {
        "stems": BM25Index("stems", k1=0.6, b=0.5, language=language),
        "trigrams": BM25Index("trigrams", k1=0.6, b=0.3, language=language),
        "stem_pairs": BM25Index("stem_pairs", k1=0.6, b=0.5, language=language),
        "presence": BM25Index("stems", k1=0.0, b=0.0, language=language),
        "opening": BM25Index("stems", k1=0.0, b=0.0, language=language),
    }


def _part(name: str, texts: Sequence[str]) -> Sequence[str]:
    return [" ".join(text.split()[:OPENING_WORDS]) for text in texts] if name == "opening" else texts


def _view(view: str, pieces: list[str]) -> list[str]:
    if view == "all":
        return list(dict.fromkeys(pieces))
    if view == "numbers":
        return list(dict.fromkeys(piece for piece in pieces if piece.isdigit()))
    named = [piece for piece in pieces if not piece.isdigit()]
    return named[:1] if view == "first" else named[-1:]
