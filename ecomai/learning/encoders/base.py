"""What every text encoder does: texts in, vectors of length 1 out."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.exceptions import InvalidDataError


class TextEncoder(Estimator):
    """Base of text encoders. Learned: `n_features_`, the size of a vector."""

    n_features_: int

    @abstractmethod
    def fit(self, texts: Sequence[str]) -> Self:
        """Learn from the shop's own texts, or load what was learned elsewhere.

        Parameters
        ----------
        texts : sequence of n_texts str

        Returns
        -------
        TextEncoder
            Itself.

        Raises
        ------
        InvalidDataError
            If there is nothing to learn from.
        """

    @abstractmethod
    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of shape (n_texts, n_features), of length 1 or 0."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return what texts say, as vectors whose dot product is their cosine.

        Parameters
        ----------
        texts : sequence of n_texts str
            Any length; what is too long for the encoder is cut.

        Returns
        -------
        float32 array of shape (n_texts, n_features)
            Each of length 1; zeros for a text that says nothing to this encoder.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an entry is not a text.
        """
        self.check_is_fitted()
        check_texts(texts)
        if len(texts) == 0:
            return np.empty((0, self.n_features_), dtype=np.float32)
        return self._encode(list(texts))


def check_texts(texts: Sequence[str]) -> None:
    """Raise unless all entries are texts.

    Raises
    ------
    InvalidDataError
        If `texts` is one text, or an entry is not a text.
    """
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise InvalidDataError("Texts must be a list of strings.")


def says_something(text: str) -> bool:
    """Return whether a text has a letter or a digit.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool

    Examples
    --------
    >>> says_something("杯"), says_something(" !?")
    (True, False)
    """
    return any(letter.isalnum() for letter in text)


def unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors scaled to length 1; zeros stay zeros.

    Parameters
    ----------
    vectors : float array of shape (n, d)

    Returns
    -------
    float32 array of shape (n, d)
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0).astype(np.float32)
