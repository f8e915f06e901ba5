"""From what the sources name to one order: by the trained ranker, or by a mixture of what they say."""

from typing import TYPE_CHECKING

import numpy as np

from ..services.rankers import Context, popular
from .candidates import Candidates
from .sources import SOURCES

if TYPE_CHECKING:
    from .plans import Plan

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
