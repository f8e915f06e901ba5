"""Times of answers as counts by steps of five percent, which add up over days and say quantiles."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

STEP = 1.05


def add_up(histograms: Iterable[Mapping[str, int]]) -> Counter[int]:
    """Return the counts of all days together, by step."""
    total: Counter[int] = Counter()
    for histogram in histograms:
        for step, n in histogram.items():
            total[int(step)] += n
    return total


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """Return the milliseconds within which a share of the answers came; right to five percent."""
    n = sum(counts.values())
    if not n:
        return None
    wanted, seen = share * n, 0
    for step in sorted(counts):
        seen += counts[step]
        if seen >= wanted:
            return float(STEP ** (step + 0.5))
    return math.inf
