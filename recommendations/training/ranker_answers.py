"""Lists for a ranker out of logged answers: what was seen, what came of it, how likely it was looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from django.utils.translation import gettext as _

from ecomai.registry.runs import Run

from ..datasets import histories_at
from .answer_log import gains_of
from .next_item import Material
from .past_sources import PastSources
from .ranker_lists import Collected, PastLists

if TYPE_CHECKING:
    from ecomai.learning.rankers.lists import CandidateLists
    from ecomai.learning.rankers.positions import PositionBias

MAX_ANSWERS = 4_000
ANSWERS_AT_ONCE = 256
#: So many answers of which something was taken are the least to learn from, and of later ones to judge on.
MIN_ANSWERS, MIN_JUDGED = 200, 50
#: The newest part of what is learned from says when to stop, and what to learn from.
VALID_SHARE = 0.2
#: A placement with fewer answers is taken to be looked at like all of them.
MIN_OF_PLACEMENT = 100
EVERYWHERE = ""


@dataclass(frozen=True, eq=False)
class SeenLists:
    """Lists of what was seen in answers, by time, where each item stood, and what else could have been there.

    `others` are, for each list, features of candidates that were not shown: a ranker that never saw any
    could put them anywhere.
    """

    seen: PastLists
    others: Sequence[np.ndarray]  # each (n, n_features)
    positions: np.ndarray  # (n_rows,) int, from 0
    placements: Sequence[str]  # of each list
    moments: Sequence[np.datetime64]  # of each list

    def __len__(self) -> int:
        return len(self.placements)


@dataclass(frozen=True, eq=False)
class AnswerLists:
    """What is learned from and judged on, gains by how likely each place is looked at."""

    train: "CandidateLists"
    valid: "CandidateLists"
    test: PastLists
    propensities: Mapping[str, Sequence[float]]  # by placement; "" is all
    valid_start: np.datetime64


def answer_lists(
    run: Run, material: Material, frame: pd.DataFrame, early: PastSources, late: PastSources, *, start: float
) -> AnswerLists | None:
    """Return lists of answers, or None where too few were taken up.

    Those before the test period are learned from, by what had come of them until it begins; the newest of
    these are for validation. What lies in the test period is judged by all that came of it.
    """
    learn = _seen_lists(run, material, frame, early, stop=late.moment, start=start)
    if learn is None or len(learn) < MIN_ANSWERS:
        return None
    test = _seen_lists(run, material, frame, late, stop=None, start=start + 0.05)
    if test is None or len(test) < MIN_JUDGED:
        return None
    n_train = int(len(learn) * (1 - VALID_SHARE))
    biases = _biases(learn, n_train)
    weighed = _weighed(learn, biases)
    rows = np.arange(len(learn))
    return AnswerLists(
        valid_start=learn.moments[n_train],
        train=_beside(weighed.select(rows[:n_train]), learn.others[:n_train]),
        valid=weighed.select(rows[n_train:]),
        test=replace(test.seen, lists=_weighed(test, biases)),
        propensities={
            name: [round(float(one), 3) for one in bias.propensities_] for name, bias in biases.items()
        },
    )


# -- lists ----------------------------------------------------------------------------------------


def _seen_lists(
    run: Run,
    material: Material,
    frame: pd.DataFrame,
    sources: PastSources,
    *,
    stop: np.datetime64 | None,
    start: float,
) -> SeenLists | None:
    """Return lists of the answers between the sources' moment and `stop`; None of none."""
    until = np.datetime64("9999-01-01", "us") if stop is None else stop
    is_in = (frame["moment"] >= sources.moment) & (frame["moment"] < until)
    answers = _Answers(material, frame[is_in], until=until, random_state=run.random_state)
    seen = Collected(sources)
    others, positions, placements, moments = [], [], [], []
    rng = np.random.default_rng(run.random_state)
    for first in range(0, len(answers), ANSWERS_AT_ONCE):
        run.check_cancelled()
        part = answers.rows[first : first + ANSWERS_AT_ONCE]
        named = sources.named(answers.histories(part), [one.seeds for one in part])
        for one, (places, said, asked) in zip(part, named, strict=True):
            everything, told = _with_shown(places, said, one.places)
            where = np.searchsorted(everything, one.places)
            left = np.setdiff1d(np.arange(len(everything)), where)
            drawn = rng.choice(left, min(len(left), len(where)), replace=False)
            X = seen.add(asked, one.moment, everything, told, one.gains, where)
            others.append(X[drawn])
            positions.append(one.positions)
            placements.append(one.placement)
            moments.append(one.moment)
        run.report(start + 0.05 * first / len(answers), _("Reading what was made of answers"))
    if not len(seen):
        return None
    where = np.concatenate(positions)
    shown = seen.as_lists(peers={"logged_order": -where.astype(np.float64)})
    return SeenLists(shown, others, where, placements, moments)


@dataclass(frozen=True, eq=False)
class _Answer:
    """One answer by places of items in the dataset, those that were seen in their order."""

    user: int
    moment: np.datetime64
    placement: str
    seeds: list[int]
    places: np.ndarray
    positions: np.ndarray
    gains: np.ndarray


class _Answers:
    """Answers, oldest first, of which something was taken before a moment; at most MAX_ANSWERS at random."""

    def __init__(
        self, material: Material, frame: pd.DataFrame, *, until: np.datetime64, random_state: int
    ) -> None:
        self.dataset = material.dataset
        frame = frame.assign(gain=gains_of(frame, until=until), place=self._places(frame["item_key"]))
        frame = frame[frame["place"] >= 0]
        gains = frame.groupby("answer")["gain"].agg(["max", "nunique"])
        # Something was taken, and something else was not.
        numbers = gains.index[(gains["max"] > 0) & (gains["nunique"] > 1)].to_numpy()
        if len(numbers) > MAX_ANSWERS:
            numbers = np.random.default_rng(random_state).choice(numbers, MAX_ANSWERS, replace=False)
        kept = frame[frame["answer"].isin(numbers)]
        self.rows = [self._read(group) for _number, group in kept.groupby("answer")]

    def __len__(self) -> int:
        return len(self.rows)

    def histories(self, rows: Sequence[_Answer]) -> Any:
        """Return what who asked had done before."""
        users = np.array([row.user for row in rows], dtype=np.int64)
        return histories_at(self.dataset, users, np.array([row.moment for row in rows]))

    def _read(self, group: pd.DataFrame) -> _Answer:
        first = group.iloc[0]
        seeds = self._places(pd.Series(first["seed_keys"], dtype=np.int64))
        return _Answer(
            user=int(self.dataset.places_of_users(np.array([first["user_key"]], dtype=np.int64))[0]),
            moment=np.datetime64(first["moment"].to_datetime64(), "us"),
            placement=first["placement"],
            seeds=seeds[seeds >= 0].tolist(),
            places=group["place"].to_numpy(),
            positions=group["position"].to_numpy(),
            gains=group["gain"].to_numpy(np.float32),
        )

    def _places(self, keys: pd.Series) -> np.ndarray:
        known, wanted = self.dataset.item_keys, keys.to_numpy(np.int64)
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where(known[at] == wanted, at, -1)


def _with_shown(places: np.ndarray, said: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add to candidates what was shown though no source would have named it."""
    everything = np.union1d(places, shown)
    told = np.zeros((len(everything), said.shape[1]))
    told[np.searchsorted(everything, places)] = said
    return everything, told


# -- positions ------------------------------------------------------------------------------------


def _biases(learn: SeenLists, n_train: int) -> dict[str, "PositionBias"]:
    """Return how likely each place is looked at, by placement; "" is for those with few answers."""
    from ecomai.learning.rankers.positions import PositionBias

    names = np.array(learn.placements[:n_train], dtype=object)
    found = {EVERYWHERE: np.arange(n_train)}
    for name in sorted(set(names.tolist()) - {EVERYWHERE}):
        rows = np.flatnonzero(names == name)
        if len(rows) >= MIN_OF_PLACEMENT:
            found[name] = rows
    return {name: PositionBias().fit(*_some(learn, rows)) for name, rows in found.items()}


def _some(learn: SeenLists, rows: np.ndarray) -> tuple["CandidateLists", np.ndarray]:
    offsets = learn.seen.lists.offsets
    parts = [learn.positions[offsets[row] : offsets[row + 1]] for row in rows]
    return learn.seen.lists.select(rows), np.concatenate(parts)


def _weighed(found: SeenLists, biases: Mapping[str, "PositionBias"]) -> "CandidateLists":
    """Return lists whose gains are over the propensity of the place where each was taken.

    Within a list gains are what they are beside each other, so each list weighs what was gained in it.
    """
    lists = found.seen.lists
    gains = np.array(lists.gains)
    for row, name in enumerate(found.placements):
        part = slice(lists.offsets[row], lists.offsets[row + 1])
        bias = biases.get(name, biases[EVERYWHERE])
        gains[part] /= bias.propensities(found.positions[part])
    sums = np.add.reduceat(gains, lists.offsets[:-1]).astype(np.float64)
    return replace(lists, gains=gains, weights=sums / sums.mean())


def _beside(lists: "CandidateLists", others: Sequence[np.ndarray]) -> "CandidateLists":
    """Return each list with others behind it, of which nothing is known but that they were not shown."""
    features, gains = [], []
    for row, more in enumerate(others):
        part = slice(lists.offsets[row], lists.offsets[row + 1])
        features += [lists.X[part], more]
        gains += [lists.gains[part], np.zeros(len(more), dtype=np.float32)]
    lengths = lists.lengths + np.array([len(more) for more in others])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return replace(lists, X=np.concatenate(features), gains=np.concatenate(gains), offsets=offsets)
