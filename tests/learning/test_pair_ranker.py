"""What a query and a text have to do with each other, and trees that learn from it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomai.inference.pair_columns import COLUMNS, WordFacts, pair_columns
from ecomai.learning.exceptions import InvalidDataError, NotFittedError
from ecomai.learning.retrieval.judgements import Judgements
from ecomai.learning.retrieval.pair_ranker import PairRanker

COLOURS = ("red", "blue", "green", "white", "black")
THINGS = ("mug", "lamp", "chair", "table", "hammer", "bottle")
TEXTS = [f"{colour} {thing} for the kitchen" for thing in THINGS for colour in COLOURS]


def columns(query: str, text: str, *, typed: str = "", texts: list[str] | None = None) -> dict[str, float]:
    facts = WordFacts.of_texts(texts or TEXTS, "english")
    return dict(zip(COLUMNS, pair_columns(facts, query, [text], typed=typed)[0].tolist(), strict=True))


def judged() -> tuple[list[str], Judgements]:
    """Each colour of each thing is asked for; the same thing in another colour is half as good."""
    queries = [f"{colour} {thing}" for thing in THINGS for colour in COLOURS]
    rows, items = np.divmod(np.arange(len(queries) * len(TEXTS)), len(TEXTS))
    same_thing = rows // len(COLOURS) == items // len(COLOURS)
    return queries, Judgements(rows, items, (0.5 * (rows == items) + 0.5 * same_thing).astype(np.float32))


@pytest.fixture(scope="module")
def learned() -> PairRanker:
    return PairRanker(n_trees=60, n_threads=1).fit(TEXTS, *judged())


def test_what_a_text_is_about_stands_before_in_with_and_for() -> None:
    texts = ["Acme 4 ft. Oak Rack in White", "Rack bracket for tables", "Lamp, with a rack"]
    is_head = [columns("oak racks", text, texts=texts)["is_head"] for text in texts]
    assert is_head == [1, 0, 0]
    assert columns("rack for a lamp", texts[0], texts=texts)["is_head"] == 1
    assert columns("lamp rack", texts[2], texts=texts)["asks_head"] == 1


def test_shares_are_of_what_was_asked() -> None:
    found = columns("red mug 12", "red lamp for the kitchen")
    assert found["has_share"] == pytest.approx(1 / 3)
    assert found["n_missing"] == 2
    assert found["has_numbers"] == 0
    assert np.isnan(columns("red mug", "red lamp")["has_numbers"])
    assert columns("kitchen mug", "red mug for the kitchen")["name_has_share"] == 0.5


def test_a_rare_word_counts_more_than_a_frequent_one() -> None:
    texts = [*TEXTS, "purple mug"]
    rare, frequent = (
        columns("purple kitchen", text, texts=texts)["has_rarity"] for text in ("purple mug", "a kitchen")
    )
    assert rare > frequent > 0


def test_a_brand_that_is_missing_is_counted() -> None:
    texts = [f"Acme {thing}" for thing in THINGS] + [f"Zenith {thing}" for thing in THINGS]
    assert columns("acme mug", "Zenith mug", texts=texts)["n_missing_brands"] == 1
    assert columns("acme mug", "Acme mug", texts=texts)["opens_with_it"] == 1


def test_letters_are_those_that_were_typed() -> None:
    typed = columns("table", "red table", typed="tabel")["has_trigrams"]
    assert 0 < typed < columns("table", "red table")["has_trigrams"] == 1


@pytest.mark.parametrize("query", ["", "!!!", "🙂", "12", "for the", "红色杯子", "x" * 10_000, "كوب أحمر"])
def test_any_query_and_text_has_columns(query: str) -> None:
    facts = WordFacts.of_texts([], "english")
    found = pair_columns(facts, query, ["", "🙂", "red mug", "for", "红色的杯子", "a " * 5000])
    assert found.shape == (6, len(COLUMNS))
    assert not np.isinf(found).any()


def test_other_languages_have_no_english_joints() -> None:
    facts = WordFacts.of_texts(["vino in rosso"], "italian")
    found = dict(zip(COLUMNS, pair_columns(facts, "rosso", ["vino in rosso"])[0], strict=True))
    assert found["is_head"] == 1


def test_trees_learn_the_order(learned: PairRanker) -> None:
    found = learned.predict(["blue lamp"] * 3, ["blue lamp for the kitchen", "red lamp", "blue mug"])
    assert found[0] > found[1] > found[2]


def test_cosines_are_looked_at() -> None:
    """Words say nothing here, the cosine everything."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(60), 5)
    judgements = Judgements(rows, rng.integers(0, 30, 300), rng.random(300).astype(np.float32))
    ranker = PairRanker(n_trees=60, n_threads=1)
    ranker.fit(TEXTS, ["something"] * 60, judgements, cosines=judgements.grades)
    low, high = ranker.predict(["something"] * 2, TEXTS[:2], cosines=[0.1, 0.9])
    assert high - low > 0.3


def test_a_saved_ranker_grades_the_same(learned: PairRanker, tmp_path: Path) -> None:
    loaded = PairRanker.load(learned.save(tmp_path))
    asked = ["blue lamp"] * len(TEXTS), TEXTS
    np.testing.assert_array_equal(loaded.predict(*asked), learned.predict(*asked))
    assert json.loads((tmp_path / "estimator.json").read_text())["learned"]["facts_"]["n_texts"] == len(TEXTS)


def test_a_second_fit_forgets_the_first(learned: PairRanker) -> None:
    queries, judgements = judged()
    again = PairRanker(n_trees=60, n_threads=1)
    again.fit(["lamp"], ["lamp"], Judgements(np.zeros(20, int), np.zeros(20, int), np.ones(20, np.float32)))
    again.fit(TEXTS, queries, judgements)
    asked = ["blue lamp"] * len(TEXTS), TEXTS
    np.testing.assert_array_equal(again.predict(*asked), learned.predict(*asked))


def test_wrong_input_is_refused(learned: PairRanker) -> None:
    with pytest.raises(NotFittedError):
        PairRanker().predict(["mug"], ["mug"])
    for n in (0, 9):
        few = Judgements(np.zeros(n, int), np.zeros(n, int), np.ones(n, np.float32))
        with pytest.raises(InvalidDataError, match="At least 10"):
            PairRanker().fit(TEXTS, ["mug"], few)
    wrong: list[Any] = [(["mug"], []), (["mug"], [None]), (["mug", "mug"], ["mug"])]
    for queries, texts in wrong:
        with pytest.raises(InvalidDataError):
            learned.predict(queries, texts)
    with pytest.raises(InvalidDataError):
        learned.predict(["mug"], ["mug"], cosines=[0.1, 0.2])
    assert learned.predict([], []).shape == (0,)
