"""Texts to vectors without torch: the exported transformer, n-grams, or each for its scripts."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ecomai.inference.text import has_jieba, main_script, pieces
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.sessions import shared_session

from .base import Predictor, check_format, read_arrays, read_json

TEXTS_AT_ONCE = 32


class TextEncoder(Predictor):
    """Encodes texts; columns of the transformer come first, then those of the n-grams.

    Loads from an artifact of its own kind, or from one of another kind that carries its files.
    """

    kind: ClassVar[str] = "text_encoder"

    def __init__(self, folder: Path) -> None:
        description: dict[str, Any] = read_json(folder / "text_encoder.json")
        check_format(description, self.format_version)
        self.n_features: int = description["n_features"]
        pretrained, ngram = description["pretrained"], description["ngram"]
        self._pretrained = _Transformer(folder, **pretrained) if pretrained else None
        self._ngram = _Ngrams(folder, **ngram) if ngram else None

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(Path(folder))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of shape (n_texts, n_features), of length 1, or 0 for a text that says nothing."""
        vectors = np.zeros((len(texts), self.n_features), dtype=np.float32)
        is_known = self.knows(texts)
        n_pretrained = self._pretrained.n_features if self._pretrained else 0
        parts = (
            (self._pretrained, np.flatnonzero(is_known), slice(0, n_pretrained)),
            (self._ngram, np.flatnonzero(~is_known), slice(n_pretrained, None)),
        )
        for part, rows, columns in parts:
            if part is None:
                continue
            for start in range(0, len(rows), TEXTS_AT_ONCE):
                some = rows[start : start + TEXTS_AT_ONCE]
                vectors[some, columns] = part.encode([texts[row] for row in some])
        return vectors

    def knows(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Whether the transformer reads the script of each text: (n_texts,)."""
        return np.array([self._is_known(text) for text in texts], dtype=bool)

    def knows_word(self, word: str) -> bool:
        """Whether a word in lower case is one to the transformer, and not pieced together."""
        return self._pretrained is not None and self._pretrained.knows_word(word)

    def _is_known(self, text: str) -> bool:
        if self._pretrained is None:
            return False
        scripts = self._pretrained.scripts
        return scripts is None or main_script(text) in ("", *scripts)


class _Transformer:
    def __init__(
        self, folder: Path, n_features: int, max_length: int, scripts: list[str] | None,
        precision: str = "float32",
    ) -> None:  # fmt: skip
        self.precision = precision
        self.n_features = n_features
        self.max_length = max_length
        self.scripts = scripts
        self._session = shared_session(folder / "text_encoder.onnx")
        self._tokenizer = read_tokenizer(folder / "text_encoder_tokenizer.json")
        self._tokenizer.enable_truncation(max_length)
        self._tokenizer.enable_padding()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # A very long text would be tokenised in full only to be cut.
        encoded = self._tokenizer.encode_batch([text[: 32 * self.max_length] for text in texts])
        feeds = {
            "input_ids": np.array([entry.ids for entry in encoded], dtype=np.int64),
            "attention_mask": np.array([entry.attention_mask for entry in encoded], dtype=np.int64),
        }
        vectors = self._session.run(None, feeds)[0]
        vectors[[not any(letter.isalnum() for letter in text) for text in texts]] = 0
        return vectors

    def knows_word(self, word: str) -> bool:
        return self._tokenizer.token_to_id(word) is not None


def read_tokenizer(path: Path) -> Tokenizer:
    read_json(path)  # says in a sentence what tokenizers would say in Rust
    try:
        return Tokenizer.from_file(str(path))
    except Exception:
        raise UnreadableArtifactError(reason=f"{path.name} is no tokenizer.") from None


class _Ngrams:
    def __init__(self, folder: Path, n_features: int, has_jieba: bool) -> None:
        self.n_features = n_features
        self.has_jieba = has_jieba
        _check_jieba(needed=has_jieba)
        entries = read_json(folder / "text_encoder_pieces.json")
        self._vocabulary = {piece: column for column, piece in enumerate(entries)}
        arrays = read_arrays(folder / "text_encoder_pieces.safetensors")
        self._idf, self._components = arrays["idf"], arrays["components"]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([self._encode(text) for text in texts], dtype=np.float32)

    def _encode(self, text: str) -> NDArray[np.float32]:
        counts = Counter(pieces(text, with_jieba=self.has_jieba))
        known = {self._vocabulary[piece]: n for piece, n in counts.items() if piece in self._vocabulary}
        if not known:
            return np.zeros(self.n_features, dtype=np.float32)
        columns = np.fromiter(known.keys(), dtype=np.int64)
        weights = (1 + np.log(np.fromiter(known.values(), dtype=np.float32))) * self._idf[columns]
        vector = weights @ self._components[columns]
        length = np.linalg.norm(vector)
        return vector / length if length > 0 else vector


def _check_jieba(*, needed: bool) -> None:
    if needed and not has_jieba():
        raise UnreadableArtifactError(
            reason="they were made with the package jieba, which is not installed here; "
            "install ecomai[chinese]."
        )
