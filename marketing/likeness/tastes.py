"""What customers take, as vectors: the middle of their items, by how much and how lately they took each."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
from django.db.models import Count, Max, Sum
from numpy.typing import NDArray

from ecomai.commerce.models import Event, EventType, Item, Order, OrderLine
from ecomai.fusion.models import EntityVector
from ecomai.fusion.vectors import DTYPE

from ..app_settings import app_settings

Vectors = NDArray[np.float32]

#: Vectors of texts are projected to so few numbers: angles stay nearly what they were (Johnson and
#: Lindenstrauss), and a million customers are 300 MB.
TASTE_DIMENSIONS = 64
HALF_LIFE_DAYS = 90.0
#: How much a touch says; what was bought is in the orders.
PURCHASE_STRENGTH = 4.0
STRENGTHS: Mapping[str, float] = {
    EventType.CART.value: 2.0, EventType.WISHLIST.value: 2.0, EventType.CLICK.value: 1.0,
    EventType.VIEW.value: 1.0,
}  # fmt: skip
#: Encoders of texts begin so, of pictures otherwise.
TEXT_ENCODERS = "recommendations:"
_CHUNK = 2000


def current_encoder() -> str:
    """Return the encoder of texts that has read most items; "" where none has, as before a first training."""
    known = EntityVector.objects.filter(entity="item", encoder__startswith=TEXT_ENCODERS).order_by()
    counts = known.values("encoder").annotate(n=Count("pk")).order_by("-n", "encoder")
    return str(counts.values_list("encoder", flat=True).first() or "")


def taste_vectors(
    customer_pks: Sequence[int], *, now: datetime, encoder: str, is_projected: bool = True
) -> Vectors:
    """Return the customers' tastes, of length 1, or 0 for who has touched nothing.

    Returns
    -------
    float32 array of shape (n_customers, TASTE_DIMENSIONS), or of the encoder's own dimensions
    """
    touches = list(_touches(customer_pks, now))
    touched = {item for _customer, item, _weight in touches}
    items, vectors = item_vectors(touched, encoder=encoder, is_projected=is_projected)
    places = {pk: place for place, pk in enumerate(customer_pks)}
    rows = {pk: row for row, pk in enumerate(items)}
    known = [(places[customer], rows[item], weight) for customer, item, weight in touches if item in rows]
    found = np.zeros((len(customer_pks), vectors.shape[1]), dtype=np.float32)
    if known:
        where, which, weights = (np.array(column) for column in zip(*known, strict=True))
        np.add.at(found, where, vectors[which] * weights[:, None].astype(np.float32))
    return unit(found)


def _touches(customer_pks: Sequence[int], now: datetime) -> Iterable[tuple[int, int, float]]:
    """Yield customer, item and weight; two queries along the indexes of customers."""
    since = now - timedelta(days=app_settings.HISTORY_DAYS)
    events = Event.objects.filter(
        customer_id__in=customer_pks, item__isnull=False, occurred_at__gt=since, occurred_at__lte=now,
        type__in=list(STRENGTHS),
    )  # fmt: skip
    grouped = events.order_by().values_list("customer_id", "item_id", "type")
    for customer, item, kind, n, last in grouped.annotate(n=Count("pk"), last=Max("occurred_at")).iterator():
        yield customer or 0, item or 0, _weight(STRENGTHS[kind], n, last, now)
    lines = OrderLine.objects.filter(
        order__customer_id__in=customer_pks, item__isnull=False, order__placed_at__gt=since,
        order__placed_at__lte=now,
    ).exclude(order__status=Order.Status.CANCELLED)  # fmt: skip
    bought = lines.order_by().values_list("order__customer_id", "item_id")
    for customer, item, n, last in bought.annotate(
        n=Sum("quantity"), last=Max("order__placed_at")
    ).iterator():
        yield customer or 0, item or 0, _weight(PURCHASE_STRENGTH, n, last, now)


def _weight(strength: float, n: int, last: datetime, now: datetime) -> float:
    """The tenth look says less than the first, and an old one less than a new one."""
    age_days = max((now - last) / timedelta(days=1), 0.0)
    return float(strength * np.sqrt(max(n, 1)) * 0.5 ** (age_days / HALF_LIFE_DAYS))


def item_vectors(
    item_pks: Iterable[int], *, encoder: str, is_projected: bool = True
) -> tuple[list[int], Vectors]:
    """Return the items that have vectors, and these, of length 1; projected where not asked otherwise."""
    pks, kept, vectors = sorted(item_pks), list[int](), list[Vectors]()
    for start in range(0, len(pks), _CHUNK):
        rows = Item.objects.filter(pk__in=pks[start : start + _CHUNK]).order_by("pk")
        columns = rows.values_list("pk", "storefront", "external_id", "category_path", "brand")
        items = list(columns)
        if not encoder:
            kept += [item[0] for item in items]
            vectors += [named_vector(category, brand) for *_ids, category, brand in items]
            continue
        stored = _stored(items, encoder)
        kept += [item[0] for item in items if item[1:3] in stored]
        vectors += [stored[item[1:3]] for item in items if item[1:3] in stored]
    if not vectors:
        return [], np.empty((0, TASTE_DIMENSIONS), dtype=np.float32)
    stacked = np.stack(vectors)
    return kept, unit(project(stacked) if is_projected else stacked)


def _stored(items: Sequence[tuple], encoder: str) -> dict[tuple[str, str], Vectors]:
    by_storefront: dict[str, list[str]] = defaultdict(list)
    for _pk, storefront, external_id, *_more in items:
        by_storefront[storefront].append(external_id)
    return {
        (storefront, external_id): np.frombuffer(bytes(values), dtype=DTYPE)
        for storefront, ids in by_storefront.items()
        for external_id, values in EntityVector.objects.filter(
            entity="item", encoder=encoder, storefront=storefront, entity_id__in=ids
        ).values_list("entity_id", "values")
    }


def project(vectors: Vectors) -> Vectors:
    """Return vectors of `TASTE_DIMENSIONS` numbers whose angles are nearly those of the given ones."""
    n_dimensions = vectors.shape[1]
    return vectors if n_dimensions == TASTE_DIMENSIONS else vectors @ _projection(n_dimensions)


@lru_cache(maxsize=4)
def _projection(n_dimensions: int) -> Vectors:
    drawn = np.random.default_rng(0).standard_normal((n_dimensions, TASTE_DIMENSIONS))
    return (drawn / np.sqrt(TASTE_DIMENSIONS)).astype(np.float32)


def named_vector(category_path: str, brand: str) -> Vectors:
    """Return a vector of an item's names: items share a part for each level of category, and the brand."""
    levels = category_path.split(" > ") if category_path else []
    names = [" > ".join(levels[: depth + 1]) for depth in range(len(levels))]
    parts = [_drawn(f"category {name}") for name in names] + ([_drawn(f"brand {brand}")] if brand else [])
    return sum(parts, np.zeros(TASTE_DIMENSIONS, dtype=np.float32))


@lru_cache(maxsize=20_000)
def _drawn(name: str) -> Vectors:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return np.random.default_rng(seed).standard_normal(TASTE_DIMENSIONS).astype(np.float32)


def unit(vectors: Vectors) -> Vectors:
    """Return vectors of length 1; those of length 0 stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
