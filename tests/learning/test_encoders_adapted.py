"""An encoder adapted to a shop: what is trained, what is shared, what is kept, what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ecomai.learning.callbacks import Callback, Curve
from ecomai.learning.encoders.adapted import AdaptedTextEncoder, adapt_to_shop
from ecomai.learning.encoders.pretrained import PretrainedTextEncoder
from ecomai.learning.encoders.routed import RoutedTextEncoder
from ecomai.learning.exceptions import InvalidDataError, MissingEncoderError, TrainingCancelledError
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import Split, leave_last_out

from .tiny import ARCHITECTURES, write_tiny

THINGS = ("dress", "shirt", "shoes", "headphones", "cable", "mug")
TEXTS = [
    f"{colour} {thing}, {season}"
    for thing in THINGS
    for colour in ("red", "blue", "green")
    for season in ("summer", "winter")
]
SETTINGS: dict[str, Any] = {
    "rank": 4, "max_epochs": 2, "train_batch_size": 16, "learning_rate": 0.01, "patience": 9, "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {name: write_tiny(tmp_path_factory.mktemp(name), config) for name, config in ARCHITECTURES.items()}


@pytest.fixture(scope="module")
def shop() -> Split:
    """40 customers who each take five things of one kind, whatever their colour."""
    rng = np.random.default_rng(0)
    kinds = np.array([THINGS.index(text.split()[1].strip(",")) for text in TEXTS])
    rows = [rng.permutation(np.flatnonzero(kinds == user % len(THINGS)))[:5] for user in range(40)]
    return leave_last_out(Interactions.from_sequences(rows, n_items=len(TEXTS)))


def fit(model: str, shop: Split, **settings: Any) -> AdaptedTextEncoder:
    return AdaptedTextEncoder(model, **(SETTINGS | settings)).fit(TEXTS, shop.train, valid=shop)


# -- what is trained ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "kind", "layers"),
    [
        ("bert", "full", "all"), ("modernbert", "full", 1), ("mpnet", "lora", "all"),
        ("distilbert", "bottleneck", 1), ("bert", "full", "head"),
    ],
)  # fmt: skip
def test_what_goes_together_comes_together(
    folders: dict[str, str], shop: Split, architecture: str, kind: str, layers: Any
) -> None:
    encoder = fit(folders[architecture], shop, kind=kind, layers=layers, learning_rate=0.03)
    assert max(encoder.judged_[1:]) > encoder.judged_[0] + 0.02
    assert encoder.best_epoch_ is not None


@pytest.mark.parametrize("kind", ["adalora", "prefix"])
def test_what_learns_slowly_learns_too(folders: dict[str, str], shop: Split, kind: str) -> None:
    published = PretrainedTextEncoder(folders["distilbert"], device="cpu").fit().encode(TEXTS)
    encoder = fit(folders["distilbert"], shop, kind=kind, learning_rate=0.05)
    assert np.abs(encoder.encode(TEXTS) - published).max() > 1e-3


def test_only_the_layers_asked_for_are_trained(folders: dict[str, str], shop: Split) -> None:
    n_trained = {
        layers: fit(folders["distilbert"], shop, kind="lora", layers=layers, max_epochs=1).n_trained_
        for layers in ("all", 1)
    }
    assert n_trained["all"] == 2 * n_trained[1]


@pytest.mark.parametrize(
    ("architecture", "pretraining"),
    [("modernbert", "masked"), ("mpnet", "contrastive"), ("distilbert", "both")],
)
def test_pretraining_lowers_its_loss(folders: dict[str, str], architecture: str, pretraining: str) -> None:
    curve = Curve()
    AdaptedTextEncoder(
        folders[architecture], kind="full", pretraining=pretraining, pretraining_epochs=8, **SETTINGS
    ).fit(TEXTS, callbacks=[curve])
    losses = [point["loss"] for _step, point in curve.points if "loss" in point]
    assert np.mean(losses[-6:]) < np.mean(losses[:6]) - 0.05


def test_reviews_and_queries_are_pretrained_on_too(folders: dict[str, str]) -> None:
    def pretrain(*unlabelled: str) -> np.ndarray:
        encoder = AdaptedTextEncoder(folders["bert"], pretraining="masked", **SETTINGS)
        return encoder.fit(TEXTS, unlabelled=unlabelled).encode(TEXTS)

    assert np.abs(pretrain() - pretrain("the lamp of winter", "lamp for the plate")).max() > 0


def test_the_same_seed_gives_the_same_vectors(folders: dict[str, str], shop: Split) -> None:
    first, second, other = (
        fit(folders["bert"], shop, max_epochs=1, random_state=seed).encode(TEXTS) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-4


def test_training_stops_when_the_partner_is_found_no_better(folders: dict[str, str], shop: Split) -> None:
    encoder = fit(folders["bert"], shop, max_epochs=8, patience=1, learning_rate=1e-9)
    assert len(encoder.judged_) == 3  # before, the first epoch, and one that was no better


def test_progress_runs_over_both_stages_and_a_callback_may_end_it(
    folders: dict[str, str], shop: Split
) -> None:
    class Watch(Callback):
        seen: list[float] = []
        starts: list[int] = []

        def on_start(self, step: int) -> None:
            self.starts.append(step)

        def on_progress(self, progress: float) -> None:
            self.seen.append(progress)

        def should_stop(self) -> bool:
            return bool(self.seen) and self.seen[-1] > 0.75

    with pytest.raises(TrainingCancelledError):
        AdaptedTextEncoder(folders["bert"], pretraining="masked", **SETTINGS).fit(
            TEXTS, shop.train, callbacks=[Watch()]
        )
    assert Watch.seen == sorted(Watch.seen)
    assert Watch.starts == [0, 3]  # 36 texts in batches of 16, then the items
    assert Watch.seen[0] < 0.5 < Watch.seen[-1] < 1


# -- adapters, merged or kept -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lora", "adalora"])
def test_merged_adapters_answer_as_those_kept_apart(
    folders: dict[str, str], shop: Split, kind: str, tmp_path: Path
) -> None:
    kept = fit(folders["modernbert"], shop, kind=kind, is_merged=False, max_epochs=1)
    vectors = kept.encode(TEXTS)
    merged = AdaptedTextEncoder.load(kept.save(tmp_path), is_merged=True)
    np.testing.assert_allclose(merged.encode(TEXTS), vectors, atol=1e-5)
    np.testing.assert_allclose(kept.merge_adapters().encode(TEXTS), vectors, atol=1e-5)
    assert not any("lora" in name for name, _weight in kept.network.named_parameters())


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "adalora"}, {"kind": "prefix"}, {"kind": "bottleneck"}, {"layers": "head"},
        {"kind": "full", "layers": 1}, {"kind": "full"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)  # fmt: skip
def test_every_kind_is_saved_and_loaded(
    folders: dict[str, str], shop: Split, settings: dict[str, Any], tmp_path: Path
) -> None:
    encoder = fit(folders["distilbert"], shop, max_epochs=1, **settings)
    loaded = AdaptedTextEncoder.load(encoder.save(tmp_path))
    np.testing.assert_array_equal(loaded.encode(TEXTS), encoder.encode(TEXTS))
    assert loaded.judged_ == encoder.judged_
    files = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert files <= {".json", ".safetensors"}


def test_only_the_adapter_is_stored(folders: dict[str, str], shop: Split, tmp_path: Path) -> None:
    fit(folders["bert"], shop, rank=1, max_epochs=1).save(tmp_path)
    stored = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert stored < Path(folders["bert"], "model.safetensors").stat().st_size / 10
    assert not list(tmp_path.rglob("tokenizer.json"))


def test_an_adapter_is_not_put_onto_another_transformer(
    folders: dict[str, str], shop: Split, tmp_path: Path
) -> None:
    fit(folders["bert"], shop, max_epochs=1).save(tmp_path / "adapter")
    other = write_tiny(tmp_path / "other", ARCHITECTURES["bert"], random_state=5)
    with pytest.raises(MissingEncoderError, match="trained on another encoder"):
        AdaptedTextEncoder.load(tmp_path / "adapter", model=other)
    adapter = tmp_path / "adapter" / "adapter.safetensors"
    adapter.write_bytes(adapter.read_bytes()[:100])
    with pytest.raises(MissingEncoderError, match="cut off"):
        AdaptedTextEncoder.load(tmp_path / "adapter")


def test_training_leaves_the_transformer_it_stands_on_alone(folders: dict[str, str], shop: Split) -> None:
    published = PretrainedTextEncoder(folders["bert"], device="cpu").fit()
    before = published.encode(TEXTS)
    for kind in ("lora", "full"):
        fit(folders["bert"], shop, max_epochs=1, kind=kind)
        np.testing.assert_array_equal(published.encode(TEXTS), before)


def test_encoders_on_one_base_hold_its_weights_once(
    folders: dict[str, str], shop: Split, tmp_path: Path
) -> None:
    fit(folders["bert"], shop, rank=1, max_epochs=1).save(tmp_path)
    published = PretrainedTextEncoder(folders["bert"], device="cpu").fit()
    first = AdaptedTextEncoder.load(tmp_path, is_merged=False)
    second = AdaptedTextEncoder.load(tmp_path, is_merged=False)
    one, all_three = memory(published), memory(published, first, second)
    assert all_three < 1.2 * one
    # The words, most of a multilingual encoder, are shared by merged encoders too.
    words = published.network.backbone.get_input_embeddings().weight
    merged = first.merge_adapters().network.backbone.get_input_embeddings().weight
    assert merged.data_ptr() == words.data_ptr()


def memory(*encoders: PretrainedTextEncoder) -> int:
    """Bytes that encoders hold together, shared ones counted once."""
    blocks = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for encoder in encoders
        for tensor in _tensors(encoder.network)
    }
    return sum(blocks.values())


def _tensors(network: torch.nn.Module) -> Iterator[torch.Tensor]:
    yield from network.parameters()
    yield from network.buffers()


def test_texts_are_routed_to_an_adapted_encoder(folders: dict[str, str], shop: Split, tmp_path: Path) -> None:
    adapted = fit(folders["bert"], shop, max_epochs=1)
    routed = RoutedTextEncoder(folders["bert"], scripts=("latin",), dim=4, device="cpu")
    routed.fit([*TEXTS, "红色连衣裙", "蓝牙耳机"], pretrained=adapted)
    np.testing.assert_array_equal(routed.encode(TEXTS)[:, :32], adapted.encode(TEXTS))
    loaded = RoutedTextEncoder.load(routed.save(tmp_path))
    assert isinstance(loaded.pretrained_, AdaptedTextEncoder)
    np.testing.assert_array_equal(loaded.encode(TEXTS), routed.encode(TEXTS))


def test_adapting_needs_no_more_than_texts_and_what_was_taken(folders: dict[str, str], shop: Split) -> None:
    encoder = adapt_to_shop(TEXTS, shop.train, model=folders["bert"], **SETTINGS)
    assert len(encoder.judged_) == 3


# -- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "pretraining", "message"),
    [
        ([], "masked", "letter"),
        (["", "   ", "!!"], "masked", "letter"),
        (["mug"], "contrastive", "two different texts"),
        (["mug", "mug", "mug"], "both", "two different texts"),
        (["mug", None], "masked", "list of strings"),
        (["mug", float("nan")], "masked", "list of strings"),
        ("mug", "masked", "list of strings"),
        (["mug"], "none", "nothing to learn"),
        (["mug"], "guessing", "pretraining must be one of"),
    ],
)
def test_texts_that_teach_nothing_are_refused(
    folders: dict[str, str], texts: Any, pretraining: str, message: str
) -> None:
    with pytest.raises(InvalidDataError, match=message):
        AdaptedTextEncoder(folders["bert"], pretraining=pretraining, device="cpu").fit(texts)


def test_items_that_never_go_together_are_refused(folders: dict[str, str]) -> None:
    encoder = AdaptedTextEncoder(folders["bert"], device="cpu")
    with pytest.raises(InvalidDataError, match="goes together"):
        encoder.fit(["mug", "lamp"], Interactions.from_sequences([[0], [1]], n_items=2))
    with pytest.raises(InvalidDataError, match="goes together"):  # one text, many items
        encoder.fit(["mug", "mug"], Interactions.from_sequences([[0, 1]], n_items=2))
    with pytest.raises(InvalidDataError, match="not of 3"):
        encoder.fit(["mug", "lamp", "plate"], Interactions.from_sequences([[0, 1]], n_items=2))


def test_kinds_and_layers_that_do_not_exist_are_refused(folders: dict[str, str], shop: Split) -> None:
    with pytest.raises(InvalidDataError, match="kind must be one of"):
        fit(folders["bert"], shop, kind="magic")
    for layers in (0, 3, "top"):
        with pytest.raises(InvalidDataError, match="number from 1 to 2"):
            fit(folders["bert"], shop, layers=layers)
    with pytest.raises(InvalidDataError, match="does not take a prefix"):
        fit(folders["mpnet"], shop, kind="prefix")


def test_empty_items_among_others_are_passed_over(folders: dict[str, str], shop: Split) -> None:
    texts = ["", *TEXTS[1:]]
    encoder = AdaptedTextEncoder(folders["bert"], **(SETTINGS | {"max_epochs": 1})).fit(texts, shop.train)
    vectors = encoder.encode(texts)
    assert not vectors[0].any()
    assert np.isfinite(vectors).all()


def test_a_very_long_text_costs_no_more_than_its_beginning(folders: dict[str, str]) -> None:
    long = "red dress for the summer " * 4000  # 100,000 characters
    encoder = AdaptedTextEncoder(folders["bert"], pretraining="both", max_length=16, **SETTINGS)
    encoder.fit([long, *TEXTS])
    np.testing.assert_array_equal(encoder.encode([long]), encoder.encode([long[: 32 * 16]]))
