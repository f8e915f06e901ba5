"""Vectors of items and customers as rows with the encoder that made them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.utils import timezone

from ecomai.exceptions import InvalidInputError

from .models import EntityVector
from .subjects import in_batches

DTYPE = np.dtype("<f4")
BATCH_SIZE = 1000


@dataclass(frozen=True)
class LoadedVectors:
    """Vectors of one encoder; `matrix` is (n_entities, n_dimensions), `newest` feeds the next `since`."""

    storefronts: list[str]
    entity_ids: list[str]
    matrix: np.ndarray
    newest: datetime | None


def store_vectors(
    *,
    entity: str,
    encoder: str,
    vectors: Mapping[str, np.ndarray],
    storefront: str = "",
    text_digests: Mapping[str, str] | None = None,
) -> int:
    """Add or replace vectors by entity id; all of one encoder have one length. Returns how many."""
    lengths = {np.asarray(vector).shape for vector in vectors.values()}
    if len(lengths) > 1 or any(len(shape) != 1 for shape in lengths):
        raise InvalidInputError(reason="vectors of one encoder must be one-dimensional and of one length")
    digests = text_digests or {}
    now = timezone.now()
    rows = [
        EntityVector(
            entity=entity, encoder=encoder, storefront=storefront, entity_id=entity_id,
            text_digest=digests.get(entity_id, ""), updated_at=now,
            values=np.asarray(vector, dtype=DTYPE).tobytes(),
        )
        for entity_id, vector in vectors.items()
    ]  # fmt: skip
    EntityVector.objects.bulk_create(
        rows, batch_size=BATCH_SIZE, update_conflicts=True,
        unique_fields=["encoder", "entity", "storefront", "entity_id"],
        update_fields=["text_digest", "values", "updated_at"],
    )  # fmt: skip
    return len(rows)


def load_vectors(encoder: str, *, entity: str = "item", since: datetime | None = None) -> LoadedVectors:
    """Return an encoder's vectors, all or those stored at or after a moment, in a fixed order."""
    rows = EntityVector.objects.filter(encoder=encoder, entity=entity)
    if since is not None:
        rows = rows.filter(updated_at__gte=since)
    fields = rows.order_by("storefront", "entity_id").values_list(
        "storefront", "entity_id", "values", "updated_at"
    )
    found = list(fields.iterator())
    values = [np.frombuffer(bytes(row[2]), dtype=DTYPE) for row in found]
    return LoadedVectors(
        storefronts=[row[0] for row in found],
        entity_ids=[row[1] for row in found],
        matrix=np.stack(values) if values else np.empty((0, 0), dtype=DTYPE),
        newest=max((row[3] for row in found), default=None),
    )


def stored_digests(encoder: str, *, entity: str = "item", storefront: str = "") -> dict[str, str]:
    """What each stored vector was made from, so that only changed texts are encoded again."""
    rows = EntityVector.objects.filter(encoder=encoder, entity=entity, storefront=storefront)
    return dict(rows.values_list("entity_id", "text_digest"))


def delete_vectors(*, entity: str, entity_ids: Sequence[str], storefront: str = "") -> int:
    rows = EntityVector.objects.filter(entity=entity, storefront=storefront)
    return sum(rows.filter(entity_id__in=batch).delete()[0] for batch in in_batches(entity_ids))
