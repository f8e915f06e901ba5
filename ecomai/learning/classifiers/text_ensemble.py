"""Texts judged by words and by a transformer together, with a calibrated probability."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.inference.text import main_script
from ecomai.learning.callbacks import Callback
from ecomai.learning.encoders.base import check_texts
from ecomai.learning.encoders.pretrained import DEFAULT_MODEL
from ecomai.learning.encoders.routed import DEFAULT_SCRIPTS

from .base import sigmoid
from .text_base import TextClassifier, check_labelled
from .text_pieces import PiecesTextClassifier
from .text_transformer import TransformerTextClassifier

#: Of each class, in a script that the transformer knows: with fewer, fine-tuning learns them by heart.
LEAST_KNOWN = 100
#: Of each class among the texts that are held back.
LEAST_HELD = 2
PIECES, TRANSFORMER = "pieces", "transformer"


class TextEnsemble(TextClassifier):
    """Pieces of words in every text, a fine-tuned transformer where it knows the script.

    A part of the texts is held back. What both say of it is weighed by a logistic regression, which also
    makes the sum a probability; texts in a script that the transformer does not know have weights of their
    own. In a language whose script alone it knows, the transformer says little, and is weighed so.

    Parameters
    ----------
    model : str, default "all-MiniLM-L6-v2"
        Of the transformer; "" leaves it out.
    scripts : sequence of str or None, default None
        Scripts that it knows; as in `RoutedTextEncoder`.
    held_share : float, default 0.12
        Of the texts, held back from both to weigh them by.
    c : float, default 1.0
        Inverse strength of the penalty of the weights.
    max_length, max_epochs, train_batch_size, learning_rate, grade_weight, is_narrow, batch_size, device
        As in `TransformerTextClassifier`.
    random_state : int, default 0

    Attributes
    ----------
    weights_ : float64 array of shape (2, n_columns)
        Of pieces' columns and then the transformer's; of texts that the transformer knows, and of others.
    intercepts_ : float64 array of shape (2,)
    threshold_ : float in (0, 1)
        Probability from which a text is said to be of class 1: best for the mean F1 of both classes, by the
        texts held back.
    has_transformer_ : bool
    held_ : dict
        What was found of the texts held back: area under the curve of each part and of the sum.

    References
    ----------
    Wolpert, "Stacked generalization", 1992.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("weights_", "intercepts_")
    learned_values: ClassVar[tuple[str, ...]] = ("threshold_", "has_transformer_", "held_")

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        scripts: Sequence[str] | None = None,
        held_share: float = 0.12,
        c: float = 1.0,
        max_length: int = 160,
        max_epochs: int = 2,
        train_batch_size: int = 32,
        learning_rate: float = 1e-4,
        grade_weight: float = 1.0,
        is_narrow: bool = True,
        batch_size: int = 64,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.scripts = scripts
        self.held_share = held_share
        self.c = c
        self.max_length = max_length
        self.max_epochs = max_epochs
        self.train_batch_size = train_batch_size
        self.learning_rate = learning_rate
        self.grade_weight = grade_weight
        self.is_narrow = is_narrow
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        texts: Sequence[str],
        y: ArrayLike,
        *,
        grades: ArrayLike | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_folder: str | Path | None = None,
    ) -> Self:
        """Learn both parts, then their weights; see `TransformerTextClassifier.fit`."""
        labels, known = check_labelled(texts, y, grades)
        texts = list(texts)
        learned, held = self._hold_back(labels)

        def part(rows: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64] | None]:
            return [texts[row] for row in rows], labels[rows], None if known is None else known[rows]

        own, own_labels, own_grades = part(learned)
        self.pieces_ = PiecesTextClassifier(random_state=self.random_state)
        self.pieces_.fit(own, own_labels, grades=own_grades)
        is_read = self.knows(texts)
        self.transformer_ = self._new_transformer(labels[learned[is_read[learned]]])
        self.has_transformer_ = self.transformer_ is not None
        if self.transformer_ is not None:
            own, own_labels, own_grades = part(learned[is_read[learned]])
            seen = held[is_read[held]]
            has_both = 0 < labels[seen].sum() < len(seen)
            self.transformer_.fit(
                own, own_labels, grades=own_grades, valid=part(seen)[:2] if has_both else None,
                callbacks=callbacks, checkpoint_folder=checkpoint_folder,
            )  # fmt: skip
        self._weigh(part(held)[0], labels[held])
        return self

    def knows(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return which texts the transformer knows the script of: bool array of shape (n_texts,)."""
        scripts = DEFAULT_SCRIPTS.get(self.model) if self.scripts is None else self.scripts
        if not self.model:
            return np.zeros(len(texts), dtype=bool)
        if scripts is None:
            return np.ones(len(texts), dtype=bool)
        return np.array([main_script(text) in ("", *scripts) for text in texts], dtype=bool)

    def columns(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the calibrated log odds; see `TextClassifier.columns`."""
        self.check_is_fitted()
        check_texts(texts)
        return self._sums(self.parts(texts), self._reads(texts))[:, None]

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the class of each text by `threshold_`: int64 array of shape (n_texts,)."""
        return (self.predict_proba(texts)[:, 1] >= self.threshold_).astype(np.int64)

    def parts(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the columns of both parts, side by side; the transformer's are 0 where it does not read."""
        pieces = self.pieces_.columns(texts)
        if self.transformer_ is None:
            return pieces
        rows = np.flatnonzero(self._reads(texts))
        read = np.zeros_like(pieces)
        read[rows] = self.transformer_.columns([texts[int(row)] for row in rows])
        return np.hstack([pieces, read])

    def _reads(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        return self.knows(texts) & self.has_transformer_

    def _sums(self, parts: NDArray[np.float64], reads: NDArray[np.bool_]) -> NDArray[np.float64]:
        routes = np.where(reads, 0, 1)
        return np.asarray((parts * self.weights_[routes]).sum(axis=1) + self.intercepts_[routes])

    def _hold_back(self, labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows to learn from and rows held back; of few texts, both are all of them."""
        from sklearn.model_selection import train_test_split

        rows = np.arange(len(labels))
        if np.bincount(labels).min() * self.held_share < LEAST_HELD:
            return rows, rows
        learned, held = train_test_split(
            rows, test_size=self.held_share, stratify=labels, random_state=self.random_state
        )
        return np.sort(learned), np.sort(held)

    def _new_transformer(self, labels: NDArray[np.int64]) -> TransformerTextClassifier | None:
        if not self.model or np.bincount(labels, minlength=2).min() < LEAST_KNOWN:
            return None
        shared = (
            "model", "max_length", "max_epochs", "train_batch_size", "learning_rate", "grade_weight",
            "is_narrow", "batch_size", "device", "random_state",
        )  # fmt: skip
        return TransformerTextClassifier(**{name: getattr(self, name) for name in shared})

    def _weigh(self, texts: Sequence[str], labels: NDArray[np.int64]) -> None:
        from ecomai.learning.metrics.classification import roc_auc

        parts, reads = self.parts(texts), self._reads(texts)
        n_pieces = self.pieces_.columns(texts[:1]).shape[1]
        self.weights_ = np.zeros((2, parts.shape[1]))
        self.intercepts_ = np.zeros(2)
        # Where too few are held back of one route, the pieces' weights of all have to do.
        routes = ((0, reads, parts.shape[1]), (1, ~reads, n_pieces))
        for route, rows, n_columns in routes:
            enough = np.bincount(labels[rows], minlength=2).min() >= LEAST_HELD
            if not enough:
                rows, n_columns = np.ones(len(labels), dtype=bool), n_pieces
            weights, intercept = _line(parts[rows, :n_columns], labels[rows], self.c)
            self.weights_[route, :n_columns] = weights
            self.intercepts_[route] = intercept
        sums = self._sums(parts, reads)
        self.threshold_ = best_threshold(labels, sigmoid(sums))
        self.held_ = {"n": len(labels), PIECES: roc_auc(labels, parts[:, 0]), "all": roc_auc(labels, sums)}
        if self.has_transformer_ and reads.all():
            self.held_[TRANSFORMER] = roc_auc(labels, parts[:, n_pieces])

    def _save_parts(self, folder: Path) -> None:
        self.pieces_.save(folder / PIECES)
        if self.transformer_ is not None:
            self.transformer_.save(folder / TRANSFORMER)

    def _load_parts(self, folder: Path) -> None:
        self.pieces_ = PiecesTextClassifier.load(folder / PIECES)
        options: dict[str, Any] = {"device": self.device, "batch_size": self.batch_size}
        self.transformer_ = (
            TransformerTextClassifier.load(folder / TRANSFORMER, **options) if self.has_transformer_ else None
        )


def best_threshold(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Return the probability from which to say 1: best for the mean F1 of both classes.

    Parameters
    ----------
    labels : int array of shape (n,)
    probabilities : float array of shape (n,)

    Returns
    -------
    float in (0, 1)

    Examples
    --------
    >>> best_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.4, 0.9]))
    0.3
    """
    from sklearn.metrics import f1_score

    tried = np.round(np.arange(0.2, 0.71, 0.02), 2)
    found = np.array([f1_score(labels, probabilities >= each, average="macro") for each in tried])
    # The middle of the best ones: the curve is flat there, and its steps are chance.
    best = tried[found >= found.max() - 1e-9]
    return float(best[(len(best) - 1) // 2])


def _line(
    columns: NDArray[np.float64], labels: NDArray[np.int64], c: float
) -> tuple[NDArray[np.float64], float]:
    """Return weights and intercept of the columns, learned from them at one scale."""
    from sklearn.linear_model import LogisticRegression

    means, scales = columns.mean(axis=0), np.maximum(columns.std(axis=0), 1e-9)
    line = LogisticRegression(C=c).fit((columns - means) / scales, labels)
    weights = line.coef_[0] / scales
    return weights, float(line.intercept_[0] - means @ weights)
