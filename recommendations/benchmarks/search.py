"""`search`: whether a shop's search finds what people judged to be good answers."""

import json
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import load_average
from ecomai.exceptions import InvalidInputError
from ecomai.learning.metrics.ranking import recall_at_k
from ecomai.learning.retrieval.bm25 import BM25Index
from ecomai.learning.retrieval.evidence import SOURCES
from ecomai.learning.retrieval.hybrid import HybridSearcher
from ecomai.learning.retrieval.judgements import Judgements

if TYPE_CHECKING:
    from ecomai.learning.encoders.pretrained import PretrainedTextEncoder

Metrics = dict[str, float]

TEST_EVERY = 4  # each 4th query in order of first appearance is a test
KS = (10, 100)
QUERIES_AT_ONCE = 128
SHORTEST_WRONG = 4  # a typo goes into a word of so many letters, where there is one
MIN_QUERIES = 8
HOME_DEPOT: dict[str, Any] = {
    "judgements": "home_depot_search.csv.gz", "query": "search_term", "item": "product_uid",
    "title": "product_title", "grade": "relevance", "worst": 1.0, "best": 3.0, "good": 2.33,
}  # fmt: skip
REQUIRED = tuple(HOME_DEPOT)
# Sources that are mixed, step by step: with queries as typed, and with their spelling corrected.
WORDS = ("stems", "trigrams", "stem_pairs")
UNCORRECTED = {"stems": WORDS[:1], "and_trigrams": WORDS[:2], "and_pairs": WORDS}
CORRECTED = {"and_correction": WORDS, "and_vectors": SOURCES}


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


def search(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Rank all products for each test query.

    `data` holds judgements of queries and products: Home Depot's, or a folder whose `benchmark.json` names
    file, columns and scale. Every 4th query in order of first appearance is a test; weights and trees learn
    from the others, a quarter of which choose the weights. `recall` and `ndcg@10_all` are over all products,
    where what nobody judged counts as useless; `ndcg@10` is over the judged products of queries with two or
    more, and `ndcg@10_random` that of a random order of these. `splits.typos` has one wrong letter a query.
    """
    from ecomai.learning.encoders.pretrained import PretrainedTextEncoder

    shop = read_searches(data)
    is_test = np.arange(len(shop.queries)) % TEST_EVERY == 0
    test, others = shop.of(np.flatnonzero(is_test)), shop.of(np.flatnonzero(~is_test))
    rng = np.random.default_rng(seed)
    wrong = [with_typo(query, rng) for query in test.queries]
    report(0.02, "vectors of the texts")
    encoder = PretrainedTextEncoder(device=device).fit()
    vectors = encoder.encode(shop.titles)
    report(0.5, "baselines")
    peers = judge_peers(test, test.queries, vectors, encoder.encode(test.queries))
    peers_typos = judge_peers(test, wrong, vectors, encoder.encode(wrong))
    report(0.65, "learning")
    searcher = HybridSearcher(random_state=seed).fit(
        shop.titles,
        vectors,
        queries=others.queries,
        query_vectors=encoder.encode(others.queries),
        judgements=others.judgements,
    )
    report(0.85, "judging")
    ours = judge(test, ask(searcher, encoder, test, test.queries))
    typos = judge(test, ask(searcher, encoder, test, wrong))
    return {
        "metrics": ours,
        "rows": ablation(searcher, encoder, test) | {"and_trees": ours},
        "splits": {"typos": typos},
        "peers": peers | {f"{name}_typos": found for name, found in peers_typos.items()},
        "settings": {
            "model": searcher.get_params(),
            "weights": searcher.weights_,
            "ranker_share": searcher.ranker_share_,
            "gain_over_random": {
                name: round(found["ndcg@10"] - found["ndcg@10_random"], 4)
                for name, found in (peers | {"ours": ours}).items()
            },
            "gain_to_bm25": gain_to(ours, peers["bm25"]),
            "typo_cost": round(ours["recall@100"] - typos["recall@100"], 4),
            "n_items": len(shop.titles),
            "n_test_queries": len(test.queries),
            "n_other_queries": len(others.queries),
            "load_average": load_average(),
        },
    }


def judge_peers(
    test: Searches, queries: Sequence[str], vectors: np.ndarray, asked: np.ndarray
) -> dict[str, Metrics]:
    """Judge BM25, with and without stems, the frozen encoder, and the plain mixture, on some spelling."""
    words = BM25Index("words", k1=1.2, b=0.75).fit(test.titles)
    stems = BM25Index("stems", k1=1.2, b=0.75).fit(test.titles)
    peers: dict[str, Callable[[slice], np.ndarray]] = {
        "bm25": lambda rows: words.scores(queries[rows]),
        "bm25_stemmed": lambda rows: stems.scores(queries[rows]),
        "encoder": lambda rows: asked[rows] @ vectors.T,
        "mixture": lambda rows: _share(stems.scores(queries[rows])) + _share(asked[rows] @ vectors.T),
    }
    return {name: judge(test, answers_of(score, test)) for name, score in peers.items()}


def ablation(
    searcher: HybridSearcher, encoder: "PretrainedTextEncoder", test: Searches
) -> dict[str, Metrics]:
    """Judge the mixture of ever more sources, with the weights that were learned, and no trees."""
    typed = test.queries
    rows: dict[str, Metrics] = {}
    for queries, steps in ((typed, UNCORRECTED), (searcher.corrected(typed), CORRECTED)):
        parts: dict[str, list[np.ndarray]] = {name: [] for name in steps}
        pairs: dict[str, list[np.ndarray]] = {name: [] for name in steps}
        order = []
        for block in searcher.evidence.blocks(queries, typed, encoder.encode(queries)):
            own = test.judgements.of(block.start, len(block.pieces))
            stop = block.start + len(block.pieces)
            is_own = (test.judgements.rows >= block.start) & (test.judgements.rows < stop)
            order.append(np.flatnonzero(is_own))
            for name, used in steps.items():
                weights = [searcher.weights_.get(source, 0.0) * (source in used) for source in SOURCES]
                mixed = np.tensordot(np.array(weights, dtype=np.float32), block.shares, axes=1)
                parts[name].append(_best(mixed))
                pairs[name].append(mixed[own.rows, own.items])
        places = np.argsort(np.concatenate(order))
        for name in steps:
            judged = np.concatenate(pairs[name])[places]
            rows[name] = judge(test, Answers(np.concatenate(parts[name]), judged))
    return rows


def ask(
    searcher: HybridSearcher, encoder: "PretrainedTextEncoder", test: Searches, queries: Sequence[str]
) -> Answers:
    """Return what the searcher answers."""
    asked = encoder.encode(searcher.corrected(queries))
    ranked, _scores = searcher.search(queries, asked, n=max(KS))
    pairs = test.judgements
    return Answers(ranked, searcher.pair_scores(queries, pairs.rows, pairs.items, asked))


def answers_of(score: Callable[[slice], np.ndarray], test: Searches) -> Answers:
    """Return the answers of a function from rows of queries to scores of all texts."""
    pairs = test.judgements
    judged = np.empty(len(pairs.rows))
    ranked = []
    for start in range(0, len(test.queries), QUERIES_AT_ONCE):
        rows = slice(start, min(start + QUERIES_AT_ONCE, len(test.queries)))
        scores = score(rows)
        is_in = (pairs.rows >= start) & (pairs.rows < rows.stop)
        judged[is_in] = scores[pairs.rows[is_in] - start, pairs.items[is_in]]
        ranked.append(_best(scores))
    return Answers(np.concatenate(ranked), judged)


def _best(scores: np.ndarray) -> np.ndarray:
    n = min(max(KS), scores.shape[1])
    best = np.argpartition(-scores, n - 1, axis=1)[:, :n]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


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


def gain_to(ours: Metrics, baseline: Metrics) -> float | None:
    """Return how many times a baseline's gain over a random order ours is; None where it has none."""
    gains = [found["ndcg@10"] - found["ndcg@10_random"] for found in (ours, baseline)]
    return round(gains[0] / gains[1], 2) if gains[1] > 0 else None


def with_typo(query: str, rng: np.random.Generator) -> str:
    """Return a query with two letters swapped, or one left out, put in or changed, in one of its words."""
    spans = [(start, end) for start, end in _letter_runs(query) if end - start >= 2]
    spans = [span for span in spans if span[1] - span[0] >= SHORTEST_WRONG] or spans
    if not spans:
        return query
    start, end = spans[int(rng.integers(len(spans)))]
    word = query[start:end]
    place = int(rng.integers(len(word) - 1))
    other = string.ascii_lowercase[int(rng.integers(26))]
    changed = (
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        word[:place] + word[place + 1 :],
        word[:place] + other + word[place:],
        word[:place] + other + word[place + 1 :],
    )[int(rng.integers(4))]
    return query[:start] + changed + query[end:]


def _letter_runs(query: str) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff([False, *(letter.isalpha() for letter in query), False]))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _share(scores: np.ndarray) -> np.ndarray:
    return scores / np.maximum(scores.max(axis=1, keepdims=True), 1e-9)


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
