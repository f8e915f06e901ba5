"""The exported trees over pairs grade as the library does."""

import json

import numpy as np
import pytest

from ecomai.learning.export import export_pair_ranker
from ecomai.learning.retrieval.judgements import Judgements
from ecomai.learning.retrieval.pair_ranker import PairRanker
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.predictors import load_predictor

THINGS = ("mug", "lamp", "chair", "table", "hammer", "bottle")
TEXTS = [f"{colour} {thing} for tea, 12 oz" for thing in THINGS for colour in ("red", "blue", "green")]


@pytest.fixture
def model():
    rows, items = np.divmod(np.arange(len(THINGS) * len(TEXTS)), len(TEXTS))
    cosines = np.random.default_rng(1).random(len(rows))
    grades = 0.7 * (rows == items // 3) + 0.3 * cosines
    judgements = Judgements(rows, items, grades.astype(np.float32))
    return PairRanker(n_trees=20, n_threads=1).fit(TEXTS, THINGS, judgements, cosines=cosines)


def test_the_export_grades_as_the_library_does(model, tmp_path):
    served = load_predictor(export_pair_ranker(model, tmp_path))
    texts = [*TEXTS, "", "🙂", "mug " * 5000]
    cosines = np.linspace(-1, 1, len(texts)).astype(np.float32)
    for query, typed in (("mug", "mgu"), ("blue lamp 12", ""), ("", "!!!")):
        for near in (cosines, None):
            expected = model.predict(
                [query] * len(texts), texts, typed=[typed or query] * len(texts), cosines=near
            )
            found = served.grade(query, texts, typed=typed, cosines=near)
            np.testing.assert_allclose(found, expected, atol=1e-5)
    assert served.grade("mug", []).shape == (0,)


def test_trees_of_other_columns_are_refused(model, tmp_path):
    path = export_pair_ranker(model, tmp_path) / "pair_ranker.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "columns": ["cosine"]}))
    with pytest.raises(UnreadableArtifactError, match="other columns"):
        load_predictor(tmp_path)
    path.unlink()
    with pytest.raises(UnreadableArtifactError, match="missing"):
        load_predictor(tmp_path)
