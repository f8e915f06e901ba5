"""Count what each item is shown, and find those that are hardly ever shown though they might sell."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Count, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from ecomai.commerce.models import Event, EventType, Item
from ecomai.learning.metrics.exposure import gini
from ecomai.serving import live

from .. import catalogue as catalogues
from ..app_settings import app_settings
from ..catalogue import Catalogue
from ..models import Answer, DailyExposure, ItemExposure, Pipeline, TailItem
from ..scenario import NEXT_ITEM, SIMILAR_ITEMS
from .monitoring import day_bounds

DAY = timedelta(days=1)
CHUNK = 5000
#: What visitors do with an answer of a day they do until the end of the next one.
OPEN_DAYS = 2
#: So many of the best sellers stand for what sells.
N_SELLERS = 50
#: The least shown part of the items on offer.
TAIL_PART = 0.5
MOST_STARS = 10.0
Counts = Mapping[tuple[str, int], tuple[int, int, int]]  # placement, item -> shown, seen, clicked

_POSTGRESQL = {
    "elements": "jsonb_array_elements_text(a.item_keys) AS one(value)",
    "is_same_key": "e.properties ->> 'answer' = a.key::text",
    "is_in_answer": "a.item_keys @> to_jsonb(e.item_id)",
}
_SQLITE = {
    "elements": "json_each(a.item_keys) AS one",
    "is_same_key": "REPLACE(json_extract(e.properties, '$.answer'), '-', '') = a.key",
    "is_in_answer": "EXISTS (SELECT 1 FROM json_each(a.item_keys) one WHERE one.value = e.item_id)",
}
_SHOWN = """
    SELECT a.placement, CAST(one.value AS BIGINT) AS item_id, COUNT(*)
    FROM ecomai_recommendations_answer a, {elements}
    WHERE a.created_at >= %s AND a.created_at < %s
    GROUP BY a.placement, one.value"""
_TOUCHED = """
    SELECT placement, item_id, COUNT(*), SUM(is_clicked) FROM (
        SELECT a.placement, a.id, e.item_id, MAX(CASE WHEN e.type = 'click' THEN 1 ELSE 0 END) AS is_clicked
        FROM ecomai_recommendations_answer a JOIN ecomai_commerce_event e ON {is_same_key}
        WHERE a.created_at >= %s AND a.created_at < %s
          AND e.type IN ('impression', 'click') AND e.occurred_at >= %s AND e.occurred_at < %s
          AND e.item_id IS NOT NULL AND {is_in_answer}
        GROUP BY a.placement, a.id, e.item_id
    ) touched GROUP BY placement, item_id"""


def refresh_exposure(*, now: datetime | None = None) -> list[date]:
    """Mark the tail anew, count the days that may have changed, and return these. Safe to run twice."""
    now = now or timezone.now()
    if not TailItem.objects.exists():
        refresh_tail(now=now)
    days = list(due_days(now))
    is_tail = tail_keys()
    for day in days:
        count_day(day, is_tail=is_tail, now=now)
    refresh_tail(now=now)
    _forget(now)
    return days


def due_days(now: datetime) -> Iterator[date]:
    """Yield days with answers that were never counted or may still change, oldest first."""
    today = timezone.localdate(now)
    since = today - timedelta(days=app_settings.MONITORING_DAYS)
    counted = set(DailyExposure.objects.filter(day__gte=since).values_list("day", flat=True).distinct())
    if counted:
        # What is older than the newest count was counted by then, or nobody was answered.
        since = max(since, max(counted) - OPEN_DAYS * DAY)
    answers = Answer.objects.filter(created_at__gte=day_bounds(since)[0]).order_by()
    days = answers.annotate(day=TruncDate("created_at")).values_list("day", flat=True).distinct()
    yield from sorted(day for day in days if day not in counted or today - day <= OPEN_DAYS * DAY)


def count_day(day: date, *, is_tail: frozenset[int], now: datetime | None = None) -> int:
    """Count one day's answers anew and return how many items were shown."""
    now = now or timezone.now()
    counts = _counts(day)
    storefronts = _storefronts({item for _placement, item in counts})
    kept = (timezone.localdate(now) - day).days <= app_settings.EXPOSURE_DAYS
    rows = [
        ItemExposure(day=day, placement=placement, item_id=item, n_shown=n, n_seen=seen, n_clicked=clicked)
        for (placement, item), (n, seen, clicked) in counts.items()
        if kept and item in storefronts
    ]
    with transaction.atomic():
        ItemExposure.objects.filter(day=day).delete()
        DailyExposure.objects.filter(day=day).delete()
        ItemExposure.objects.bulk_create(
            rows, batch_size=CHUNK, update_conflicts=True, unique_fields=["day", "placement", "item"],
            update_fields=["n_shown", "n_seen", "n_clicked"],
        )  # fmt: skip
        DailyExposure.objects.bulk_create(
            _daily(day, counts, storefronts, is_tail, now), update_conflicts=True,
            unique_fields=["day", "storefront", "is_total", "placement"],
            update_fields=[
                field.name for field in DailyExposure._meta.concrete_fields
                if field.name not in ("id", "day", "storefront", "is_total", "placement")
            ],
        )  # fmt: skip
    return len(counts)


def _counts(day: date) -> dict[tuple[str, int], tuple[int, int, int]]:
    start, end = (connection.ops.adapt_datetimefield_value(moment) for moment in day_bounds(day))
    last = connection.ops.adapt_datetimefield_value(day_bounds(day)[1] + DAY)
    words = _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE
    with connection.cursor() as cursor:
        cursor.execute(_SHOWN.format(**words), [start, end])
        found = {(placement, int(item)): (n, 0, 0) for placement, item, n in cursor.fetchall()}
        cursor.execute(_TOUCHED.format(**words), [start, end, start, last])
        for placement, item, seen, clicked in cursor.fetchall():
            if (placement, item) in found:
                found[placement, item] = (found[placement, item][0], seen, int(clicked))
    return found


def _storefronts(items: Iterable[int]) -> dict[int, str]:
    keys, found = list(items), {}
    for start in range(0, len(keys), CHUNK):
        rows = Item.objects.filter(pk__in=keys[start : start + CHUNK]).values_list("pk", "storefront")
        found.update(dict(rows))
    return found


def _daily(
    day: date, counts: Counts, storefronts: Mapping[int, str], is_tail: frozenset[int], now: datetime
) -> list[DailyExposure]:
    """Return what a day came to: at each placement of a storefront, and at all of them."""
    offered = _offered()
    groups: dict[tuple[str, bool, str], dict[int, np.ndarray]] = {("", True, ""): {}}
    for (placement, item), numbers in counts.items():
        if (storefront := storefronts.get(item)) is None:
            continue
        for group in ((storefront, False, placement), (storefront, True, "")):
            items = groups.setdefault(group, {})
            items[item] = items.get(item, np.zeros(3, dtype=np.int64)) + np.array(numbers)
    targets = _targets(day)
    return [
        DailyExposure(
            day=day, storefront=storefront, is_total=is_total, placement=placement, computed_at=now,
            target_share=None if is_total else targets.get((storefront, placement)),
            **_summary(items, offered.get(storefront, 0), is_tail),
        )
        for (storefront, is_total, placement), items in groups.items()
    ]  # fmt: skip


def _summary(items: Mapping[int, np.ndarray], n_offered: int, is_tail: frozenset[int]) -> dict[str, Any]:
    numbers = np.array(list(items.values()), dtype=np.int64).reshape(-1, 3)
    marks = np.array([item in is_tail for item in items], dtype=bool)
    totals, tails = numbers.sum(axis=0).tolist(), numbers[marks].sum(axis=0).tolist()
    n_unseen = max(n_offered - len(items), 0)
    spread = np.concatenate([numbers[:, 0], np.zeros(n_unseen)])
    return {
        "n_items": max(n_offered, len(items)), "n_items_shown": len(items),
        "n_shown": totals[0], "n_tail_shown": tails[0], "n_seen": totals[1], "n_tail_seen": tails[1],
        "n_clicked": totals[2], "n_tail_clicked": tails[2], "gini": gini(spread) if len(spread) else 0.0,
    }  # fmt: skip


def _offered() -> dict[str, int]:
    catalogue = catalogues.current()
    names, counts = np.unique(catalogue.storefronts[catalogue.is_active].astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def _targets(day: date) -> dict[tuple[str, str], float | None]:
    """Return the share that is wanted at each placement, on days since its pipeline went live."""
    rows = Pipeline.objects.filter(state=Pipeline.State.LIVE, live_since__lt=day_bounds(day)[1])
    return {(storefront, placement): share for storefront, placement, share in
            rows.values_list("storefront", "placement", "tail_share")}  # fmt: skip


def _forget(now: datetime) -> None:
    """Keep items' days for a while, and the summaries as long as other figures."""
    today = timezone.localdate(now)
    ItemExposure.objects.filter(day__lt=today - timedelta(days=app_settings.EXPOSURE_DAYS)).delete()
    DailyExposure.objects.filter(day__lt=today - timedelta(days=app_settings.MONITORING_DAYS)).delete()


# -- who the tail is ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Potential:
    """What speaks for each item; NaN where the shop does not say. All of shape (n_items,)."""

    margin: np.ndarray  # share of the price
    rating: np.ndarray
    likeness: np.ndarray  # cosine to the nearest best seller

    @property
    def value(self) -> np.ndarray:
        """The mean rank of what is known, from 0 to 1; the middle where nothing is."""
        ranks = np.stack([_ranks(values) for values in (self.margin, self.rating, self.likeness)])
        is_known = ~np.isnan(ranks)
        n_known = is_known.sum(axis=0)
        return np.where(n_known, np.where(is_known, ranks, 0.0).sum(axis=0) / np.maximum(n_known, 1), 0.5)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return each value's place among the known ones, from 0 to 1; equal ones share theirs."""
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return np.full(len(values), np.nan)
    ordered = np.sort(known)
    low, high = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.where(np.isnan(values), np.nan, (low + high - 1) / 2 / (len(known) - 1))


def refresh_tail(*, now: datetime | None = None) -> int:
    """Compare what each item on offer got with what it might deserve; return how many are the tail."""
    now = now or timezone.now()
    catalogue = catalogues.current()
    lately, before = (_sums(now, nearest) for nearest in (0, app_settings.TAIL_DAYS))
    potential = measure_potential(catalogue)
    value = potential.value
    shown = np.array([lately.get(key, (0, 0))[0] for key in catalogue.keys.tolist()], dtype=np.int64)
    is_tail, exposure = mark_tail(catalogue, shown, value)
    since = dict(TailItem.objects.filter(is_tail=True).values_list("pk", "tail_since"))
    today = timezone.localdate(now)
    rows = [
        TailItem(
            item_id=key, is_tail=bool(is_tail[at]), exposure=float(exposure[at]), potential=float(value[at]),
            tail_since=(since.get(key) or today) if is_tail[at] else None,
            margin=_known(potential.margin[at]), rating=_known(potential.rating[at]),
            likeness=_known(potential.likeness[at]),
            n_shown=lately.get(key, (0, 0))[0], n_clicked=lately.get(key, (0, 0))[1],
            n_shown_before=before.get(key, (0, 0))[0], n_clicked_before=before.get(key, (0, 0))[1],
            computed_at=now,
        )
        for at, key in enumerate(catalogue.keys.tolist())
        if catalogue.is_active[at]
    ]  # fmt: skip
    names = [field.name for field in TailItem._meta.concrete_fields if field.name != "item"]
    with transaction.atomic():
        TailItem.objects.bulk_create(
            rows, batch_size=CHUNK, update_conflicts=True, unique_fields=["item"], update_fields=names
        )
        TailItem.objects.filter(computed_at__lt=now).delete()
    return sum(row.is_tail for row in rows)


def mark_tail(
    catalogue: Catalogue, shown: np.ndarray, potential: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return which items are the tail, and each item's exposure where 1 is an equal share.

    In each storefront the tail is the half that was shown least, of equally shown ones that which sells
    least, without what has less potential than the setting asks for.
    """
    is_tail, exposure = np.zeros(len(catalogue), dtype=bool), np.zeros(len(catalogue))
    for storefront in set(catalogue.storefronts.tolist()):
        at = np.flatnonzero(catalogue.is_active & (catalogue.storefronts == storefront))
        total = shown[at].sum()
        if total:
            exposure[at] = shown[at] * len(at) / total
        least = at[np.lexsort((catalogue.keys[at], catalogue.popularity[at], shown[at]))]
        is_tail[least[: int(len(at) * TAIL_PART)]] = True
    return is_tail & (potential >= app_settings.TAIL_MIN_POTENTIAL), exposure


def measure_potential(catalogue: Catalogue) -> Potential:
    return Potential(margin=_margins(catalogue), rating=_ratings(catalogue), likeness=_likeness(catalogue))


def _margins(catalogue: Catalogue) -> np.ndarray:
    rows = Item.objects.filter(is_active=True, cost__isnull=False, price__gt=0).values_list(
        "pk", "price", "cost"
    )
    margins = {pk: 1.0 - float(cost or 0) / float(price or 1) for pk, price, cost in rows.iterator()}
    return _column(catalogue, margins)


def _said_ratings() -> Iterator[tuple[int, str, int]]:
    """Yield items, what was said of them as text, and how often; shops name the number differently."""
    start = timezone.now() - timedelta(days=app_settings.MONITORING_DAYS)
    said = Coalesce(*(KT(f"properties__{name}") for name in ("rating", "stars", "score")))
    events = Event.objects.filter(
        type__in=[EventType.RATING, EventType.REVIEW], occurred_at__gte=start, item__isnull=False
    )
    rows = events.order_by().annotate(said=said).exclude(said=None).values("item_id", "said")
    yield from rows.annotate(n=Count("pk")).values_list("item_id", "said", "n").iterator()


def _as_stars(said: Any) -> float | None:
    try:
        stars = float(said)
    except (TypeError, ValueError):
        return None
    return stars if 0 <= stars <= MOST_STARS else None


def _ratings(catalogue: Catalogue) -> np.ndarray:
    """Return mean ratings, drawn to the mean of all where few people rated."""
    sums: dict[int, tuple[float, int]] = {}
    for item, said, n in _said_ratings():
        stars = _as_stars(said)
        if stars is not None:
            total, n_before = sums.get(item, (0.0, 0))
            sums[item] = (total + stars * n, n_before + n)
    rows = [(item, total / n, n) for item, (total, n) in sums.items()]
    if not rows:
        return np.full(len(catalogue), np.nan)
    overall = sum(mean * n for _item, mean, n in rows) / sum(n for _item, _mean, n in rows)
    return _column(catalogue, {item: (mean * n + overall * 3) / (n + 3) for item, mean, n in rows})


def _likeness(catalogue: Catalogue) -> np.ndarray:
    """Return how like each item is to the best seller that it is most like, by a live model's vectors."""
    found = np.full(len(catalogue), np.nan)
    sellers = np.argsort(-catalogue.popularity, kind="stable")[:N_SELLERS]
    sellers = sellers[catalogue.popularity[sellers] > 0]
    vectors = _vectors(catalogue)
    if vectors is None or not len(sellers):
        return found
    is_known = np.linalg.norm(vectors, axis=1) > 0
    for start in range(0, len(catalogue), CHUNK):
        at = np.arange(start, min(start + CHUNK, len(catalogue)))
        alike = vectors[at] @ vectors[sellers].T
        alike[at[:, None] == sellers[None, :]] = -np.inf  # nobody is like itself
        found[at] = alike.max(axis=1, initial=-1.0)
    return np.where(is_known, found, np.nan)


def _vectors(catalogue: Catalogue) -> np.ndarray | None:
    for name in (SIMILAR_ITEMS, NEXT_ITEM):
        served = live.get_live(name)
        if served is None:
            continue
        predictor: Any = served.predictor
        vectors = predictor.item_vectors([str(key) for key in catalogue.keys.tolist()])
        if vectors.shape[1]:
            return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return None


def _column(catalogue: Catalogue, values: Mapping[int, float]) -> np.ndarray:
    return np.array([values.get(key, np.nan) for key in catalogue.keys.tolist()], dtype=np.float64)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _sums(now: datetime, nearest: int) -> dict[int, tuple[int, int]]:
    """Return places and clicks of each item in TAIL_DAYS days, of which the newest lies so many days back."""
    last = timezone.localdate(now) - timedelta(days=nearest)
    first = last - timedelta(days=app_settings.TAIL_DAYS - 1)
    rows = ItemExposure.objects.filter(day__gte=first, day__lte=last).order_by().values("item_id")
    found = rows.annotate(shown=Sum("n_shown"), clicked=Sum("n_clicked"))
    return {
        item: (shown, clicked) for item, shown, clicked in found.values_list("item_id", "shown", "clicked")
    }


def tail_keys() -> frozenset[int]:
    return frozenset(TailItem.objects.filter(is_tail=True).values_list("pk", flat=True))


def exposures_of(
    *, since: date, until: date, storefront: str | None = None, placement: str | None = None
) -> Sequence[Mapping[str, Any]]:
    """Return places, views and clicks of each shown item in a period, for pages."""
    rows = ItemExposure.objects.filter(day__gte=since, day__lte=until)
    if storefront is not None:
        rows = rows.filter(item__storefront=storefront)
    if placement is not None:
        rows = rows.filter(placement=placement)
    sums = {"shown": Sum("n_shown"), "seen": Sum("n_seen"), "clicked": Sum("n_clicked")}
    return list(rows.order_by().values("item_id").annotate(**sums))
