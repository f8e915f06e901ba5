"""Files that are missing, cut or of another make: a sentence that names them, and what served goes on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.encoders.pretrained import PretrainedTextEncoder
from ecomai.learning.export import export_text_encoder
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.predictors import load_predictor
from tests.learning.tiny import write_tiny_bert


@pytest.fixture(scope="module")
def transformer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transformer")
    encoder = PretrainedTextEncoder(write_tiny_bert(folder / "tiny"), device="cpu").fit()
    return export_text_encoder(encoder, folder / "artifact")


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    return lambda folder: Path(shutil.copytree(folder, tmp_path / "copy"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def remove(path: Path) -> None:
    path.unlink()


def write_other(path: Path) -> None:
    path.write_text("[]")


@pytest.mark.parametrize(
    ("name", "damage", "sentence"),
    [
        ("text_encoder_tokenizer.json", remove, r"text_encoder_tokenizer\.json is missing"),
        ("text_encoder_tokenizer.json", cut, r"text_encoder_tokenizer\.json is damaged"),
        ("text_encoder_tokenizer.json", write_other, r"text_encoder_tokenizer\.json is no tokenizer"),
        ("text_encoder.onnx", remove, r"text_encoder\.onnx is missing"),
        ("text_encoder.onnx", cut, r"ONNX Runtime cannot read text_encoder\.onnx"),
    ],
)
def test_a_damaged_text_encoder_is_named(
    transformer_folder: Path, copy_of: Any, name: str, damage: Callable[[Path], None], sentence: str
) -> None:
    folder = copy_of(transformer_folder)
    damage(folder / name)
    with pytest.raises(UnreadableArtifactError, match=sentence):
        load_predictor(folder)


@pytest.mark.parametrize(
    ("name", "damage", "sentence"),
    [
        ("items.safetensors", remove, r"items\.safetensors is missing"),
        ("items.safetensors", cut, r"items\.safetensors is damaged"),
        ("user_encoder.onnx", cut, r"ONNX Runtime cannot read user_encoder\.onnx"),
        ("items.json", cut, r"items\.json is damaged"),
        ("items.json", write_other, "name 0 distinct items and hold 6 vectors"),
    ],
)
def test_a_damaged_recommender_is_named(
    next_item_folder: Path, copy_of: Any, name: str, damage: Callable[[Path], None], sentence: str
) -> None:
    folder = copy_of(next_item_folder)
    damage(folder / name)
    with pytest.raises(UnreadableArtifactError, match=sentence):
        load_predictor(folder)


@pytest.mark.parametrize("name", ["predictor.json", "text_encoder.json"])
def test_an_artifact_of_another_format_asks_for_a_new_training(
    transformer_folder: Path, next_item_folder: Path, copy_of: Any, name: str
) -> None:
    folder = copy_of(transformer_folder if name.startswith("text") else next_item_folder)
    written = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**written, "format_version": 99}))
    with pytest.raises(UnreadableArtifactError, match=r"format 99, and format [123] is needed.*Train"):
        load_predictor(folder)


def test_vectors_of_another_catalogue_are_refused(similar_items_folder: Path, copy_of: Any) -> None:
    """Items that were added or removed after the vectors were written must not shift the others."""
    folder = copy_of(similar_items_folder)
    arrays = load_file(folder / "neighbours.safetensors")
    save_file({**arrays, "text_vectors": arrays["text_vectors"][:-1]}, folder / "neighbours.safetensors")
    with pytest.raises(UnreadableArtifactError, match="6 distinct items and hold 5 vectors"):
        load_predictor(folder)


def test_a_history_of_another_versions_vocabulary_is_answered_by_what_is_known(
    next_item_folder: Path,
) -> None:
    predictor: Any = load_predictor(next_item_folder)
    np.testing.assert_array_equal(
        predictor.scores([["gone", "item-1", "came since"]]), predictor.scores([["item-1"]])
    )


def test_the_other_parts_of_a_damaged_artifact_do_not_hide_the_fault(
    copy_of: Any, encoder: CharNgramTextEncoder, tmp_path: Path
) -> None:
    folder = copy_of(export_text_encoder(encoder, tmp_path / "ngrams"))
    cut(folder / "text_encoder_pieces.safetensors")
    with pytest.raises(UnreadableArtifactError, match=r"text_encoder_pieces\.safetensors is damaged"):
        load_predictor(folder)
