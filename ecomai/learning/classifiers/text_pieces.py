"""Texts judged by their words and parts of words: fast, in any language, and hard to beat on few texts."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ecomai.inference.text import DENSE_SCRIPTS, WORD, normalise, script_of_letter
from ecomai.learning.encoders.base import check_texts
from ecomai.learning.exceptions import InvalidDataError

from .text_base import TextClassifier, check_labelled

VOCABULARY_FILE = "pieces.json"
#: Lengths of parts of words.
SHORTEST, LONGEST = 2, 5


class PiecesTextClassifier(TextClassifier):
    """Weigh TF-IDF of words, pairs of words and parts of words by a logistic regression.

    Words of scripts that set none apart are taken letter by letter, so that their pairs and triples are
    learned. With grades, a ridge regression of them is a second column.

    Parameters
    ----------
    has_letters : bool, default True
        Whether parts of words are taken beside words and pairs of them; without, it is this task's baseline.
    c : float, default 4.0
        Inverse strength of the l2 penalty.
    alpha : float, default 1.0
        Strength of the penalty of the grades' regression.
    min_count : int, default 3
        Texts that a piece must be in; of fewer than 1000 texts, one is enough.
    max_pieces : int, default 200000
        Of each kind.
    random_state : int, default 0

    Attributes
    ----------
    coefficients_ : float32 array of shape (n_columns, n_pieces)
    intercepts_ : float64 array of shape (n_columns,)
    idf_ : float32 array of shape (n_pieces,)
    sizes_ : list of int
        Pieces of each kind.

    References
    ----------
    Joachims, "Text categorization with support vector machines", 1998, for linear models of many pieces.

    Examples
    --------
    >>> model = PiecesTextClassifier().fit(["good", "very good", "bad", "too bad"], [0, 0, 1, 1])
    >>> bool(model.decision_function(["bad"])[0] > model.decision_function(["good"])[0])
    True
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("coefficients_", "intercepts_", "idf_")
    learned_values: ClassVar[tuple[str, ...]] = ("sizes_",)

    def __init__(
        self,
        has_letters: bool = True,
        c: float = 4.0,
        alpha: float = 1.0,
        min_count: int = 3,
        max_pieces: int = 200_000,
        random_state: int = 0,
    ) -> None:
        self.has_letters = has_letters
        self.c = c
        self.alpha = alpha
        self.min_count = min_count
        self.max_pieces = max_pieces
        self.random_state = random_state

    def fit(self, texts: Sequence[str], y: ArrayLike, *, grades: ArrayLike | None = None) -> Self:
        """Count pieces and weigh them; see `TextClassifier.fit`."""
        from sklearn.linear_model import LogisticRegression, Ridge

        labels, known = check_labelled(texts, y, grades)
        min_count = self.min_count if len(texts) >= 1000 else 1
        made = [_new_vectorizer(kind, min_df=min_count, max_features=self.max_pieces) for kind in self._kinds]
        try:
            rows = sparse.hstack([each.fit_transform(texts) for each in made]).tocsr()
        except ValueError as error:  # scikit-learn's word for a vocabulary that would be empty
            raise InvalidDataError("The texts have no words in common to learn from.") from error
        self._vectorizers = made
        self.idf_ = np.concatenate([each.idf_ for each in made]).astype(np.float32)
        self.sizes_ = [len(each.vocabulary_) for each in made]
        line = LogisticRegression(C=self.c, solver="liblinear", random_state=self.random_state)
        lines: list[Any] = [line.fit(rows, labels)]
        if known is not None:
            lines.append(Ridge(alpha=self.alpha, solver="sparse_cg").fit(rows, known))
        self.coefficients_ = np.stack([np.ravel(each.coef_) for each in lines]).astype(np.float32)
        self.intercepts_ = np.array([float(np.ravel(each.intercept_)[0]) for each in lines])
        return self

    def columns(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return weighted sums of pieces; see `TextClassifier.columns`."""
        self.check_is_fitted()
        check_texts(texts)
        if not len(texts):
            return np.empty((0, len(self.intercepts_)))
        rows = sparse.hstack([each.transform(texts) for each in self._vectorizers]).tocsr()
        return np.asarray(rows @ self.coefficients_.T.astype(np.float64)) + self.intercepts_

    @property
    def _kinds(self) -> tuple[str, ...]:
        return ("words", "letters") if self.has_letters else ("words",)

    def _save_parts(self, folder: Path) -> None:
        words = [sorted(each.vocabulary_, key=each.vocabulary_.__getitem__) for each in self._vectorizers]
        (folder / VOCABULARY_FILE).write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")

    def _load_parts(self, folder: Path) -> None:
        words = json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))
        self._vectorizers = [
            _new_vectorizer(kind, vocabulary={piece: place for place, piece in enumerate(known)})
            for kind, known in zip(self._kinds, words, strict=True)
        ]
        ends = np.cumsum(self.sizes_)[:-1]
        for each, idf in zip(self._vectorizers, np.split(self.idf_, ends), strict=True):
            each.idf_ = idf


def words_of(text: str) -> list[str]:
    """Return the words of a text; a run of letters of a dense script falls into its letters.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str

    Examples
    --------
    >>> words_of("Don't like it: 太慢")
    ['don', 't', 'like', 'it', '太', '慢']
    """
    found: list[str] = []
    for word in WORD.findall(normalise(text)):
        is_dense = any(script_of_letter(letter) in DENSE_SCRIPTS for letter in word)
        found.extend(word if is_dense else (word,))
    return found


def _word_pieces(text: str) -> Iterator[str]:
    words = words_of(text)
    yield from words
    yield from (f"{first} {second}" for first, second in pairwise(words))


def _letter_pieces(text: str) -> Iterator[str]:
    for word in normalise(text).split():
        framed = f" {word} "
        for size in range(SHORTEST, LONGEST + 1):
            for start in range(len(framed) - size + 1):
                yield framed[start : start + size]


_ANALYSERS: dict[str, Callable[[str], Iterator[str]]] = {"words": _word_pieces, "letters": _letter_pieces}


def _new_vectorizer(kind: str, **options: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(analyzer=_ANALYSERS[kind], sublinear_tf=True, dtype=np.float32, **options)
