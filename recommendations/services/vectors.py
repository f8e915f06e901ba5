"""Text vectors of items: kept in fusion under the encoder that made them, made anew when a text changes."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from ecomai.commerce.models import Item
from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import DTYPE, store_vectors
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import ModelDeployment

from ..pipeline import predictors
from ..scenario import NEXT_ITEM, SEARCH, SIMILAR_ITEMS
from ..texts import item_text

JOB_KIND = "recommendations.encode_items"
ITEMS_AT_ONCE = 256
ITEMS_PER_JOB = 2000
#: Encoders of this scenario begin so; others' vectors are not ours to remove.
KEY_PREFIX = "recommendations:"
#: Whose versions read texts.
MODELS = (NEXT_ITEM, SIMILAR_ITEMS, SEARCH)


def text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def request_encoding(*, item_keys: Sequence[int]) -> int:
    """Queue jobs that encode items for the versions in use; none before a first version serves."""
    if not ModelDeployment.objects.filter(model_name__in=MODELS).exists():
        return 0
    starts = range(0, len(item_keys), ITEMS_PER_JOB)
    for start in starts:
        enqueue_job(
            kind=JOB_KIND,
            label=_("Reading the texts of new items"),
            arguments={"item_keys": list(item_keys[start : start + ITEMS_PER_JOB])},
        )
    return len(starts)


def encode_items_job(job: RunningJob) -> dict[str, Any]:
    return {"encoded": encode_items(item_keys=job.arguments["item_keys"], report=job.report)}


def encode_items(*, item_keys: Sequence[int], report: Callable[[float], None] = lambda progress: None) -> int:
    """Encode items whose text the encoders in use have not read yet; return how many. Safe to run twice."""
    n_encoded = 0
    for key, encoder in _encoders_in_use().items():
        for storefront, texts in _texts(item_keys).items():
            n_encoded += store_texts(
                texts, encoder_key=key, storefront=storefront, encode=encoder.encode, report=report
            )
    return n_encoded


def _encoders_in_use() -> dict[str, Any]:
    """Return, by the key of its vectors, each encoder that came with a version in use."""
    found: dict[str, Any] = {}
    for name in MODELS:
        for served in predictors.in_use(name):
            key = predictors.encoder_key(served.version_id)
            if key not in found and (encoder := predictors.text_encoder(served)) is not None:
                found[key] = encoder
    return found


def _texts(item_keys: Sequence[int]) -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    columns = ("title", "category_path", "brand", "attributes", "description")
    for start in range(0, len(item_keys), ITEMS_PER_JOB):
        chunk = item_keys[start : start + ITEMS_PER_JOB]
        rows = Item.objects.filter(pk__in=chunk).values("storefront", "external_id", *columns)
        for row in rows.order_by("pk"):
            texts[row["storefront"]][row["external_id"]] = item_text(**{name: row[name] for name in columns})
    return dict(texts)


def store_texts(
    texts: dict[str, str],
    *,
    encoder_key: str,
    storefront: str,
    encode: Callable[[list[str]], np.ndarray],
    report: Callable[[float], None] = lambda progress: None,
) -> int:
    """Encode and store the texts (by item id) that the encoder has not read yet, some at a time."""
    item_ids, n_encoded = list(texts), 0
    for start in range(0, len(item_ids), ITEMS_AT_ONCE):
        chunk = item_ids[start : start + ITEMS_AT_ONCE]
        digests = {item_id: text_digest(texts[item_id]) for item_id in chunk}
        known = _known_digests(chunk, encoder_key=encoder_key, storefront=storefront)
        changed = [item_id for item_id in chunk if known.get(item_id) != digests[item_id]]
        if changed:
            vectors = encode([texts[item_id] for item_id in changed])
            store_vectors(
                entity="item", encoder=encoder_key, storefront=storefront,
                vectors=dict(zip(changed, vectors, strict=True)),
                text_digests={item_id: digests[item_id] for item_id in changed},
            )  # fmt: skip
            n_encoded += len(changed)
        report((start + len(chunk)) / len(item_ids))
    return n_encoded


def _known_digests(item_ids: Sequence[str], *, encoder_key: str, storefront: str) -> dict[str, str]:
    rows = EntityVector.objects.filter(
        encoder=encoder_key, entity="item", storefront=storefront, entity_id__in=item_ids
    )
    return dict(rows.values_list("entity_id", "text_digest"))


def stored_vectors(item_ids: Sequence[str], *, encoder_key: str, storefront: str) -> dict[str, np.ndarray]:
    """Return the vectors of items (by item id) that an encoder has made."""
    found: dict[str, np.ndarray] = {}
    for start in range(0, len(item_ids), ITEMS_PER_JOB):
        rows = EntityVector.objects.filter(
            encoder=encoder_key, entity="item", storefront=storefront,
            entity_id__in=item_ids[start : start + ITEMS_PER_JOB],
        )  # fmt: skip
        for item_id, values in rows.values_list("entity_id", "values").iterator():
            found[item_id] = np.frombuffer(bytes(values), dtype=DTYPE)
    return found


def forget_other_encoders(*, keep: Sequence[str]) -> int:
    """Remove vectors that no encoder in use has made."""
    others = EntityVector.objects.filter(entity="item", encoder__startswith=KEY_PREFIX).exclude(
        encoder__in=keep
    )
    return others.delete()[0]


def encoder_keys() -> Iterator[str]:
    """Yield the encoders that the versions in use understand."""
    for name in MODELS:
        yield from (predictors.encoder_key(served.version_id) for served in predictors.in_use(name))
