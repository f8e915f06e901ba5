"""The promoted models as this scenario uses them: by item keys, and with items newer than their training."""

import logging
import time
import weakref
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ecomai.commerce.models import Item
from ecomai.exceptions import InvalidInputError
from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import DTYPE
from ecomai.inference.event_context import EventContext
from ecomai.registry.models import ModelVersion
from ecomai.serving import live
from ecomai.serving.live import Served

from ..catalogue import Catalogue
from ..training.picture_features import PictureFeatures, by_row

logger = logging.getLogger(__name__)

NEW_ITEMS_POLL_SECONDS = 1.0
# The newest of them: a catalogue that nobody trained on yet is no reason for a slow request.
NEW_ITEMS_AT_ONCE = 1000
# So long after an item is new, its picture may still be on its way.
PICTURE_SECONDS = 600.0
#: In a version's card: which encoder made the text vectors that the model understands.
ENCODER_KEY = "encoder_key"


def in_use(model_name: str) -> Iterator[Served]:
    """Yield the versions that answer customers or the log."""
    yield from (served for served in (live.get_live(model_name), live.get_shadow(model_name)) if served)


@lru_cache(maxsize=64)
def encoder_key(version_id: int) -> str:
    """Return which encoder's vectors a version understands; versions never change."""
    card = ModelVersion.objects.filter(pk=version_id).values_list("card", flat=True).first()
    return str((card or {}).get(ENCODER_KEY, ""))


@lru_cache(maxsize=64)
def card_of(version_id: int) -> dict[str, Any]:
    """Return a version's card; versions never change."""
    return ModelVersion.objects.filter(pk=version_id).values_list("card", flat=True).first() or {}


def picture_features(version_id: int) -> PictureFeatures | None:
    """Return what a version learned with besides texts."""
    return PictureFeatures.of_card(card_of(version_id))


def text_encoder(served: Served) -> Any:
    """Return the encoder that came with a version, or None where it learned without texts."""
    predictor: Any = served.predictor
    return predictor.text_encoder if predictor.has_text_encoder else None


class _Columns(NamedTuple):
    keys: np.ndarray
    places: dict[int, int]


class ItemModel:
    """One served predictor. Its columns grow as items are added, so keys and scores are taken together."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._known = _Columns(np.empty(0, dtype=np.int64), {})
        self._looked_at = float("-inf")
        self._without_picture: dict[int, float] = {}  # items that were added so, and until when one may come

    @property
    def predictor(self) -> Any:
        return self.served.predictor

    def keys(self, n: int) -> np.ndarray:
        """Return the keys of the first `n` columns."""
        return self._columns(n).keys

    def places(self, keys: Iterable[int], n: int) -> list[int]:
        """Return which of the first `n` columns are these keys'."""
        places = self._columns(n).places
        return [places[key] for key in keys if key in places]

    def _columns(self, n: int) -> "_Columns":
        known = self._known
        if len(known.keys) != n:
            keys = np.array(self.predictor.item_ids[:n], dtype=np.int64)
            known = self._known = _Columns(keys, {key: place for place, key in enumerate(keys.tolist())})
        return known

    def explain(
        self, steps: Sequence[int], keys: Sequence[int], contexts: Sequence[EventContext] = ()
    ) -> dict[int, int]:
        """Return, for each item, the step whose removal lowers its score most, where there is one."""
        more = [contexts] if contexts else []
        found = self.predictor.explain([str(step) for step in steps], [str(key) for key in keys], *more)
        return {key: int(one.item_id) for key, one in zip(keys, found, strict=True) if one is not None}

    def add_new_items(self, catalogue: Catalogue) -> None:
        """Give items that came after training their place by their text, once they have been encoded."""
        now = time.monotonic()
        if now - self._looked_at < NEW_ITEMS_POLL_SECONDS or not self.predictor.n_features:
            return
        self._looked_at = now
        known = self.keys(len(self.predictor.item_ids))
        is_missing = catalogue.is_active & ~np.isin(catalogue.keys, known)
        is_missing |= np.isin(catalogue.keys, self._that_wait_for_a_picture(now))
        missing = catalogue.keys[is_missing]
        if not len(missing):
            return
        keys, vectors = stored_vectors(missing[-NEW_ITEMS_AT_ONCE:], encoder_key(self.served.version_id))
        if keys:
            vectors = self._with_pictures(keys, vectors, now)
            try:
                self.predictor.add_items([str(key) for key in keys], vectors)
            except InvalidInputError:
                logger.exception("New items cannot be ranked by version %s.", self.served.version_id)

    def _that_wait_for_a_picture(self, now: float) -> list[int]:
        waiting = {key: until for key, until in self._without_picture.items() if until > now}
        self._without_picture = waiting
        return list(waiting)

    def _with_pictures(self, keys: Sequence[int], texts: np.ndarray, now: float) -> np.ndarray:
        """Join what pictures show, where the version learned with them; a picture may come after the text."""
        features = picture_features(self.served.version_id)
        if features is None:
            return texts
        seen, pictures = stored_vectors(np.array(keys), features.key)
        for key in keys:
            self._without_picture.setdefault(key, now + PICTURE_SECONDS)
        for key in seen:
            self._without_picture[key] = now
        return features.join(texts, by_row(keys, dict(zip(seen, pictures, strict=True))))

    def rank(
        self, steps: Sequence[int], contexts: Sequence[EventContext] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError


class NextItemModel(ItemModel):
    def rank(
        self, steps: Sequence[int], contexts: Sequence[EventContext] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return keys and scores for a history, oldest first."""
        more = [[contexts]] if contexts else []
        scores = self.predictor.scores([[str(step) for step in steps]], *more)[0]
        return self.keys(len(scores)), scores


class SimilarItemsModel(ItemModel):
    def rank(
        self, steps: Sequence[int], contexts: Sequence[EventContext] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return keys and scores for an item, a basket or the latest steps; what is unlike has no score."""
        scores = self.predictor.scores_for_basket([str(step) for step in steps])
        return self.keys(len(scores)), np.where(scores > 0, scores, -np.inf)


_models: "weakref.WeakKeyDictionary[Any, ItemModel]" = weakref.WeakKeyDictionary()


def item_model(served: Served, kind: type[ItemModel]) -> ItemModel:
    """Return the one wrapper of a served predictor in this process."""
    model = _models.get(served.predictor)
    if model is None:
        model = _models.setdefault(served.predictor, kind(served))
    return model


def stored_vectors(keys: np.ndarray, encoder: str) -> tuple[list[int], np.ndarray]:
    by_storefront: dict[str, dict[str, int]] = defaultdict(dict)
    rows = Item.objects.filter(pk__in=keys.tolist()).values_list("pk", "storefront", "external_id")
    for key, storefront, external_id in rows:
        by_storefront[storefront][external_id] = key
    found: list[int] = []
    vectors: list[np.ndarray] = []
    for storefront, ids in by_storefront.items():
        stored = EntityVector.objects.filter(
            encoder=encoder, entity="item", storefront=storefront, entity_id__in=list(ids)
        )
        for external_id, values in stored.values_list("entity_id", "values"):
            found.append(ids[external_id])
            vectors.append(np.frombuffer(bytes(values), dtype=DTYPE))
    return found, np.stack(vectors) if vectors else np.empty((0, 0), dtype=DTYPE)
