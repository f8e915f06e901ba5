"""Judged searches, and how well lists of products answer them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecomai.exceptions import InvalidInputError
from ecomai.learning.metrics.ranking import recall_at_k
from ecomai.learning.retrieval.judgements import Judgements

Metrics = dict[str, float]

KS = (10, 100)
MIN_QUERIES = 8
HOME_DEPOT: dict[str, Any] = {
    "judgements": "home_depot_search.csv.gz", "query": "search_term", "item": "product_uid",
    "title": "product_title", "grade": "relevance", "worst": 1.0, "best": 3.0, "good": 2.33,
}  # fmt: skip
REQUIRED = tuple(HOME_DEPOT)


@dataclass(frozen=True)
class Searches:
    """Queries, texts, and how well each judged text answers: 0 useless, 1 perfect."""

    queries: list[str]
    titles: list[str]
    judgements: Judgements

    def of(self, rows: np.ndarray) -> "Searches":
        """Return some of the queries, counted anew, over the same texts."""
        place = np.full(len(self.queries), -1)
        place[rows] = np.arange(len(rows))
        known = self.judgements
        is_in = place[known.rows] >= 0
        judgements = Judgements(place[known.rows[is_in]], known.items[is_in], known.grades[is_in], known.good)
        return Searches([self.queries[row] for row in rows], self.titles, judgements)


@dataclass(frozen=True)
class Answers:
    """Ranked lists, and the scores of the judged pairs."""

    ranked: np.ndarray  # (n_queries, 100)
    judged: np.ndarray  # (n_judgements,)
    scores: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))  # of the lists, where they are kept


def judge(test: Searches, answers: Answers) -> Metrics:
    """Return the metrics of answers; see `search`."""
    pairs = test.judgements
    n_queries = len(test.queries)
    is_good = pairs.grades >= pairs.good
    targets = [pairs.items[is_good & (pairs.rows == row)] for row in range(n_queries)]
    has_target = np.array([len(found) > 0 for found in targets])
    asked = [found for found in targets if len(found)]
    several = np.bincount(pairs.rows, minlength=n_queries) >= 2
    grades, scores, flat = (
        _padded(pairs.rows, values, n_queries, fill)[several]
        for values, fill in (
            (pairs.grades, 0.0), (answers.judged, answers.judged.min() - 1), (np.zeros(len(pairs.rows)), -1.0)
        )
    )  # fmt: skip
    return {
        **{f"recall@{k}": recall_at_k(answers.ranked[has_target], asked, k=k) for k in KS},
        "ndcg@10": _ndcg(grades, scores),
        "ndcg@10_random": _ndcg(grades, flat),
        "ndcg@10_all": _ndcg_of_lists(answers.ranked, pairs, n_queries),
    }


def gain_of(found: Metrics) -> float:
    """Return by how much NDCG@10 of the judged products is above that of a random order."""
    return round(found["ndcg@10"] - found["ndcg@10_random"], 4)


def gain_to(ours: Metrics, baseline: Metrics) -> float | None:
    """Return how many times a baseline's gain over a random order ours is; None where it has none."""
    gains = [found["ndcg@10"] - found["ndcg@10_random"] for found in (ours, baseline)]
    return round(gains[0] / gains[1], 2) if gains[1] > 0 else None


def _padded(rows: np.ndarray, values: np.ndarray, n_rows: int, fill: float) -> np.ndarray:
    """Return values as one row a query: (n_rows, most values of a query)."""
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=n_rows)
    table = np.full((n_rows, int(counts.max())), fill)
    table[rows[order], np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows[order]]] = values[order]
    return table


def _ndcg(grades: np.ndarray, scores: np.ndarray) -> float:
    """Return NDCG@10 with the grade as gain; equal scores share the places that they take."""
    from sklearn.metrics import ndcg_score

    return float(ndcg_score(grades, scores, k=10)) if len(grades) and grades.shape[1] > 1 else 0.0


def _ndcg_of_lists(ranked: np.ndarray, pairs: Judgements, n_queries: int) -> float:
    n_items = int(max(ranked.max(), pairs.items.max())) + 1
    keys = pairs.rows * n_items + pairs.items
    order = np.argsort(keys)
    asked = np.arange(n_queries)[:, None] * n_items + ranked[:, :10]
    places = np.minimum(np.searchsorted(keys[order], asked), len(keys) - 1)
    is_judged = (keys[order][places] == asked) & (ranked[:, :10] >= 0)
    gains = np.where(is_judged, pairs.grades[order][places], 0.0)
    discounts = 1 / np.log2(np.arange(2, gains.shape[1] + 2))
    ideal = -np.sort(-_padded(pairs.rows, pairs.grades, n_queries, 0.0), axis=1)[:, :10]
    best = ideal @ (1 / np.log2(np.arange(2, ideal.shape[1] + 2)))
    return float(np.mean((gains @ discounts)[best > 0] / best[best > 0]))


def read_searches(data: Path) -> Searches:
    """Return the judged queries of a folder, both queries and products in order of first appearance.

    Raises
    ------
    InvalidInputError
        If a file, a name or a column is missing, or there are too few queries.
    """
    described = data / "benchmark.json"
    names = json.loads(described.read_text(encoding="utf-8")) if described.is_file() else HOME_DEPOT
    absent = [name for name in REQUIRED if name not in names]
    if absent:
        raise InvalidInputError(reason=f"{described.name} must name {', '.join(absent)}.")
    path = data / names["judgements"]
    if not path.is_file():
        raise InvalidInputError(reason=f"{path.name} is missing in {data.name}.")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    columns = [names[name] for name in ("query", "item", "title", "grade")]
    absent = [column for column in columns if column not in table]
    if absent:
        raise InvalidInputError(reason=f"{path.name} has no column {', '.join(absent)}.")
    table = table[columns].set_axis(["query", "item", "title", "grade"], axis=1)
    rows, queries = pd.factorize(table["query"])
    if len(queries) < MIN_QUERIES:
        raise InvalidInputError(reason=f"{path.name} needs at least {MIN_QUERIES} queries.")
    items, _ids = pd.factorize(table["item"])
    worst, scale = float(names["worst"]), float(names["best"]) - float(names["worst"])
    grades = (table["grade"].astype(float).to_numpy() - worst) / scale
    judgements = Judgements(
        rows.astype(np.int64), items.astype(np.int64), grades.astype(np.float32),
        # Grades are rounded to two places.
        good=(float(names["good"]) - worst) / scale - 1e-4,
    )  # fmt: skip
    return Searches(list(queries), table.drop_duplicates("item")["title"].tolist(), judgements)
