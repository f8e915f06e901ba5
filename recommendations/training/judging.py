"""How well recommenders do on the same cases: as fitted, and as the files that will serve."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ecomai.learning.metrics.ranking import ranking_report

from ..datasets import Cases, Dataset, as_sequences, event_contexts

if TYPE_CHECKING:
    from ecomai.learning.recommenders.base import Recommender

KS = (5, 10)
CASES_AT_ONCE = 256
MIN_GROUP = 20  # fewer cases say nothing about a group


@dataclass(frozen=True)
class Judged:
    """Metrics over all cases and by group."""

    metrics: dict[str, float]
    group_metrics: dict[str, dict[str, float]] = field(default_factory=dict)


def judge_recommender(
    model: "Recommender", cases: Cases, groups: Mapping[str, np.ndarray], is_offered: np.ndarray
) -> Judged:
    """Judge a fitted recommender of `ecomai.learning`."""
    ranked = _ranked(lambda part: model.scores(part.histories), cases, is_offered)
    return _report(ranked, cases, groups, len(is_offered))


def judge_predictor(
    predictor: Any, dataset: Dataset, cases: Cases, groups: Mapping[str, np.ndarray], is_offered: np.ndarray
) -> Judged:
    """Judge an artifact as it serves. Items that it was not trained with get no score."""
    ids = dataset.item_keys.astype(str)
    index = {item_id: column for column, item_id in enumerate(predictor.item_ids)}
    columns = np.array([index.get(item_id, -1) for item_id in ids])

    def scores(part: Cases) -> np.ndarray:
        reads_more = predictor.has_context
        more = [event_contexts(part.histories, dataset.event_types)] if reads_more else []
        known = predictor.scores(as_sequences(part.histories, dataset.item_keys), *more)
        return np.where(columns >= 0, known[:, np.maximum(columns, 0)], -np.inf)

    return _report(_ranked(scores, cases, is_offered), cases, groups, len(is_offered))


def _ranked(scores: Callable[[Cases], np.ndarray], cases: Cases, is_offered: np.ndarray) -> np.ndarray:
    """Return the best items of each case, (n_cases, 10): offered ones that are new to the customer."""
    k = min(max(KS), len(is_offered))
    lists = []
    for start in range(0, len(cases), CASES_AT_ONCE):
        rows = np.arange(start, min(start + CASES_AT_ONCE, len(cases)))
        part = Cases(cases.histories.select(rows), cases.targets.select(rows), cases.is_returning[rows])
        found = np.array(scores(part), dtype=np.float32)
        found[part.histories.users, part.histories.items] = -np.inf
        # A target that left the shop since is a miss for everyone: to let it in alone would point at it.
        found[:, ~is_offered] = -np.inf
        best = np.argpartition(-found, k - 1, axis=1)[:, :k]
        best_scores = np.take_along_axis(found, best, axis=1)
        order = np.argsort(-best_scores, axis=1, kind="stable")
        best = np.where(np.isfinite(best_scores), best, -1)
        lists.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(lists)


def _report(ranked: np.ndarray, cases: Cases, groups: Mapping[str, np.ndarray], n_items: int) -> Judged:
    by_group = {}
    for name, members in groups.items():
        if (n_cases := np.count_nonzero(members)) >= MIN_GROUP:
            targets = cases.targets.select(np.flatnonzero(members))
            metrics = ranking_report(ranked[members], targets, n_items=n_items, ks=KS)
            by_group[name] = metrics | {"n_cases": float(n_cases)}
    return Judged(ranking_report(ranked, cases.targets, n_items=n_items, ks=KS), by_group)
