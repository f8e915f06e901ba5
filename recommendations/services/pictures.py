"""Find items by a picture. Nothing that is sent is kept."""

import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from simsimd import cdist

from ecomai.commerce.models import Item
from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import load_vectors
from ecomai.inference.pictures import MAX_PIXELS, open_picture
from ecomai.inference.pictures import UnreadablePictureError as NotReadError
from ecomai.registry.selectors import is_scenario_on
from ecomai.serving import live
from ecomai.serving.live import Served
from ecomai.serving.turns import take_turn

from .. import catalogue as catalogues
from ..app_settings import app_settings
from ..catalogue import ItemFilter
from ..exceptions import (
    NoImageEncoderError,
    NoPictureError,
    PictureTooLargeError,
    TooManyPixelsError,
    UnreadablePictureError,
)
from ..item_rows import items_by_key
from ..pipeline.predictors import card_of
from ..pipeline.reasons import Reason
from ..scenario import IMAGE_ENCODER
from ..training.picture_features import KEY
from .answers import SCENARIO, SWITCHED_OFF, Pick, check_n

POLL_SECONDS = 1.0
RELOAD_SECONDS = 600.0  # vectors of items that are gone leave memory then at the latest
# A row is stamped before its transaction ends.
OVERLAP = timedelta(seconds=10)
# Twins and items that changed a moment ago are left out of what was ranked.
SPARE = 20
#: Cosines differ by less than 0.0001 from those of whole numbers of four bytes.
HALF = np.dtype(np.float16)


@dataclass(frozen=True, kw_only=True)
class PictureAnswer:
    """What looks like a picture, the likest first. `code` says why it may be empty."""

    picks: Sequence[Pick] = ()
    model_version: int | None = None
    code: str = ""


def search_by_picture(
    content: bytes, *, storefront: str = "", n: int | None = None, filters: ItemFilter | None = None
) -> PictureAnswer:
    """Find items that look like the picture in a file's content.

    Raises NoImageEncoderError, NoPictureError, PictureTooLargeError and UnreadablePictureError.
    """
    n = check_n(n)
    if not is_scenario_on(SCENARIO):
        return PictureAnswer(code=SWITCHED_OFF)
    served = check_can_search()
    if not content:
        raise NoPictureError()
    if len(content) > app_settings.IMAGE_MAX_BYTES:
        raise PictureTooLargeError(limit=app_settings.IMAGE_MAX_BYTES)
    with take_turn():
        vector = _predictor(served).encode([_open(content)])[0]
        return _answer(served, vector, storefront, n, filters)


def can_search_by_picture() -> bool:
    """Whether a shop page should offer it."""
    return bool(app_settings.IMAGE_ENCODER) and live.get_live(IMAGE_ENCODER) is not None


def count_pictures() -> tuple[int, int]:
    """Return how many items on offer have a picture, and of how many the live encoder has read it."""
    n_pictures = Item.objects.filter(is_active=True).exclude(image_urls=[]).count()
    served = live.get_live(IMAGE_ENCODER)
    key = str(card_of(served.version_id).get(KEY, "")) if served else ""
    return n_pictures, EntityVector.objects.filter(entity="item", encoder=key).count() if key else 0


def check_can_search() -> Served:
    """Return the encoder that serves. Raises NoImageEncoderError."""
    served = live.get_live(IMAGE_ENCODER) if app_settings.IMAGE_ENCODER else None
    if served is None:
        raise NoImageEncoderError()
    return served


def _predictor(served: Served) -> Any:
    return served.predictor


def _open(content: bytes) -> Any:
    try:
        return open_picture(content)
    except NotReadError as error:
        if error.reason == "too_many_pixels":
            raise TooManyPixelsError(limit=MAX_PIXELS) from None
        raise UnreadablePictureError() from None


def _answer(
    served: Served, vector: np.ndarray, storefront: str, n: int, filters: ItemFilter | None
) -> PictureAnswer:
    """Rank all items by exact cosines, and read the rows of the best once more: they may have changed."""
    keys, matrix = _index(served).current()
    catalogue = catalogues.current()
    places = catalogue.positions(keys)
    mask = catalogue.mask(storefront=storefront, filters=filters or ItemFilter())
    may_show = (places >= 0) & (mask[places] if len(mask) else False)
    scores = (
        np.where(may_show, _cosines(matrix, vector), -np.inf) if len(keys) else np.empty(0, dtype=np.float32)
    )
    n_best = min(n + SPARE, int(np.count_nonzero(may_show)))
    best = np.argpartition(-scores, n_best - 1)[:n_best] if n_best else np.empty(0, dtype=np.int64)
    best = best[np.lexsort((-keys[best], -scores[best]))]
    rows = items_by_key(keys[best].tolist())
    picks = [
        Pick(item, float(score), Reason("looks_like"))
        for key, score in zip(keys[best].tolist(), scores[best], strict=True)
        if (item := rows.get(key)) is not None and item.is_active and item.storefront == storefront
    ]
    return PictureAnswer(picks=picks[:n], model_version=served.version_number)


# -- the vectors in memory ------------------------------------------------------------------------


def _cosines(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return products of half-precision rows with a vector; numpy has no fast ones."""
    found = cdist(vector.astype(HALF)[None], matrix, metric="dot")
    return np.asarray(found, dtype=np.float32)[0]


class _Index:
    """Picture vectors of one encoder, read whole once and then as they change; two bytes a number."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._rows: dict[tuple[str, str], np.ndarray] = {}
        self._newest: datetime | None = None
        self._current = (np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=HALF))
        self._looked_at = self._loaded_at = float("-inf")
        self._lock = threading.Lock()

    def current(self) -> tuple[np.ndarray, np.ndarray]:
        """Return keys of items, int64 of shape (n,), and their vectors, (n, n_features)."""
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at >= POLL_SECONDS:
                self._looked_at = now
                self._read(whole=now - self._loaded_at >= RELOAD_SECONDS, now=now)
            return self._current

    def _read(self, *, whole: bool, now: float) -> None:
        since = None if whole or self._newest is None else self._newest - OVERLAP
        found = load_vectors(self.key, since=since)
        if whole:
            self._rows, self._loaded_at = {}, now
        changed = {
            place: vector
            for place, vector in zip(
                zip(found.storefronts, found.entity_ids, strict=True), found.matrix.astype(HALF), strict=True
            )
            if place not in self._rows or not np.array_equal(self._rows[place], vector)
        }
        self._newest = found.newest or self._newest
        if changed or whole:
            self._rows |= changed
            self._current = self._arranged()

    def _arranged(self) -> tuple[np.ndarray, np.ndarray]:
        """Put all rows into one matrix, by the keys of their items; rows are views of it from then on."""
        known = _keys_of(self._rows)
        places = sorted((place for place in self._rows if place in known), key=known.__getitem__)
        if not places:
            return np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=HALF)
        matrix = np.stack([self._rows[place] for place in places])
        self._rows = dict(zip(places, matrix, strict=True))
        return np.array([known[place] for place in places], dtype=np.int64), matrix


def _keys_of(places: Any) -> dict[tuple[str, str], int]:
    by_storefront: dict[str, set[str]] = defaultdict(set)
    for storefront, item_id in places:
        by_storefront[storefront].add(item_id)
    found: dict[tuple[str, str], int] = {}
    for storefront, wanted in by_storefront.items():
        # All ids of a storefront rather than those wanted: a query of 200,000 parameters is slower.
        rows = Item.objects.filter(storefront=storefront).values_list("external_id", "pk")
        found |= {(storefront, item_id): pk for item_id, pk in rows.iterator() if item_id in wanted}
    return found


_indices: "weakref.WeakKeyDictionary[Any, _Index]" = weakref.WeakKeyDictionary()


def _index(served: Served) -> _Index:
    index = _indices.get(served.predictor)
    if index is None:
        index = _indices.setdefault(served.predictor, _Index(str(card_of(served.version_id).get(KEY, ""))))
    return index
