"""From what the sources name to one order: by the trained ranker, or by a mixture of what they say."""

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ecomai.serving import live

from ..catalogue import Catalogue
from ..scenario import RANKER
from .candidates import Candidates
from .features import FEATURES, SOURCE_KINDS, Asked, ItemFacts, feature_matrix
from .rankers import Context, in_time, popular
from .sources import SOURCES

if TYPE_CHECKING:
    from .plans import Plan

DAY_SECONDS = 86_400
#: What the least of a source's candidates counts, of 1.
LEAST = 0.05


def gather(plan: "Plan", context: Context) -> Candidates:
    """Ask each source, and put together what they name."""
    parts = [(source, *SOURCES[source.kind](context, source.n_items)) for source in plan.sources]
    keys = np.unique(np.concatenate([part[1] for part in parts])) if parts else np.empty(0, dtype=np.int64)
    said = np.zeros((len(keys), len(parts)))
    for column, (_source, named, scores) in enumerate(parts):
        said[np.searchsorted(keys, named), column] = normalised(scores)
    return Candidates(
        keys=keys, places=context.catalogue.positions(keys), scores=np.zeros(len(keys)),
        sources=[source.kind for source in plan.sources], said=said,
    )  # fmt: skip


def normalised(scores: np.ndarray) -> np.ndarray:
    """Bring a source's scores between `LEAST` and 1, as each has a scale of its own."""
    if not len(scores):
        return scores
    low, high = scores.min(), scores.max()
    return LEAST + (1 - LEAST) * ((scores - low) / (high - low) if high > low else np.ones(len(scores)))


def blend(candidates: Candidates, plan: "Plan") -> Candidates:
    """Order by the weighted mean of what the sources say."""
    weights = np.array([source.weight for source in plan.sources])
    total = weights.sum()
    return candidates.scored(candidates.said @ weights / total if total else candidates.said.sum(axis=1))


def ordered(candidates: Candidates, plan: "Plan", context: Context) -> Candidates:
    """Order by the ranker that is live, where the pipeline wants it; else by the mixture."""
    served = live.get_live(RANKER) if plan.is_ranked_by_model and len(candidates) else None
    mixed = blend(candidates, plan)
    if served is None:
        return mixed
    predictor: Any = served.predictor
    if list(predictor.features) != list(FEATURES):
        return mixed  # it was trained by another version of this code; the next training mends it
    X = feature_matrix(_item_facts(context.catalogue), _asked(context), mixed.places, _said_by_kind(mixed))
    scores = in_time(lambda: predictor.scores(X), None, context)
    return mixed if scores is None else mixed.scored(normalised(scores.astype(np.float64)))


def _item_facts(catalogue: Catalogue) -> ItemFacts:
    """Make the columns once for each state of the catalogue."""
    global _facts
    known = _facts
    if known is None or known[0] is not catalogue:
        known = _facts = (catalogue, ItemFacts.of_catalogue(catalogue))
    return known[1]


_facts: tuple[Catalogue, ItemFacts] | None = None


def _asked(context: Context) -> Asked:
    catalogue = context.catalogue
    history = catalogue.positions(context.steps)
    page = catalogue.positions([context.page_item.pk])[0] if context.page_item else -1
    return Asked(
        history=history[history >= 0],
        bought=catalogue.positions(sorted(context.bought)),
        page=int(page),
        n_basket=len(context.basket),
        now_days=time.time() / DAY_SECONDS,
    )


def _said_by_kind(candidates: Candidates) -> np.ndarray:
    said = np.zeros((len(candidates), len(SOURCE_KINDS)))
    for column, kind in enumerate(candidates.sources):
        if kind in SOURCE_KINDS:
            said[:, SOURCE_KINDS.index(kind)] = candidates.said[:, column]
    return said


def filled_up(candidates: Candidates, context: Context) -> Candidates:
    """Add what is popular or new after all others, where the sources have too little to show."""
    ranking = popular(context)
    keys = np.array([key for key in ranking.keys if key not in set(candidates.keys.tolist())], dtype=np.int64)
    # Far below what a source named, in the order of popularity.
    scores = np.linspace(LEAST, LEAST / 2, len(keys)) * 0.1
    fits = None if candidates.fits is None else np.concatenate([candidates.fits, scores])
    return Candidates(
        keys=np.concatenate([candidates.keys, keys]),
        places=np.concatenate([candidates.places, context.catalogue.positions(keys)]),
        scores=np.concatenate([candidates.scores, scores]),
        sources=candidates.sources,
        said=np.concatenate([candidates.said, np.zeros((len(keys), len(candidates.sources)))]),
        fits=fits,
    )
