"""What is judged where texts and pictures are: of a kept assessment, the same online and in training."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomai.serving.predictors.content_classifier import ContentClassifierPredictor
from ecomai.serving.predictors.tabular_classifier import TabularClassifierPredictor

#: Two bytes a number: cosines differ by less than 0.0001, and an assessment stays small.
HALF = np.dtype("<f2")


@dataclass(frozen=True)
class Content:
    """A text, and the vector of its pictures with the key of the encoder that made it, where there is one."""

    text: str
    picture: NDArray[np.float32] | None = None
    picture_encoder: str = ""

    def picture_of(self, encoder: str) -> NDArray[np.float32] | None:
        """Return the vector, if that encoder made it: those of different encoders mean different things."""
        return self.picture if encoder and self.picture_encoder == encoder else None


def content_of(payload: Mapping[str, Any]) -> Content:
    """Return what the payload of an assessment holds."""
    text = f"{payload.get('title', '')}\n{payload.get('text', '')}".strip()
    kept = payload.get("picture")
    if not kept:
        return Content(text)
    vector = np.frombuffer(base64.b64decode(kept["vector"]), dtype=HALF).astype(np.float32)
    return Content(text, vector, kept["encoder"])


def kept_picture(vector: NDArray[np.float32], *, encoder: str) -> dict[str, str]:
    """Return a vector as a payload keeps it."""
    return {"encoder": encoder, "vector": base64.b64encode(vector.astype(HALF).tobytes()).decode()}


def probabilities(
    predictor: TabularClassifierPredictor, X: NDArray[np.float32], contents: Sequence[Content]
) -> NDArray[np.float64]:
    """Return what a model says of rows of features, with their contents if it reads them: (n_samples,)."""
    if not isinstance(predictor, ContentClassifierPredictor):
        return predictor.predict_proba(X)
    pictures = [content.picture_of(predictor.picture_encoder) for content in contents]
    return predictor.predict_contents(X, [content.text for content in contents], pictures)
