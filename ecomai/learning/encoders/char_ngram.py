"""The second default: character n-grams and words, learned from the shop's own text, in any script."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from ecomai.inference.text import has_jieba, main_script, pieces
from ecomai.learning.exceptions import InvalidDataError

from .base import TextEncoder, check_texts, unit_length


class CharNgramTextEncoder(TextEncoder):
    """Latent semantic analysis of character n-grams and words.

    Parameters
    ----------
    dim : int, default 256
        Size of a vector; the columns beyond what the texts carry are 0.
    max_pieces : int, default 30000
        The most frequent n-grams and words that are kept.
    words : {"auto", "jieba", "none"}, default "auto"
        Whether Chinese words join the n-grams; "auto" does where jieba is installed and a text is Chinese.
    random_state : int, default 0

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Column of each piece.
    idf_ : float32 array of shape (n_pieces,)
    components_ : float32 array of shape (dim, n_pieces)
    has_jieba_ : bool

    References
    ----------
    Deerwester et al., "Indexing by latent semantic analysis", 1990.

    Examples
    --------
    >>> encoder = CharNgramTextEncoder(dim=2, words="none").fit(["红色连衣裙", "红色裙子", "蓝牙耳机"])
    >>> vectors = encoder.encode(["红色连衣裙", "红色裙子", "蓝牙耳机"])
    >>> bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])
    True
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("idf_", "components_")
    learned_values: ClassVar[tuple[str, ...]] = ("vocabulary_", "has_jieba_", "n_features_")

    def __init__(
        self, dim: int = 256, max_pieces: int = 30000, words: str = "auto", random_state: int = 0
    ) -> None:
        self.dim = dim
        self.max_pieces = max_pieces
        self.words = words
        self.random_state = random_state

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn pieces, their rarity and their directions; see `TextEncoder.fit`."""
        check_texts(texts)
        self.has_jieba_ = self._uses_jieba(texts)
        counted = [Counter(pieces(text, with_jieba=self.has_jieba_)) for text in texts]
        frequency: Counter[str] = Counter()
        for counts in counted:
            frequency.update(counts.keys())
        if not frequency:
            raise InvalidDataError("No text has a letter or a digit to learn from.")
        kept = sorted(frequency, key=lambda piece: (-frequency[piece], piece))[: self.max_pieces]
        self.vocabulary_ = {piece: column for column, piece in enumerate(kept)}
        documents = np.array([frequency[piece] for piece in kept])
        self.idf_ = (np.log((1 + len(texts)) / (1 + documents)) + 1).astype(np.float32)
        self.components_ = self._directions(self._weigh(counted))
        self.n_features_ = self.dim
        return self

    def _uses_jieba(self, texts: Sequence[str]) -> bool:
        if self.words == "none":
            return False
        if self.words == "jieba":
            if not has_jieba():
                raise InvalidDataError("Chinese words need the package jieba: install ecomai[chinese].")
            return True
        return any(main_script(text) == "han" for text in texts) and has_jieba()

    def _weigh(self, counted: Sequence[Counter[str]]) -> sparse.csr_array:
        """Return TF-IDF rows of length 1: (n_texts, n_pieces)."""
        columns = [
            [self.vocabulary_[piece] for piece in counts if piece in self.vocabulary_] for counts in counted
        ]
        values = [[n for piece, n in counts.items() if piece in self.vocabulary_] for counts in counted]
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in columns])])
        indices = np.array([column for row in columns for column in row], dtype=np.int64)
        tf = 1 + np.log(np.array([value for row in values for value in row], dtype=np.float32))
        shape = (len(counted), len(self.vocabulary_))
        weighed = sparse.csr_array((tf * self.idf_[indices], indices, offsets), shape=shape)
        lengths = np.sqrt(weighed.multiply(weighed).sum(axis=1))
        return sparse.csr_array(sparse.diags_array(1 / np.maximum(lengths, 1e-9)) @ weighed)

    def _directions(self, weighed: sparse.csr_array) -> NDArray[np.float32]:
        components = np.zeros((self.dim, weighed.shape[1]), dtype=np.float32)
        n_directions = min(self.dim, min(weighed.shape) - 1)
        if n_directions < 1:  # one text, or one piece: its own direction is all there is
            components[0] = weighed[[0]].toarray()[0]
            return components
        svd = TruncatedSVD(n_components=n_directions, random_state=self.random_state)
        components[:n_directions] = svd.fit(weighed).components_
        return components

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        counted = [Counter(pieces(text, with_jieba=self.has_jieba_)) for text in texts]
        return unit_length((self._weigh(counted) @ self.components_.T).astype(np.float32))

    def pieces_json(self) -> str:
        """Return the pieces in the order of their columns, as JSON, for export.

        Returns
        -------
        str
        """
        self.check_is_fitted()
        return json.dumps(list(self.vocabulary_), ensure_ascii=False)
