"""Pipelines as processes remember them: asked about at every answer, read when one of them changed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ecomai.reading import in_transaction, read_rows

from ..models import Pipeline
from .rules import CompiledRule, compile_rule

CACHE_SECONDS = 1.0

_KNOWN = f"SELECT id, storefront, placement, state, updated_at FROM {Pipeline._meta.db_table}"  # noqa: S608
LIVE = Pipeline.State.LIVE.value


@dataclass(frozen=True)
class SourcePart:
    kind: str
    n_items: int
    weight: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A pipeline as processes remember it."""

    id: int
    name: str
    storefront: str
    placement: str
    is_ranked_by_model: bool = True
    diversity: float = 0.0
    most_per_category: int | None = None
    most_per_brand: int | None = None
    bought_policy: str = Pipeline.BoughtPolicy.SETTINGS.value
    cap_shown: int | None = None
    cap_days: int = 7
    tail_share: float | None = None
    sources: Sequence[SourcePart] = ()
    rules: Sequence[CompiledRule] = ()

    def rules_of(self, action: str) -> list[CompiledRule]:
        return [rule for rule in self.rules if rule.action == action]


@dataclass(frozen=True)
class _Known:
    """What there is: who is live where, and when each pipeline was changed."""

    read_at: float
    live: dict[tuple[str, str], int]
    stamps: dict[int, Any]


_known: _Known | None = None
_plans: dict[int, tuple[Any, Plan]] = {}


def live_plan(storefront: str, placement: str) -> Plan | None:
    """Return what is live at a placement; None: as ever. Read at most once a second in a process."""
    known = _current()
    pk = known.live.get((storefront, placement))
    return None if pk is None else _plan(pk, known)


def plan_of(pipeline_id: int) -> Plan | None:
    """Return a pipeline in whatever state, for experiments and previews; None where it is gone."""
    return _plan(pipeline_id, _current())


def _plan(pipeline_id: int, known: _Known) -> Plan | None:
    stamp = known.stamps.get(pipeline_id)
    if stamp is None:
        return None
    kept = _plans.get(pipeline_id)
    if kept is None or kept[0] != stamp:
        row = Pipeline.objects.filter(pk=pipeline_id).prefetch_related("sources", "rules__item").first()
        if row is None:
            return None
        kept = _plans[pipeline_id] = (stamp, as_plan(row))
    return kept[1]


def forget_plans() -> None:
    """Read anew at the next question."""
    global _known
    _known = None
    _plans.clear()


def _current() -> _Known:
    global _known
    now = time.monotonic()
    # Inside a transaction the answer must be that transaction's own.
    is_own = in_transaction()
    if _known is not None and not is_own and now - _known.read_at < CACHE_SECONDS:
        return _known
    rows = read_rows(_KNOWN)
    live = {(storefront, placement): pk for pk, storefront, placement, state, _at in rows if state == LIVE}
    found = _Known(now, live, {row[0]: row[4] for row in rows})
    if not is_own:
        _known = found
    return found


def as_plan(row: Pipeline) -> Plan:
    return Plan(
        id=row.pk, name=row.name, storefront=row.storefront, placement=row.placement,
        is_ranked_by_model=row.ranker == Pipeline.Ranker.MODEL, diversity=row.diversity,
        most_per_category=row.most_per_category, most_per_brand=row.most_per_brand,
        bought_policy=row.bought_policy, cap_shown=row.cap_shown, cap_days=row.cap_days,
        tail_share=row.tail_share,
        sources=tuple(SourcePart(one.kind, one.n_items, one.weight) for one in row.sources.all()),
        rules=tuple(compile_rule(rule) for rule in row.rules.all() if rule.is_on),
    )  # fmt: skip
