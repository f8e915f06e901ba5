"""`search`: whether a shop's search finds what people judged to be good answers."""

import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecomai.benchmarking import Report
from ecomai.benchmarking.processes import load_average
from ecomai.learning.retrieval.bm25 import BM25Index
from ecomai.learning.retrieval.evidence import SOURCES
from ecomai.learning.retrieval.hybrid import HybridSearcher

from .search_judging import KS, Answers, Metrics, Searches, gain_of, gain_to, judge, read_searches
from .search_limits import limits_of
from .search_order import BEST, Asked, Taught, choose_share, learn_order, split_order
from .search_reading import READ, learn_reader

if TYPE_CHECKING:
    from ecomai.learning.encoders.pretrained import PretrainedTextEncoder

TEST_EVERY = 4  # each 4th query in order of first appearance is a test
QUERIES_AT_ONCE = 128
SHORTEST_WRONG = 4  # a typo goes into a word of so many letters, where there is one
# Sources that are mixed, step by step: with queries as typed, and with their spelling corrected.
WORDS = ("stems", "trigrams", "stem_pairs")
UNCORRECTED = {"stems": WORDS[:1], "and_trigrams": WORDS[:2], "and_pairs": WORDS}
CORRECTED = {"and_correction": WORDS, "and_vectors": SOURCES}


def search(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Rank all products for each test query.

    `data` holds judgements of queries and products: Home Depot's, or a folder whose `benchmark.json` names
    file, columns and scale. Every 4th query in order of first appearance is a test; weights and trees learn
    from the others, a quarter of which choose the weights; so do the trees over pairs that order the first
    100 of each list, and a transformer that reads query and title of the first 20. `metrics` are those of the
    last step that counted on queries from which nothing was learned. `recall` and `ndcg@10_all` are over all
    products, where what nobody judged counts as useless; `ndcg@10` is over the judged products of queries
    with two or more, and `ndcg@10_random` that of a random order of these. `splits.typos` has one wrong
    letter a query.
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
    report(0.4, "baselines")
    peers = judge_peers(test, test.queries, vectors, encoder.encode(test.queries))
    peers_typos = judge_peers(test, wrong, vectors, encoder.encode(wrong))
    report(0.5, "learning")
    searcher = HybridSearcher(random_state=seed).fit(
        shop.titles,
        vectors,
        queries=others.queries,
        query_vectors=encoder.encode(others.queries),
        judgements=others.judgements,
    )
    report(0.7, "judging")
    asked, wrongly = (ask(searcher, encoder, test, queries) for queries in (test.queries, wrong))
    rows = ablation(searcher, encoder, test) | {"and_trees": judge(test, asked.answers)}
    report(0.8, "learning the order")
    taught = teach(searcher, encoder, others, vectors, seed=seed)
    for name in taught.rankers:
        rows[name] = judge(test, taught.order(asked, vectors, name).answers)
    ordered, ordered_wrongly = (taught.order(some, vectors) for some in (asked, wrongly))
    typos = judge(test, ordered_wrongly.answers)
    report(0.85, "reading query and title together")
    chosen = taught.order(taught.chosen, vectors)
    reader = learn_reader(taught.searches, taught.understood, chosen, device=device, seed=seed)
    best = BEST
    if reader:
        rows[READ] = judge(test, reader.order(ordered))
        if reader.share > 0:
            best, typos = READ, judge(test, reader.order(ordered_wrongly))
    return {
        "metrics": rows[best],
        "rows": rows,
        "splits": {"typos": typos},
        "peers": peers | {f"{name}_typos": found for name, found in peers_typos.items()},
        "settings": {
            "model": searcher.get_params(),
            "weights": searcher.weights_,
            "ranker_share": searcher.ranker_share_,
            "pair_shares": taught.shares,
            "promoted": best,
            "cross_encoder_share": reader.share if reader else None,
            "cross_encoder_pairs": reader.model.n_pairs_ if reader else 0,
            "cross_encoder_epochs": reader.model.n_epochs_ if reader else 0,
            "gain_over_random": {name: gain_of(found) for name, found in (peers | rows).items()},
            "gain_to_bm25": gain_to(rows[best], peers["bm25"]),
            "limits": limits_of(shop, test, peers["bm25"]),
            "typo_cost": round(rows[best]["recall@100"] - typos["recall@100"], 4),
            "n_items": len(shop.titles),
            "n_test_queries": len(test.queries),
            "n_other_queries": len(others.queries),
            "load_average": load_average(),
        },
    }


def teach(
    searcher: HybridSearcher,
    encoder: "PretrainedTextEncoder",
    others: Searches,
    vectors: np.ndarray,
    *,
    seed: int,
) -> Taught:
    """Return the trees over pairs, by what they look at, and what they learned from."""
    known, choosing = (others.of(rows) for rows in split_order(len(others.queries)))
    understood = searcher.corrected(known.queries)
    rankers = learn_order(known, understood, encoder.encode(understood), vectors, seed=seed)
    chosen = ask(searcher, encoder, choosing, choosing.queries)
    shares = {name: choose_share(ranker, chosen, vectors) for name, ranker in rankers.items()}
    return Taught(known, understood, chosen, rankers, shares)


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
) -> Asked:
    """Return what the searcher answers."""
    asked = encoder.encode(searcher.corrected(queries))
    ranked, scores = searcher.search(queries, asked, n=max(KS))
    pairs = test.judgements
    judged = searcher.pair_scores(queries, pairs.rows, pairs.items, asked)
    return Asked(test, queries, searcher.corrected(queries), asked, Answers(ranked, judged, scores))


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
