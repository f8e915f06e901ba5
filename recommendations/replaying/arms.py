"""Whose answers a back-test compares: what is live, and a configuration as an experiment's arm has it."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from ecomai.exceptions import InvalidInputError

from ..models import Pipeline, PipelineSource, Source
from ..pipeline import plans, rankers, running
from ..pipeline.plans import Plan
from ..pipeline.rankers import Context, Ranking
from ..pipeline.sources import SOURCES
from ..services.requests import FIRST
from . import moments

#: The name that a pipeline's source of orders has in a back-test, where it must not know of later ones.
TOGETHER_BEFORE = "together_before"
PATIENCE_SECONDS = 60.0
SOURCES.setdefault(TOGETHER_BEFORE, moments.bought_together)


def check_configuration(configuration: Mapping[str, Any]) -> None:
    """Raise InvalidInputError unless it is `{}`, `{"source": ...}` or `{"pipeline": ...}`."""
    if (
        not isinstance(configuration, Mapping)
        or set(configuration) - {"source", "pipeline"}
        or len(configuration) > 1
    ):
        raise InvalidInputError(
            reason=_('a configuration is {"source": "…"} or {"pipeline": …}, as in an experiment.')
        )
    if "source" in configuration and configuration["source"] not in FIRST:
        raise InvalidInputError(reason=_("known sources are %(names)s.") % {"names": ", ".join(FIRST)})
    if "pipeline" in configuration:
        key = configuration["pipeline"]
        if not isinstance(key, int) or isinstance(key, bool) or not Pipeline.objects.filter(pk=key).exists():
            raise InvalidInputError(reason=_("there is no pipeline “%(key)s”.") % {"key": key})


def answer(configuration: Mapping[str, Any], context: moments.PastContext, *, k: int) -> list[int]:
    """Return the keys that a configuration would have shown, best first, at most `k`."""
    first = Source(configuration["source"]) if "source" in configuration else None
    plan = None if first else _plan(configuration, context)
    # Nobody waits: a model that is slow on this machine is not judged by its fallback.
    asked: Context = replace(context, first=first, plan=plan, deadline=time.monotonic() + PATIENCE_SECONDS)
    for ranking in _rankings(plan, asked):
        keys = _shown(ranking, asked)
        if keys:
            return keys[:k]
    return []


def _rankings(plan: Plan | None, context: Context) -> Iterator[Ranking]:
    if plan is not None:
        yield from running.rankings(plan, context)
    yield from rankers.rankings(context)


def _plan(configuration: Mapping[str, Any], context: Context) -> Plan | None:
    if "pipeline" in configuration:
        plan = plans.plan_of(configuration["pipeline"])
    else:
        plan = plans.live_plan(context.storefront, context.placement) if context.placement else None
    return plan and as_of_then(plan)


def as_of_then(plan: Plan) -> Plan:
    """Return a pipeline whose parts know nothing of later days: orders as they were, no cap on repetition."""
    together = PipelineSource.Kind.TOGETHER.value
    sources = tuple(
        replace(source, kind=TOGETHER_BEFORE) if source.kind == together else source
        for source in plan.sources
    )
    return replace(plan, sources=sources, cap_shown=None)


def _shown(ranking: Ranking, context: Context) -> list[int]:
    """Take what may be shown, and fill up with popular items as an answer does."""
    keys = list(ranking.keys)
    if len(keys) < context.n and not ranking.is_complete:
        keys += rankers.popular(context).keys
    distinct = list(dict.fromkeys(keys))
    if not distinct or not ranking.keys:
        return []
    may_show = context.may_show(distinct)
    return [key for key, is_shown in zip(distinct, may_show, strict=True) if is_shown][: context.n]
