"""Who may rank items for a request, in the order in which they are asked: the model, then its fallbacks."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from ecomai.commerce.models import EventType, Item
from ecomai.inference.event_context import EventContext
from ecomai.serving import live
from ecomai.serving.budget import run_with_budget
from ecomai.serving.live import Served

from .. import selectors
from ..catalogue import Catalogue, ItemFilter, top_category
from ..models import Source
from ..scenario import NEXT_ITEM, SIMILAR_ITEMS
from . import predictors

if TYPE_CHECKING:
    from .plans import Plan
    from .running import Trace

T = TypeVar("T")

Explain = Callable[[Sequence[int]], Mapping[int, int]]
# The best of a list of n: rows that changed a moment ago and twins are left out of what was ranked.
SPARE = 20
# So many of the first items are explained and read at once, for rarely is one of them left out.
FEW_LEFT_OUT = 4
# Where the model of a history is away, similar items are looked for from its latest steps.
N_SEEDS = 10
# Of an item of which a visitor wants less, so many neighbours come last, if they are at least half as near as
# the nearest one.
N_UNWANTED, ALIKE = 30, 0.5
# In a catalogue of one category, looking for another one ends here.
MOST_PASSED_OVER = 2000
# Since when it lies there is not asked for.
IN_BASKET = EventContext(EventType.CART.value, math.nan)
MODELS = {NEXT_ITEM: predictors.NextItemModel, SIMILAR_ITEMS: predictors.SimilarItemsModel}


@dataclass(frozen=True, kw_only=True)
class Context:
    """Who asks, about what, and what may be shown. Items are primary keys; `history` is oldest first."""

    catalogue: Catalogue
    storefront: str = ""
    customer_key: int | None = None
    session_id: str = ""
    page_item: Item | None = None
    basket: Sequence[Item] = ()
    history: Sequence[int] = ()
    event_contexts: Sequence[EventContext] = ()  # of the history, where a model wants them
    bought: frozenset[int] = frozenset()
    not_again: frozenset[int] = frozenset()  # what of it is not shown again, by the settings
    never: frozenset[int] = frozenset()  # what no pipeline may bring back: unwanted, or asked about
    excluded: frozenset[int] = frozenset()
    less_like: frozenset[int] = frozenset()  # what is like these comes last
    filters: ItemFilter = field(default_factory=ItemFilter)
    n: int = 10
    placement: str = ""
    plan: "Plan | None" = None  # the pipeline that answers, before all others
    trace: "Trace | None" = None  # where a person asks how the pipeline came to its answer
    first: Source | None = None  # who would answer before it is not asked
    versions: Mapping[str, Served] = field(default_factory=dict)  # that answer instead of the live ones
    deadline: float = math.inf  # of time.monotonic()

    @property
    def seed_keys(self) -> list[int]:
        page = [self.page_item.pk] if self.page_item else []
        return [*page, *(item.pk for item in self.basket)]

    @property
    def steps(self) -> list[int]:
        """What a model reads: the history, then the basket, which is what the customer holds now."""
        basket = [item.pk for item in self.basket]
        return [*(key for key in self.history if key not in basket), *basket]

    @property
    def step_contexts(self) -> list[EventContext]:
        """What is known of the `steps` besides their items; nothing where no model wants it."""
        if not self.event_contexts:
            return []
        basket = [item.pk for item in self.basket]
        rows = zip(self.history, self.event_contexts, strict=True)
        return [*(known for key, known in rows if key not in basket), *[IN_BASKET] * len(basket)]

    def without(self, key: int) -> "Context":
        """As if the customer had never turned to an item."""
        kept = [place for place, known in enumerate(self.history) if known != key]
        contexts = [self.event_contexts[place] for place in kept] if self.event_contexts else ()
        return replace(self, history=[self.history[place] for place in kept], event_contexts=contexts)

    @property
    def seen(self) -> list[int]:
        """What was looked at is no news, and models are judged on news; what was bought may come again."""
        return [key for key in self.history if key not in self.bought]

    @cached_property
    def mask(self) -> np.ndarray:
        return self.catalogue.mask(storefront=self.storefront, filters=self.filters, exclude=self.excluded)

    def may_show(self, keys: Sequence[int] | np.ndarray) -> np.ndarray:
        return self._shown_at(self.catalogue.positions(keys))

    def mask_of(self, keys: np.ndarray) -> np.ndarray:
        """As `may_show`, for all keys of a model, whose places are looked up once for many requests."""
        return self._shown_at(self.catalogue.positions_of(keys))

    def _shown_at(self, places: np.ndarray) -> np.ndarray:
        if not len(self.catalogue):
            return np.zeros(len(places), dtype=bool)
        return (places >= 0) & self.mask[places]

    @property
    def n_ranked(self) -> int:
        return 2 * self.n + SPARE


@dataclass(frozen=True)
class Ranking:
    """Items best first. `explain` names, for each item, the step of the history that lifted it most.

    `named` is what it has named already; None stands for no step.
    """

    keys: Sequence[int]
    scores: Sequence[float]
    source: Source
    model_name: str = ""
    model_version: int | None = None
    model_version_id: int | None = None
    named: Mapping[int, int | None] = field(default_factory=dict)
    explain: Explain | None = None
    codes: Mapping[int, str] = field(default_factory=dict)  # of reasons that no step gives
    is_complete: bool = False  # nothing is to be added where it is short

    @cached_property
    def key_set(self) -> frozenset[int]:
        return frozenset(self.keys)

    def reasons(self, keys: Sequence[int]) -> dict[int, int]:
        """Return, for those of the items that are ranked here, the step that lifted each most."""
        open_ones = [key for key in keys if key in self.key_set and key not in self.named]
        found = dict(self.explain(open_ones)) if self.explain and open_ones else {}
        return found | {key: step for key in keys if (step := self.named.get(key)) is not None}


class Sizes(NamedTuple):
    """How many items a model names, and how many of the first it explains at once."""

    n_ranked: int
    n_explained: int = 0


def rankings(context: Context) -> Iterator[Ranking]:
    """Yield the rankings that are at hand, best first; the last one is always what is popular."""
    unwanted = unwanted_like(context)
    yield from (_with_last(ranking, unwanted) if unwanted else ranking for ranking in _ranked(context))


def unwanted_like(context: Context) -> frozenset[int]:
    """Return what is like the items of which the visitor wants less: their category and near neighbours."""
    if not context.less_like:
        return frozenset()
    catalogue = context.catalogue
    at = catalogue.positions(list(context.less_like))
    is_alike = np.isin(catalogue.categories, catalogue.categories[at[at >= 0]])
    near: set[int] = set(catalogue.keys[is_alike].tolist())
    if served := live.get_live(SIMILAR_ITEMS):
        predictor: Any = served.predictor
        for key in context.less_like:
            found = predictor.similar(str(key), N_UNWANTED)
            near |= {int(one.item_id) for one in found if one.score >= ALIKE * found[0].score}
    return frozenset(near)


def _with_last(ranking: Ranking, unwanted: frozenset[int]) -> Ranking:
    """Return a ranking in which the unwanted items come after all others."""
    order = sorted(range(len(ranking.keys)), key=lambda place: ranking.keys[place] in unwanted)
    keys = [ranking.keys[place] for place in order]
    return replace(ranking, keys=keys, scores=[ranking.scores[place] for place in order])


def _ranked(context: Context) -> Iterator[Ranking]:
    if context.first == Source.POPULAR:
        pass
    elif context.page_item is not None and not context.basket:
        yield from _present(similar_to_page(context))
    elif context.steps:
        if context.first != Source.SIMILAR:
            yield from _present(next_item(context))
            yield from _present(batch(context))
        yield from _present(similar_to_steps(context))
    yield popular(context)


def _present(*found: Ranking | None) -> Iterator[Ranking]:
    yield from (ranking for ranking in found if ranking is not None and ranking.keys)


# -- models ---------------------------------------------------------------------------------------


def warm_up() -> None:
    """Have this process load the models that it is to serve, if it has not yet."""
    for model_name in MODELS:
        live.get_live(model_name)


def numbered_version(number: int | None) -> dict[str, Served]:
    """Return the version that an experiment shows; nothing while it is being loaded, or where it is gone."""
    served = None if number is None else live.get_version(NEXT_ITEM, number)
    return {} if served is None else {NEXT_ITEM: served}


def reads_event_contexts() -> bool:
    """Whether a served model reads types and times of what was done; most know only items."""
    return any(served.predictor.has_context for served in predictors.in_use(NEXT_ITEM))


def serving(model_name: str, context: Context) -> Served | None:
    """Return the version that answers: what an experiment chose, else what is live."""
    return context.versions.get(model_name) or live.get_live(model_name)


def next_item(context: Context, sizes: Sizes | None = None) -> Ranking | None:
    return _ask_next_item(serving(NEXT_ITEM, context), context, sizes)


def _ask_next_item(served: Served | None, context: Context, sizes: Sizes | None = None) -> Ranking | None:
    contexts = context.step_contexts
    return _ask(
        served, NEXT_ITEM, context, context.steps, hidden=context.seen, contexts=contexts, sizes=sizes
    )


def similar_to_page(context: Context, sizes: Sizes | None = None) -> Ranking | None:
    return _ask(serving(SIMILAR_ITEMS, context), SIMILAR_ITEMS, context, context.seed_keys, sizes=sizes)


def similar_to_steps(context: Context, sizes: Sizes | None = None) -> Ranking | None:
    steps, served = context.steps[-N_SEEDS:], serving(SIMILAR_ITEMS, context)
    ranking = _ask(served, SIMILAR_ITEMS, context, steps, hidden=context.seen, sizes=sizes)
    return ranking and replace(ranking, source=Source.SIMILAR)


def explain(keys: Sequence[int], context: Context) -> dict[int, int]:
    """Return the step that lifts each item most, by the model that reads the history."""
    for model_name, steps in ((NEXT_ITEM, context.steps), (SIMILAR_ITEMS, context.steps[-N_SEEDS:])):
        served = serving(model_name, context)
        if served is not None and steps:
            model = predictors.item_model(served, MODELS[model_name])
            contexts = context.step_contexts if model_name == NEXT_ITEM else ()
            return in_time(partial(model.explain, steps, keys, contexts), {}, context)
    return {}


def shadow_ranking(context: Context) -> Ranking | None:
    """What the version in shadow would have shown; kept in the log, never shown."""
    if context.page_item is not None and not context.basket:
        return _ask(live.get_shadow(SIMILAR_ITEMS), SIMILAR_ITEMS, context, context.seed_keys)
    if not context.steps:
        return None
    return _ask_next_item(live.get_shadow(NEXT_ITEM), context)


def _ask(
    served: Served | None,
    model_name: str,
    context: Context,
    steps: Sequence[int],
    *,
    hidden: Sequence[int] = (),
    contexts: Sequence[EventContext] = (),
    sizes: Sizes | None = None,
) -> Ranking | None:
    """Let a model rank within the time that is left; None where it is away, late or failing.

    Without other wishes it names as many as an answer may need, and explains the first of them.
    """
    if served is None:
        return None
    model = predictors.item_model(served, MODELS[model_name])
    model.add_new_items(context.catalogue)
    thoughts = _Thoughts(sizes or Sizes(context.n_ranked, context.n + FEW_LEFT_OUT))
    in_time(lambda: thoughts.think(model, context, steps, hidden, contexts), None, context)
    if thoughts.ranked is None:
        return None
    keys, scores = thoughts.ranked
    return Ranking(
        keys=keys,
        scores=scores,
        source=Source.MODEL,
        model_name=model_name,
        model_version=served.version_number,
        model_version_id=served.version_id,
        named=thoughts.named,
        explain=lambda shown: in_time(lambda: model.explain(steps, shown, contexts), {}, context),
    )


class _Thoughts:
    """What a model has come to within its time: a ranking, and then reasons for the first items of it."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.ranked: tuple[list[int], list[float]] | None = None
        self.named: dict[int, int | None] = {}

    def think(
        self,
        model: predictors.ItemModel,
        context: Context,
        steps: Sequence[int],
        hidden: Sequence[int],
        contexts: Sequence[EventContext],
    ) -> None:
        keys, scores = model.rank(steps, contexts)
        may_show = context.mask_of(keys)
        may_show[model.places(hidden, len(keys))] = False
        best = _top(np.where(may_show, scores, -np.inf), self.sizes.n_ranked)
        self.ranked = keys[best].tolist(), scores[best].astype(float).tolist()
        first = self.ranked[0][: self.sizes.n_explained]
        if not first:
            return
        named = model.explain(steps, first, contexts)
        self.named = {key: named.get(key) for key in first}


def in_time(function: Callable[[], T], otherwise: T, context: Context) -> T:
    left = context.deadline - time.monotonic()
    return run_with_budget(function, lambda: otherwise, seconds=max(left, 0.0)).value


def _top(scores: np.ndarray, n: int) -> np.ndarray:
    """Return positions of the greatest finite scores, best first; ties go to the newer item."""
    n = min(n, len(scores))
    best = np.argpartition(scores, len(scores) - n)[-n:] if n else np.empty(0, dtype=np.int64)
    best = best[np.isfinite(scores[best])]
    return best[np.lexsort((-best, -scores[best]))]


# -- fallbacks ------------------------------------------------------------------------------------


def batch(context: Context) -> Ranking | None:
    """What was scored for the customer in batch, without what may not be shown now."""
    if context.customer_key is None or context.basket:
        return None
    row = selectors.batch_recommendation(context.customer_key)
    if row is None:
        return None
    may_show = context.may_show(row.item_keys) & ~np.isin(row.item_keys, context.seen)
    keys = [key for key, is_shown in zip(row.item_keys, may_show, strict=True) if is_shown]
    scores = [score for score, is_shown in zip(row.scores, may_show, strict=True) if is_shown]
    return Ranking(
        keys=keys, scores=scores, source=Source.BATCH, model_name=NEXT_ITEM,
        model_version=row.model_version.number, model_version_id=row.model_version_id,
    )  # fmt: skip


def popular(context: Context, *, n_ranked: int | None = None) -> Ranking:
    """Rank what is popular lately, else what is new; no kind of item fills the whole list."""
    catalogue, n = context.catalogue, context.n_ranked if n_ranked is None else n_ranked
    order = catalogue.by_popularity
    order = order[context.mask[order]]
    if context.page_item is not None and not context.filters.category:
        is_near = catalogue.is_in_department(top_category(context.page_item.category_path))[order]
        order = np.concatenate([order[is_near], order[~is_near]])[:n]
    elif not context.filters.category:
        order = _mixed(order, catalogue.departments, n=context.n, n_ranked=n)
    order = order[:n]
    return Ranking(catalogue.keys[order].tolist(), catalogue.popularity[order].tolist(), Source.POPULAR)


def _mixed(order: np.ndarray, departments: np.ndarray, *, n: int, n_ranked: int) -> np.ndarray:
    """Let at most a third of the first `n` be of one department, as long as others have something."""
    order = order[: n_ranked + MOST_PASSED_OVER]
    is_early = _places_in_group(departments[order]) < max(1, math.ceil(n / 3))
    return np.concatenate([order[is_early], order[~is_early]])[:n_ranked]


def _places_in_group(groups: np.ndarray) -> np.ndarray:
    """Return how many earlier entries are of the same group."""
    by_group = np.argsort(groups, kind="stable")
    ordered = groups[by_group]
    places = np.empty(len(groups), dtype=np.int64)
    places[by_group] = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    return places
