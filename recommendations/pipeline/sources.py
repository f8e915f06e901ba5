"""Where candidates come from: each source is a function of who asks and names scored items, best first."""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from django.db import connections

from ecomai.commerce.models import OrderLine
from ecomai.reading import in_transaction, is_postgresql, read_rows

from ..models import PipelineSource
from . import rankers
from .rankers import Context

#: Keys of items and scores, best first.
Found = tuple[np.ndarray, np.ndarray]
NOTHING: Found = (np.empty(0, dtype=np.int64), np.empty(0))
# So many of what a customer did last are asked what was bought with them.
N_SEEDS = 5
# Of an item that is in thousands of orders, the latest say enough.
MOST_ORDERS, MOST_TOGETHER = 100, 100
TOGETHER_SECONDS = 600.0
MOST_SEEDS_KEPT = 20_000
# After so many days a new item counts a third.
NEW_DAYS = 30.0
DAY_MICROSECONDS = 86_400_000_000


def sequence(context: Context, n: int) -> Found:
    """What the sequence model expects next."""
    if not context.steps:
        return NOTHING
    return _found_by(rankers.next_item(context, rankers.Sizes(n)))


def similar(context: Context, n: int) -> Found:
    """What goes with the item of the page, with the basket, or with the latest steps."""
    if context.seed_keys:
        return _found_by(rankers.similar_to_page(context, rankers.Sizes(n)))
    return _found_by(rankers.similar_to_steps(context, rankers.Sizes(n))) if context.steps else NOTHING


def _found_by(ranking: rankers.Ranking | None) -> Found:
    if ranking is None:
        return NOTHING
    return np.array(ranking.keys, dtype=np.int64), np.array(ranking.scores)


def together(context: Context, n: int) -> Found:
    """What was bought in one order with the item of the page, the basket, or what was done last."""
    seeds = context.seed_keys or list(dict.fromkeys(reversed(context.history)))[:N_SEEDS]
    counts: Counter[int] = Counter()
    for partners in bought_together(seeds, is_waited_for=context.trace is not None).values():
        for key, share in partners:
            counts[key] += share  # type: ignore[assignment]
    best = counts.most_common()
    keys, scores = (np.array(column) for column in zip(*best, strict=True)) if best else NOTHING
    return _shown(context, keys.astype(np.int64), scores, n)


def trending(context: Context, n: int) -> Found:
    """What is popular lately."""
    ranking = rankers.popular(context, n_ranked=n)
    keys, scores = _found_by(ranking)
    is_any = scores > 0
    return keys[is_any], np.log1p(scores[is_any])


def new(context: Context, n: int) -> Found:
    """What was listed last."""
    catalogue = context.catalogue
    order = catalogue.by_age
    order = order[context.mask[order]][:n]
    ages = (time.time() * 1e6 - catalogue.listed[order]) / DAY_MICROSECONDS
    return catalogue.keys[order], np.exp(-np.maximum(ages, 0.0) / NEW_DAYS)


def rebuy(context: Context, n: int) -> Found:
    """What was bought before and may be bought again, the more often and the later the better."""
    counts: Counter[int] = Counter()
    for place, key in enumerate(context.history, start=1):
        if key in context.bought:
            counts[key] += place / len(context.history)  # type: ignore[assignment]
    best = counts.most_common()
    keys, scores = (np.array(column) for column in zip(*best, strict=True)) if best else NOTHING
    return _shown(context, keys.astype(np.int64), scores, n)


def _shown(context: Context, keys: np.ndarray, scores: np.ndarray, n: int) -> Found:
    may_show = context.may_show(keys)
    return keys[may_show][:n], scores[may_show][:n]


SOURCES: dict[str, Callable[[Context, int], Found]] = {
    PipelineSource.Kind.SEQUENCE.value: sequence,
    PipelineSource.Kind.SIMILAR.value: similar,
    PipelineSource.Kind.TOGETHER.value: together,
    PipelineSource.Kind.TRENDING.value: trending,
    PipelineSource.Kind.NEW.value: new,
    PipelineSource.Kind.REBUY.value: rebuy,
}


# -- orders ---------------------------------------------------------------------------------------

_LINE = OrderLine._meta.db_table
_TOGETHER = (
    "SELECT seed, item_id, n FROM unnest(%s::bigint[]) AS seed CROSS JOIN LATERAL ("  # noqa: S608
    f"SELECT other.item_id, count(DISTINCT other.order_id) AS n FROM (SELECT DISTINCT order_id FROM {_LINE} "
    "WHERE item_id = seed ORDER BY order_id DESC LIMIT %s) AS orders "
    f"JOIN {_LINE} AS other ON other.order_id = orders.order_id "
    "WHERE other.item_id IS NOT NULL AND other.item_id <> seed "
    "GROUP BY other.item_id ORDER BY n DESC, other.item_id DESC LIMIT %s) AS partners"
)
_kept: dict[int, tuple[float, list[tuple[int, float]]]] = {}


def bought_together(
    seeds: Sequence[int], *, is_waited_for: bool = False
) -> dict[int, list[tuple[int, float]]]:
    """Return for each item what was bought in one order with it, best first; a copy may be minutes old.

    Counting orders takes longer than an answer may: an item that nobody asked about before is looked up a
    moment later, for the next answer, unless somebody waits for it. A partner of many orders counts by the
    square root, or what everybody buys would go with everything.
    """
    if is_waited_for or in_transaction():
        return _count_together(seeds)
    now, found = time.monotonic(), {}
    for seed in seeds:
        read_at, found[seed] = _kept.get(seed, (float("-inf"), []))
        if now - read_at >= TOGETHER_SECONDS:
            _kept[seed] = (now, found[seed])  # so that it is asked for once
            _counting.submit(_keep_together, seed)
    return found


def _count_together(seeds: Sequence[int]) -> dict[int, list[tuple[int, float]]]:
    partners: dict[int, list[tuple[int, float]]] = {seed: [] for seed in seeds}
    for seed, key, n in _read_together(list(partners)):
        partners[seed].append((key, math.sqrt(n)))
    return partners


def _keep_together(seed: int) -> None:
    if len(_kept) > MOST_SEEDS_KEPT:
        _kept.clear()
    try:
        _kept[seed] = (time.monotonic(), _count_together([seed])[seed])
    finally:
        connections.close_all()


def _new_thread() -> ThreadPoolExecutor:
    """One thread of the process counts, one item after the other."""
    return ThreadPoolExecutor(1, thread_name_prefix="ecomai-together")


def _start_anew() -> None:
    """Threads do not survive a fork."""
    global _counting
    _counting = _new_thread()


_counting = _new_thread()
os.register_at_fork(after_in_child=_start_anew)


def wait_until_counted() -> None:
    """Wait until what was asked for has been counted; for tests."""
    _counting.submit(int).result()


def forget_together() -> None:
    """Read anew at the next question; for tests and after an import."""
    _kept.clear()


def _read_together(seeds: Sequence[int]) -> list[tuple]:
    if is_postgresql():
        return read_rows(_TOGETHER, [list(seeds), MOST_ORDERS, MOST_TOGETHER])
    rows = []
    for seed in seeds:
        orders = OrderLine.objects.filter(item=seed).order_by("-order").values_list("order", flat=True)
        others = OrderLine.objects.filter(order__in=list(orders[:MOST_ORDERS]), item__isnull=False)
        counts = Counter(key for _order, key in set(others.values_list("order", "item")) if key != seed)
        rows += [(seed, key, n) for key, n in counts.most_common(MOST_TOGETHER)]
    return rows
