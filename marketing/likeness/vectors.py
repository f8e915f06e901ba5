"""Customers as vectors: their taste beside how they buy, and all of them a block at a time."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomai.commerce.models import Customer
from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import DTYPE

from ..models import CustomerProfile, VectorVersion
from .tastes import TASTE_DIMENSIONS, Vectors, taste_vectors, unit

#: How a customer buys counts so much beside what is bought.
HABITS_WEIGHT = 0.7
MOST_DEVIATIONS = 3.0
NEVER_DAYS = 730.0
HABITS = (
    "log_orders", "log_average_order", "log_gap_days", "log_days_since_order", "log_days_since_seen",
    "price_level", "discount_share", "returned_share",
)  # fmt: skip
COLUMNS = (
    "n_orders", "average_order", "own_gap_days", "last_order_at", "last_seen_at", "price_level",
    "discount_share", "returned_share",
)  # fmt: skip
BLOCK = 20_000
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Block:
    """Some customers who may be addressed; `vectors` is of shape (n_customers, n_dimensions), of length 1."""

    pks: NDArray[np.int64]
    vectors: Vectors


def ready_version() -> VectorVersion | None:
    """Return the newest version of vectors that is whole."""
    return VectorVersion.objects.filter(is_ready=True).order_by("-pk").first()


def customer_vectors(
    customer_pks: Sequence[int], *, now: datetime, encoder: str, scaling: Mapping[str, Any]
) -> Vectors:
    """Return a row for each customer who has a profile, as it is stored: taste, and scaled habits."""
    tastes = taste_vectors(customer_pks, now=now, encoder=encoder)
    habits = _habits(customer_pks, now)
    means, scales = np.array(scaling["means"]), np.array(scaling["scales"])
    # What is not known is as usual.
    scaled = np.nan_to_num(np.clip((habits - means) / scales, -MOST_DEVIATIONS, MOST_DEVIATIONS))
    weight = HABITS_WEIGHT / np.sqrt(len(HABITS))
    return np.hstack([tastes, scaled * weight]).astype(np.float32)


def scaling_of(pks: Sequence[int], *, now: datetime) -> dict[str, list[float]]:
    """Return means and spreads of habits among some customers."""
    habits = _habits(pks, now)
    known = np.isfinite(habits)
    n = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, habits, 0.0).sum(axis=0) / n
    spreads = np.sqrt((np.where(known, habits - means, 0.0) ** 2).sum(axis=0) / n)
    return {"means": means.tolist(), "scales": np.where(spreads > 1e-9, spreads, 1.0).tolist()}


def _habits(customer_pks: Sequence[int], now: datetime) -> Floats:
    found = np.full((len(customer_pks), len(HABITS)), np.nan)
    places = {pk: place for place, pk in enumerate(customer_pks)}
    rows = CustomerProfile.objects.filter(pk__in=list(customer_pks)).values_list("pk", *COLUMNS)
    for pk, n_orders, average, gap, last_order, last_seen, *shares in rows.iterator():
        found[places[pk]] = [
            np.log1p(n_orders), _log(average), _log(gap), _log(_days(last_order, now)),
            _log(_days(last_seen, now)), *(np.nan if share is None else float(share) for share in shares),
        ]  # fmt: skip
    return found


def _log(value: Any) -> float:
    return float("nan") if value is None else float(np.log1p(max(float(value), 0.0)))


def _days(moment: datetime | None, now: datetime) -> float:
    return NEVER_DAYS if moment is None else (now - moment) / timedelta(days=1)


# -- all of them ----------------------------------------------------------------------------------


def blocks(version: VectorVersion, *, storefront: str | None = None) -> Iterator[Block]:
    """Yield all customers of a version who may be addressed, a block at a time; two queries a block."""
    rows = EntityVector.objects.filter(encoder=version.encoder, entity="customer")
    if storefront is not None:
        rows = rows.filter(storefront=storefront)
    found = rows.order_by("storefront", "entity_id").values_list("storefront", "entity_id", "values")
    stored = found.iterator(chunk_size=2000)
    while batch := list(islice(stored, BLOCK)):
        pks = _allowed([row[:2] for row in batch])
        known = [(pks[row[:2]], row[2]) for row in batch if row[:2] in pks]
        if known:
            matrix = np.stack([np.frombuffer(bytes(values), dtype=DTYPE) for _pk, values in known])
            yield Block(np.array([pk for pk, _values in known]), centred(matrix, version))


def vectors_of(customer_pks: Sequence[int], version: VectorVersion) -> Block:
    """Return the vectors of some customers who have one."""
    allowed = Customer.objects.filter(
        pk__in=list(customer_pks), marketing_profile__has_consent=True
    ).values_list("storefront", "external_id", "pk")  # fmt: skip
    by_storefront: dict[str, dict[str, int]] = defaultdict(dict)
    for storefront, external_id, pk in allowed:
        by_storefront[storefront][external_id] = pk
    known = [
        (ids[external_id], np.frombuffer(bytes(values), dtype=DTYPE))
        for storefront, ids in sorted(by_storefront.items())
        for external_id, values in EntityVector.objects.filter(
            encoder=version.encoder, entity="customer", storefront=storefront, entity_id__in=list(ids)
        )
        .order_by("entity_id")
        .values_list("entity_id", "values")
    ]
    if not known:
        return Block(np.empty(0, np.int64), np.empty((0, TASTE_DIMENSIONS + len(HABITS)), np.float32))
    matrix = np.stack([vector for _pk, vector in known])
    return Block(np.array([pk for pk, _vector in known]), centred(matrix, version))


def centred(stored: Vectors, version: VectorVersion) -> Vectors:
    """Return vectors around what all have in common, of length 1: alike is what differs alike."""
    return unit(stored - np.array(version.scaling["middle"], dtype=np.float32))


def _allowed(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    by_storefront: dict[str, list[str]] = defaultdict(list)
    for storefront, external_id in keys:
        by_storefront[storefront].append(external_id)
    return {
        (storefront, external_id): pk
        for storefront, ids in by_storefront.items()
        for external_id, pk in Customer.objects.filter(
            storefront=storefront, external_id__in=ids, marketing_profile__has_consent=True
        ).values_list("external_id", "pk")
    }
