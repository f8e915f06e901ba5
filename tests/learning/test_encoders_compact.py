"""A smaller encoder that answers as a larger one does, and what it costs and gains."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ecomai.learning.encoders.adapted import AdaptedTextEncoder
from ecomai.learning.encoders.compact import CompactTextEncoder
from ecomai.learning.encoders.item_judge import ItemJudge
from ecomai.learning.encoders.pretrained import PretrainedTextEncoder
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import leave_last_out

from .tiny import ARCHITECTURES, VOCABULARY, write_tiny

TEXTS = [
    f"{colour} {thing} {season}"
    for thing in ("dress", "mug", "lamp", "plate", "cable")
    for colour in ("red", "blue", "green")
    for season in ("", "for summer", "of winter")
]
OTHER = "shirt for the shoes"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {name: write_tiny(tmp_path_factory.mktemp(name), config) for name, config in ARCHITECTURES.items()}


def compact(model: str, **settings: Any) -> CompactTextEncoder:
    return CompactTextEncoder(model, device="cpu", **({"n_layers": None} | settings)).fit(TEXTS)


@pytest.mark.parametrize("architecture", ["bert", "mpnet"])
def test_words_of_the_shop_are_kept_and_their_vectors_unchanged(
    folders: dict[str, str], architecture: str, tmp_path: Path
) -> None:
    published = PretrainedTextEncoder(folders[architecture], device="cpu").fit()
    small = compact(folders[architecture])
    np.testing.assert_allclose(small.encode(TEXTS), published.encode(TEXTS), atol=1e-6)
    kept = set(small.tokenizer.get_vocab())
    assert "dress" in kept
    assert "shirt" not in kept
    assert small.network.backbone.config.vocab_size == len(kept) < len(VOCABULARY)
    loaded = CompactTextEncoder.load(small.save(tmp_path))
    np.testing.assert_array_equal(loaded.encode([*TEXTS, OTHER]), small.encode([*TEXTS, OTHER]))


def test_words_of_a_multilingual_vocabulary_are_kept_too(folders: dict[str, str]) -> None:
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁{word}" for word in VOCABULARY[4:-3]), "▁", "a", "r"]
    unigram = Tokenizer(models.Unigram([(piece, -float(n)) for n, piece in enumerate(pieces)], unk_id=3))
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.decoder = decoders.Metaspace()
    unigram.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    teacher = PretrainedTextEncoder(folders["bert"], device="cpu").fit()
    teacher.tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=unigram, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )
    small = CompactTextEncoder(n_layers=None, device="cpu").fit(TEXTS, teacher=teacher)
    np.testing.assert_allclose(small.encode(TEXTS), teacher.encode(TEXTS), atol=1e-6)
    assert len(small.tokenizer) < len(pieces)


def test_a_student_with_fewer_layers_learns_the_teachers_vectors(tmp_path: Path) -> None:
    config = copy.deepcopy(ARCHITECTURES["bert"])
    config.initializer_range = 0.3  # so that a layer has something to say
    model = write_tiny(tmp_path / "model", config)
    taught, untaught = (
        compact(model, n_layers=1, max_epochs=n_epochs, learning_rate=rate)
        for n_epochs, rate in ((30, 0.003), (1, 1e-9))
    )
    assert taught.trade_offs_[1]["cosine"] > untaught.trade_offs_[1]["cosine"] + 0.02
    assert taught.trade_offs_[1]["size_mb"] < taught.trade_offs_[0]["size_mb"]
    assert taught.trade_offs_[0]["cosine"] == pytest.approx(1, abs=1e-4)


def test_a_student_is_saved_and_loaded(folders: dict[str, str], tmp_path: Path) -> None:
    small = compact(folders["modernbert"], n_layers=1, max_epochs=1)
    loaded = CompactTextEncoder.load(small.save(tmp_path))
    np.testing.assert_array_equal(loaded.encode(TEXTS), small.encode(TEXTS))
    assert loaded.trade_offs_ == small.trade_offs_


@pytest.mark.parametrize("architecture", ["bert", "distilbert"])
def test_the_feed_forward_units_that_matter_are_kept(
    folders: dict[str, str], architecture: str, tmp_path: Path
) -> None:
    small = compact(folders[architecture], feed_forward_share=0.5, max_epochs=1, is_vocabulary_pruned=False)
    assert small.trade_offs_[1]["cosine"] > 0.95
    loaded = CompactTextEncoder.load(small.save(tmp_path))
    np.testing.assert_array_equal(loaded.encode(TEXTS), small.encode(TEXTS))


def test_an_adapted_encoder_can_be_the_teacher_and_the_task_is_judged(folders: dict[str, str]) -> None:
    shop = leave_last_out(Interactions.from_sequences([[0, 1, 2], [3, 4, 5], [6, 7, 8]], n_items=len(TEXTS)))
    for kind in ("full", "bottleneck"):
        teacher = AdaptedTextEncoder(folders["bert"], kind=kind, learning_rate=0.1, device="cpu")
        teacher.fit(TEXTS, shop.train)
        small = CompactTextEncoder(n_layers=1, device="cpu")
        small.fit(TEXTS, teacher=teacher, judge=ItemJudge(shop, TEXTS))
        assert set(small.trade_offs_[1]) == {
            "encoder", "size_mb", "texts_per_second", "cosine", "mrr@10", "recall@10"
        }  # fmt: skip
        assert not any("bottleneck" in name for name in small.network.state_dict())


def test_what_cannot_be_pruned_is_refused(folders: dict[str, str]) -> None:
    with pytest.raises(InvalidDataError, match="not two matrices"):
        compact(folders["modernbert"], feed_forward_share=0.5)
    with pytest.raises(InvalidDataError, match="from 1 to 2"):
        compact(folders["bert"], n_layers=3)
    with pytest.raises(InvalidDataError, match="letter"):
        CompactTextEncoder(folders["bert"], device="cpu").fit(["", " ", "!!"])
