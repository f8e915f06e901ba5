"""The last step of `search`: the first products of each list, ordered by trees over query and title."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecomai.learning.retrieval.pair_ranker import PairRanker

from .search_judging import Answers, Searches, judge

#: How much of a product's place comes from the trees over pairs; the rest from the searcher.
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
BEST = "and_pair_cosine"
CHOOSE_EVERY = 4  # each 4th query of those that learn chooses the share instead
MOST_CHOOSING = 1000  # to bound the time
PAIRS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Asked:
    """Some queries as typed, as understood, with vectors, and what the searcher answers."""

    searches: Searches
    typed: Sequence[str]
    understood: Sequence[str]
    vectors: np.ndarray  # (n_queries, d)
    answers: Answers


@dataclass(frozen=True)
class Grades:
    """What the trees over pairs think of the listed and of the judged products."""

    listed: np.ndarray  # (n_queries, n)
    judged: np.ndarray  # (n_judgements,)


@dataclass(frozen=True)
class Taught:
    """Trees over pairs with how much they count, what they learned from, and what chose the shares."""

    searches: Searches
    understood: Sequence[str]
    chosen: Asked
    rankers: dict[str, PairRanker]
    shares: dict[str, float]

    def order(self, asked: Asked, title_vectors: np.ndarray, name: str = BEST) -> Asked:
        """Return the same lists in the order of these trees and the searcher together."""
        grades = grade(self.rankers[name], asked, title_vectors)
        return replace(asked, answers=reordered(asked.answers, grades, self.shares[name]))


def split_order(n_queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which queries the trees learn from, and which choose how much they count."""
    rows = np.arange(n_queries)
    is_choosing = rows % CHOOSE_EVERY == 0
    return rows[~is_choosing], rows[is_choosing][:MOST_CHOOSING]


def learn_order(
    searches: Searches,
    understood: Sequence[str],
    vectors: np.ndarray,
    title_vectors: np.ndarray,
    *,
    seed: int,
) -> dict[str, PairRanker]:
    """Learn from words alone, and from words and the cosine."""
    known = searches.judgements
    cosines = _cosines(vectors, title_vectors, known.rows, known.items)
    return {
        name: PairRanker(random_state=seed).fit(
            searches.titles, understood, known, typed=searches.queries, cosines=near
        )
        for name, near in (("and_pair_words", None), (BEST, cosines))
    }


def choose_share(ranker: PairRanker, asked: Asked, title_vectors: np.ndarray) -> float:
    """Return the share with the best order of judged products that loses no recall at 10.

    The trees over pairs did not learn from these queries; the searcher did from some, which favours a
    small share.
    """
    grades = grade(ranker, asked, title_vectors)
    found = {share: judge(asked.searches, reordered(asked.answers, grades, share)) for share in SHARES}
    allowed = [share for share in SHARES if found[share]["recall@10"] >= found[0.0]["recall@10"]]
    return max(allowed, key=lambda share: found[share]["ndcg@10"])


def grade(ranker: PairRanker, asked: Asked, title_vectors: np.ndarray) -> Grades:
    """Grade the listed and the judged products of each query."""
    ranked, known = asked.answers.ranked, asked.searches.judgements
    is_listed = ranked >= 0
    rows = np.concatenate([np.nonzero(is_listed)[0], known.rows])
    items = np.concatenate([ranked[is_listed], known.items])
    found = np.empty(len(rows), dtype=np.float32)
    titles = asked.searches.titles
    for start in range(0, len(rows), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        found[some] = ranker.predict(
            [asked.understood[row] for row in rows[some]],
            [titles[item] for item in items[some]],
            typed=[asked.typed[row] for row in rows[some]],
            cosines=_cosines(asked.vectors, title_vectors, rows[some], items[some]),
        )
    n_listed = int(is_listed.sum())
    listed = np.zeros(ranked.shape, dtype=np.float32)
    listed[is_listed] = found[:n_listed]
    return Grades(listed, found[n_listed:])


def reordered(answers: Answers, grades: Grades, share: float) -> Answers:
    """Return the same lists in another order."""
    is_listed = answers.ranked >= 0
    listed = (1 - share) * np.where(is_listed, answers.scores, 0) + share * grades.listed
    listed = np.where(is_listed, listed, -np.inf)
    order = np.argsort(-listed, axis=1, kind="stable")
    return Answers(
        np.take_along_axis(answers.ranked, order, axis=1),
        (1 - share) * answers.judged + share * grades.judged,
        np.take_along_axis(listed, order, axis=1),
    )


def _cosines(
    vectors: np.ndarray, title_vectors: np.ndarray, rows: np.ndarray, items: np.ndarray
) -> np.ndarray:
    found = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        found[some] = np.einsum("nd,nd->n", vectors[rows[some]], title_vectors[items[some]])
    return found
