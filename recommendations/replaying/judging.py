"""How two configurations did on the same past answers, with intervals; scipy is loaded where it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecomai.learning.metrics.ranking import ndcg_at_k

LIVE, DRAFT, SHOWN = "live", "draft", "shown"
N_RESAMPLES, LEVEL = 999, 0.95
#: Fewer moments with an outcome say nothing about which one is better.
LEAST_CASES = 30


@dataclass(frozen=True, kw_only=True)
class Case:
    """A past answer: what each arm shows, what was shown, and what the visitor turned to afterwards."""

    shown: Sequence[int]
    live: Sequence[int]
    draft: Sequence[int]
    targets: Sequence[int]  # clicked, put into the basket or bought
    bought: Sequence[int]
    tail: Sequence[int]  # which of the items in any of the lists were rarely taken then
    is_known: bool = True  # False where a model had learned from later events

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def judge(cases: Sequence[Case], *, k: int, n_items: int, random_state: int) -> dict[str, Any]:
    """Return figures of each arm and the difference of draft and live, each with its interval."""
    judged = [case for case in cases if case.targets]
    bought = [case for case in cases if case.bought]
    figures = {
        name: _arm(name, cases, judged, bought, k=k, n_items=n_items, random_state=random_state)
        for name in (LIVE, DRAFT, SHOWN)
    }
    return {
        "k": k,
        "n_answers": len(cases),
        "n_judged": len(judged),
        "n_bought": len(bought),
        "n_learned_later": sum(not case.is_known for case in cases),
        "arms": figures,
        "difference": _difference(judged, bought, k=k, random_state=random_state),
        "is_enough": len(judged) >= LEAST_CASES,
    }


def _arm(
    name: str, cases: Sequence[Case], judged: Sequence[Case], bought: Sequence[Case], *, k: int, n_items: int,
    random_state: int,
) -> dict[str, Any]:  # fmt: skip
    lists = [list(getattr(case, name))[:k] for case in cases]
    slots = sum(map(len, lists))
    tail = sum(len(set(items) & set(case.tail)) for items, case in zip(lists, cases, strict=True))
    return {
        "hit": interval(_hits(judged, name, "targets", k), random_state),
        "ndcg": interval(_gains(judged, name, k), random_state),
        "hit_bought": interval(_hits(bought, name, "bought", k), random_state),
        "overlap": _mean([_overlap(items, case.shown, k) for items, case in zip(lists, cases, strict=True)]),
        "coverage": len({key for items in lists for key in items}) / n_items if n_items else None,
        "tail_share": tail / slots if slots else None,
        "n_empty": sum(not items for items in lists),
    }


def _difference(
    judged: Sequence[Case], bought: Sequence[Case], *, k: int, random_state: int
) -> dict[str, dict[str, float] | None]:
    """The same visitors see both, so what differs is counted for each of them."""
    pairs = {
        "hit": (_hits(judged, DRAFT, "targets", k), _hits(judged, LIVE, "targets", k)),
        "ndcg": (_gains(judged, DRAFT, k), _gains(judged, LIVE, k)),
        "hit_bought": (_hits(bought, DRAFT, "bought", k), _hits(bought, LIVE, "bought", k)),
    }
    return {name: interval(draft - live, random_state) for name, (draft, live) in pairs.items()}


def _hits(cases: Sequence[Case], name: str, wanted: str, k: int) -> np.ndarray:
    found = [bool(set(list(getattr(case, name))[:k]) & set(getattr(case, wanted))) for case in cases]
    return np.array(found, dtype=float)


def _gains(cases: Sequence[Case], name: str, k: int) -> np.ndarray:
    found = []
    for case in cases:
        items = list(getattr(case, name))[:k]
        ranked = [items + [-1] * (k - len(items))]
        found.append(ndcg_at_k(ranked, [sorted(case.targets)], k=k))
    return np.array(found, dtype=float)


def _overlap(items: Sequence[int], shown: Sequence[int], k: int) -> float:
    n = min(k, len(shown))
    return len(set(items[:n]) & set(shown[:n])) / n if n else 0.0


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def interval(values: np.ndarray, random_state: int) -> dict[str, float] | None:
    """Return a mean and its bootstrap interval; None where there is nothing to average."""
    from scipy.stats import bootstrap

    if not len(values):
        return None
    mean = float(values.mean())
    if len(values) == 1 or np.ptp(values) == 0:
        return {"value": mean, "low": mean, "high": mean}
    found = bootstrap(
        (values,), np.mean, n_resamples=N_RESAMPLES, confidence_level=LEVEL, method="percentile",
        rng=np.random.default_rng(random_state), batch=100,
    )  # fmt: skip
    low, high = found.confidence_interval
    return {"value": mean, "low": float(low), "high": float(high)}


def case_of(row: Mapping[str, Any]) -> Case:
    return Case(**row)
