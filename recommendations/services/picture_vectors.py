"""Picture vectors of items: kept in fusion under the image encoder that made them."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from django.utils.translation import gettext as _

from ecomai.commerce.models import Item
from ecomai.exceptions import EcomaiError
from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import store_vectors
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import ModelDeployment, ModelVersion
from ecomai.serving.predictors import load_predictor

from ..app_settings import app_settings
from ..picture_sources import PictureFaultError, picture_digest, read_picture
from ..pipeline import predictors
from ..scenario import IMAGE_ENCODER
from ..training.picture_features import KEY
from . import vectors

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

JOB_KIND = "recommendations.encode_pictures"
ITEMS_PER_JOB = 500
ITEMS_AT_ONCE = 32
#: Most of the time is waiting for whoever has the pictures.
N_READERS = 8
#: Not a beginning of text encoders' keys, whose vectors are removed on another occasion.
KEY_PREFIX = "recommendations.pictures:"

Encode = Callable[[Sequence["Image"]], np.ndarray]


class ItemPicture(NamedTuple):
    """An item, by the shop's id, and where its picture lies."""

    item_id: str
    url: str


def request_picture_encoding(*, item_keys: Sequence[int]) -> int:
    """Queue jobs that read pictures of items; none where no image encoder is configured or serves."""
    deployed = ModelDeployment.objects.filter(model_name=IMAGE_ENCODER)
    if not app_settings.IMAGE_ENCODER or not deployed.exists():
        return 0
    starts = range(0, len(item_keys), ITEMS_PER_JOB)
    for start in starts:
        enqueue_job(
            kind=JOB_KIND,
            label=_("Reading the pictures of new items"),
            arguments={"item_keys": list(item_keys[start : start + ITEMS_PER_JOB])},
        )
    return len(starts)


def encode_pictures_job(job: RunningJob) -> dict[str, Any]:
    n_encoded, faults = encode_pictures(item_keys=job.arguments["item_keys"], report=job.report)
    return {"encoded": n_encoded, "unreadable": dict(faults)}


def encode_pictures(
    *, item_keys: Sequence[int], report: Callable[[float], None] = lambda progress: None
) -> tuple[int, Counter[str]]:
    """Read pictures that the image encoders in use have not read yet. Safe to run twice.

    Returns how many, and why how many could not be read. An item whose picture is gone loses its vector.
    """
    encoders = _encoders_in_use()
    if not encoders:
        return 0, Counter()
    n_encoded, faults = 0, Counter[str]()
    for storefront, pictures in pictures_of(item_keys).items():
        forget_pictures([item.item_id for item in pictures if not item.url], storefront=storefront)
        shown = [item for item in pictures if item.url]
        for start in range(0, len(shown), ITEMS_AT_ONCE):
            some = shown[start : start + ITEMS_AT_ONCE]
            stored, unread = store_pictures(some, encoders=encoders, storefront=storefront)
            n_encoded += stored
            faults += unread
            report((start + len(some)) / len(shown))
    return n_encoded, faults


def pictures_of(item_keys: Sequence[int]) -> dict[str, list[ItemPicture]]:
    """Return, by storefront, items with the address of their first picture, empty where they have none."""
    found: dict[str, list[ItemPicture]] = defaultdict(list)
    for start in range(0, len(item_keys), ITEMS_PER_JOB):
        rows = Item.objects.filter(pk__in=item_keys[start : start + ITEMS_PER_JOB]).order_by("pk")
        for storefront, item_id, urls in rows.values_list("storefront", "external_id", "image_urls"):
            found[storefront].append(ItemPicture(item_id, str(urls[0]) if urls else ""))
    return dict(found)


def store_pictures(
    pictures: Sequence[ItemPicture], *, encoders: Mapping[str, Encode], storefront: str
) -> tuple[int, Counter[str]]:
    """Read pictures once, and store what each encoder makes of those that are new to it."""
    digests = {item.item_id: picture_digest(item.url) for item in pictures}
    known = {key: _known_digests(list(digests), key=key, storefront=storefront) for key in encoders}
    changed = [
        item
        for item in pictures
        if any(ids.get(item.item_id) != digests[item.item_id] for ids in known.values())
    ]
    read, faults = read_pictures(changed)
    forget_pictures([item.item_id for item in changed if item.item_id not in read], storefront=storefront)
    for key, encode in encoders.items() if read else ():
        made = encode(list(read.values()))
        store_vectors(
            entity="item", encoder=key, storefront=storefront, vectors=dict(zip(read, made, strict=True)),
            text_digests={item_id: digests[item_id] for item_id in read},
        )  # fmt: skip
    return len(read), faults


def read_pictures(pictures: Sequence[ItemPicture]) -> tuple[dict[str, "Image"], Counter[str]]:
    """Return the pictures that can be read, by item, and why others cannot, with how many those are."""
    faults: Counter[str] = Counter()
    found: dict[str, Image] = {}
    with ThreadPoolExecutor(N_READERS) as readers:
        for item, read in zip(pictures, readers.map(_read, pictures), strict=True):
            if isinstance(read, PictureFaultError):
                faults[read.reason] += 1
                logger.info("The picture of %s cannot be read (%s): %s", item.item_id, read.reason, item.url)
            else:
                found[item.item_id] = read
    return found, faults


def _read(item: ItemPicture) -> "Image | PictureFaultError":
    try:
        return read_picture(item.url)
    except PictureFaultError as fault:
        return fault


# -- encoders -------------------------------------------------------------------------------------


def _encoders_in_use() -> dict[str, Encode]:
    """Return, by the key of its vectors, each image encoder that serves or that others learned with."""
    found: dict[str, Encode] = {}
    for version_id in versions_in_use():
        version = ModelVersion.objects.filter(pk=version_id).first()
        if version is None or version.card.get(KEY) in found:
            continue
        try:
            found[str(version.card[KEY])] = _open(version_id).encode
        except EcomaiError:
            logger.exception("The image encoder %s cannot be opened; its vectors stay as they are.", version)
    return found


def versions_in_use() -> list[int]:
    """Return the image encoders that search or items are compared by."""
    rows = ModelDeployment.objects.filter(model_name=IMAGE_ENCODER)
    served = [pk for row in rows for pk in (row.live_version_id, row.shadow_version_id) if pk]
    for name in vectors.MODELS:
        for version in predictors.in_use(name):
            if features := predictors.picture_features(version.version_id):
                served.append(features.version_id)
    return list(dict.fromkeys(served))


@lru_cache(maxsize=2)
def _open(version_id: int) -> Any:
    return load_predictor(open_artifact(ModelVersion.objects.get(pk=version_id)))


# -- rows -----------------------------------------------------------------------------------------


def _known_digests(item_ids: Sequence[str], *, key: str, storefront: str) -> dict[str, str]:
    rows = EntityVector.objects.filter(
        encoder=key, entity="item", storefront=storefront, entity_id__in=item_ids
    )
    return dict(rows.values_list("entity_id", "text_digest"))


def forget_pictures(item_ids: Sequence[str], *, storefront: str) -> None:
    """Remove what was made of pictures that items have no more."""
    if item_ids:
        EntityVector.objects.filter(
            entity="item", storefront=storefront, encoder__startswith=KEY_PREFIX, entity_id__in=item_ids
        ).delete()


def forget_other_image_encoders(*, keep: Sequence[str]) -> int:
    """Remove vectors of image encoders that nothing in use was made with."""
    in_use = ModelVersion.objects.filter(pk__in=versions_in_use()).values_list("card", flat=True)
    kept = {*keep, *(str(card.get(KEY)) for card in in_use)}
    rows = EntityVector.objects.filter(entity="item", encoder__startswith=KEY_PREFIX)
    return rows.exclude(encoder__in=kept).delete()[0]
