"""What turns the texts of a training into vectors, and then those of new items in the same way."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext as _

from ..app_settings import app_settings
from ..exceptions import EncoderMissingError
from ..pipeline import predictors
from ..services import vectors
from .adapting import Made

if TYPE_CHECKING:
    from ecomai.learning.encoders.base import TextEncoder

PROBE = "a red dress for the summer, size 38"
#: What a version's card says of its encoder; an update takes it over.
CARD_KEYS = (
    "base_model", "base_model_licence", predictors.ENCODER_KEY, "unknown_script_share", "encoder_precision",
    "encoder_adaptation", "trade_offs",
)  # fmt: skip
EXACT, INT8 = "float32", "int8"
TRADE_OFFS_FILE = "trade_offs.json"


@dataclass(frozen=True, eq=False)
class TextReader:
    """An encoder with the key of its vectors: those of one key may be compared with each other.

    `source` is what an artifact takes along to read new items: the encoder, or the folder of its files.
    `is_published` says that other trainings have the same weights.
    """

    key: str
    n_features: int
    encode: Callable[[list[str]], np.ndarray]
    source: "TextEncoder | Path"
    card: Mapping[str, Any] = field(default_factory=dict)
    is_published: bool = True


#: Makes of a published encoder's name and the texts that it can read an encoder of the shop's own.
MakeOwn = Callable[[str, list[str]], Made]


def fit_reader(texts: Sequence[str], *, name: str = "", make_own: MakeOwn | None = None) -> TextReader:
    """Return the configured encoder, fitted on the catalogue. Raises EncoderMissingError."""
    from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
    from ecomai.learning.encoders.routed import RoutedTextEncoder
    from ecomai.learning.exceptions import MissingEncoderError

    name, made = name_of(name), Made(None, {}, [])
    encoder: TextEncoder
    try:
        if name == "char_ngram":
            encoder = CharNgramTextEncoder().fit(list(texts))
        else:
            routed = RoutedTextEncoder() if name == "auto" else RoutedTextEncoder(model=name)
            if make_own is not None and any(routed.knows(texts)):
                known = zip(texts, routed.knows(texts), strict=True)
                made = make_own(routed.model, [text if is_known else "" for text, is_known in known])
            encoder = routed.fit(list(texts), pretrained=made.encoder)
    except MissingEncoderError as error:
        raise EncoderMissingError(encoder=name) from error
    key = _key_of(name, encoder, texts, decimals=2 if made.encoder is None else 4)
    card = _card(name, encoder, key)
    card |= {"encoder_adaptation": dict(made.facts)} if made.facts else {}
    card |= {"trade_offs": list(made.trade_offs)} if made.trade_offs else {}
    return TextReader(
        key=key, n_features=encoder.n_features_, encode=encoder.encode, source=encoder, card=card,
        is_published=made.encoder is None,
    )  # fmt: skip


def in_integers(
    reader: TextReader, texts: Sequence[str], folder: Path, *, cache: Path | None = None
) -> TextReader:
    """Return the fastest form of an encoder that keeps its vectors: it itself, where none of integers does.

    The forms and what they were measured at are the card's `trade_offs`. `folder` is private to the run.
    """
    from ecomai.learning.export import export_text_encoder
    from ecomai.learning.export.quantization import MIN_TEXTS, as_card, quantize_text_encoder

    if isinstance(reader.source, Path):
        raise TypeError("These are files already.")
    readable = _read_by_transformer(reader.source, texts)
    if len(set(readable)) < MIN_TEXTS:
        reason = _(
            "There are %(n)s texts that a transformer reads; %(least)s are needed to make integers of it."
        )
        values = {"n": len(set(readable)), "least": MIN_TEXTS}
        return replace(reader, card={**reader.card, "encoder_precision": reason % values})
    note = folder / TRADE_OFFS_FILE
    if not note.exists():  # a run that goes on after a kill keeps what it chose
        shutil.rmtree(folder, ignore_errors=True)
        export_text_encoder(reader.source, folder, cache=cache)
        found = as_card(quantize_text_encoder(folder, readable), folder)
        note.write_text(json.dumps(found), encoding="utf-8")
    rows = json.loads(note.read_text(encoding="utf-8"))
    (chosen,) = (row["name"] for row in rows if row["is_chosen"])
    card = {**reader.card, "encoder_precision": chosen}
    card["trade_offs"] = [*card.get("trade_offs", []), *rows]
    if chosen == EXACT:
        return replace(reader, card=card)
    encoder = _open(folder)
    digest = hashlib.sha256(np.round(encoder.encode([PROBE]), 4).tobytes()).hexdigest()[:12]
    key = f"{reader.key[:80]}:{digest}"
    return replace(
        reader, key=key, encode=encoder.encode, source=folder, card={**card, predictors.ENCODER_KEY: key}
    )


def _read_by_transformer(encoder: "TextEncoder", texts: Sequence[str]) -> list[str]:
    from ecomai.learning.encoders.routed import RoutedTextEncoder

    return encoder.read_by_transformer(texts) if isinstance(encoder, RoutedTextEncoder) else []


def _open(folder: Path) -> Any:
    from ecomai.serving.predictors.text_encoder import TextEncoder

    return TextEncoder.load(folder)


def reader_of(folder: Path, card: Mapping[str, Any]) -> TextReader:
    """Return the encoder that a version's files hold, whose card is given."""
    encoder = _open(folder)
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


def _key_of(name: str, encoder: "TextEncoder", texts: Sequence[str], *, decimals: int) -> str:
    """Name the encoder by what it does."""
    digest = hashlib.sha256(np.round(encoder.encode([PROBE]), decimals).tobytes())
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
