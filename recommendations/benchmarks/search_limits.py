"""How well anything that reads query and title alone could order judged products: people disagree."""

from collections import defaultdict
from itertools import combinations

import numpy as np

from ecomai.inference.pieces import cut

from .search_judging import Answers, Metrics, Searches, judge

LANGUAGE = "english"
LEAST_TWINS = 30
TURNS = 5


def limits_of(shop: Searches, test: Searches, bm25: Metrics) -> dict[str, float]:
    """Compare the grades of pairs that read the same, and say what they leave to be known.

    Twins are pairs whose queries have the same stems and whose titles have the same stems in the same
    order: no reader of both can tell them apart, so half of the mean squared difference of their grades is
    what nobody can explain. `best_correlation` is that of a reader who knows all of the rest with the
    grades of one query, and `best_gain` what NDCG@10 that reader gains over a random order, as a multiple
    of BM25's gain too; it takes grades that are normal around what the reader knows.
    """
    twins = _twins(shop)
    known = shop.judgements
    centred, n_free = _centred(known.rows, known.grades.astype(np.float64))
    within = float((centred**2).sum() / max(n_free, 1))
    if len(twins) < LEAST_TWINS or within == 0:
        return {"n_twins": len(twins)}
    noise = float(np.mean((known.grades[twins[:, 0]] - known.grades[twins[:, 1]]) ** 2) / 2)
    correlation = float(np.sqrt(np.clip(1 - noise / within, 0, 1)))
    random, base = bm25["ndcg@10_random"], bm25["ndcg@10"] - bm25["ndcg@10_random"]
    gain = _gain_of(test, correlation) - random
    return {
        "n_twins": len(twins),
        "noise_variance": round(noise, 4),
        "variance_within_queries": round(within, 4),
        "best_correlation": round(correlation, 3),
        "best_gain": round(gain, 4),
        "best_gain_to_bm25": round(gain / base, 2) if base > 0 else 0.0,
    }


def _twins(shop: Searches) -> np.ndarray:
    """Return positions of judgements that read the same: (n_twins, 2)."""
    queries = [frozenset(cut(query, "stems", LANGUAGE)) for query in shop.queries]
    titles = [tuple(cut(title, "stems", LANGUAGE)) for title in shop.titles]
    groups = defaultdict(list)
    known = shop.judgements
    for place, (row, item) in enumerate(zip(known.rows, known.items, strict=True)):
        groups[queries[row], titles[item]].append(place)
    found = [pair for group in groups.values() for pair in combinations(group, 2)]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def _centred(rows: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, int]:
    """Return values without the mean of their query, and how many of them are free."""
    counts = np.bincount(rows)
    means = np.bincount(rows, values) / np.maximum(counts, 1)
    return values - means[rows], len(values) - int((counts > 0).sum())


def _gain_of(test: Searches, correlation: float) -> float:
    """Return the mean NDCG@10 of scores that correlate so with the grades of a query."""
    known = test.judgements
    centred, n_free = _centred(known.rows, known.grades.astype(np.float64))
    spread = np.sqrt((centred**2).sum() / max(n_free, 1))
    lists = np.zeros((len(test.queries), 1), dtype=np.int64)
    found = []
    for turn in range(TURNS):
        noise = np.random.default_rng(turn).normal(size=len(centred))
        scores = correlation * centred / spread + np.sqrt(1 - correlation**2) * noise
        found.append(judge(test, Answers(lists, scores))["ndcg@10"])
    return float(np.mean(found))
