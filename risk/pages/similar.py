"""Decided cases that look most like one: what was known of both, compared number by number."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..models import Assessment, Case

#: So many of the newest decided cases are compared.
MOST_COMPARED = 500
N_SIMILAR = 5


@dataclass(frozen=True)
class SimilarCase:
    """`likeness` is 1 where everything that is known is the same, and falls to 0."""

    case: Case
    likeness: float


def similar_cases(assessment: Assessment) -> list[SimilarCase]:
    """Return the decided cases nearest by features, of the same kind and version of the features."""
    if not assessment.features:
        return []
    rows = Case.objects.filter(state=Case.State.DECIDED, kind=assessment.kind).exclude(assessment=assessment)
    cases = [
        case
        for case in rows.select_related("assessment", "decided_by").order_by("-decided_at")[:MOST_COMPARED]
        if case.assessment.features_version == assessment.features_version
        and len(case.assessment.features) == len(assessment.features)
    ]
    if not cases:
        return []
    distances = _distances(assessment.features, [case.assessment.features for case in cases])
    nearest = np.argsort(distances, kind="stable")[:N_SIMILAR]
    return [SimilarCase(cases[place], float(1 / (1 + distances[place]))) for place in nearest]


def _distances(own: Sequence[float | None], others: Sequence[Sequence[float | None]]) -> NDArray[np.float64]:
    """Return the root mean square of the differences in units of each feature's spread.

    Amounts and counts have long tails, so they are compared by their logarithms. Missing beside known is one
    unit apart.
    """
    X = np.array([own, *others], dtype=np.float64)  # (n + 1, D), None becomes nan
    X = np.sign(X) * np.log1p(np.abs(X))
    known = ~np.isnan(X)
    n_known = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, X, 0.0)
    mean = filled.sum(axis=0) / n_known
    spread = np.sqrt((np.where(known, X - mean, 0.0) ** 2).sum(axis=0) / n_known)
    scaled = np.where(known, X, 0.0) / np.where(spread > 0, spread, 1.0)
    differences = np.where(known[1:] & known[0], scaled[1:] - scaled[0], 0.0)
    differences = np.where(known[1:] ^ known[0], 1.0, differences)
    return np.sqrt((differences**2).mean(axis=1))
