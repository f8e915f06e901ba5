"""Search: words, pieces of words, spelling, vectors, and what judgements change."""

import json
from pathlib import Path

import numpy as np
import pytest

from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.exceptions import FormatVersionError, InvalidDataError, NotFittedError
from ecomai.learning.retrieval.bm25 import BM25Index
from ecomai.learning.retrieval.evidence import COLUMNS
from ecomai.learning.retrieval.hybrid import HybridSearcher
from ecomai.learning.retrieval.judgements import Judgements
from ecomai.learning.retrieval.pieces import cut, words
from ecomai.learning.retrieval.spelling import SpellingCorrector

TEXTS = [
    "Delta kitchen faucet in chrome",
    "Moen bathroom faucets, 4ft hose",
    "Red ceramic mug 12 oz",
    "Front load washing machine",
    "Desk lamp, black",
    "红色陶瓷杯",
    "蓝牙耳机",
    "Κόκκινη κούπα",
]
HOSTILE = [
    "", "   ", "!?;--", "🙂🙂", "\x00", "' OR 1=1; DROP TABLE item;--", "{{ 7*7 }}", "מנורת שולחן",
    "a" * 10_000, "red mug " * 2_000, "1" * 10_000, "杯" * 10_000,
]  # fmt: skip


@pytest.fixture(scope="module")
def searcher() -> HybridSearcher:
    return HybridSearcher().fit(TEXTS)


def best(searcher: HybridSearcher, query: str) -> str:
    place = searcher.search([query], n=1)[0][0, 0]
    return TEXTS[place] if place >= 0 else ""


# -- pieces -------------------------------------------------------------------------------------


def test_letters_and_digits_are_words_of_their_own():
    assert list(words("4ft 12V-Bit")) == ["4", "ft", "12", "v", "bit"]


def test_a_word_between_dense_letters_stays_whole():
    assert list(words("红色mug")) == ["红", "色", "红色", "mug"]


def test_stems_join_the_forms_of_a_word():
    assert cut("faucets", "stems", "english") == cut("faucet", "stems", "english")


# -- BM25 ---------------------------------------------------------------------------------------


def test_bm25_follows_its_formula():
    """idf 0.98 for one text of two; the term twice among three words, where texts have 2.5 on average."""
    index = BM25Index("words", k1=1.2, b=0.75).fit(["mug mug red", "lamp red"])
    idf = np.log(1 + 1.5 / 1.5)
    expected = idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2.5))
    np.testing.assert_allclose(index.scores(["mug"]), [[expected, 0]], rtol=1e-6)


def test_the_scores_of_a_query_are_the_sum_of_those_of_its_words():
    index = BM25Index().fit(TEXTS)
    together, first, second = index.scores(["red mug", "red", "mug"])
    np.testing.assert_allclose(together, first + second, rtol=1e-6)


def test_permuted_texts_have_permuted_scores():
    order = np.random.default_rng(0).permutation(len(TEXTS))
    scores = BM25Index().fit([TEXTS[place] for place in order]).scores(["red mug"])
    np.testing.assert_allclose(scores, BM25Index().fit(TEXTS).scores(["red mug"])[:, order], rtol=1e-6)


def test_texts_without_a_word_are_indexed_and_never_found():
    index = BM25Index().fit(["", "!!!"])
    assert index.scores(["mug"]).tolist() == [[0, 0]]


@pytest.mark.parametrize("texts", [[], "mug", [None]], ids=["none", "one text", "no text"])
def test_what_cannot_be_indexed_is_refused(texts):
    with pytest.raises(InvalidDataError):
        BM25Index().fit(texts)


def test_an_unknown_kind_is_refused():
    with pytest.raises(InvalidDataError, match="stem_pairs"):
        BM25Index("syllables").fit(TEXTS)


# -- spelling -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("kichen faucet", "kitchen faucet"),
        ("ktichen", "kitchen"),
        ("kitchenn sinks", "kitchen sinks"),
        ("frontload washer", "front load washer"),
    ],
)
def test_a_word_nobody_has_becomes_one_that_the_shop_has(typed, meant):
    corrector = SpellingCorrector().fit(
        [*TEXTS, *TEXTS, "front", "load", "front load washer", "kitchen sinks"]
    )
    assert corrector.correct(typed) == meant


@pytest.mark.parametrize("query", ["Kitchen FAUCET", "faucet", "mog", "12345", "zzzzzzzzzz", "陶瓷椅", ""])
def test_what_is_known_short_or_like_nothing_stays(query):
    assert SpellingCorrector().fit([*TEXTS, *TEXTS]).correct(query) == query


def test_searches_teach_the_forms_that_texts_lack():
    texts = ["kitchen sink"] * 3
    assert SpellingCorrector().fit(texts).correct("snks") == "snks"
    assert SpellingCorrector().fit(texts, ["sinks", "kitchen sinks"]).correct("snks") == "sinks"


def test_misspelt_searches_teach_nothing():
    corrector = SpellingCorrector().fit(["kitchen sink"] * 3, ["kichen"] * 9)
    assert corrector.correct("kichen") == "kitchen"


# -- hybrid -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("mugs", "Red ceramic mug 12 oz"),
        ("kichen fauset", "Delta kitchen faucet in chrome"),
        ("4 ft faucet", "Moen bathroom faucets, 4ft hose"),
        ("陶瓷", "红色陶瓷杯"),
        ("耳机 蓝牙", "蓝牙耳机"),
        ("κουπα κόκκινη", "Κόκκινη κούπα"),
    ],
)
def test_the_text_meant_comes_first(searcher, query, found):
    assert best(searcher, query) == found


@pytest.mark.parametrize("query", HOSTILE, ids=lambda query: repr(query[:12]))
def test_bad_queries_are_answered(searcher, query):
    items, scores = searcher.search([query], n=3)
    assert items.shape == (1, 3)
    assert not np.isnan(scores).any()
    assert isinstance(searcher.corrected([query])[0], str)


def test_a_query_without_words_finds_nothing(searcher):
    items, scores = searcher.search(["!?", "🙂"], n=2)
    assert (items == -1).all()
    assert np.isneginf(scores).all()


def test_queries_do_not_influence_each_other(searcher):
    queries = ["red mug", "faucet", "杯", "lamp"]
    together, _ = searcher.search(queries, n=4)
    alone = np.concatenate([searcher.search([query], n=4)[0] for query in queries])
    np.testing.assert_array_equal(together, alone)


def test_vectors_find_what_shares_no_word():
    vectors = np.eye(len(TEXTS), dtype=np.float32)
    searcher = HybridSearcher().fit(TEXTS, vectors)
    items, _ = searcher.search(["tap"], vectors[[1]], n=1)
    assert TEXTS[items[0, 0]].startswith("Moen")
    assert (HybridSearcher(sources=("stems",)).fit(TEXTS, vectors).search(["tap"], n=1)[0] == -1).all()


def test_a_prediction_before_fit_is_refused():
    with pytest.raises(NotFittedError):
        HybridSearcher().search(["mug"])


def test_the_score_of_a_pair_is_that_of_the_list(learned):
    items, scores = learned.search(["blue lamp", "chair"], n=5)
    rows = np.repeat(np.arange(2), 5)
    pairs = learned.pair_scores(["blue lamp", "chair"], rows, items.ravel())
    np.testing.assert_allclose(pairs, scores.ravel(), rtol=1e-6)


@pytest.mark.parametrize(
    "vectors",
    [np.ones((2, 3)), np.ones(len(TEXTS)), np.full((len(TEXTS), 2), np.nan)],
    ids=["too few", "one dimension", "not a number"],
)
def test_wrong_vectors_are_refused(vectors):
    with pytest.raises(InvalidDataError):
        HybridSearcher().fit(TEXTS, vectors)


def test_unknown_sources_and_judgements_of_nothing_are_refused():
    with pytest.raises(InvalidDataError, match="oracle"):
        HybridSearcher(sources=("oracle",)).fit(TEXTS)
    for rows, items in (([0], [99]), ([5], [0]), ([-1], [0]), ([0, 0], [0])):
        judged = Judgements(np.array(rows), np.array(items), np.ones(1, np.float32))
        with pytest.raises(InvalidDataError):
            HybridSearcher().fit(TEXTS, queries=["mug"], judgements=judged)


# -- learning from judgements -------------------------------------------------------------------

KINDS = ("faucet", "mug", "lamp", "chair", "table", "hammer")
COLOURS = ("red", "blue", "green", "black", "white", "brass", "chrome", "brown")


def shop() -> tuple[list[str], list[str], Judgements]:
    """Twelve makes of each kind in each colour; people want the kind, and do not care for the colour."""
    texts = [f"{colour} {kind} make{n}" for kind in KINDS for colour in COLOURS for n in range(12)]
    queries = [f"{colour} {kind}" for kind in KINDS for colour in COLOURS] * 2
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(len(queries)), 12)
    items = np.concatenate([rng.choice(len(texts), 12, replace=False) for _ in queries])
    grades = [
        float(texts[item].split()[1] == queries[row].split()[1])
        for row, item in zip(rows, items, strict=True)
    ]
    return texts, queries, Judgements(rows, items, np.array(grades, dtype=np.float32))


@pytest.fixture(scope="module")
def learned() -> HybridSearcher:
    texts, queries, judged = shop()
    return HybridSearcher(n_threads=1).fit(texts, queries=queries, judgements=judged)


def test_the_trees_learn_what_people_want(learned):
    """Colours are rarer than kinds: a blue mug answers "blue lamp" best until people say otherwise."""
    texts, _queries, _judged = shop()
    rows = np.zeros(2, dtype=np.int64)
    pair = np.array([texts.index("red lamp make1"), texts.index("blue mug make1")])
    lamp, mug = HybridSearcher().fit(texts).pair_scores(["blue lamp"], rows, pair)
    assert lamp < mug
    lamp, mug = learned.pair_scores(["blue lamp"], rows, pair)
    assert lamp > mug + 0.1
    assert learned.ranker_ is not None


def test_few_judged_queries_teach_nothing():
    texts, queries, judged = shop()
    is_first = judged.rows < 5
    few = Judgements(judged.rows[is_first], judged.items[is_first], judged.grades[is_first])
    searcher = HybridSearcher().fit(texts, queries=queries, judgements=few)
    assert searcher.ranker_ is None
    np.testing.assert_array_equal(
        searcher.search(["blue lamp"])[0], HybridSearcher().fit(texts).search(["blue lamp"])[0]
    )


def test_the_same_seed_gives_the_same_answers(learned):
    texts, queries, judged = shop()
    again = HybridSearcher(n_threads=1).fit(texts, queries=queries, judgements=judged)
    np.testing.assert_array_equal(again.search(queries[:9])[1], learned.search(queries[:9])[1])


def test_a_second_fit_forgets_the_first(learned):
    texts, queries, judged = shop()
    refitted = HybridSearcher(n_threads=1).fit(texts, queries=queries, judgements=judged).fit(TEXTS)
    assert refitted.ranker_ is None
    np.testing.assert_array_equal(
        refitted.search(["red mug"])[1], HybridSearcher().fit(TEXTS).search(["red mug"])[1]
    )


def test_a_saved_searcher_answers_the_same(learned, tmp_path: Path):
    loaded = HybridSearcher.load(learned.save(tmp_path))
    queries = ["blue lmap", "chairs", ""]
    for first, second in zip(loaded.search(queries), learned.search(queries), strict=True):
        np.testing.assert_array_equal(first, second)
    assert loaded.get_params() == learned.get_params()
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}


def test_another_format_or_class_is_not_loaded(learned, tmp_path: Path):
    path = learned.save(tmp_path) / "estimator.json"
    description = json.loads(path.read_text())
    for change in ({"format_version": 99}, {"estimator": "Oracle"}):
        path.write_text(json.dumps({**description, **change}))
        with pytest.raises(FormatVersionError):
            HybridSearcher.load(tmp_path)


def test_columns_have_the_names_that_trees_are_told(searcher):
    block = next(iter(searcher.evidence.blocks(["red mug"], ["red mug"], np.zeros((1, 0), np.float32))))
    columns = searcher.evidence.columns(block, np.array([0, 0]), np.array([2, 4]))
    assert columns.shape == (2, len(COLUMNS))
    found = dict(zip(COLUMNS, columns[0], strict=True))
    assert (found["has_all"], found["has_last"], found["n_query_words"]) == (1, 1, 2)
    assert np.isnan(found["has_numbers"])
    assert dict(zip(COLUMNS, columns[1], strict=True))["has_all"] == 0


def test_vectors_of_a_real_encoder_join_in():
    encoder = CharNgramTextEncoder(dim=6).fit(TEXTS)
    searcher = HybridSearcher().fit(TEXTS, encoder.encode(TEXTS))
    queries = ["红色杯子"]
    items, _ = searcher.search(queries, encoder.encode(searcher.corrected(queries)), n=1)
    assert TEXTS[items[0, 0]] == "红色陶瓷杯"
