"""What turns the texts of a training into vectors, and then those of new items in the same way."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .app_settings import app_settings
from .exceptions import EncoderMissingError
from .services import predictors, vectors

if TYPE_CHECKING:
    from ecomai.learning.encoders.base import TextEncoder

PROBE = "a red dress for the summer, size 38"
#: What a version's card says of its encoder; an update takes it over.
CARD_KEYS = ("base_model", "base_model_licence", predictors.ENCODER_KEY, "unknown_script_share", "trade_offs")


@dataclass(frozen=True, eq=False)
class TextReader:
    """An encoder with the key of its vectors: those of one key may be compared with each other.

    `source` is what an artifact takes along to read new items: the encoder, or the folder of its files.
    """

    key: str
    n_features: int
    encode: Callable[[list[str]], np.ndarray]
    source: "TextEncoder | Path"
    card: Mapping[str, Any] = field(default_factory=dict)


def fit_reader(texts: Sequence[str], *, name: str = "") -> TextReader:
    """Return the configured encoder, fitted on the catalogue. Raises EncoderMissingError."""
    from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
    from ecomai.learning.encoders.routed import RoutedTextEncoder
    from ecomai.learning.exceptions import MissingEncoderError

    name = name_of(name)
    encoder: TextEncoder
    if name == "char_ngram":
        encoder = CharNgramTextEncoder()
    else:
        encoder = RoutedTextEncoder() if name == "auto" else RoutedTextEncoder(model=name)
    try:
        encoder.fit(list(texts))
    except MissingEncoderError as error:
        raise EncoderMissingError(encoder=name) from error
    key = _key_of(name, encoder, texts)
    return TextReader(
        key=key, n_features=encoder.n_features_, encode=encoder.encode, source=encoder,
        card=_card(name, encoder, key),
    )  # fmt: skip


def reader_of(folder: Path, card: Mapping[str, Any]) -> TextReader:
    """Return the encoder that a version's files hold, whose card is given."""
    from ecomai.serving.predictors.text_encoder import TextEncoder

    encoder = TextEncoder.load(folder)
    return TextReader(
        key=str(card[predictors.ENCODER_KEY]), n_features=encoder.n_features, encode=encoder.encode,
        source=folder, card={name: card[name] for name in CARD_KEYS if name in card},
    )  # fmt: skip


def name_of(asked: str) -> str:
    """Return which encoder a training uses that asks for one, or for none in particular."""
    return asked or app_settings.ENCODER


def key_prefix(name: str) -> str:
    """Return how the keys of an encoder's vectors begin."""
    return f"{vectors.KEY_PREFIX}{name}"[:80] + ":"


def _key_of(name: str, encoder: "TextEncoder", texts: Sequence[str]) -> str:
    """Name the encoder by what it does."""
    digest = hashlib.sha256(np.round(encoder.encode([PROBE]), 2).tobytes())
    if getattr(encoder, "n_ngram_", 1):  # n-grams are learned from the shop's own texts
        digest.update("\0".join(texts).encode())
    return key_prefix(name) + digest.hexdigest()[:12]


def _card(name: str, encoder: "TextEncoder", key: str) -> dict[str, Any]:
    is_pretrained = getattr(encoder, "n_pretrained_", 0) > 0
    is_default = is_pretrained and name == "auto"
    published = "sentence-transformers/all-MiniLM-L6-v2" if is_default else name
    return {
        "base_model": published if is_pretrained else "",
        "base_model_licence": "Apache-2.0" if is_default else "",
        predictors.ENCODER_KEY: key,
        "unknown_script_share": float(getattr(encoder, "unknown_share_", 0.0)),
    }
