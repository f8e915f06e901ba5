"""The order of the first items of a search: what was taken teaches trees, and a reader of query and title."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext as _

from ecomai.registry.runs import Run
from ecomai.serving.predictors.search import SearchScores

from .led import GOOD, Search

if TYPE_CHECKING:
    from ecomai.learning.export.search import FirstItems
    from ecomai.learning.retrieval.cross_encoder import CrossEncoder
    from ecomai.learning.retrieval.judgements import Judgements
    from ecomai.learning.retrieval.pair_ranker import PairRanker

N_FIRST, N_READ = 30, 20
SHARES = (0.0, 0.25, 0.5, 0.75)
#: With fewer lists that something was taken from there is nothing to learn, or to choose by.
LEAST_TAUGHT, LEAST_CHOOSING = 100, 30
MOST_TAUGHT, MOST_CHOOSING = 2000, 500
#: A gain must be so great that it is not a matter of a few searches.
LEAST_GAIN = 0.002

#: What a trained search answers to a query.
Answering = Callable[[str], SearchScores]


@dataclass(frozen=True, eq=False)
class FirstList:
    """The first items that one search found, best first, and how good each turned out to be."""

    typed: str
    query: str  # as it was understood
    items: np.ndarray  # (n,) int64, positions in the dataset
    scores: np.ndarray  # (n,)
    cosines: np.ndarray  # (n,)
    grades: np.ndarray  # (n,) float32; 0 where it was not taken
    ideal: float  # the best discounted gain that there could be, with what was not found


@dataclass(frozen=True, eq=False)
class Learned:
    """What will order the first items, and what each share of it did on validation searches."""

    order: "FirstItems"
    tried: dict[str, dict[str, float]]
    n_lists: int

    @property
    def card(self) -> dict[str, Any]:
        return {**self.order.as_json(), "n_lists": self.n_lists, "valid_ndcg@10_by_share": self.tried}


def learn_order(
    run: Run, titles: Sequence[str], taught: Sequence[FirstList], choosing: Sequence[FirstList],
    *, language: str,
) -> Learned | None:  # fmt: skip
    """Learn from some lists and choose on others how much it counts; None where there are too few."""
    from ecomai.learning.export.search import FirstItems

    if len(taught) < LEAST_TAUGHT or len(choosing) < LEAST_CHOOSING:
        return None
    trees = learn_trees(titles, taught, language=language, random_state=run.random_state)
    now = [one.scores / max(float(one.scores.max()), 1e-9) for one in choosing]
    grades = [_tree_grades(trees, one, titles) for one in choosing]
    share, tried = _choose(choosing, now, grades)
    found, all_tried = {"trees": trees, "trees_share": share}, {"trees": tried}
    minutes = float(run.hyperparameters.get("reading_minutes", 0))
    if minutes > 0:
        run.report(0.6, _("Learning to read query and title together"))
        reader = learn_to_read(titles, taught, minutes=minutes, random_state=run.random_state)
        now = [(1 - share) * one + share * grade for one, grade in zip(now, grades, strict=True)]
        read = [_read_grades(reader, one, scores, titles) for one, scores in zip(choosing, now, strict=True)]
        reading_share, all_tried["reading"] = _choose(choosing, now, read)
        found |= {"reader": reader, "reading_share": reading_share, "pairs": _pairs(choosing, titles)}
    order = FirstItems(n_first=N_FIRST, n_read=N_READ, **found)  # type: ignore[arg-type]
    return Learned(order, all_tried, len(taught))


def lists_of(
    answering: Answering, is_offered: np.ndarray, searches: Sequence[Search], *, n: int
) -> list[FirstList]:
    """Return the first items of some searches that led to something they found; the latest ones, at most `n`.

    Those that describe a thing are answered by their meaning, and have no such order.
    The answers must hold the items of the dataset in its order, as they do of what was learned from it.
    """
    found = []
    for search in reversed(searches):
        if not search.taken:
            continue
        answer = answering(search.query)
        if answer.is_by_meaning:
            continue
        scores = np.where(is_offered, answer.total, -np.inf)
        first = np.argsort(-scores, kind="stable")[:N_FIRST]
        first = first[scores[first] > 0]
        grades = np.array([search.taken.get(int(item), 0.0) for item in first], dtype=np.float32)
        if len(first) < 2 or not grades.any():
            continue
        ideal = _gain(np.sort(list(search.taken.values()))[::-1])
        found.append(
            FirstList(
                search.query, answer.query, first, answer.total[first], answer.cosines[first], grades, ideal
            )
        )
        if len(found) == n:
            break
    return found


def learn_trees(
    titles: Sequence[str], lists: Sequence[FirstList], *, language: str, random_state: int
) -> "PairRanker":
    from ecomai.learning.retrieval.pair_ranker import PairRanker

    model = PairRanker(language=language, n_threads=1, random_state=random_state)
    return model.fit(
        titles, [one.query for one in lists], _judgements(lists), typed=[one.typed for one in lists],
        cosines=np.concatenate([one.cosines for one in lists]),
    )  # fmt: skip


def learn_to_read(
    titles: Sequence[str], lists: Sequence[FirstList], *, minutes: float, random_state: int
) -> "CrossEncoder":
    from ecomai.learning.retrieval.cross_encoder import CrossEncoder

    model = CrossEncoder(max_minutes=minutes, random_state=random_state)
    return model.fit([one.query for one in lists], titles, _judgements(lists))


def _judgements(lists: Sequence[FirstList]) -> "Judgements":
    from ecomai.learning.retrieval.judgements import Judgements

    lengths = [len(one.items) for one in lists]
    return Judgements(
        rows=np.repeat(np.arange(len(lists)), lengths).astype(np.int64),
        items=np.concatenate([one.items for one in lists]).astype(np.int64),
        grades=np.concatenate([one.grades for one in lists]).astype(np.float32),
        good=GOOD,
    )


def _tree_grades(trees: "PairRanker", one: FirstList, titles: Sequence[str]) -> np.ndarray:
    n = len(one.items)
    own = [titles[item] for item in one.items]
    return _shares(trees.predict([one.query] * n, own, typed=[one.typed] * n, cosines=one.cosines))


def _read_grades(
    reader: "CrossEncoder", one: FirstList, scores: np.ndarray, titles: Sequence[str]
) -> np.ndarray:
    """Return grades of the items that the reader will see; the others' are below them."""
    first = np.argsort(-scores, kind="stable")[:N_READ]
    grades = np.zeros(len(one.items))
    grades[first] = _shares(
        reader.predict([one.query] * len(first), [titles[item] for item in one.items[first]])
    )
    return grades


def _choose(
    lists: Sequence[FirstList], now: Sequence[np.ndarray], grades: Sequence[np.ndarray]
) -> tuple[float, dict[str, float]]:
    """Return how much grades should count beside the scores, 0 if they bring nothing, and what each did."""
    tried = {}
    for share in SHARES:
        mixed = [(1 - share) * one + share * grade for one, grade in zip(now, grades, strict=True)]
        tried[share] = float(np.mean([_ndcg(one, scores) for one, scores in zip(lists, mixed, strict=True)]))
    best = max(tried, key=lambda share: tried[share])
    chosen = best if tried[best] >= tried[0.0] + LEAST_GAIN else 0.0
    return chosen, {f"{share:g}": round(value, 4) for share, value in tried.items()}


def _ndcg(one: FirstList, scores: np.ndarray) -> float:
    return _gain(one.grades[np.argsort(-scores, kind="stable")]) / one.ideal


def _gain(grades: np.ndarray) -> float:
    """Return the discounted gain of the first ten."""
    return float((grades[:10] / np.log2(np.arange(2, len(grades[:10]) + 2))).sum())


def _pairs(lists: Sequence[FirstList], titles: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return pairs as they will be asked for."""
    found = [(one.query, titles[item]) for one in lists for item in one.items[:5]][:400]
    return [query for query, _title in found], [title for _query, title in found]


def _shares(grades: np.ndarray) -> np.ndarray:
    grades = np.maximum(grades, 0)
    return grades / max(float(grades.max(initial=0)), 1e-9)
