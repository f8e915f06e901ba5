"""What is exported answers as the model it came from, and nothing else leaves the worker."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load_file

from ecomai.learning import export
from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.encoders.pretrained import PretrainedTextEncoder
from ecomai.learning.exceptions import ExportError, InvalidDataError, NotFittedError
from ecomai.learning.export import graphs
from ecomai.learning.interactions import Interactions
from ecomai.learning.recommenders.item_item import ItemItemRecommender
from ecomai.learning.recommenders.popularity import PopularityRecommender
from ecomai.learning.recommenders.sequence import SequenceRecommender, pad
from ecomai.learning.recommenders.sequence_windows import context_of, pad_rows

OPTIONS = {"dim": 8, "n_layers": 2, "max_length": 6, "max_epochs": 1, "device": "cpu"}
ALLOWED = {".json", ".onnx", ".safetensors"}


@pytest.fixture(scope="module")
def model(loyal_users: Interactions, item_vectors: np.ndarray) -> SequenceRecommender:
    return SequenceRecommender(**OPTIONS).fit(loyal_users, item_vectors)


@pytest.fixture(scope="module")
def artifact(
    model: SequenceRecommender, tiny_encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("next")
    return export.export_next_item(model, folder, item_ids=ids(24), text_encoder=tiny_encoder_folder)


def ids(n: int) -> list[str]:
    return [f"sku-{number}" for number in range(n)]


def run(path: Path, **feeds: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(str(path)).run(None, feeds)[0]


@pytest.mark.parametrize("histories", [[[0]], [[]], [[3, 4, 5], [1], [], [0, 1, 2, 3, 4, 5]], [[7]] * 33])
def test_the_user_encoder_answers_as_the_model(
    artifact: Path, model: SequenceRecommender, histories: list[list[int]]
) -> None:
    items, lengths = pad(Interactions.from_sequences(histories, n_items=24))
    found = run(artifact / "user_encoder.onnx", item_vectors=model.item_vectors_[items], lengths=lengths)
    np.testing.assert_allclose(found, model.user_vectors(histories), atol=1e-5)


def test_an_ensemble_is_exported_as_one_model(loyal_users: Interactions, tmp_path: Path) -> None:
    model = SequenceRecommender(**OPTIONS, n_members=2).fit(loyal_users)
    folder = export.export_next_item(model, tmp_path, item_ids=ids(24))
    items, lengths = pad(Interactions.from_sequences([[3, 4, 5], []], n_items=24))
    found = run(folder / "user_encoder.onnx", item_vectors=model.item_vectors_[items], lengths=lengths)
    np.testing.assert_allclose(found, model.user_vectors([[3, 4, 5], []]), atol=1e-5)


@pytest.fixture(scope="module")
def dated_users(loyal_users: Interactions) -> Interactions:
    """With three kinds of events, at any time within a month."""
    rng = np.random.default_rng(1)
    types = rng.integers(0, 3, loyal_users.n_events)
    ages = np.sort(rng.uniform(0, 30, loyal_users.n_events))[::-1].astype(np.float32)
    return replace(loyal_users, types=types, ages_days=ages)


@pytest.fixture(scope="module")
def context_model(dated_users: Interactions) -> SequenceRecommender:
    # So fast that kinds and times move the answer after few steps.
    options = {**OPTIONS, "max_epochs": 3, "learning_rate": 0.05}
    return SequenceRecommender(**options, has_context=True).fit(dated_users)


def test_kinds_and_times_are_inputs_of_the_graph_as_of_the_model(
    context_model: SequenceRecommender, dated_users: Interactions, tmp_path: Path
) -> None:
    folder = export.export_next_item(context_model, tmp_path, item_ids=ids(24), event_types=("v", "c", "p"))
    asked = dated_users.newest(6)
    items, lengths = pad(asked)
    feeds = {"item_vectors": context_model.item_vectors_[items], "lengths": lengths}
    context = pad_rows(context_of(asked, n_types=3), lengths)
    found = run(folder / "user_encoder.onnx", **feeds, context=context)
    np.testing.assert_allclose(found, context_model.user_vectors(asked), atol=1e-5)
    blind = run(folder / "user_encoder.onnx", **feeds, context=np.zeros_like(context))
    assert np.abs(found - blind).max() > 0.01
    assert json.loads((folder / "predictor.json").read_text())["event_types"] == ["v", "c", "p"]


def test_an_artifact_holds_the_model_to_go_on_from(
    artifact: Path, model: SequenceRecommender, loyal_users: Interactions
) -> None:
    loaded, item_ids = export.load_next_item(artifact, device="cpu")
    assert item_ids == ids(24)
    np.testing.assert_array_equal(loaded.scores(loyal_users), model.scores(loyal_users))


def test_the_files_of_a_text_encoder_are_taken_along(artifact: Path, tiny_encoder_folder: Path) -> None:
    for name in ("text_encoder.onnx", "text_encoder.json", "text_encoder_tokenizer.json"):
        assert (artifact / name).read_bytes() == (tiny_encoder_folder / name).read_bytes()
    assert json.loads((artifact / "predictor.json").read_text())["has_text_encoder"]


def test_each_kind_of_event_needs_a_name(context_model: SequenceRecommender, tmp_path: Path) -> None:
    with pytest.raises(InvalidDataError, match="2 of 3 kinds"):
        export.export_next_item(context_model, tmp_path, item_ids=ids(24), event_types=("v", "c"))


def test_the_item_encoder_answers_as_the_model(
    artifact: Path, model: SequenceRecommender, item_vectors: np.ndarray
) -> None:
    found = run(artifact / "item_encoder.onnx", text_vectors=item_vectors)
    np.testing.assert_allclose(found, model.project_items(item_vectors), atol=1e-5)


def test_items_stand_in_the_order_of_their_ids(artifact: Path, model: SequenceRecommender) -> None:
    assert json.loads((artifact / "items.json").read_text()) == ids(24)
    stored = load_file(artifact / "items.safetensors")["item_vectors"]
    np.testing.assert_array_equal(stored, model.item_vectors_)


def test_a_model_without_texts_exports_no_item_encoder(loyal_users: Interactions, tmp_path: Path) -> None:
    model = SequenceRecommender(**{**OPTIONS, "max_length": 1}).fit(loyal_users)
    export.export_next_item(model, tmp_path, item_ids=ids(24))
    assert not (tmp_path / "item_encoder.onnx").exists()


def test_artifacts_hold_only_files_that_cannot_run_code(
    artifact: Path, loyal_users: Interactions, item_vectors: np.ndarray, tmp_path: Path
) -> None:
    similar = ItemItemRecommender().fit(loyal_users, item_vectors)
    popular = PopularityRecommender().fit(loyal_users)
    export.export_similar_items(similar, tmp_path / "s", item_ids=ids(24), item_vectors=item_vectors)
    export.export_popularity(popular, tmp_path / "p", item_ids=ids(24))
    for folder in (artifact, tmp_path / "s", tmp_path / "p"):
        files = list(folder.iterdir())
        assert files
        assert {path.suffix for path in files} <= ALLOWED
        expected = 3 if folder == artifact else 1
        assert json.loads((folder / "predictor.json").read_text())["format_version"] == expected


def test_a_graph_that_differs_from_its_model_is_refused(
    model: SequenceRecommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "TOLERANCE", -1.0)
    with pytest.raises(ExportError, match=r"user_encoder\.onnx differs"):
        export.export_next_item(model, tmp_path, item_ids=ids(24))


@pytest.mark.parametrize("item_ids", [ids(23), ["same"] * 24])
def test_each_item_needs_an_id_of_its_own(
    model: SequenceRecommender, tmp_path: Path, item_ids: list[str]
) -> None:
    with pytest.raises(InvalidDataError, match="distinct id"):
        export.export_next_item(model, tmp_path, item_ids=item_ids)


def test_what_has_not_learned_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        export.export_popularity(PopularityRecommender(), tmp_path, item_ids=[])
    with pytest.raises(NotFittedError):
        export.export_text_encoder(CharNgramTextEncoder(), tmp_path)


def test_the_same_weights_are_exported_once(tiny_model: str, tmp_path: Path) -> None:
    encoder = PretrainedTextEncoder(tiny_model, max_length=32, device="cpu").fit()
    cache = tmp_path / "cache"
    export.export_text_encoder(encoder, tmp_path / "first", cache=cache)
    (kept,) = cache.iterdir()
    kept.write_bytes(b"the cached graph")
    export.export_text_encoder(encoder, tmp_path / "second", cache=cache)
    assert (tmp_path / "second" / "text_encoder.onnx").read_bytes() == b"the cached graph"


@pytest.mark.parametrize("n_texts", [1, 32])
@pytest.mark.parametrize("text", ["a", "long " * 200], ids=["shortest", "longest"])
def test_the_text_encoder_answers_as_the_model(tiny_encoder_folder: Path, n_texts: int, text: str) -> None:
    encoder, folder = PretrainedTextEncoder.load(tiny_encoder_folder / "saved"), tiny_encoder_folder
    texts = [text, *["a red dress"] * (n_texts - 1)]
    tokens = {name: values.numpy() for name, values in encoder.tokenize(texts).items()}
    np.testing.assert_allclose(run(folder / "text_encoder.onnx", **tokens), encoder.encode(texts), atol=1e-5)


@pytest.fixture(scope="module")
def tiny_encoder_folder(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    encoder = PretrainedTextEncoder(tiny_model, max_length=32, device="cpu").fit()
    folder = export.export_text_encoder(encoder, tmp_path_factory.mktemp("text_encoder"))
    encoder.save(folder / "saved")
    return folder
