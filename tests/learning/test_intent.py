"""Intents: what is learned from a few texts, what is out of scope, how sure it is, what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomai.inference.intents import IntentHead
from ecomai.learning.classifiers.intent import IntentClassifier
from ecomai.learning.classifiers.intent_calibration import best_temperature, hold_back
from ecomai.learning.classifiers.intent_tasks import same_class_loss
from ecomai.learning.encoders.typos import with_typos
from ecomai.learning.exceptions import InvalidDataError, NotFittedError

TINY: dict[str, Any] = {
    "min_steps": 60, "max_epochs": 1, "learning_rate": 5e-3, "train_batch_size": 16, "is_narrow": False,
    "device": "cpu", "dim": 32, "scripts": ("latin",), "typos": 0.0,
}  # fmt: skip
COLOURS = ("red", "blue", "green", "headphones", "cable")
THINGS = ("dress", "shirt", "shoes", "mug", "plate", "lamp")
TEXTS = [
    f"{colour} {thing} for {season}"
    for colour in COLOURS
    for thing in THINGS
    for season in ("summer", "winter")
]
LABELS = [text.split()[0] for text in TEXTS]
CHINESE = {
    "refund": ["我要退款", "请给我退款", "退款什么时候到", "申请退款"],
    "track": ["我的快递到哪里了", "查快递", "快递还没到", "物流快递查询"],
}


def tiny(model: str, **options: Any) -> IntentClassifier:
    return IntentClassifier(model, **{**TINY, **options})


@pytest.fixture(scope="module")
def learned(tiny_model: str) -> IntentClassifier:
    return tiny(tiny_model).fit(TEXTS, LABELS)


@pytest.mark.parametrize("objective", ["frozen", "contrastive", "cross_entropy"])
def test_it_learns_the_word_that_decides(objective: str, tiny_model: str) -> None:
    model = tiny(tiny_model, objective=objective, held_share=0.0)
    assert model.fit(TEXTS, LABELS) is model
    assert model.classes_ == sorted(COLOURS)
    assert model.objective_ == objective
    others = [f"{colour} {thing} of winter" for colour in COLOURS for thing in THINGS]
    found = model.predict_proba(others)
    assert found.shape == (30, 5)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    right = np.mean([one == text.split()[0] for one, text in zip(model.predict(others), others, strict=True)])
    assert right > (0.8 if objective != "frozen" else 0.3)  # the tiny encoder knows nothing by itself
    assert model.predict_proba([]).shape == (0, 5)


def test_texts_held_back_say_how_sure_and_what_is_strange(learned: IntentClassifier) -> None:
    assert learned.objective_ == "contrastive"
    assert learned.held_["n"] == 8  # two of ten texts of each of the four classes that were not left out
    assert set(learned.held_["accuracy"]) == {"contrastive"}
    assert 0 <= learned.held_["out_of_scope_auroc"] <= 1
    assert (learned.temperatures_ > 0).all()
    assert (learned.thresholds_ < 1e9).all()
    assert learned.strangeness(["我想退款"])[0] > np.median(learned.strangeness(TEXTS))


def test_nothing_is_out_of_scope_where_nothing_was_held_back(tiny_model: str) -> None:
    model = tiny(tiny_model, objective="frozen").fit(
        ["red mug", "red lamp", "blue mug", "blue lamp"], ["a", "a", "b", "b"]
    )
    assert model.held_ == {}
    assert (model.strangeness(["mug", "plate", "?"]) < 0).all()


def test_a_script_that_the_encoder_does_not_know_is_learned_beside(tiny_model: str) -> None:
    texts = [*TEXTS, *CHINESE["refund"], *CHINESE["track"]]
    labels = [*LABELS, *["refund"] * 4, *["track"] * 4]
    model = tiny(tiny_model, objective="frozen", held_share=0.0).fit(texts, labels)
    assert model.predict(["我想退款", "快递到了吗"]) == ["refund", "track"]
    assert model.routes(["red mug", "我想退款"]).tolist() == [0, 1]


def test_a_saved_classifier_answers_the_same(learned: IntentClassifier, tmp_path: Path) -> None:
    loaded = IntentClassifier.load(learned.save(tmp_path), device="cpu")
    np.testing.assert_allclose(loaded.predict_proba(TEXTS), learned.predict_proba(TEXTS), atol=1e-6)
    np.testing.assert_allclose(loaded.strangeness(TEXTS), learned.strangeness(TEXTS), atol=1e-6)
    assert loaded.classes_ == learned.classes_
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}


def test_the_same_seed_learns_the_same(tiny_model: str) -> None:
    first, second = (tiny(tiny_model, held_share=0.0, min_steps=5).fit(TEXTS, LABELS) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(TEXTS), second.predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["a", "b"], ["x"], "a label for each"),
        (["a", "b"], ["x", "x"], "two classes"),
        (["a", "b", "c"], ["x", "x", "y"], "two texts of each"),
        (["a", 3], ["x", "y"], "strings"),
    ],
)
def test_what_cannot_be_learned_is_refused(texts: Any, labels: Any, message: str) -> None:
    with pytest.raises(InvalidDataError, match=message):
        IntentClassifier("").fit(texts, labels)


def test_an_answer_before_fit_and_an_unknown_way_to_learn_are_refused(tiny_model: str) -> None:
    with pytest.raises(NotFittedError):
        tiny(tiny_model).predict(["mug"])
    with pytest.raises(InvalidDataError, match="objective"):
        tiny(tiny_model, objective="magic").fit(TEXTS, LABELS)


# -- parts --------------------------------------------------------------------------------------


def test_what_is_held_back_is_learned_from_by_nobody() -> None:
    names = [name for name in "abcdefghij" for _ in range(10)]
    learned, held, stranger = hold_back(names, 0.2, 0)
    assert sorted([*learned, *held, *stranger]) == list(range(100))
    left_out = {names[row] for row in stranger}
    assert len(left_out) == 2
    assert left_out.isdisjoint(names[row] for row in (*learned, *held))
    assert len(held) == 16


def test_the_temperature_of_scores_that_are_too_sure_is_found() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4000, 3))
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(3, p=row) for row in shares])
    assert best_temperature(3 * scores, y) == pytest.approx(3, rel=0.15)


def test_texts_of_one_class_that_lie_together_cost_less() -> None:
    import torch

    vectors = torch.eye(4)[[0, 0, 1, 1]]
    together = same_class_loss(vectors, torch.tensor([0, 0, 1, 1]), 0.1)
    apart = same_class_loss(vectors, torch.tensor([0, 1, 0, 1]), 0.1)
    assert float(together) < 0.01 < 5 < float(apart)
    assert float(same_class_loss(vectors, torch.tensor([0, 1, 2, 3]), 0.1)) == 0


def test_strangeness_rises_with_the_distance_of_known_texts() -> None:
    head = IntentHead(
        4 * np.eye(2, 3), np.zeros(2), np.eye(3, dtype=np.float32)[[0, 1]], np.ones(2), np.array([0.5, 2.0]),
        np.array([0.0, 0.0, 1.0]),
    )  # fmt: skip
    vectors = np.eye(3, dtype=np.float32)[[0, 2]]
    known, strange = head.strangeness(vectors, np.array([0, 0]))
    assert strange > known
    assert head.strangeness(vectors, np.array([1, 1]))[1] < strange  # the other script's threshold


def test_typos_leave_numbers_and_short_words_alone() -> None:
    rng = np.random.default_rng(0)
    typed = [with_typos("where is my order 123842 ok", rng, 1.0) for _ in range(50)]
    assert all("123842" in text and "is" in text for text in typed)
    assert sum("where" in text for text in typed) < 10
    assert len({*typed}) > 30
