"""The search of this process: the live version's, else by the words of the catalogue; with new items."""

import logging
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecomai.exceptions import InvalidInputError
from ecomai.serving import live
from ecomai.serving.app_settings import serving_settings
from ecomai.serving.live import Served
from ecomai.serving.predictors.search import SearchPredictor

from ... import catalogue as catalogues
from ... import shelf as shelves
from ...app_settings import app_settings
from ...catalogue import Catalogue
from ...models import SearchLog
from ...pipeline import predictors
from ...scenario import SEARCH
from ...shelf import Shelf

logger = logging.getLogger(__name__)

NEW_TEXTS_AT_ONCE = 1000
# Vectors of new texts come a moment later, from a worker.
VECTORS_POLL_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class Index:
    """What answers a search, as one moment's picture."""

    catalogue: Catalogue
    shelf: Shelf
    predictor: SearchPredictor | None  # None while it is being made
    served: Served | None = None

    @property
    def source(self) -> SearchLog.Source:
        return SearchLog.Source.MODEL if self.served else SearchLog.Source.WORDS


class _Model:
    """One predictor, and what of the shelf it knows."""

    def __init__(self, predictor: SearchPredictor, version_id: int | None) -> None:
        self.predictor = predictor
        self.version_id = version_id
        self._lock = threading.Lock()
        self._revision = -1
        self._without_vector: set[int] = set()
        self._looked_at = float("-inf")

    def follow(self, shelf: Shelf) -> None:
        """Learn texts that are new or changed since, and vectors that have come for them."""
        is_old = shelf.revision != self._revision
        is_due = bool(self._without_vector) and time.monotonic() - self._looked_at > VECTORS_POLL_SECONDS
        if not (is_old or is_due) or not self._lock.acquire(blocking=is_old):
            return
        try:
            if shelf.revision != self._revision:
                is_complete = self._add(self._changed(shelf), shelf)
                self._revision = shelf.revision if is_complete else -1
            elif self._without_vector:
                self._add_vectors()
        finally:
            self._lock.release()

    def _changed(self, shelf: Shelf) -> list[int]:
        digests = self.predictor.digests
        return [key for key, item in shelf.items.items() if digests.get(str(key)) != item.digest]

    def _add(self, keys: Sequence[int], shelf: Shelf) -> bool:
        """Add the newest of these; whether that were all."""
        some = sorted(keys)[-NEW_TEXTS_AT_ONCE:]
        if some:
            found = shelves.read_texts(some)
            vectors = self._vectors(some)
            texts = {str(key): text for key, text in found.items()}
            digests = {str(key): shelf.items[key].digest for key in found}
            self.predictor.add_texts(texts, vectors, digests)
            self._without_vector |= {key for key in found if str(key) not in vectors}
        return len(some) == len(keys)

    def _add_vectors(self) -> None:
        vectors = self._vectors(sorted(self._without_vector)[-NEW_TEXTS_AT_ONCE:])
        self._looked_at = time.monotonic()
        if vectors:
            keys = [int(key) for key in vectors]
            texts = {str(key): text for key, text in shelves.read_texts(keys).items()}
            self.predictor.add_texts(texts, vectors, {})
            self._without_vector -= set(keys)

    def _vectors(self, keys: Sequence[int]) -> dict[str, np.ndarray]:
        if self.version_id is None or not self.predictor.n_features:
            return {}
        encoder = predictors.encoder_key(self.version_id)
        found, vectors = predictors.stored_vectors(np.array(keys, dtype=np.int64), encoder)
        if len(found) and vectors.shape[1] != self.predictor.n_features:
            raise InvalidInputError(reason="the vectors of new items are another encoder's.")
        return {str(key): vector for key, vector in zip(found, vectors, strict=True)}


class _Words:
    """A search by words alone, made once while no version is live."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.model: _Model | None = None

    def get(self, shelf: Shelf) -> _Model | None:
        """Return it; the first to ask starts its making, and waits for a while."""
        if self.model is None:
            with self._lock:
                if self._thread is None:
                    texts = self._texts(shelf)
                    self._thread = threading.Thread(
                        target=self._make, args=[texts, dict(shelf.items)], name="ecomai-search", daemon=True
                    )
                    self._thread.start()
            self._thread.join(serving_settings.FIRST_LOAD_SECONDS)
        return self.model

    def _texts(self, shelf: Shelf) -> dict[int, str]:
        texts: dict[int, str] = {}
        keys = list(shelf.items)
        for start in range(0, len(keys), shelves.ROWS_AT_ONCE):
            texts |= shelves.read_texts(keys[start : start + shelves.ROWS_AT_ONCE])
        return texts

    def _make(self, texts: dict[int, str], items: dict[int, Any]) -> None:
        keys = list(texts)
        predictor = SearchPredictor.of_texts(
            [str(key) for key in keys],
            [texts[key] for key in keys],
            digests=[items[key].digest for key in keys],
            language=app_settings.SEARCH_LANGUAGE,
        )
        self.model = _Model(predictor, None)


_models: "weakref.WeakKeyDictionary[Any, _Model]" = weakref.WeakKeyDictionary()
_words = _Words()


def current() -> Index:
    """Return what answers now; it knows items that came a second ago."""
    catalogue = catalogues.current()
    shelf = shelves.current(catalogue)
    served = live.get_live(SEARCH)
    model = _model_of(served) if served else _words.get(shelf)
    if model is None:
        return Index(catalogue, shelf, None)
    try:
        model.follow(shelf)
    except InvalidInputError:
        logger.exception("New items cannot be found by their meaning.")
    return Index(catalogue, shelf, model.predictor, served)


def _model_of(served: Served) -> _Model:
    predictor: Any = served.predictor
    model = _models.get(predictor)
    if model is None:
        # Reading the encoder's files is not the time that it takes to read a query.
        if predictor.has_text_encoder:
            predictor.text_encoder.encode(["mug"])
        model = _models.setdefault(predictor, _Model(predictor, served.version_id))
    return model


def forget() -> None:
    """Begin anew; for tests and after a restore."""
    global _words
    _words = _Words()
    _models.clear()
    shelves.forget()
