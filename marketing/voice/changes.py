"""Has the number of complaints changed, and since when: a scan for the day of change, day by day.

Libraries of change points (such as `ruptures`) cut a whole series into pieces afterwards and say nothing of
chance. An alarm is asked for each day, of small counts, and must be rare where nothing happened. So each of
the last days is tried as the day of change by an exact test of counts, and the least probable one, corrected
for how many were tried, is compared with a bound: a generalised likelihood ratio scan.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Days that may be the ones since when; a change that is older is known, or is how things are.
LONGEST_CHANGE_DAYS = 21
#: With fewer days before, nothing is known that could have changed.
LEAST_BASELINE_DAYS = 28
#: A day is asked about each day and aspect: with ten aspects, about one false alarm in some years.
ALPHA = 1e-4
#: Fewer complaints are no surge, however rare they were before.
LEAST_NEGATIVE = 5
#: A change that nobody would act on is none: complaints must be so many times what they were.
LEAST_RATIO = 1.5
VOLUME, SHARE = "volume", "share"


@dataclass(frozen=True)
class Change:
    """Since when there are more complaints, or a larger share of them; `p_value` is corrected."""

    kind: str
    n_days: int
    n_negative: int
    n_expected: float
    share: float
    share_before: float
    p_value: float


def find_change(negative: ArrayLike, total: ArrayLike, *, alpha: float = ALPHA) -> Change | None:
    """Return the change that the last days show, or None.

    Parameters
    ----------
    negative, total : int array-like of shape (n_days,)
        Sentences about one aspect that are negative, and all of them, a day each; the last day is the newest.
    alpha : float in (0, 1)
        How improbable it must be by chance.

    Returns
    -------
    Change or None

    Notes
    -----
    Given all complaints of both periods, those of the later one are binomial where nothing changed, whatever
    the true rate is. Counts that vary more than by chance are made smaller by how much they do so.
    """
    counts, totals = _check(negative, total)
    found: list[Change] = []
    for n_days in range(1, min(LONGEST_CHANGE_DAYS, len(counts) - LEAST_BASELINE_DAYS) + 1):
        found += _changes_since(counts, totals, n_days)
    if not found:
        return None
    # Tried days overlap so much that as many tests as days, of both kinds, is more than enough.
    best = min(found, key=lambda change: change.p_value)
    p_value = min(best.p_value * 2 * LONGEST_CHANGE_DAYS, 1.0)
    return Change(**{**best.__dict__, "p_value": p_value}) if p_value < alpha else None


def _changes_since(counts: NDArray[np.int64], totals: NDArray[np.int64], n_days: int) -> Sequence[Change]:
    from scipy.stats import binom, hypergeom

    before, after = counts[:-n_days], counts[-n_days:]
    n_before, n_after = int(before.sum()), int(after.sum())
    all_before, all_after = int(totals[:-n_days].sum()), int(totals[-n_days:].sum())
    expected = n_before / len(before) * n_days
    share, share_before = n_after / max(all_after, 1), n_before / max(all_before, 1)
    if n_after < LEAST_NEGATIVE:
        return []
    spread = _dispersion(before)
    facts = (n_days, n_after, expected, share, share_before)
    found = []
    if n_after >= LEAST_RATIO * expected:
        late, both = int(n_after / spread), int(n_after / spread) + int(np.ceil(n_before / spread))
        chance = float(binom.sf(late - 1, both, n_days / len(counts)))
        found.append(Change(VOLUME, *facts, chance))
    if all_before and share >= LEAST_RATIO * share_before:
        late, drawn = int(n_after / spread), int(np.ceil(all_after / spread))
        marked = late + int(np.ceil(n_before / spread))
        chance = float(hypergeom.sf(late - 1, drawn + int(all_before / spread), marked, drawn))
        found.append(Change(SHARE, *facts, chance))
    return found


def _dispersion(counts: NDArray[np.int64]) -> float:
    """How much more counts vary than by chance: by days, and by weeks, whose ups and downs last longer."""
    weeks = counts[len(counts) % 7 :].reshape(-1, 7).sum(axis=1)
    factors = [
        float(each.var(ddof=1) / each.mean()) for each in (counts, weeks) if len(each) > 2 and each.mean() > 0
    ]
    return max(1.0, *factors) if factors else 1.0


def _check(negative: ArrayLike, total: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    counts, totals = np.asarray(negative, dtype=np.int64), np.asarray(total, dtype=np.int64)
    if counts.ndim != 1 or counts.shape != totals.shape or (counts < 0).any() or (counts > totals).any():
        raise ValueError("There must be as many negative days as days in all, and never more than all.")
    return counts, totals
