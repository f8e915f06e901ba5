"""The exported cross-encoder grades as the library does, keeps its budget, and bears any text."""

import shutil
import time

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.export import export_cross_encoder
from ecomai.learning.export.cross_encoder import narrow_cross_encoder
from ecomai.learning.retrieval.cross_encoder import CrossEncoder
from ecomai.learning.retrieval.judgements import Judgements
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.predictors import load_predictor
from ecomai.serving.predictors.cross_encoder import CrossEncoderPredictor
from tests.learning.tiny import ARCHITECTURES, write_tiny

THINGS = ("dress", "shirt", "shoes", "mug", "plate", "lamp")
TEXTS = [f"{colour} {thing}" for colour in ("red", "blue", "green") for thing in THINGS]
ASKED = [query for query in THINGS for _text in TEXTS], TEXTS * len(THINGS)


def learn(folder):
    rows, items = np.divmod(np.arange(len(THINGS) * len(TEXTS)), len(TEXTS))
    grades = np.repeat([1.0, 0.5, 0.0], len(THINGS))[items].astype(np.float32)
    model = CrossEncoder(
        str(folder), n_frozen_layers=0, max_epochs=8, learning_rate=1e-2, is_narrow=False, device="cpu"
    )
    return model.fit(THINGS, TEXTS, Judgements(rows, items, grades))


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def model(request, tmp_path_factory):
    """Of architectures that number the two texts, and that do not."""
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny(folder, ARCHITECTURES[request.param])
    return learn(folder)


@pytest.fixture(scope="module")
def exact(model, tmp_path_factory):
    return export_cross_encoder(model, tmp_path_factory.mktemp("exact"))


def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_the_export_grades_as_the_library_does(model, exact):
    served = load_predictor(exact)
    texts = [*TEXTS, "", "🙂", "red " * 5000, "mug, of red; the lamp"]
    for query in ("mug", "lamp for the winter", "", "dress " * 5000):
        expected = model.predict([query] * len(texts), texts)
        np.testing.assert_allclose(served.grade(query, texts), expected, atol=1e-5)
    assert served.grade("mug", []).shape == (0,)


@pytest.mark.parametrize(("most", "precision", "tolerance"), [(0.03, "int8", 0.06), (0, "float32", 1e-5)])
def test_eight_bits_are_taken_only_where_grades_stay(model, exact, tmp_path, most, precision, tolerance):
    forms = narrow_cross_encoder(model, copied(exact, tmp_path), *ASKED, max_difference=most)
    assert [form.name for form in forms] == ["float32", "int8"]
    assert forms[1].grade_difference_p95 > 0
    served = load_predictor(tmp_path / "copy")
    assert served.precision == precision
    expected = model.predict(*ASKED).reshape(len(THINGS), -1)
    for row, query in enumerate(THINGS):
        np.testing.assert_allclose(served.grade(query, TEXTS), expected[row], atol=tolerance)


def test_a_budget_leaves_out_the_last_texts(exact):
    served = load_predictor(exact)
    everything = served.grade("mug", TEXTS * 100)
    started = time.perf_counter()
    some = served.grade("mug", TEXTS * 100, budget_seconds=0.02)
    assert time.perf_counter() - started < 0.5  # a busy machine is slow
    n = int(np.isfinite(some).sum())
    assert 0 < n < len(some)
    assert np.isnan(some[n:]).all()
    np.testing.assert_array_equal(some[:n], everything[:n])
    assert np.isfinite(served.grade("mug", TEXTS, budget_seconds=60)).all()


def test_it_may_lie_in_another_artifact(model, exact, tmp_path):
    folder = copied(exact, tmp_path)
    (folder / "predictor.json").write_text('{"kind": "search", "format_version": 1}')
    assert CrossEncoderPredictor.load(folder).grade("mug", TEXTS).shape == (len(TEXTS),)


def test_pairs_that_are_none_are_refused(model, tmp_path):
    with pytest.raises(InvalidDataError, match="no pairs"):
        export_cross_encoder(model, tmp_path, queries=["mug"], texts=[])


@pytest.mark.parametrize("name", ["cross_encoder.json", "cross_encoder.onnx", "cross_encoder_tokenizer.json"])
def test_a_broken_artifact_is_refused_with_a_sentence(exact, tmp_path, name):
    folder = copied(exact, tmp_path)
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableArtifactError):
        load_predictor(folder)
    path.unlink()
    with pytest.raises(UnreadableArtifactError, match="missing"):
        load_predictor(folder)
