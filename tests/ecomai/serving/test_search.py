"""The exported search: it answers as the library does, grows, and bears any query."""

import json

import numpy as np
import pytest

from ecomai.inference.spelling import Corrections
from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.export import export_search
from ecomai.learning.retrieval.hybrid import HybridSearcher
from ecomai.learning.retrieval.judgements import Judgements
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.predictors import load_predictor
from ecomai.serving.predictors.search import SearchPredictor, canonical

COLOURS = ("red", "blue", "green", "white")
THINGS = ("coffee cup", "tea pot", "desk lamp", "garden chair", "water bottle", "travel mug 12 oz")
TEXTS = [f"{colour} {thing}. A {thing} for every day" for thing in THINGS for colour in COLOURS]
IDS = [f"i{place}" for place in range(len(TEXTS))]


@pytest.fixture(scope="module")
def encoder():
    return CharNgramTextEncoder(dim=16).fit(TEXTS)


def learn(encoder, *, is_judged):
    """Judged searches ask for a colour and a thing; what has both is perfect, others half as good."""
    queries = [f"{thing.split()[-1]} {colour}" for thing in THINGS for colour in COLOURS] * 3
    rows = np.repeat(np.arange(len(queries)), 4)
    items = np.concatenate([np.arange(4) + place // 4 % len(THINGS) * 4 for place in range(len(queries))])
    grades = (items == np.repeat(np.arange(len(queries)) % len(TEXTS), 4)) * 0.5 + 0.5
    judgements = Judgements(rows, items, grades.astype(np.float32), good=0.9)
    searcher = HybridSearcher(n_trees=10, n_threads=1, n_candidates=len(TEXTS))
    return searcher.fit(
        TEXTS, encoder.encode(TEXTS), queries=queries, query_vectors=encoder.encode(queries),
        judgements=judgements if is_judged else None,
    )  # fmt: skip


@pytest.fixture(scope="module", params=[False, True], ids=["untrained", "judged"])
def both(request, encoder, tmp_path_factory):
    """The library's searcher, and the same as serving loads it."""
    searcher = learn(encoder, is_judged=request.param)
    if request.param:
        searcher.ranker_share_ = 0.5  # whatever was chosen: the trees are to be compared
    folder = tmp_path_factory.mktemp("search")
    export_search(searcher, folder, item_ids=IDS, texts=TEXTS, text_encoder=encoder)
    return searcher, load_predictor(folder)


@pytest.mark.parametrize("query", ["red coffee cup", "cofee cups", "12 oz mug", "lamp", "zzzz", "blue wate"])
def test_serving_scores_as_the_library_does(both, encoder, query):
    searcher, predictor = both
    corrected = predictor.correct(query)
    assert [corrected] == searcher.corrected([query])
    vector = encoder.encode([corrected])
    items, scores = searcher.search([query], vector, n=4)
    found = predictor.search(query, corrected=corrected, vector=vector[0])
    is_item = items[0] >= 0
    np.testing.assert_allclose(found.total[items[0][is_item]], scores[0][is_item], atol=2e-3)


def test_what_no_tree_has_ordered_comes_last(both, encoder):
    searcher, predictor = both
    predictor = load_predictor(predictor.folder)
    predictor._n_candidates = 5
    vector = encoder.encode(["red tea pot"])
    best = searcher.search(["red tea pot"], vector, n=24)[0][0]
    total = predictor.search("red tea pot", vector=vector[0]).total
    assert set(np.argsort(-total)[:4]) <= set(best[:8])


def test_an_item_that_came_since_is_found_by_words_and_by_meaning(both, encoder):
    predictor = load_predictor(both[1].folder)
    text = "violet porcelain saucer"
    assert not predictor.search("porcelain saucers").is_found.any()
    predictor.add_texts({"new": text}, {"new": encoder.encode([text])[0]}, {"new": "x"})
    found = predictor.search("porcelain saucers")
    assert np.asarray(found.item_ids)[found.is_found].tolist() == ["new"]
    assert predictor.correct("porcelan saucer") == "porcelain saucer"
    by_meaning = predictor.search("xx", vector=encoder.encode([text])[0])
    assert by_meaning.item_ids[int(by_meaning.cosines.argmax())] == "new"


def test_a_changed_text_is_no_longer_found_by_its_old_words(both):
    predictor = load_predictor(both[1].folder)
    predictor.add_texts({"i0": "silver spoon"}, {}, {"i0": "x"})
    found = predictor.search("red coffee cup")
    named = dict(zip(found.item_ids, found.word_shares.tolist(), strict=True))
    assert len(found.item_ids) == len(TEXTS) + 1
    assert named["i0"] == 0
    assert predictor.matched_words("silver spoons", "i0") == ["silver", "spoons"]


def test_what_others_took_comes_first(encoder, tmp_path):
    searcher = learn(encoder, is_judged=False)
    behaviour = {canonical("something nice", "english"): {7: 0.8}}
    export_search(
        searcher, tmp_path, item_ids=IDS, texts=TEXTS, behaviour=behaviour, behaviour_weight=1.0,
        past_queries=[("tea pot", 5, 3)],
    )  # fmt: skip
    predictor = load_predictor(tmp_path)
    found = predictor.search("nice somethings")
    assert found.item_ids[int(found.total.argmax())] == "i7"
    assert found.is_found[7]
    assert predictor.past_queries == [("tea pot", 5, 3)]


@pytest.mark.parametrize(
    "query",
    ["", "   ", "?!,.;", "🙂🙂", "كوب قهوة", "红色咖啡杯", "x" * 10_000, "' OR 1=1; --", "{{ 7*7 }}", "\0"],
)
def test_any_query_has_an_answer(both, encoder, query):
    found = both[1].search(query, corrected=both[1].correct(query), vector=encoder.encode([query])[0])
    assert len(found.total) == len(TEXTS)
    assert np.isfinite(found.total).all()


def test_without_any_item_nothing_is_found():
    predictor = SearchPredictor.of_texts([], [], language="english")
    assert not predictor.search("cup").is_found.any()
    predictor.add_texts({"a": "coffee cup"}, {}, {})
    assert predictor.search("cups").is_found.tolist() == [True]


def test_words_alone_find_chinese(encoder):
    predictor = SearchPredictor.of_texts(["a", "b"], ["红色咖啡杯", "蓝色茶壶"], language="english")
    assert predictor.search("咖啡杯").is_found.tolist() == [True, False]


def test_trees_of_other_columns_are_refused(both, tmp_path):
    description = json.loads((both[1].folder / "predictor.json").read_text())
    description["columns"] = description["columns"][:-1]
    (tmp_path / "predictor.json").write_text(json.dumps(description))
    with pytest.raises(UnreadableArtifactError, match="other columns"):
        load_predictor(tmp_path)


def test_a_cut_file_is_refused(both, tmp_path):
    for path in both[1].folder.iterdir():
        content = path.read_bytes()
        (tmp_path / path.name).write_bytes(content[:100] if path.name == "search.safetensors" else content)
    with pytest.raises(UnreadableArtifactError, match="damaged"):
        load_predictor(tmp_path)


def test_who_describes_a_thing_finds_it_by_its_meaning(both, encoder):
    """Words that say nothing are not looked for, and what is near in meaning comes before shared words."""
    predictor = both[1]
    assert predictor.telling("something for the desk") == "desk"
    assert predictor.telling("to be or not to be") == "not"
    assert predictor.telling("to be") == "to be"
    vector = encoder.encode(["blue water bottle"])[0]
    described = predictor.search("something with a cup", vector=vector)
    assert described.item_ids[int(described.total.argmax())] == IDS[TEXTS.index(TEXTS[17])]
    assert predictor.search("cup", vector=vector).word_shares[described.total.argmax()] == 0
    assert predictor.matched_words("a cup for the desk", "i0") == ["cup"]


@pytest.mark.parametrize(
    ("language", "query", "telling"),
    [
        ("german", "etwas für den Tee", "Tee"),
        ("french", "quelque chose pour la cuisine", "cuisine"),
        ("spanish", "una cosa para EL té", "té"),
        ("finnish", "jotain teetä varten", "jotain teetä varten"),
    ],
)
def test_each_language_has_small_words_of_its_own(language, query, telling):
    predictor = SearchPredictor.of_texts(["1"], ["tea"], language=language)
    assert predictor.telling(query) == telling


def test_a_word_that_no_text_has_spoils_no_search(both):
    found = both[1].search("antique desk lamp")
    assert np.asarray(TEXTS)[found.is_found].tolist() == [text for text in TEXTS if "desk lamp" in text]


def test_a_word_of_the_language_is_not_corrected():
    counts = {"thin": 5, "lamp": 5}
    plain = Corrections(counts, min_count=1, language="english")
    assert plain.correct("thing lampp") == "thin lamp"
    knowing = Corrections(counts, min_count=1, language="english", is_word={"thing"}.__contains__)
    assert knowing.correct("thing lampp") == "thing lamp"
