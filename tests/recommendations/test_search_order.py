"""What was taken of the first items teaches their order, and other searches say how much it counts."""

import numpy as np
import pytest

from recommendations.training.led import Search
from recommendations.training.search_order import FirstList, learn_order, lists_of
from tests.learning.tiny import ARCHITECTURES, write_tiny

THINGS = ("mug", "lamp", "chair", "table", "hammer", "bottle", "knife", "plate")
TITLES = [title for thing in THINGS for title in (f"{thing} holder", f"blue {thing}", f"{thing} cover")]


class Run:
    """Of a training, what is asked for here."""

    random_state = 0

    def __init__(self, **hyperparameters):
        self.hyperparameters = hyperparameters

    def report(self, *_args):
        pass


def lists(n, *, is_right=False):
    """The thing itself is taken, and not what goes with it; it stands first or at a place of chance."""
    rng, found = np.random.default_rng(n), []
    for row in range(n):
        place = row % len(THINGS)
        items = np.arange(3 * place, 3 * place + 3)
        grades = (items % 3 == 1).astype(np.float32)
        scores = (0.1 + grades if is_right else rng.permutation([1.0, 0.9, 0.8])).astype(np.float32)
        cosines = np.full(3, 0.5, dtype=np.float32)
        found.append(FirstList(THINGS[place], THINGS[place], items, scores, cosines, grades, 1.0))
    return found


def test_the_order_is_learned_where_it_was_wrong():
    learned = learn_order(Run(), TITLES, lists(200), lists(40), language="english")
    assert learned.order.trees_share > 0
    tried = learned.tried["trees"]
    assert max(tried.values()) > tried["0"] + 0.1
    assert learned.card["n_lists"] == 200
    assert learned.order.reader is None


def test_what_brings_nothing_is_left_out():
    learned = learn_order(Run(), TITLES, lists(200), lists(40, is_right=True), language="english")
    assert learned.order.trees_share == 0
    assert not learned.order.is_any


def test_too_few_searches_teach_nothing():
    assert learn_order(Run(), TITLES, lists(99), lists(40), language="english") is None
    assert learn_order(Run(), TITLES, lists(200), lists(29), language="english") is None


def test_a_reader_learns_within_its_minutes(tmp_path, monkeypatch):
    tiny_model = str(write_tiny(tmp_path, ARCHITECTURES["bert"]))
    monkeypatch.setattr("ecomai.learning.retrieval.cross_encoder.find_model", lambda _name: tiny_model)
    learned = learn_order(Run(reading_minutes=0.05), TITLES, lists(200), lists(40), language="english")
    assert learned.order.reader.max_minutes == 0.05
    assert set(learned.tried) == {"trees", "reading"}
    assert len(learned.order.pairs[0]) == len(learned.order.pairs[1]) == 120


class Answer:
    query, is_by_meaning = "mug", False
    total = np.array([0.9, 0.8, 0.7, 0.0, 0.6], dtype=np.float32)
    cosines = np.array([0.1, 0.2, 0.3, 0.4, 0.5], dtype=np.float32)


def test_lists_hold_what_is_offered_and_found_and_what_was_taken():
    searches = [
        Search("old mug", 1, None, taken={0: 1.0}),
        Search("mug", 2, None, taken={2: 0.9, 3: 0.7}),
        Search("in vain", 3, None),
        Search("elsewhere", 4, None, taken={3: 1.0}),
    ]
    is_offered = np.array([False, True, True, True, True])
    found = lists_of(lambda _query: Answer(), is_offered, searches, n=5)
    assert [one.typed for one in found] == ["mug"]
    assert found[0].items.tolist() == [1, 2, 4]
    assert found[0].grades.tolist() == pytest.approx([0, 0.9, 0])
    assert found[0].ideal == pytest.approx(0.9 + 0.7 / np.log2(3))
    described = type("Described", (Answer,), {"is_by_meaning": True})
    assert lists_of(lambda _query: described, is_offered, searches, n=5) == []
    assert len(lists_of(lambda _query: Answer(), np.ones(5, dtype=bool), searches, n=1)) == 1
