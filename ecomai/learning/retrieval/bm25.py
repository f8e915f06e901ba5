"""BM25 over words, stems or pieces of words: the baseline of every search, and a part of ours."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ecomai.learning.base import Estimator
from ecomai.learning.encoders.base import check_texts
from ecomai.learning.exceptions import InvalidDataError

from .pieces import CUTS, MAX_LETTERS, cut


class BM25Index(Estimator):
    """Score texts by the pieces that they share with a query.

    The weight of each piece in each text is computed once and kept as a sparse matrix, so that queries
    are one sparse product. `bm25s` does the same, but its queries can neither be asked many at once nor
    is its index a set of plain arrays.

    Parameters
    ----------
    kind : {"words", "stems", "stem_pairs", "trigrams"}, default "stems"
        What texts are cut into; see `pieces.cut`.
    k1 : float, default 0.6
        How much a repeated piece counts; 0 for not at all.
    b : float in [0, 1], default 0.5
        How much a long text is held against it.
    language : str, default "english"
        Of the stems.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Row of each piece.
    idf_ : float32 array of shape (n_pieces,)
        How rare each piece is.
    weights_, columns_, starts_ : arrays of shape (n_entries,), (n_entries,) and (n_pieces + 1,)
        The matrix of pieces by texts, in compressed rows.

    References
    ----------
    Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009; Lù, "BM25S:
    orders of magnitude faster lexical search via eager sparse scoring", 2024.

    Examples
    --------
    >>> index = BM25Index().fit(["red mug", "blue mugs", "lamp"])
    >>> index.scores(["mugs in blue"]).argmax(axis=1)
    array([1])
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("idf_", "weights_", "columns_", "starts_")
    learned_values: ClassVar[tuple[str, ...]] = ("vocabulary_", "n_texts_")

    idf_: NDArray[np.float32]
    weights_: NDArray[np.float32]
    columns_: NDArray[np.int32]
    starts_: NDArray[np.int64]

    def __init__(
        self, kind: str = "stems", k1: float = 0.6, b: float = 0.5, language: str = "english"
    ) -> None:
        self.kind = kind
        self.k1 = k1
        self.b = b
        self.language = language

    def fit(self, texts: Sequence[str]) -> Self:
        """Weigh the pieces of all texts.

        Parameters
        ----------
        texts : sequence of n_texts str

        Returns
        -------
        BM25Index
            Itself.

        Raises
        ------
        InvalidDataError
            If the kind does not exist, there is no text, or an entry is not a text.
        """
        if self.kind not in CUTS:
            raise InvalidDataError(f"kind must be one of {', '.join(CUTS)}; it is {self.kind!r}.")
        check_texts(texts)
        if len(texts) == 0:
            raise InvalidDataError("There is no text to search in.")
        self.vocabulary_: dict[str, int] = {}
        rows, columns = [], []
        for place, text in enumerate(texts):
            found = [self.vocabulary_.setdefault(piece, len(self.vocabulary_)) for piece in self._cut(text)]
            rows.append(np.array(found, dtype=np.int64))
            columns.append(np.full(len(found), place))
        counts = _matrix(np.concatenate(rows), np.concatenate(columns), (len(self.vocabulary_), len(texts)))
        self.n_texts_ = len(texts)
        n_texts_with = np.diff(counts.indptr)
        self.idf_ = np.log1p((len(texts) - n_texts_with + 0.5) / (n_texts_with + 0.5)).astype(np.float32)
        self.weights_ = (np.repeat(self.idf_, n_texts_with) * self._saturated(counts)).astype(np.float32)
        self.columns_, self.starts_ = counts.indices.astype(np.int32), counts.indptr.astype(np.int64)
        return self

    def _cut(self, text: str) -> list[str]:
        return cut(text[:MAX_LETTERS], self.kind, self.language)

    def _saturated(self, counts: sparse.csr_array) -> NDArray[np.float32]:
        """Return how much each entry counts for its frequency and the length of its text."""
        lengths = counts.sum(axis=0)
        relative = (lengths / max(lengths.mean(), 1e-9))[counts.indices]
        return counts.data * (self.k1 + 1) / (counts.data + self.k1 * (1 - self.b + self.b * relative))

    def scores(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """Return how well each text answers each query.

        Parameters
        ----------
        queries : sequence of n_queries str
            Anything; letters after the first 2000 are not read.

        Returns
        -------
        float32 array of shape (n_queries, n_texts)
            At least 0.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an entry is not a text.
        """
        self.check_is_fitted()
        check_texts(queries)
        return self.scores_of_pieces([self._cut(query) for query in queries])

    def scores_of_pieces(self, queries: Sequence[Iterable[str]]) -> NDArray[np.float32]:
        """Return the scores of queries that are cut already; see `scores`.

        Parameters
        ----------
        queries : sequence of n_queries iterables of str

        Returns
        -------
        float32 array of shape (n_queries, n_texts)
        """
        shape = (len(self.vocabulary_), self.n_texts_)
        matrix = sparse.csr_array((self.weights_, self.columns_, self.starts_), shape=shape)
        return (self.query_matrix(queries) @ matrix).toarray()

    def query_matrix(self, queries: Sequence[Iterable[str]]) -> sparse.csr_array:
        """Return how often each known piece is in each query.

        Parameters
        ----------
        queries : sequence of n_queries iterables of str

        Returns
        -------
        csr_array of shape (n_queries, n_pieces)
        """
        known = [
            [self.vocabulary_[piece] for piece in query if piece in self.vocabulary_] for query in queries
        ]
        rows = np.repeat(np.arange(len(known)), [len(found) for found in known])
        columns = np.fromiter((column for found in known for column in found), dtype=np.int64)
        return _matrix(rows, columns, (len(known), len(self.vocabulary_)))


def _matrix(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> sparse.csr_array:
    ones = np.ones(len(rows), dtype=np.float32)
    return sparse.csr_array(sparse.coo_array((ones, (rows, columns)), shape=shape))
