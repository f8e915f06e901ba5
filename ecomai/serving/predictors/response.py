"""How likely a click on an advertisement is, and a conversion after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.exposures import bucket_of, hash_of
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.sessions import shared_session

from .base import Predictor, read_arrays, read_json
from .text_encoder import TextEncoder

#: What was encoded once is kept, so that an advertisement's words are read once and not each time.
MOST_KEPT = 20_000


@dataclass(frozen=True)
class Words:
    """A text that is encoded; `key` is the id of the item that it is about, "" for mere words."""

    text: str
    key: str = ""


class ResponsePredictor(Predictor):
    """The head of the network behind encoded items and texts, and a line that calibrates its log odds.

    An artifact has `network.onnx`; `items.json`; the files of its text encoder; in `arrays.safetensors` the
    encoded `items` of shape (n_items, dim), `projection`, `offset` and `memory` of the encoder, and `lines`
    (slope and shift of both log odds); in `predictor.json` the names of `categories` and `numbers`,
    `n_buckets` and `n_steps`, the length of a history.
    """

    kind: ClassVar[str] = "response"

    def __init__(
        self, session: Any, arrays: dict[str, NDArray[Any]], item_ids: Sequence[str],
        description: dict[str, Any], *, encoder: TextEncoder,
    ) -> None:  # fmt: skip
        self._session = session
        self._encoder = encoder
        self._arrays = arrays
        self._places = {item_id: place for place, item_id in enumerate(item_ids)}
        self._kept: dict[Words, NDArray[np.float32]] = {}
        self._n_buckets: int = description["n_buckets"]
        self.n_steps: int = description["n_steps"]
        self.categories: list[str] = description["categories"]
        self.numbers: list[str] = description["numbers"]
        self.dim = arrays["items"].shape[1]

    @classmethod
    def load(cls, folder: Path) -> Self:
        folder = Path(folder)
        description, arrays = cls.read_description(folder), read_arrays(folder / "arrays.safetensors")
        item_ids, encoder = read_json(folder / "items.json"), TextEncoder.load(folder)
        if len(item_ids) != len(arrays["items"]) or len(arrays["projection"]) != encoder.n_features:
            raise UnreadableArtifactError(reason="their items or their text encoder are others.")
        return cls(shared_session(folder / "network.onnx"), arrays, item_ids, description, encoder=encoder)

    def knows_item(self, item_id: str) -> bool:
        return item_id in self._places

    def encode_items(self, item_ids: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Vectors of shape (n, dim), zeros for items that came after the training, and which are known."""
        places = np.array([self._places.get(item_id, -1) for item_id in item_ids], dtype=np.int64)
        is_known = places >= 0
        vectors = np.where(is_known[:, None], self._arrays["items"][places], np.float32(0))
        return vectors.astype(np.float32), is_known

    def encode_words(self, words: Sequence[Words]) -> NDArray[np.float32]:
        """Vectors of shape (n, dim); a text is read the first time alone."""
        new = [each for each in dict.fromkeys(words) if each not in self._kept]
        known = self._kept
        if new:
            if len(known) + len(new) > MOST_KEPT:
                known = {}
            known = {**known, **dict(zip(new, self._encode(new), strict=True))}
            self._kept = known  # swapped whole: other threads read on
        rows = [known[each] if each in known else self._encode([each])[0] for each in words]
        return np.array(rows, dtype=np.float32).reshape(-1, self.dim)

    def _encode(self, words: Sequence[Words]) -> NDArray[np.float32]:
        vectors = self._encoder.encode([each.text for each in words])
        keys = np.array([hash_of(each.key) for each in words], dtype=np.int64)
        memory = self._arrays["memory"][bucket_of(keys, self._n_buckets)]
        encoded: NDArray[np.float32] = vectors @ self._arrays["projection"] + self._arrays["offset"] + memory
        return encoded

    def predict(
        self,
        *,
        categories: Sequence[Sequence[object]],
        numbers: NDArray[np.float32],
        items: NDArray[np.float32],
        texts: NDArray[np.float32],
        history: NDArray[np.float32],
    ) -> NDArray[np.float64]:
        """Return chances of shape (n, 2): of a click, and of a conversion after it; for one visitor.

        `categories` are names, one for each of `self.categories`; `numbers` of shape (n, n_numbers) with NaN
        where unknown; `items` and `texts` are encoded; `history` of shape (at most `n_steps`, dim) has what
        the visitor turned to, newest first.
        """
        n = len(items)
        if not n:
            return np.empty((0, 2))
        hashes = np.array([[hash_of(name) for name in row] for row in categories], dtype=np.int64)
        steps = np.zeros((1, self.n_steps, self.dim), dtype=np.float32)
        steps[0, : len(history)] = history[: self.n_steps]
        is_known = (np.arange(self.n_steps) < len(history)).astype(np.float32)[None]
        feeds = {
            "categories": bucket_of(hashes, self._n_buckets),
            "numbers": numbers.astype(np.float32),
            "items": items,
            "texts": texts,
            "histories": np.repeat(steps, n, axis=0),
            "is_known": np.repeat(is_known, n, axis=0),
        }
        log_odds = self._session.run(None, feeds)[0].astype(np.float64)
        slopes, shifts = self._arrays["lines"].T
        return np.asarray(1 / (1 + np.exp(-np.clip(log_odds * slopes + shifts, -60, 60))))
