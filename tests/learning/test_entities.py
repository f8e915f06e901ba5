"""What texts name: values never seen, exact letters, what is refused, what is saved."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomai.inference.spans import Span, join_labels, labels_of
from ecomai.learning.classifiers.entities import EntityTagger, TaggedTexts
from ecomai.learning.classifiers.entity_values import new_value, replaced
from ecomai.learning.exceptions import InvalidDataError, NotFittedError

TINY: dict[str, Any] = {
    "max_epochs": 12, "learning_rate": 1e-2, "is_narrow": False, "device": "cpu", "swap_share": 0.0,
}  # fmt: skip
COLOURS = ("red", "blue", "green")
THINGS = ("dress", "shirt", "shoes", "mug", "plate", "lamp")
TEXTS = [f"the {colour} {thing} for summer" for colour in COLOURS for thing in THINGS]
SPANS = [
    [Span(4, 4 + len(text.split()[1]), "colour"), Span(5 + len(text.split()[1]), text.index(" for"), "thing")]
    for text in TEXTS
]


@pytest.fixture(scope="module")
def learned(tiny_model: str) -> EntityTagger:
    return EntityTagger(tiny_model, **TINY).fit([*TEXTS, "for the winter"], [*SPANS, []])


def test_it_finds_what_it_learned_to_the_letter(learned: EntityTagger) -> None:
    assert learned.kinds_ == ["colour", "thing"]
    assert learned.predict(["the blue mug for summer"]) == [[Span(4, 8, "colour"), Span(9, 12, "thing")]]
    assert learned.predict(["for the winter", ""]) == [[], []]
    assert learned.predict([]) == []


def test_a_saved_tagger_finds_the_same(learned: EntityTagger, tmp_path: Path) -> None:
    loaded = EntityTagger.load(learned.save(tmp_path), device="cpu")
    assert loaded.predict(TEXTS) == learned.predict(TEXTS)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}


@pytest.mark.parametrize(
    ("texts", "spans", "message"),
    [
        (["a"], [], "a list of spans"),
        (["abc"], [[Span(1, 9, "x")]], "outside"),
        (["abc"], [[Span(1, 1, "x")]], "empty"),
        (["abcd"], [[Span(0, 3, "x"), Span(2, 4, "x")]], "overlaps"),
        (["abc"], [[]], "nothing to learn"),
    ],
)
def test_spans_that_do_not_fit_are_refused(texts: Any, spans: Any, message: str) -> None:
    with pytest.raises(InvalidDataError, match=message):
        EntityTagger().fit(texts, spans)


def test_an_answer_before_fit_is_refused(tiny_model: str) -> None:
    with pytest.raises(NotFittedError):
        EntityTagger(tiny_model).predict(["mug"])


def test_with_all_values_replaced_none_of_the_texts_is_ever_seen(learned: EntityTagger) -> None:
    tagger = EntityTagger(**{**learned.get_params(), "swap_share": 1.0})
    tagger.kinds_, tagger.tokenizer = learned.kinds_, learned.tokenizer
    values = {"colour": ["cable"], "thing": ["headphones"]}
    rows = TaggedTexts(tagger, TEXTS, SPANS, values)
    seen = {tagger.tokenizer.decode(row) for row in rows.__getitems__(list(range(18)))["input_ids"]}
    assert len(seen) == 1
    assert seen.pop().split()[1:-1] == ["the", "cable", "headphones", "for", "summer"]


def test_numbers_become_others_and_small_letters_stay_small() -> None:
    rng = np.random.default_rng(0)
    drawn = [new_value("370795561790", (), rng) for _ in range(100)]
    assert "370795561790" not in drawn
    assert {len(value) for value in drawn} == set(range(4, 17))
    assert all(new_value("#00108", (), rng)[0] == "#" for _ in range(5))
    assert {len(new_value("350", (), rng)) for _ in range(9)} == {3}
    assert new_value("gold", ["Silver"], rng) == "silver"
    assert new_value("Gold", ["Silver"], rng) == "Silver"
    assert new_value("Gold", (), rng) == "Gold"


def test_replacing_moves_what_comes_behind() -> None:
    text, spans = replaced(
        "from Rome to Bonn", [Span(5, 9, "a"), Span(13, 17, "b")], lambda value, kind: kind * 6
    )
    assert text == "from aaaaaa to bbbbbb"
    assert [text[span.start : span.end] for span in spans] == ["aaaaaa", "bbbbbb"]


def test_labels_of_tokens_become_spans() -> None:
    labels = labels_of(["city", "date"])
    assert labels == ["O", "B-city", "I-city", "B-date", "I-date"]
    text, offsets = "New York, Rome", [(0, 0), (0, 3), (4, 8), (8, 9), (10, 14), (0, 0)]
    assert join_labels(text, offsets, ["O", "B-city", "I-city", "O", "I-city", "O"]) == [
        Span(0, 8, "city"), Span(10, 14, "city"),
    ]  # fmt: skip
    assert join_labels(text, offsets, ["O", "B-city", "B-city", "O", "O", "B-date"]) == [
        Span(0, 3, "city"), Span(4, 8, "city"),
    ]  # fmt: skip
