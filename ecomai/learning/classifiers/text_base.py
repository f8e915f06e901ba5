"""The contract of classifiers of texts into two classes."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.encoders.base import check_texts
from ecomai.learning.exceptions import InvalidDataError

from .base import as_probabilities, check_labels


class TextClassifier(Estimator):
    """Base of what judges texts: `fit`, `decision_function`, `predict_proba`.

    A text may come with a grade, such as the stars of a review: it says more than its class, and is learned
    beside it. Nothing but the text is asked for when a text is judged.
    """

    @abstractmethod
    def fit(self, texts: Sequence[str], y: ArrayLike, *, grades: ArrayLike | None = None) -> Self:
        """Learn from labelled texts.

        Parameters
        ----------
        texts : sequence of n_texts str
        y : array-like of shape (n_texts,)
            1 is what is looked for, 0 the rest.
        grades : array-like of shape (n_texts,), optional
            From 0 to 1, of whatever direction.

        Returns
        -------
        TextClassifier
            Itself.

        Raises
        ------
        InvalidDataError
            If sizes do not fit, a label is neither 0 nor 1, a grade is not from 0 to 1, or a class has fewer
            than two texts.
        """

    @abstractmethod
    def columns(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return all that was learned of each text: the log odds of class 1, and what its grade says.

        Parameters
        ----------
        texts : sequence of n_texts str

        Returns
        -------
        float64 array of shape (n_texts, n_columns)

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If an entry is not a text.
        """

    def decision_function(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the log odds of class 1: (n_texts,); see `columns`."""
        return self.columns(texts)[:, 0]

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probabilities of the classes 0 and 1: (n_texts, 2); see `columns`."""
        return as_probabilities(self.decision_function(texts))


def check_labelled(
    texts: Sequence[str], y: ArrayLike, grades: ArrayLike | None
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Return labels and grades of texts as arrays, or raise InvalidDataError."""
    check_texts(texts)
    labels = check_labels(y, len(texts))
    if grades is None:
        return labels, None
    known = np.asarray(grades, dtype=np.float64)
    if known.shape != (len(texts),) or not ((known >= 0) & (known <= 1)).all():
        raise InvalidDataError(f"There must be a grade from 0 to 1 for each of {len(texts)} texts.")
    return labels, known
