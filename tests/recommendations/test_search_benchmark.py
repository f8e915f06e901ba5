"""`search` on a small folder, as the command runs it."""

import json

import numpy as np
import pytest

from ecomai.exceptions import InvalidInputError
from ecomai.learning.retrieval.judgements import Judgements
from recommendations.benchmarks import search_reading
from recommendations.benchmarks.search import search, with_typo
from recommendations.benchmarks.search_judging import Answers, Searches, gain_to, judge, read_searches
from recommendations.benchmarks.search_limits import limits_of
from recommendations.benchmarks.search_order import SHARES, Asked, Grades, reordered
from recommendations.benchmarks.search_reading import reordered_first

NAMES = {
    "judgements": "asked.csv", "query": "q", "item": "sku", "title": "name", "grade": "stars",
    "worst": 1, "best": 5, "good": 4,
}  # fmt: skip
KINDS = ("faucet", "mug", "lamp", "chair", "table", "hammer")
COLOURS = ("scarlet", "turquoise", "emerald", "violet", "silver", "golden")


def write_shop(folder, lines=None):
    rng = np.random.default_rng(3)
    names = [f"{colour} {kind}" for kind in KINDS for colour in COLOURS]
    if lines is None:
        lines = []
        for text in [*names, *(f"{name} cheap" for name in names)]:
            wanted = " ".join(text.split()[:2])
            for name in dict.fromkeys([wanted, *rng.choice(names, 3)]):
                stars = 5 if name == wanted else 1 + 2 * (name.split()[1] == wanted.split()[1])
                lines.append(f"{text},{names.index(name)},{name},{stars}")
    (folder / "asked.csv").write_text("q,sku,name,stars\n" + "\n".join(lines) + "\n")
    (folder / "benchmark.json").write_text(json.dumps(NAMES))
    return folder


def silent(progress, note=""):
    """Progress goes nowhere."""


def test_search_is_judged_beside_its_peers(tmp_path):
    found = search(write_shop(tmp_path), device="cpu", seed=0, report=silent)
    assert set(found["metrics"]) == {
        "recall@10", "recall@100", "ndcg@10", "ndcg@10_random", "ndcg@10_all"
    }  # fmt: skip
    assert set(found["peers"]) >= {"bm25", "bm25_stemmed", "encoder", "mixture", "bm25_typos"}
    assert found["metrics"]["recall@100"] == 1  # fewer products than places
    assert found["metrics"]["ndcg@10"] > found["metrics"]["ndcg@10_random"]
    assert found["splits"]["typos"]["recall@10"] >= found["peers"]["bm25_typos"]["recall@10"]
    assert found["settings"]["n_test_queries"] == 18
    assert set(found["settings"]["pair_shares"].values()) <= set(SHARES)
    # The same products in another order.
    assert found["rows"]["and_pair_cosine"]["recall@100"] == found["rows"]["and_trees"]["recall@100"]
    assert found["rows"]["and_pair_cosine"] == found["metrics"]
    json.dumps(found)


def test_queries_and_products_are_read_in_order_of_first_appearance(tmp_path):
    lines = [f"query {n % 9},{n % 7},title {n % 7},{1 + n % 5}" for n in range(30)]
    shop = read_searches(write_shop(tmp_path, lines))
    assert shop.queries == [f"query {n}" for n in range(9)]
    assert shop.titles == [f"title {n}" for n in range(7)]
    assert shop.judgements.grades[:5].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert (shop.judgements.grades >= shop.judgements.good).sum() == 12


def test_a_part_keeps_the_judgements_of_its_queries(tmp_path):
    lines = [f"query {n % 9},{n},title {n},3" for n in range(18)]
    part = read_searches(write_shop(tmp_path, lines)).of(np.array([8, 2]))
    assert part.queries == ["query 8", "query 2"]
    assert sorted(zip(part.judgements.rows, part.judgements.items, strict=True)) == [
        (0, 8), (0, 17), (1, 2), (1, 11)
    ]  # fmt: skip


def test_metrics_are_those_of_the_definition():
    """The good product is second of the list; among the judged it is last of two."""
    judged = Judgements(np.array([0, 0]), np.array([1, 2]), np.array([1.0, 0.0], np.float32))
    answers = Answers(np.array([[0, 1, 2]]), np.array([0.1, 0.9]))
    found = judge(Searches(["mug"], ["a", "b", "c"], judged), answers)
    second = 1 / np.log2(3)
    assert found["recall@10"] == 1
    assert found["ndcg@10"] == pytest.approx(second)
    assert found["ndcg@10_random"] == pytest.approx((1 + second) / 2)
    assert found["ndcg@10_all"] == pytest.approx(second)


def test_equal_scores_are_a_random_order():
    judged = Judgements(np.array([0, 0]), np.array([1, 2]), np.array([1.0, 0.0], np.float32))
    found = judge(Searches(["mug"], ["a", "b", "c"], judged), Answers(np.array([[0, 1, 2]]), np.zeros(2)))
    assert found["ndcg@10"] == found["ndcg@10_random"]
    assert gain_to(found, found) is None


def test_a_typo_changes_one_word_by_one_edit():
    rng = np.random.default_rng(0)
    for query in ("kitchen sink 12 in", "4ft hose", "Ab"):
        for _ in range(50):
            wrong = with_typo(query, rng)
            assert abs(len(wrong) - len(query)) <= 1
            assert len(wrong.split()) == len(query.split())
            assert [part for part in wrong.split() if part.isdigit()] == [
                part for part in query.split() if part.isdigit()
            ]
    assert with_typo("12 34", rng) == "12 34"


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"home_depot_search\.csv\.gz is missing"):
        read_searches(tmp_path)
    (tmp_path / "benchmark.json").write_text(json.dumps({"judgements": "asked.csv"}))
    with pytest.raises(InvalidInputError, match="must name query, item"):
        read_searches(tmp_path)
    write_shop(tmp_path, ["mug,1,mug,5"])
    with pytest.raises(InvalidInputError, match="at least 8 queries"):
        read_searches(tmp_path)
    (tmp_path / "benchmark.json").write_text(json.dumps({**NAMES, "grade": "points"}))
    with pytest.raises(InvalidInputError, match="no column points"):
        read_searches(tmp_path)


def test_lists_are_ordered_by_both_and_what_was_not_found_stays_last():
    answers = Answers(np.array([[4, 7, -1]]), np.array([0.2]), np.array([[0.9, 0.5, -np.inf]]))
    grades = Grades(np.array([[0.1, 0.8, 0.0]]), np.array([0.6]))
    assert reordered(answers, grades, 0.0).ranked.tolist() == [[4, 7, -1]]
    half = reordered(answers, grades, 0.5)
    assert half.ranked.tolist() == [[7, 4, -1]]
    np.testing.assert_allclose(half.judged, [0.4])
    np.testing.assert_allclose(half.scores, [[0.65, 0.5, -np.inf]])


def test_what_is_read_comes_in_another_order_before_the_rest():
    answers = Answers(np.array([[4, 7, 9]]), np.array([0.2]), np.array([[0.9, 0.5, 0.4]]))
    found = reordered_first(answers, Grades(np.array([[0.1, 0.8]]), np.array([0.6])), 1.0)
    assert found.ranked.tolist() == [[7, 4, 9]]
    np.testing.assert_allclose(found.judged, [0.6])


def test_reading_is_learned_chosen_and_judged(tmp_path, monkeypatch):
    """A reader of one step changes the order of what is listed, and no more than that."""
    shop = read_searches(write_shop(tmp_path)).of(np.arange(5))
    monkeypatch.setattr(search_reading, "LEAST_JUDGED", len(shop.judgements.rows))
    rng = np.random.default_rng(0)
    n = len(shop.queries)
    ranked = np.stack([rng.permutation(len(shop.titles))[:4] for _query in range(n)])
    scores = -np.sort(-rng.random((n, 4)), axis=1)
    answers = Answers(ranked, rng.random(len(shop.judgements.rows)), scores)
    asked = Asked(shop, shop.queries, shop.queries, np.empty((n, 0)), answers)
    reader = search_reading.learn_reader(shop, shop.queries, asked, device="cpu", seed=0)
    assert reader.share in SHARES
    assert reader.model.n_pairs_ == len(shop.judgements.rows)
    found = judge(shop, reader.order(asked))
    assert found["recall@10"] == judge(shop, answers)["recall@10"]
    assert found["ndcg@10"] >= judge(shop, answers)["ndcg@10"]
    monkeypatch.setattr(search_reading, "LEAST_JUDGED", len(shop.judgements.rows) + 1)
    assert search_reading.learn_reader(shop, shop.queries, asked, device="cpu", seed=0) is None


def twins(noise):
    """Each query in two spellings with the same stems, and the same six products, graded once each."""
    rng = np.random.default_rng(4)
    kinds = [f"{first} {second}" for first in KINDS for second in COLOURS]
    queries = [text for kind in kinds for text in (kind, f"{kind}s")]
    rows, items = np.divmod(np.arange(len(queries) * 6), 6)
    true = np.repeat(rng.random((len(kinds), 6)), 2, axis=0).ravel()
    grades = (3 + true + noise * rng.normal(size=len(true))).astype(np.float32)
    return Searches(queries, [f"title {name}" for name in COLOURS], Judgements(rows, items, grades))


def test_what_people_disagree_on_nobody_can_know():
    baseline = {"ndcg@10": 0.8, "ndcg@10_random": 0.7}
    agreed, disputed = (limits_of(shop, shop, baseline) for shop in (twins(0.0), twins(0.5)))
    assert agreed["n_twins"] == disputed["n_twins"] == 36 * 6
    assert agreed["best_correlation"] == 1
    assert disputed["noise_variance"] == pytest.approx(0.25, rel=0.2)
    assert disputed["best_correlation"] == pytest.approx(np.sqrt((1 / 12) / (1 / 12 + 0.25)), abs=0.12)
    assert disputed["best_gain"] < agreed["best_gain"]


def test_without_twins_there_is_no_limit_to_tell():
    shop = Searches(
        [f"query {n}" for n in "abcdefghi"], [f"title {n}" for n in range(30)],
        Judgements(np.arange(30) % 9, np.arange(30), (np.arange(30) % 5 / 4).astype(np.float32)),
    )  # fmt: skip
    assert limits_of(shop, shop, {"ndcg@10": 0.8, "ndcg@10_random": 0.7}) == {"n_twins": 0}
