"""A smaller text encoder is taken only where its vectors stay what they were."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from ecomai.learning import export
from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.encoders.pretrained import PretrainedTextEncoder
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.export import int8, quantization

WORDS = ("red", "blue", "dress", "shirt", "usb", "cable", "wireless", "summer", "mug", "long")
TEXTS = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS[:2]]
FORMS = ["float32", "int8", "int8_without_narrowing", "int8_dynamic", "int8_dynamic_without_ffn"]


@pytest.fixture(scope="module")
def exported(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    encoder = PretrainedTextEncoder(tiny_model, max_length=16, device="cpu").fit()
    return export.export_text_encoder(encoder, tmp_path_factory.mktemp("exported") / "artifact")


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "artifact"))


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "TURNS", 1)


def encode(folder: Path, texts: list[str]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(folder / quantization.GRAPH_FILE))
    return session.run(None, quantization.Tokens(folder).feeds(texts))[0]


def test_integers_keep_the_vectors_and_do_not_depend_on_the_batch(folder: Path, tmp_path: Path) -> None:
    tokens, target = quantization.Tokens(folder), tmp_path / "int8.onnx"
    int8.quantize_statically(folder / quantization.GRAPH_FILE, target, tokens.batches(TEXTS[::3]))
    session = onnxruntime.InferenceSession(str(target))
    together = session.run(None, tokens.feeds(TEXTS[:32]))[0]
    assert (together * encode(folder, TEXTS[:32])).sum(1).min() > 0.99
    for row in (0, 31):
        alone = session.run(None, tokens.feeds([TEXTS[row]]))[0]
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


def test_every_linear_map_becomes_integers_but_those_that_are_kept(folder: Path, tmp_path: Path) -> None:
    source, target = folder / quantization.GRAPH_FILE, tmp_path / "int8.onnx"
    maps = int8.linear_maps(source)
    kept = next(iter(maps))
    int8.quantize_statically(source, target, quantization.Tokens(folder).batches(TEXTS), is_kept=[kept])
    assert list(int8.linear_maps(target)) == [kept]
    assert len(maps) > 1


def test_smoothing_evens_out_what_reaches_far() -> None:
    inputs = np.array([[100.0, 1.0], [-50.0, 0.5]], dtype=np.float32)
    factors = int8.smoothing_factors(inputs, np.ones((2, 3), dtype=np.float32))
    spread = np.abs(inputs).max(0) / factors
    assert spread[0] / spread[1] < 5
    assert factors.prod() == pytest.approx(1)


def test_the_fastest_form_that_passes_is_taken_and_named(folder: Path) -> None:
    before = (folder / quantization.GRAPH_FILE).read_bytes()
    found = quantization.quantize_text_encoder(folder, TEXTS, min_cosine_p5=0.9, min_neighbours_kept=0.0)
    assert [one.name for one in found] == FORMS
    assert found[0].cosine_min == pytest.approx(1)
    assert found[0].neighbours_kept == 1
    fastest = max(
        (one for one in found if min(one.cosine_p5, one.batch_cosine_min) >= 0.9),
        key=lambda one: one.texts_per_second_32,
    )
    described = json.loads((folder / "text_encoder.json").read_text())
    assert described["pretrained"]["precision"] == fastest.name
    assert ((folder / quantization.GRAPH_FILE).read_bytes() == before) == (fastest.name == "float32")
    rows = json.loads(json.dumps(quantization.as_card(found, folder)))
    assert [row["name"] for row in rows if row["is_chosen"]] == [fastest.name]
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".onnx", ".safetensors"}


def test_where_no_form_passes_the_exact_one_stays(folder: Path) -> None:
    before = (folder / quantization.GRAPH_FILE).read_bytes()
    quantization.quantize_text_encoder(folder, TEXTS, min_cosine_p5=1.1)
    assert (folder / quantization.GRAPH_FILE).read_bytes() == before
    described = json.loads((folder / "text_encoder.json").read_text())
    assert described["pretrained"]["precision"] == "float32"


def test_too_few_texts_and_encoders_without_a_transformer_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError, match="at least 64"):
        quantization.quantize_text_encoder(folder, TEXTS[:10] * 100)
    ngrams = export.export_text_encoder(CharNgramTextEncoder(dim=4).fit(TEXTS), tmp_path / "ngrams")
    with pytest.raises(InvalidDataError, match="transformer"):
        quantization.quantize_text_encoder(ngrams, TEXTS)
