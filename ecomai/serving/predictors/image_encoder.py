"""Pictures to vectors, and words to the same, without torch."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from tokenizers import Tokenizer

from ecomai.inference.pictures import Preparation
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.sessions import shared_session

from .base import Predictor, check_format, read_json
from .text_encoder import read_tokenizer

if TYPE_CHECKING:
    from PIL.Image import Image

AT_ONCE = 16


class ImageEncoder(Predictor):
    """Encodes pictures, and words that could describe them.

    The graphs are opened when they are first used: a process that nobody asks for pictures stays small.
    """

    kind: ClassVar[str] = "image_encoder"

    def __init__(self, folder: Path) -> None:
        self.read_description(folder)
        description: dict[str, Any] = read_json(folder / "image_encoder.json")
        check_format(description, self.format_version)
        for name in ("image_encoder.onnx", "image_encoder_words.onnx", "image_encoder_tokenizer.json"):
            if not (folder / name).is_file():
                raise UnreadableArtifactError(reason=f"{name} is missing.")
        self.folder = folder
        self.n_features: int = description["n_features"]
        self.preparation = Preparation.from_dict(description["preparation"])
        self._max_length: int = description["max_length"]
        self._padding: dict[str, Any] = description["padding"]

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(Path(folder))

    def encode(self, pictures: Sequence["Image"]) -> NDArray[np.float32]:
        """Vectors of shape (n_pictures, n_features), of length 1."""
        parts = [
            self._pictures.run(None, {"pixel_values": self.preparation(pictures[start : start + AT_ONCE])})[0]
            for start in range(0, len(pictures), AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.n_features), dtype=np.float32)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (n_texts, n_features), of length 1, or 0 for a text that says nothing."""
        vectors = np.zeros((len(texts), self.n_features), dtype=np.float32)
        speaks = [row for row, text in enumerate(texts) if any(letter.isalnum() for letter in text)]
        for start in range(0, len(speaks), AT_ONCE):
            rows = speaks[start : start + AT_ONCE]
            # A very long text would be tokenised in full only to be cut.
            encoded = self._tokenizer.encode_batch([texts[row][: 32 * self._max_length] for row in rows])
            feeds = {"input_ids": np.array([entry.ids for entry in encoded], dtype=np.int64)}
            vectors[rows] = self._words.run(None, feeds)[0]
        return vectors

    @cached_property
    def _pictures(self) -> InferenceSession:
        return shared_session(self.folder / "image_encoder.onnx")

    @cached_property
    def _words(self) -> InferenceSession:
        return shared_session(self.folder / "image_encoder_words.onnx")

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = read_tokenizer(self.folder / "image_encoder_tokenizer.json")
        tokenizer.enable_truncation(self._max_length)
        tokenizer.enable_padding(
            length=self._max_length, pad_id=self._padding["id"], pad_token=self._padding["token"]
        )
        return tokenizer
