"""The first items of a list come in a better order: by trees always, by reading while there is time."""

import numpy as np
import pytest

from ecomai.exceptions import EcomaiError
from ecomai.learning.export import export_search
from ecomai.learning.export.search import FirstItems
from ecomai.learning.retrieval.cross_encoder import CrossEncoder
from ecomai.learning.retrieval.hybrid import HybridSearcher
from ecomai.learning.retrieval.judgements import Judgements
from ecomai.learning.retrieval.pair_ranker import PairRanker
from ecomai.serving.predictors import load_predictor
from ecomai.serving.predictors.search_order import FirstOrder
from tests.learning.tiny import ARCHITECTURES, write_tiny

THINGS = ("mug", "lamp", "chair", "table", "hammer", "bottle")
# What a title is about stands at its end; a holder for mugs is no mug.
TEXTS = [text for thing in THINGS for text in (f"{thing} holder", f"red {thing}")]
ROWS, ITEMS = np.divmod(np.arange(len(THINGS) * len(TEXTS)), len(TEXTS))
GRADES = ((ITEMS // 2 == ROWS) * np.where(ITEMS % 2, 1.0, 0.2)).astype(np.float32)
TITLES = ["mug holder", "red mug", "red lamp"]
SCORES = np.array([1.0, 0.9, 0.1])


class Slow:
    """Has the time to read so many titles, and likes the last of them best."""

    def __init__(self, n_in_time):
        self.n_in_time = n_in_time

    def grade(self, _query, texts, *, budget_seconds):
        grades = np.full(len(texts), np.nan, dtype=np.float32)
        n = len(texts) if budget_seconds is None else self.n_in_time
        grades[:n] = np.arange(len(texts))[:n] / 10
        return grades


@pytest.fixture(scope="module")
def trees():
    judgements = Judgements(np.tile(ROWS, 5), np.tile(ITEMS, 5), np.tile(GRADES, 5))
    return PairRanker(n_trees=60, n_threads=1).fit(TEXTS, THINGS, judgements)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny(folder, ARCHITECTURES["bert"])
    model = CrossEncoder(str(folder), n_frozen_layers=0, max_epochs=2, is_narrow=False, device="cpu")
    return model.fit(THINGS, TEXTS, Judgements(ROWS, ITEMS, GRADES))


def exported(folder, **order):
    ids = [str(n) for n in range(len(TEXTS))]
    return export_search(
        HybridSearcher().fit(TEXTS), folder, item_ids=ids, texts=TEXTS, order=FirstItems(**order)
    )


def test_trees_put_first_what_a_title_is_about(trees, tmp_path):
    order = load_predictor(exported(tmp_path, trees=trees, trees_share=0.75)).first_order
    found = order.scores("mug", TITLES, SCORES)
    assert found.argmax() == 1
    # No time is needed for that.
    np.testing.assert_array_equal(order.scores("mug", TITLES, SCORES, seconds=0), found)


def test_a_share_of_nothing_needs_no_files(trees, tmp_path):
    folder = exported(tmp_path, trees=trees, trees_share=0.0)
    assert load_predictor(folder).first_order is None
    assert not list(folder.glob("pair_ranker*"))


def test_the_reader_of_an_artifact_reads(trees, reader, tmp_path):
    order = load_predictor(
        exported(tmp_path, trees=trees, trees_share=0.5, reader=reader, reading_share=1.0, n_read=3)
    ).first_order
    grades = reader.predict(["mug"] * 3, TITLES)
    np.testing.assert_allclose(order.scores("mug", TITLES, SCORES), grades / grades.max(), atol=1e-4)
    assert order.scores("mug", TITLES, SCORES, seconds=0).argmax() == 1


def test_a_lost_file_is_told_of(trees, tmp_path):
    folder = exported(tmp_path, trees=trees, trees_share=0.5)
    (folder / "pair_ranker.json").unlink()
    with pytest.raises(EcomaiError, match="missing"):
        load_predictor(folder)


@pytest.mark.parametrize(
    ("n_in_time", "expected"),
    [(0, [0, 1, 2, 3]), (2, [1, 0, 2, 3]), (3, [2, 1, 0, 3])],
    ids=["nothing", "some", "all"],
)
def test_what_was_not_read_stays_behind_what_was(n_in_time, expected):
    order = FirstOrder(n_first=4, n_read=3, reading_share=1.0, reader=Slow(n_in_time))
    found = order.scores("mug", ["a", "b", "c", "d"], np.array([4.0, 3.0, 2.0, 1.0]), seconds=0.01)
    assert (-found).argsort(kind="stable").tolist() == expected


def test_scores_of_nothing_stay_nothing():
    order = FirstOrder(n_first=4)
    assert order.scores("mug", ["a", "b"], np.zeros(2)).tolist() == [0, 0]
