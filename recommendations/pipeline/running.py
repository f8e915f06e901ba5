"""One answer of a pipeline: candidates, order, steps; and, where a person looks, what each step did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..models import PipelineSource, Source
from . import rankers
from .candidates import Candidates
from .plans import Plan
from .rankers import Context, Ranking
from .ranking import filled_up, gather, ordered
from .reranking import STEPS, Shelf
from .sources import SOURCES

Kind = PipelineSource.Kind
#: Why an item is shown, by the source that says most of it; others are explained by their model.
CODES = {Kind.TRENDING.value: "popular", Kind.NEW.value: "new", Kind.REBUY.value: "again", "": "popular"}


@dataclass
class Trace:
    """The order after each step, beginning with "order"; written only where somebody asks why."""

    orders: list[tuple[str, list[int]]] = field(default_factory=list)
    candidates: Candidates | None = None
    is_filled_up: bool = False

    def note(self, name: str, candidates: Candidates) -> None:
        self.orders.append((name, candidates.keys.tolist()))


def rankings(plan: Plan, context: Context, trace: Trace | None = None) -> Iterator[Ranking]:
    """Yield the pipeline's ranking; nothing where it has nothing to show, so that the fallback answers."""
    context = _with_bought(plan, context)
    candidates = _ordered(plan, context)
    shown = rerank(candidates, plan, context, trace)
    if len(shown) < context.n:
        if trace is not None:
            trace.orders.clear()
            trace.is_filled_up = True
        shown = rerank(filled_up(candidates, context), plan, context, trace)
    if len(shown):
        yield _ranking(shown, context)


def _with_bought(plan: Plan, context: Context) -> Context:
    """A pipeline that shows what was bought looks for it first."""
    if plan.bought_policy not in ("keep", "last") or not context.not_again:
        return context
    return replace(context, excluded=(context.excluded - context.not_again) | context.never)


def _ordered(plan: Plan, context: Context) -> Candidates:
    candidates = _with_pins(gather(plan, context), plan, context)
    candidates = ordered(candidates, plan, context)
    return replace(candidates, fits=candidates.scores)


def _with_pins(candidates: Candidates, plan: Plan, context: Context) -> Candidates:
    """A pinned item is shown whether or not a source names it, as long as it may be shown at all."""
    pinned = {rule.item_key for rule in plan.rules_of("pin") if rule.item_key is not None}
    keys = np.array(sorted(pinned - set(candidates.keys.tolist())), dtype=np.int64)
    keys = keys[context.may_show(keys)] if len(keys) else keys
    if not len(keys):
        return candidates
    return Candidates(
        keys=np.concatenate([candidates.keys, keys]),
        places=np.concatenate([candidates.places, context.catalogue.positions(keys)]),
        scores=np.concatenate([candidates.scores, np.zeros(len(keys))]),
        sources=candidates.sources,
        said=np.concatenate([candidates.said, np.zeros((len(keys), len(candidates.sources)))]),
    )


def rerank(candidates: Candidates, plan: Plan, context: Context, trace: Trace | None = None) -> Candidates:
    """Take candidates through all steps."""
    shelf = Shelf(plan, context, candidates)
    if trace is not None:
        trace.candidates = candidates
        trace.note("order", candidates)
    for name, (_label, step) in STEPS.items():
        candidates = step(candidates, shelf)
        if trace is not None:
            trace.note(name, candidates)
    return candidates


def _ranking(shown: Candidates, context: Context) -> Ranking:
    shown = shown.take(np.arange(min(len(shown), context.n_ranked)))
    keys = shown.keys.tolist()
    leading = shown.leading(general=(Kind.TRENDING.value, Kind.NEW.value))
    codes = {key: CODES[source] for key, source in zip(keys, leading, strict=True) if source in CODES}
    scores = shown.scores if shown.fits is None else shown.fits
    return Ranking(
        keys=keys, scores=scores.tolist(), source=Source.PIPELINE, is_complete=True, codes=codes,
        explain=lambda asked: _explain([key for key in asked if key not in codes], context),
    )  # fmt: skip


def _explain(keys: Sequence[int], context: Context) -> dict[int, int]:
    return rankers.explain(keys, context) if keys else {}


__all__ = ["SOURCES", "Trace", "rankings", "rerank"]
