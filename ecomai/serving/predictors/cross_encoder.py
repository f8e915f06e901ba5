"""Grades of a query and texts that are read together, without torch, for as long as there is time."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from ecomai.serving.sessions import shared_session

from .base import Predictor, check_format, read_json
from .text_encoder import read_tokenizer

#: Few enough that a budget is kept to within a few milliseconds, and enough to fill the processor.
PAIRS_AT_ONCE = 5


class CrossEncoderPredictor(Predictor):
    """Says how well texts answer a query, from 0 to 1.

    Loads from an artifact of its own kind, or from one of search that carries its files.
    """

    kind: ClassVar[str] = "cross_encoder"

    def __init__(self, folder: Path) -> None:
        description: dict[str, Any] = read_json(folder / "cross_encoder.json")
        check_format(description, self.format_version)
        self.precision: str = description["precision"]
        self.max_length: int = description["max_length"]
        self._session = shared_session(folder / "cross_encoder.onnx")
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._padding: int = description["padding"]
        self._tokenizer = read_tokenizer(folder / "cross_encoder_tokenizer.json")
        self._tokenizer.enable_truncation(self.max_length)
        self._tokenizer.no_padding()

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(Path(folder))

    def grade(
        self, query: str, texts: Sequence[str], *, budget_seconds: float | None = None
    ) -> NDArray[np.float32]:
        """Grades of shape (n_texts,), for the first texts at least; NaN where there was no time left.

        Five texts are read at a time, and no more are begun that would probably end after the budget.
        """
        grades = np.full(len(texts), np.nan, dtype=np.float32)
        started = time.perf_counter()
        limit = 32 * self.max_length  # a very long text would be tokenised in full only to be cut
        for start in range(0, len(texts), PAIRS_AT_ONCE):
            spent = time.perf_counter() - started
            if budget_seconds is not None and spent * (1 + PAIRS_AT_ONCE / max(start, 1)) > budget_seconds:
                break
            some = [(query[:limit], text[:limit]) for text in texts[start : start + PAIRS_AT_ONCE]]
            scores = self._scores(self._tokenizer.encode_batch(some))
            grades[start : start + len(some)] = 1 / (1 + np.exp(-scores))
        return grades

    def _scores(self, pairs: Sequence[Encoding]) -> NDArray[np.float32]:
        width = max(len(pair) for pair in pairs)
        feeds = {
            name: np.zeros((len(pairs), width), dtype=np.int64)
            for name in ("input_ids", "attention_mask", "token_type_ids")
        }
        feeds["input_ids"][:] = self._padding
        for row, pair in enumerate(pairs):
            n, parts = len(pair), pair.sequence_ids
            feeds["input_ids"][row, :n] = pair.ids
            feeds["attention_mask"][row, :n] = 1
            # As in training: all from where the text begins, whatever numbers the tokenizer gives.
            feeds["token_type_ids"][row, parts.index(1) if 1 in parts else n : n] = 1
        scores: NDArray[np.float32] = self._session.run(None, {name: feeds[name] for name in self._inputs})[0]
        return scores
