"""Reading a query and a text together: what is learned, what is refused, what the export keeps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError, NotFittedError
from ecomai.learning.retrieval.cross_encoder import CrossEncoder, order_share
from ecomai.learning.retrieval.judgements import Judgements

COLOURS = ("red", "blue", "green")
THINGS = ("dress", "shirt", "shoes", "mug", "plate", "lamp")
TEXTS = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]
QUERIES = [f"{thing} for the summer" for thing in THINGS] + list(THINGS)
SETTINGS: dict[str, Any] = {
    "n_frozen_layers": 0, "is_narrow": False, "max_epochs": 30, "learning_rate": 1e-2, "device": "cpu",
}  # fmt: skip


def judged(rows: list[int]) -> Judgements:
    """All texts for each query: red ones are good, blue ones so so, green ones useless."""
    grades = np.repeat([1.0, 0.5, 0.0], len(THINGS)).astype(np.float32)
    return Judgements(
        np.repeat(rows, len(TEXTS)), np.tile(np.arange(len(TEXTS)), len(rows)), np.tile(grades, len(rows))
    )


@pytest.fixture(scope="module")
def learned(tiny_model: str) -> CrossEncoder:
    return CrossEncoder(tiny_model, **SETTINGS).fit(QUERIES, TEXTS, judged([0, 1, 2, 6, 7, 8]))


def test_it_learns_which_texts_are_better(learned: CrossEncoder) -> None:
    found = learned.predict(["mug", "mug", "mug"], ["red mug", "blue mug", "green mug"])
    assert found[0] > found[1] > found[2]
    assert ((found > 0) & (found < 1)).all()


def test_a_grade_depends_on_neither_batch_nor_order(learned: CrossEncoder) -> None:
    pairs = ["mug", "lamp for the summer of the winter", ""], ["red mug", "blue", "green plate, red plate"]
    together = learned.predict(*pairs)
    turned = learned.predict(pairs[0][::-1], pairs[1][::-1])
    alone = [learned.predict([query], [text])[0] for query, text in zip(*pairs, strict=True)]
    np.testing.assert_allclose(together, turned[::-1], atol=1e-6)
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_saved_encoder_grades_the_same(learned: CrossEncoder, tmp_path: Path) -> None:
    loaded = CrossEncoder.load(learned.save(tmp_path))
    queries = ["mug"] * len(TEXTS)
    np.testing.assert_array_equal(loaded.predict(queries, TEXTS), learned.predict(queries, TEXTS))
    assert loaded.get_params() == learned.get_params()
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".json", ".safetensors"}


def test_a_second_fit_forgets_the_first_and_a_seed_decides(tiny_model: str) -> None:
    few = {**SETTINGS, "max_epochs": 1}
    refitted = CrossEncoder(tiny_model, **few).fit(QUERIES, TEXTS, judged([0, 1]))
    refitted.fit(QUERIES, TEXTS, judged([2, 3]))
    fresh = CrossEncoder(tiny_model, **few).fit(QUERIES, TEXTS, judged([2, 3]))
    other = CrossEncoder(tiny_model, **few, random_state=1).fit(QUERIES, TEXTS, judged([2, 3]))
    asked = ["lamp"] * len(TEXTS), TEXTS
    np.testing.assert_array_equal(refitted.predict(*asked), fresh.predict(*asked))
    assert not np.allclose(other.predict(*asked), fresh.predict(*asked))


def test_training_stops_on_the_order_of_other_queries(tiny_model: str) -> None:
    """A learning rate of almost nothing makes no epoch better than the first."""
    slow = CrossEncoder(tiny_model, **{**SETTINGS, "learning_rate": 1e-9}, patience=2)
    slow.fit(QUERIES, TEXTS, judged([0, 1, 2]), valid=judged([3]))
    assert len(slow.judged_) == 3
    quick = CrossEncoder(tiny_model, **SETTINGS, patience=30)
    quick.fit(QUERIES, TEXTS, judged([0, 1, 2]), valid=judged([3]))
    assert max(quick.judged_) > 0.9


def test_frozen_layers_and_the_published_weights_stay_as_they_were(tiny_model: str) -> None:
    frozen = CrossEncoder(tiny_model, **{**SETTINGS, "max_epochs": 3, "n_frozen_layers": 1})
    moved = CrossEncoder(tiny_model, **{**SETTINGS, "max_epochs": 3})
    before = CrossEncoder(tiny_model, device="cpu")
    before._build(tiny_model)
    published = {name: tensor.clone() for name, tensor in before.network.backbone.state_dict().items()}
    for model, is_same in ((frozen, True), (moved, False)):
        model.fit(QUERIES, TEXTS, judged([0, 1]))
        now = model.network.backbone.state_dict()
        assert all((now[name] == tensor).all() for name, tensor in published.items()) is is_same
    assert all(
        (tensor == published[name]).all() for name, tensor in before.network.backbone.state_dict().items()
    )


def test_numbers_of_16_bits_learn_nearly_the_same(tiny_model: str) -> None:
    few = {**SETTINGS, "max_epochs": 2}
    wide = CrossEncoder(tiny_model, **few).fit(QUERIES, TEXTS, judged([0, 1]))
    narrow = CrossEncoder(tiny_model, **{**few, "is_narrow": True}).fit(QUERIES, TEXTS, judged([0, 1]))
    asked = ["lamp"] * len(TEXTS), TEXTS
    difference = np.abs(wide.predict(*asked) - narrow.predict(*asked)).max()
    assert difference < 0.05  # 0 on processors that are slow with them


def test_asking_before_fit_is_refused(tiny_model: str) -> None:
    with pytest.raises(NotFittedError):
        CrossEncoder(tiny_model).predict(["mug"], ["red mug"])


def test_wrong_input_is_refused(learned: CrossEncoder, tiny_model: str) -> None:
    nothing = Judgements(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    outside = Judgements(np.array([99]), np.array([0]), np.array([1.0], np.float32))
    for wrong in (nothing, outside):
        with pytest.raises(InvalidDataError):
            CrossEncoder(tiny_model, **SETTINGS).fit(QUERIES, TEXTS, wrong)
    with pytest.raises(InvalidDataError, match="no pairs"):
        learned.predict(["mug"], [])
    wrong_texts: Any = [None]
    with pytest.raises(InvalidDataError):
        learned.predict(["mug"], wrong_texts)
    assert learned.predict([], []).shape == (0,)


def test_very_long_and_empty_texts_are_graded(learned: CrossEncoder) -> None:
    found = learned.predict(["mug " * 5000, "", "mug", "🙂"], ["red mug", "", "red " * 5000, "!!!"])
    assert np.isfinite(found).all()


def test_the_share_of_right_order_counts_differences_within_queries() -> None:
    judgements = Judgements(
        np.array([0, 0, 1, 1]), np.arange(4), np.array([0.0, 1.0, 0.5, 0.0], dtype=np.float32)
    )
    assert order_share(judgements, np.array([1.0, 2.0, 9.0, 3.0])) == 1
    assert order_share(judgements, np.array([1.0, 2.0, 3.0, 9.0])) == pytest.approx(2 / 3)
    assert order_share(judgements, np.zeros(4)) == 0.5
    assert order_share(Judgements(np.array([0]), np.array([0]), np.ones(1, np.float32)), np.ones(1)) == 0.5


def test_a_budget_of_minutes_bounds_epochs_and_then_queries(tiny_model: str) -> None:
    some = judged(list(range(12)))
    ample = CrossEncoder(tiny_model, **{**SETTINGS, "max_epochs": 1}, max_minutes=60)
    ample.fit(QUERIES, TEXTS, some)
    assert ample.n_pairs_ == len(some.rows)
    scant = CrossEncoder(tiny_model, **SETTINGS, train_batch_size=2, max_minutes=1e-9)
    assert scant.fit(QUERIES, TEXTS, some).n_pairs_ == len(TEXTS)  # one query
    assert scant.get_params()["max_minutes"] == 1e-9
