"""Which of two things a text, its pictures and a row of numbers are together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.calibration import Calibration
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.trees import Trees

from .tabular_classifier import Judgement, TabularClassifierPredictor, log_odds
from .text_encoder import TextEncoder

#: Names of what the vectors contribute, beside those of the groups of columns.
TEXT, PICTURE = "text_content", "picture_content"


class ContentClassifierPredictor(TabularClassifierPredictor):
    """Boosted trees over numbers and a logistic regression over vectors, behind one calibration.

    An artifact has what a tabular classifier has, with the calibration of two log odds (trees, vectors); the
    files of its text encoder; in `arrays.safetensors` also `line` of shape (n_text + n_picture,), `intercept`
    of shape (1,), and `typical_vector`, the mean vector that contributions are held against; in
    `predictor.json` also `picture_encoder`, the key of the picture vectors that it was trained on ("" for
    none), and `n_picture`.
    """

    kind: ClassVar[str] = "content_classifier"

    def __init__(
        self,
        trees: Trees,
        calibration: Calibration,
        typical: NDArray[np.float32],
        description: dict[str, Any],
        *,
        encoder: TextEncoder,
        arrays: dict[str, NDArray[Any]],
    ) -> None:
        super().__init__(trees, calibration, typical, description)
        self._encoder = encoder
        self._line = arrays["line"].astype(np.float64)
        self._intercept = float(arrays["intercept"][0])
        self._typical_vector = arrays["typical_vector"].astype(np.float64)
        self.picture_encoder: str = description["picture_encoder"]
        self.n_picture: int = description["n_picture"]

    @classmethod
    def load(cls, folder: Path) -> Self:
        folder = Path(folder)
        description = cls.read_description(folder)
        arrays, trees, calibration = cls.read_parts(folder, description)
        encoder = TextEncoder.load(folder)
        n_line = encoder.n_features + description["n_picture"]
        sizes = (len(arrays["line"]), len(arrays["typical_vector"]), len(calibration.weights))
        if sizes != (n_line, n_line, 2):
            raise UnreadableArtifactError(reason="their line was trained on other vectors.")
        return cls(
            trees,
            calibration,
            arrays["typical"].astype(np.float32),
            description,
            encoder=encoder,
            arrays=arrays,
        )

    def vectors(
        self, texts: Sequence[str], pictures: Sequence[NDArray[np.float32] | None]
    ) -> NDArray[np.float32]:
        """Vectors of shape (n_texts, n_text + n_picture); zeros for a picture that is not known."""
        joined = np.zeros((len(texts), len(self._line)), dtype=np.float32)
        n_text = self._encoder.n_features
        joined[:, :n_text] = self._encoder.encode(texts)
        for place, picture in enumerate(pictures):
            if picture is not None and len(picture) == self.n_picture:
                joined[place, n_text:] = picture
        return joined

    def predict_contents(
        self,
        X: NDArray[np.float32],
        texts: Sequence[str],
        pictures: Sequence[NDArray[np.float32] | None],
    ) -> NDArray[np.float64]:
        """Probabilities of shape (n_samples,); pictures are vectors of `picture_encoder`, or None."""
        odds = np.stack([self._trees.predict(X), self._odds(self.vectors(texts, pictures))], axis=1)
        return self._calibration.probability(odds)

    def assess_content(
        self, row: NDArray[np.float32], text: str, picture: NDArray[np.float32] | None = None
    ) -> Judgement:
        """Judge one row with its text; as `assess`, with `text_content` and `picture_content` beside."""
        rows = self._without_each_group(row)
        odds = np.empty((len(rows) + 2, 2))
        vector = self.vectors([text], [picture])
        odds[: len(rows), 0] = self._trees.predict(rows)
        odds[len(rows) :, 0] = odds[0, 0]
        odds[:, 1] = self._odds(vector)
        n_text = self._encoder.n_features
        for place, columns in ((-2, slice(0, n_text)), (-1, slice(n_text, None))):
            plain = vector.copy()
            plain[0, columns] = self._typical_vector[columns]
            odds[place, 1] = self._odds(plain)[0]
        found = log_odds(self._calibration.probability(odds))
        names = [*self._groups, TEXT, PICTURE]
        drops = dict(zip(names, (found[0] - found[1:]).tolist(), strict=True))
        if picture is None:
            del drops[PICTURE]
        return Judgement(float(self._calibration.probability(odds[:1])[0]), drops)

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """As `predict_contents` of rows whose texts and pictures are not known."""
        n_samples = len(X)
        return self.predict_contents(X, [""] * n_samples, [None] * n_samples)

    def _odds(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        return vectors.astype(np.float64) @ self._line + self._intercept
