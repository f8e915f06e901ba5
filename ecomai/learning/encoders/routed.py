"""Each text to the encoder that knows its script."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecomai.inference.text import main_script
from ecomai.learning.base import ESTIMATOR_FILE

from .adapted import AdaptedTextEncoder
from .base import TextEncoder, check_texts
from .char_ngram import CharNgramTextEncoder
from .compact import CompactTextEncoder
from .pretrained import DEFAULT_MODEL, PretrainedTextEncoder

DEFAULT_SCRIPTS = {DEFAULT_MODEL: ("latin",)}
#: What a saved part of the pretrained kind may be.
PRETRAINED_CLASSES = (PretrainedTextEncoder, AdaptedTextEncoder, CompactTextEncoder)


class RoutedTextEncoder(TextEncoder):
    """Pretrained vectors where the script is known, n-gram vectors where it is not.

    Both kinds lie in columns of their own, so that texts which no encoder can compare have a cosine
    of 0. A part that no text of the shop needs is left out.

    Parameters
    ----------
    model : str, default "all-MiniLM-L6-v2"
        Folder or id of the pretrained encoder.
    scripts : sequence of str or None, default None
        Scripts that it knows, as `ecomai.inference.text.main_script` names them. None: Latin for the default
        model, all for any other.
    dim : int, default 256
        Size of the n-gram part.
    max_length, batch_size, device, random_state
        As in `PretrainedTextEncoder` and `CharNgramTextEncoder`.

    Attributes
    ----------
    n_pretrained_, n_ngram_ : int
        Columns of each part; 0 where it is left out.
    unknown_share_ : float in [0, 1]
        Share of the texts fitted on that the pretrained encoder does not know.
    """

    learned_values: ClassVar[tuple[str, ...]] = (
        "n_features_",
        "n_pretrained_",
        "n_ngram_",
        "unknown_share_",
    )

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        scripts: Sequence[str] | None = None,
        dim: int = 256,
        max_length: int = 128,
        batch_size: int = 32,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.scripts = scripts
        self.dim = dim
        self.max_length = max_length
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def fit(self, texts: Sequence[str], *, pretrained: PretrainedTextEncoder | None = None) -> Self:
        """Load the pretrained part, learn the other; see `TextEncoder.fit`.

        Parameters
        ----------
        pretrained : PretrainedTextEncoder, optional
            Fitted, such as an `AdaptedTextEncoder`; it knows the scripts of the model it stands on.
            Default: the model as it was published.
        """
        check_texts(texts)
        is_known = self.knows(texts)
        unknown = [text for text, known in zip(texts, is_known, strict=True) if not known]
        self.unknown_share_ = len(unknown) / len(texts) if texts else 0.0
        is_needed = len(unknown) < max(len(texts), 1)
        self.pretrained_ = (pretrained or self._new_pretrained().fit()) if is_needed else None
        self.ngram_ = self._new_ngram().fit(unknown) if unknown else None
        self._count_features()
        return self

    def _new_pretrained(self) -> PretrainedTextEncoder:
        return PretrainedTextEncoder(self.model, self.max_length, self.batch_size, self.device)

    def _new_ngram(self) -> CharNgramTextEncoder:
        return CharNgramTextEncoder(dim=self.dim, random_state=self.random_state)

    def _count_features(self) -> None:
        self.n_pretrained_ = self.pretrained_.n_features_ if self.pretrained_ else 0
        self.n_ngram_ = self.ngram_.n_features_ if self.ngram_ else 0
        self.n_features_ = self.n_pretrained_ + self.n_ngram_

    @property
    def known_scripts(self) -> Sequence[str] | None:
        """Scripts that the pretrained encoder knows; None means all."""
        return DEFAULT_SCRIPTS.get(self.model) if self.scripts is None else self.scripts

    def knows(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return which texts the pretrained encoder knows the script of.

        Parameters
        ----------
        texts : sequence of n_texts str

        Returns
        -------
        bool array of shape (n_texts,)
            True also for a text without letters.
        """
        scripts = self.known_scripts
        if scripts is None:
            return np.ones(len(texts), dtype=bool)
        return np.array([main_script(text) in ("", *scripts) for text in texts], dtype=bool)

    def read_by_transformer(self, texts: Sequence[str]) -> list[str]:
        """Return those of the texts that the pretrained part reads, once fitted; none where it has no part.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        list of str
            In their order, without empty ones.
        """
        if self.pretrained_ is None:
            return []
        return [text for text, is_known in zip(texts, self.knows(texts), strict=True) if is_known and text]

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.n_features_), dtype=np.float32)
        is_known = self.knows(texts)
        parts = ((self.pretrained_, np.flatnonzero(is_known), slice(0, self.n_pretrained_)),
                 (self.ngram_, np.flatnonzero(~is_known), slice(self.n_pretrained_, None)))  # fmt: skip
        for encoder, rows, columns in parts:
            if encoder is not None and len(rows):
                vectors[rows, columns] = encoder.encode([texts[int(row)] for row in rows])
        return vectors

    def _save_parts(self, folder: Path) -> None:
        for name, encoder in (("pretrained", self.pretrained_), ("ngram", self.ngram_)):
            if encoder is not None:
                encoder.save(folder / name)

    def _load_parts(self, folder: Path) -> None:
        options = {"device": self.device}
        has_pretrained, has_ngram = self.n_pretrained_ > 0, self.n_ngram_ > 0
        self.pretrained_ = load_pretrained(folder / "pretrained", **options) if has_pretrained else None
        self.ngram_ = CharNgramTextEncoder.load(folder / "ngram") if has_ngram else None


def load_pretrained(folder: Path, **overrides: Any) -> PretrainedTextEncoder:
    """Read a saved encoder of the pretrained kind, whichever it is.

    Parameters
    ----------
    folder : Path
    **overrides
        As in `Estimator.load`.

    Returns
    -------
    PretrainedTextEncoder

    Raises
    ------
    FormatVersionError
        If the folder holds none.
    """
    written = json.loads((folder / ESTIMATOR_FILE).read_text(encoding="utf-8")).get("estimator")
    kinds = {kind.__name__: kind for kind in PRETRAINED_CLASSES}
    return kinds.get(written, PretrainedTextEncoder).load(folder, **overrides)
