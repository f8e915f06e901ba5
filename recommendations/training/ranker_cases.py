"""Cases for a ranker out of history: who was there, what sources would have named, and what was done next."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _

from ecomai.learning.interactions import Interactions
from ecomai.registry.runs import Run

from ..datasets import Dataset, before_rows
from .past_sources import DAY, PastSources
from .ranker_lists import Collected, K, PastLists

#: What a customer does within so many days after a case begins, counts.
OUTCOME_DAYS = 7
MAX_CASES = 4_000
#: What is done after such a pause is another visit; so many of one user, the earliest, are cases.
VISIT_GAP, MOST_VISITS = np.timedelta64(12, "h"), 3
CASES_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class PastCases:
    """Moments at which a user was there, what was known then, and what was done after: items with gains."""

    histories: Interactions
    targets: Sequence[dict[int, float]]
    moments: np.ndarray  # (n_cases,) datetime64[us]

    def __len__(self) -> int:
        return len(self.targets)


def cases_in(
    dataset: Dataset, start: np.datetime64, stop: np.datetime64 | None, *, n_max: int, random_state: int
) -> PastCases:
    """Return cases: the visits, in a period, of users who were known before."""
    X, times = dataset.interactions, dataset.times
    stop = times.max() + np.timedelta64(1, "us") if stop is None else stop
    firsts = []
    for user in range(len(X)):
        begin, end = int(X.offsets[user]), int(X.offsets[user + 1])
        low = max(begin + int(np.searchsorted(times[begin:end], start)), begin + 1)
        rows_in = np.arange(low, begin + int(np.searchsorted(times[begin:end], stop)))
        is_visit = times[rows_in] - times[rows_in - 1] > VISIT_GAP
        is_visit[:1] = True
        firsts += rows_in[is_visit][:MOST_VISITS].tolist()
    rows = np.array(firsts, dtype=np.int64)
    if len(rows) > n_max:
        rows = np.sort(np.random.default_rng(random_state).choice(rows, n_max, replace=False))
    targets = []
    for row in rows.tolist():
        end = int(X.offsets[X.users[row] + 1])
        until = min(stop, times[row] + OUTCOME_DAYS * DAY)
        gains: dict[int, float] = {}
        for at in range(row, row + int(np.searchsorted(times[row:end], until))):
            item, gain = int(X.items[at]), float(X.event_weights[at])
            gains[item] = max(gains.get(item, 0.0), gain)
        targets.append(gains)
    return PastCases(before_rows(X, rows), targets, times[rows])


def history_lists(
    run: Run, dataset: Dataset, sources: PastSources, stop: np.datetime64 | None, *, start: float
) -> PastLists | None:
    """Return what sources would have named since their moment, and what was gained; None of nothing."""
    from ecomai.learning.rankers.lists import discounted_gain

    cases = cases_in(dataset, sources.moment, stop, n_max=MAX_CASES, random_state=run.random_state)
    found = Collected(sources)
    total = held = 0.0
    ideals = []
    for first in range(0, len(cases), CASES_AT_ONCE):
        run.check_cancelled()
        rows = np.arange(first, min(first + CASES_AT_ONCE, len(cases)))
        named = sources.named(cases.histories.select(rows))
        for row, (places, said, asked) in zip(rows.tolist(), named, strict=True):
            wanted = {
                place: gain for place, gain in cases.targets[row].items()
                if sources.is_offered[place] and place not in asked.bought
            }  # fmt: skip
            own = np.array([wanted.get(place, 0.0) for place in places.tolist()], dtype=np.float32)
            if not len(places) or not wanted:
                continue
            total, held = total + sum(wanted.values()), held + float(own.sum())
            found.add(asked, cases.moments[row], places, said, own)
            ideals.append(discounted_gain(np.sort(list(wanted.values()))[::-1], K))
        run.report(start + 0.05 * rows[-1] / len(cases), _("Asking the sources as they were"))
    return found.as_lists(held / total if total else 0.0, ideals=np.array(ideals)) if ideals else None
