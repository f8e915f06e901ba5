"""Texts and pictures at their assessment: read within the time that is left, judged by what was learned."""

import time
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import DTYPE
from ecomai.inference.pictures import open_picture
from ecomai.registry.models import ModelVersion
from ecomai.serving import live
from ecomai.serving.budget import run_with_budget
from ecomai.serving.predictors.content_classifier import ContentClassifierPredictor
from ecomai.serving.predictors.image_encoder import ImageEncoder
from ecomai.serving.predictors.tabular_classifier import Judgement, TabularClassifierPredictor

from ..app_settings import app_settings
from ..contents import content_of, kept_picture
from ..models import Assessment, Kind
from ..normalising import WITH_TEXT

#: In the card of a version of an image encoder: the key of its vectors.
KEY = "encoder_key"


def judge(predictor: TabularClassifierPredictor, row: Assessment, values: NDArray[np.float32]) -> Judgement:
    """Ask a model about the features of an assessment, and about its text and pictures if it reads them."""
    if not isinstance(predictor, ContentClassifierPredictor):
        return predictor.assess(values)
    content = content_of(row.payload)
    return predictor.assess_content(values, content.text, content.picture_of(predictor.picture_encoder))


def note_picture(row: Assessment, *, deadline: float) -> None:
    """Put the vector of a question's pictures into its payload, which is not stored yet.

    It is that of what was sent, else that of the catalogue's picture of a listed item. None is noted without
    an image encoder, without a picture, or where reading one takes longer than the budget.
    """
    if row.kind not in WITH_TEXT or not app_settings.IMAGE_ENCODER or "picture" in row.payload:
        return
    served = live.get_live(app_settings.IMAGE_ENCODER)
    if served is None or not isinstance(served.predictor, ImageEncoder):
        return
    key = _key_of(served.version_id)
    if row.pictures:
        vector = _read(served.predictor, row.pictures, seconds=deadline - time.perf_counter())
    else:
        vector = _of_catalogue(row, key)
    if vector is not None:
        row.payload["picture"] = kept_picture(vector, encoder=key)


def _read(
    encoder: ImageEncoder, contents: tuple[bytes, ...], *, seconds: float
) -> NDArray[np.float32] | None:
    """Return the mean of the pictures' vectors, of length 1."""

    def read() -> NDArray[np.float32]:
        mean = encoder.encode([open_picture(content) for content in contents]).mean(axis=0)
        return np.asarray(mean / (np.linalg.norm(mean) or 1.0), dtype=np.float32)

    if seconds <= 0:
        return None
    return run_with_budget(read, lambda: None, seconds=seconds).value


def _of_catalogue(row: Assessment, key: str) -> NDArray[np.float32] | None:
    """Return what the encoder said of the item's picture when the catalogue was read; one query."""
    item_id = row.payload.get("item_id")
    if not item_id or row.kind != Kind.LISTING:
        return None
    found = EntityVector.objects.filter(
        entity="item", encoder=key, storefront=row.storefront, entity_id=item_id
    ).values_list("values", flat=True).first()  # fmt: skip
    return None if found is None else np.frombuffer(bytes(found), dtype=DTYPE)


@lru_cache(maxsize=64)
def _key_of(version_id: int) -> str:
    """What a version's card says never changes."""
    card = ModelVersion.objects.filter(pk=version_id).values_list("card", flat=True).first() or {}
    return str(card.get(KEY, ""))
