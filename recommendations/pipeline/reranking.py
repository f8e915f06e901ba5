"""The steps between an order and what is shown: each takes candidates, best first, and changes them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.reading import read_rows
from ecomai.serving import live

from ..models import Answer, Pipeline, Rule
from ..scenario import NEXT_ITEM, SIMILAR_ITEMS
from .candidates import Candidates
from .exposure import expose
from .plans import Plan
from .rankers import Context, unwanted_like
from .rules import CompiledRule, matches

#: Of the candidates, so many times the shown ones are made diverse; the others stay behind them.
POOL = 3
#: What an item that is buried keeps of its score: it comes after all others, in the old order.
BURIED = -1e6
#: Of the newest answers to a visitor, so many are counted for the frequency cap.
MOST_ANSWERS = 200


@dataclass(frozen=True, eq=False)
class Shelf:
    """What the steps know besides the candidates: who asks, what the pipeline wants, what its rules mean."""

    plan: Plan
    context: Context
    first: Candidates  # before all steps

    @cached_property
    def _about(self) -> dict[int, np.ndarray]:
        """Items by rule; asked once, as no step adds any."""
        about = matches(self.plan.rules, self.context.catalogue, self.first.keys, self.first.places)
        return {rule: self.first.keys[is_about] for rule, is_about in about.items()}

    def matching(self, candidates: Candidates, action: str) -> list[tuple[CompiledRule, np.ndarray]]:
        """Return the rules of an action, with which candidates each is about."""
        rules = self.plan.rules_of(action)
        return [(rule, np.isin(candidates.keys, self._about[rule.id])) for rule in rules]

    @cached_property
    def bought(self) -> np.ndarray:
        return np.array(sorted(self.context.bought | self.context.not_again), dtype=np.int64)

    @cached_property
    def tired_of(self) -> np.ndarray:
        """Items that were shown to the visitor too often, and never turned to."""
        plan, context = self.plan, self.context
        if plan.cap_shown is None or not (context.customer_key or context.session_id):
            return np.empty(0, dtype=np.int64)
        counts = Counter(key for keys in _shown_lists(plan, context) for key in keys)
        turned_to = set(context.history)
        tired = [key for key, n in counts.items() if n >= plan.cap_shown and key not in turned_to]
        return np.array(tired, dtype=np.int64)


_SHOWN = (
    f"SELECT item_keys FROM {Answer._meta.db_table} WHERE {{whose}} AND storefront = %s AND placement = %s "  # noqa: S608
    f"AND created_at >= %s ORDER BY created_at DESC LIMIT {MOST_ANSWERS}"
)
_OF_CUSTOMER = _SHOWN.format(whose="customer_id = %s")
_OF_SESSION = _SHOWN.format(whose="session_id = %s AND customer_id IS NULL")


def _shown_lists(plan: Plan, context: Context) -> Iterator[list[int]]:
    """Yield the lists that a visitor was shown at the placement lately."""
    statement = _OF_CUSTOMER if context.customer_key else _OF_SESSION
    since = timezone.now() - timedelta(days=plan.cap_days)
    rows = read_rows(
        statement, [context.customer_key or context.session_id, context.storefront, plan.placement, since]
    )
    yield from (json.loads(keys) if isinstance(keys, str) else keys for (keys,) in rows)


Step = Callable[[Candidates, Shelf], Candidates]


def treat_bought(candidates: Candidates, shelf: Shelf) -> Candidates:
    """Leave out what was bought already, or put it last, as the pipeline says."""
    policy = shelf.plan.bought_policy
    if policy not in (Pipeline.BoughtPolicy.EXCLUDE, Pipeline.BoughtPolicy.LAST) or not len(shelf.bought):
        return candidates
    is_bought = np.isin(candidates.keys, shelf.bought)
    if policy == Pipeline.BoughtPolicy.EXCLUDE:
        return candidates.take(np.flatnonzero(~is_bought))
    return _buried(candidates, is_bought)


def exclude(candidates: Candidates, shelf: Shelf) -> Candidates:
    """Leave out what a rule excludes."""
    rules = shelf.matching(candidates, Rule.Action.EXCLUDE)
    if not rules:
        return candidates
    is_out = np.any([is_about for _rule, is_about in rules], axis=0)
    return candidates.take(np.flatnonzero(~is_out))


def heed_feedback(candidates: Candidates, shelf: Shelf) -> Candidates:
    """Put last what is like items of which the visitor wants less; these themselves are no candidates."""
    unwanted = unwanted_like(shelf.context)
    if not unwanted:
        return candidates
    return _buried(candidates, np.isin(candidates.keys, list(unwanted)))


def cap(candidates: Candidates, shelf: Shelf) -> Candidates:
    """Leave out what the visitor has been shown too often without turning to it."""
    if not len(shelf.tired_of):
        return candidates
    return candidates.take(np.flatnonzero(~np.isin(candidates.keys, shelf.tired_of)))


def boost(candidates: Candidates, shelf: Shelf) -> Candidates:
    """Multiply scores by what boosts say, and put last what rules bury."""
    boosts = shelf.matching(candidates, Rule.Action.BOOST)
    buries = shelf.matching(candidates, Rule.Action.BURY)
    if boosts:
        factors = np.ones(len(candidates))
        for rule, is_about in boosts:
            factors[is_about] *= rule.factor
        factors[candidates.scores < 0] = 1.0  # what comes last stays last
        candidates = candidates.scored(candidates.scores * factors)
        buries = shelf.matching(candidates, Rule.Action.BURY)
    if not buries:
        return candidates
    return _buried(candidates, np.any([is_about for _rule, is_about in buries], axis=0))


def _buried(candidates: Candidates, is_last: np.ndarray) -> Candidates:
    return candidates.scored(np.where(is_last, candidates.scores + BURIED, candidates.scores))


def diversify(candidates: Candidates, shelf: Shelf) -> Candidates:
    """Choose one item after the other: what is good, and unlike what was chosen before (MMR).

    What is buried stays last.
    """
    part = shelf.plan.diversity
    n_pool = min(POOL * shelf.context.n, int(np.count_nonzero(candidates.scores > BURIED / 2)))
    if not part or n_pool < 3:
        return candidates
    chosen = mmr(candidates.scores[:n_pool], likeness(candidates, shelf.context, n_pool), part)
    return candidates.take(np.concatenate([chosen, np.arange(n_pool, len(candidates))]))


def mmr(scores: np.ndarray, alike: np.ndarray, diversity: float) -> np.ndarray:
    """Return positions in the order of maximal marginal relevance (Carbonell and Goldstein, 1998).

    `alike` is (n, n), from 0 to 1; `diversity` of 0 leaves the order, of 1 looks at nothing but likeness.
    """
    low, high = scores.min(), scores.max()
    worth = (1 - diversity) * ((scores - low) / (high - low) if high > low else np.ones(len(scores)))
    nearest = np.zeros(len(scores))
    chosen = np.empty(len(scores), dtype=np.int64)
    for place in range(len(scores)):
        best = int(np.argmax(worth - diversity * nearest))
        chosen[place] = best
        worth[best] = -np.inf
        np.maximum(nearest, alike[best], out=nearest)
    return chosen


def likeness(candidates: Candidates, context: Context, n: int) -> np.ndarray:
    """Return how alike the first `n` are, from 0 to 1: by their vectors, else by their category."""
    keys = [str(key) for key in candidates.keys[:n].tolist()]
    categories = context.catalogue.category_codes[candidates.places[:n]]
    alike = (categories[:, None] == categories[None, :]).astype(np.float64)
    for model_name in (SIMILAR_ITEMS, NEXT_ITEM):
        served = live.get_live(model_name)
        if served is not None:
            predictor: Any = served.predictor
            vectors = predictor.item_vectors(keys)
            if vectors.shape[1]:
                lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
                unit = vectors / np.maximum(lengths, 1e-9)
                is_known = lengths[:, 0] > 0
                both = is_known[:, None] & is_known[None, :]
                return np.where(both, np.clip(unit @ unit.T, 0.0, 1.0), alike)
    return alike


def limit(candidates: Candidates, shelf: Shelf) -> Candidates:
    """Put behind all others what would be too many of one category or brand among the shown."""
    catalogue, plan = shelf.context.catalogue, shelf.plan
    for most, column in (
        (plan.most_per_category, catalogue.categories),
        (plan.most_per_brand, catalogue.brands),
    ):
        if most is not None:
            candidates = _limited(candidates, column[candidates.places], most)
    return candidates


def _limited(candidates: Candidates, groups: np.ndarray, most: int) -> Candidates:
    counts: Counter[str] = Counter()
    is_surplus = np.zeros(len(candidates), dtype=bool)
    for place, group in enumerate(groups.tolist()):
        if group:  # without a category or brand, items are not of one kind
            counts[group] += 1
            is_surplus[place] = counts[group] > most
    return candidates.take(np.argsort(is_surplus, kind="stable"))


def give_exposure(candidates: Candidates, shelf: Shelf) -> Candidates:
    """Give rarely shown and new items their share of the places."""
    share = shelf.plan.tail_share
    return candidates if share is None else expose(candidates, shelf.context, share)


def pin(candidates: Candidates, shelf: Shelf) -> Candidates:
    """Put pinned items to their places; of a condition, the best item that it is about."""
    rules = sorted(shelf.matching(candidates, Rule.Action.PIN), key=lambda pair: pair[0].position)
    taken: dict[int, int] = {}
    for rule, is_about in rules:
        is_about[list(taken.values())] = False
        if is_about.any() and rule.position - 1 not in taken:
            taken[rule.position - 1] = int(is_about.argmax())
    if not taken:
        return candidates
    order = np.setdiff1d(np.arange(len(candidates)), list(taken.values())).tolist()
    for position in sorted(taken):
        order.insert(min(position, len(order)), taken[position])
    return candidates.take(np.array(order, dtype=np.int64))


#: In this order; each step with the words that the admin's preview tells it by.
STEPS: dict[str, tuple[Any, Step]] = {
    "bought": (_("bought before"), treat_bought),
    "exclude": (_("exclusions"), exclude),
    "cap": (_("shown too often"), cap),
    "feedback": (_("less like this"), heed_feedback),
    "boost": (_("boosts and burials"), boost),
    "diversity": (_("diversity"), diversify),
    "limit": (_("limits per kind"), limit),
    "exposure": (_("exposure"), give_exposure),
    "pin": (_("pins"), pin),
}
