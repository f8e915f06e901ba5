"""`faithfulness`: whether reasons are true: without the named purchase or view, the item must rank lower."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ecomai.benchmarking import Report
from ecomai.commerce.models import Customer, Event

from ..models import Source
from ..pipeline import rankers
from ..pipeline.rankers import Context, Ranking
from ..selectors import interaction_types
from ..services.answers import look_up

N_ITEMS = 8
SECONDS = 30.0  # a busy machine must not decide what is true


def faithfulness(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Ask 1,000 times for customers of this shop's own database: are the reasons true? `data` is not read."""
    measured = measure_faithfulness(n_requests=1000, seed=seed, report=report)
    shares = {name: value for name, value in measured.items() if name.endswith("_share")}
    return {"metrics": shares, "rows": {}, "splits": {}, "peers": {}, "settings": measured}


def measure_faithfulness(
    *, n_requests: int, seed: int = 0, report: Callable[[float, str], None] = lambda share, text: None
) -> dict[str, Any]:
    """Ask for customers drawn at random, take each named item out of the history, and rank again.

    A reason holds where the item's score falls or its rank worsens. Requests that name no item do not count.
    """
    customers = _customers(n_requests, seed)
    n_named = n_faithful = n_asked = n_all_faithful = 0
    for place, customer in enumerate(customers):
        verdicts = _verdicts(customer)
        n_named += len(verdicts)
        n_faithful += sum(verdicts)
        n_asked += bool(verdicts)
        n_all_faithful += bool(verdicts) and all(verdicts)
        report((place + 1) / len(customers), "")
    return {
        "n_requests": len(customers),
        "n_requests_with_reasons": n_asked,
        "n_reasons": n_named,
        "faithful_share": n_faithful / n_named if n_named else 0.0,
        "all_faithful_share": n_all_faithful / n_asked if n_asked else 0.0,
    }


def _customers(n: int, seed: int) -> list[Customer]:
    known = Event.objects.filter(customer__isnull=False, type__in=interaction_types(), item__isnull=False)
    keys = np.array(sorted(set(known.order_by().values_list("customer_id", flat=True).distinct())))
    if not len(keys):
        return []
    drawn = np.random.default_rng(seed).choice(keys, n, replace=len(keys) < n)
    found = Customer.objects.in_bulk(drawn.tolist())
    return [found[key] for key in drawn.tolist()]


def _verdicts(customer: Customer) -> list[bool]:
    """Return, for each reason of one answer, whether it holds."""
    context, _unknown = look_up(
        storefront=customer.storefront, customer=customer, n=N_ITEMS, time_budget_seconds=SECONDS
    )
    ranking = rankers.next_item(context)
    if ranking is None or ranking.source != Source.MODEL or ranking.explain is None:
        return []
    shown = list(ranking.keys[:N_ITEMS])
    named = ranking.explain(shown)
    return [_holds(item, named[item], ranking, context) for item in shown if item in named]


def _holds(item: int, named: int, ranking: Ranking, context: Context) -> bool:
    again = rankers.next_item(context.without(named))
    if again is None or item not in again.key_set:
        return again is not None
    before, after = list(ranking.keys).index(item), list(again.keys).index(item)
    return after > before or again.scores[after] < ranking.scores[before]
