"""What a text wants and what it names, without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from ecomai.inference.intents import KNOWN_SCRIPT, OTHER_SCRIPT, IntentHead, softmax
from ecomai.inference.spans import Span, join_labels
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.sessions import shared_session

from .base import Predictor, check_format, read_arrays, read_json
from .text_encoder import TEXTS_AT_ONCE, TextEncoder, read_tokenizer


@dataclass(frozen=True)
class Wanted:
    """The likeliest intent of a text.

    `confidence` is its probability, were the text of one of the intents; above 0, `strangeness` says that
    it is of none. `others` are the next likeliest with their probabilities, for a question back.
    """

    intent: str
    confidence: float
    strangeness: float
    others: tuple[tuple[str, float], ...] = ()

    @property
    def is_out_of_scope(self) -> bool:
        return self.strangeness > 0


class IntentsPredictor(Predictor):
    """Says what texts want, and where they name something.

    An artifact has the files of its text encoder; in `arrays.safetensors` the parts of `IntentHead`; in
    `predictor.json` also `classes` and `has_tagger`. With a tagger there are `entity_tagger.onnx`, its
    tokenizer, and `entity_tagger.json` with `labels` and `max_length`.
    """

    kind: ClassVar[str] = "intents"

    def __init__(
        self, classes: list[str], head: IntentHead, encoder: TextEncoder, tagger: "Tagger | None"
    ) -> None:
        self.classes = classes
        self._head = head
        self._encoder = encoder
        self._tagger = tagger

    @classmethod
    def load(cls, folder: Path) -> Self:
        folder = Path(folder)
        description = cls.read_description(folder)
        encoder = TextEncoder.load(folder)
        try:
            head = IntentHead.of_arrays(read_arrays(folder / "arrays.safetensors"))
        except KeyError as error:
            raise UnreadableArtifactError(reason=f"their array {error} is missing.") from None
        if head.coefficients.shape != (len(description["classes"]), encoder.n_features):
            raise UnreadableArtifactError(reason="their intents were learned from other vectors.")
        tagger = Tagger(folder) if description["has_tagger"] else None
        return cls(description["classes"], head, encoder, tagger)

    def classify(self, texts: Sequence[str]) -> list[Wanted]:
        """Return the likeliest intent of each text."""
        if not texts:
            return []
        vectors = self._encoder.encode(texts)
        routes = np.where(self._encoder.knows(texts), KNOWN_SCRIPT, OTHER_SCRIPT)
        shares = softmax(self._head.log_odds(vectors, routes))
        strangeness = self._head.strangeness(vectors, routes)
        return [self._wanted(row, float(far)) for row, far in zip(shares, strangeness, strict=True)]

    def find_entities(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return what each text names; nothing without a tagger."""
        if self._tagger is None:
            return [[] for _text in texts]
        return self._tagger.find(texts)

    def _wanted(self, shares: Any, strangeness: float) -> Wanted:
        best = [int(place) for place in np.argsort(-shares, kind="stable")[:3]]
        named = [(self.classes[place], float(shares[place])) for place in best]
        return Wanted(*named[0], strangeness, tuple(named[1:]))


class Tagger:
    """Finds what texts name, by the labels of their tokens."""

    def __init__(self, folder: Path) -> None:
        description: dict[str, Any] = read_json(folder / "entity_tagger.json")
        check_format(description, Predictor.format_version)
        self._labels = np.array(description["labels"])
        self._max_length: int = description["max_length"]
        self._session = shared_session(folder / "entity_tagger.onnx")
        self._tokenizer = read_tokenizer(folder / "entity_tagger_tokenizer.json")
        self._tokenizer.enable_truncation(self._max_length)
        self._tokenizer.enable_padding()

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        found: list[list[Span]] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            found += self._find_some(texts[start : start + TEXTS_AT_ONCE])
        return found

    def _find_some(self, texts: Sequence[str]) -> list[list[Span]]:
        # A very long text would be tokenised in full only to be cut.
        encoded = self._tokenizer.encode_batch([text[: 32 * self._max_length] for text in texts])
        feeds = {
            "input_ids": np.array([entry.ids for entry in encoded], dtype=np.int64),
            "attention_mask": np.array([entry.attention_mask for entry in encoded], dtype=np.int64),
        }
        places = self._session.run(None, feeds)[0].argmax(axis=-1)
        return [
            join_labels(text, entry.offsets, self._labels[row].tolist())
            for text, entry, row in zip(texts, encoded, places, strict=True)
        ]
