"""Picture encoders: loading, learning, files, and the same answers without torch."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil

from ecomai.inference.pictures import UnreadablePictureError, open_picture
from ecomai.learning.encoders.augmentation import changed
from ecomai.learning.encoders.images import PretrainedImageEncoder, preparation_of
from ecomai.learning.encoders.picture_pairs import PicturePairs
from ecomai.learning.encoders.small_images import SmallImageEncoder
from ecomai.learning.exceptions import InvalidDataError, MissingEncoderError
from ecomai.learning.export.image_encoder import export_image_encoder
from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.predictors import load_predictor
from tests.learning.pictures import QUICK, pictures_and_texts, share_that_finds_its_own, write_tiny_pair

TEXTS = ["red dress", "blue mug", "a lamp for the summer", "?!"]


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def as_bytes(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="module", params=["clip", "siglip"])
def tiny_pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tiny_pair(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def products() -> tuple[list[Image.Image], list[str]]:
    return pictures_and_texts(20)


@pytest.fixture(scope="module")
def small(products: tuple[list[Image.Image], list[str]]) -> SmallImageEncoder:
    return SmallImageEncoder(**QUICK).fit(*products)


# -- learning -----------------------------------------------------------------------------------


def test_a_small_encoder_learns_until_a_picture_finds_its_own_product(
    small: SmallImageEncoder, products: tuple[list[Image.Image], list[str]]
) -> None:
    """What it is shown is another photograph of the product, and words that it learned from."""
    pictures, texts = products
    rng = np.random.default_rng(1)
    photographs = [changed(picture, rng, 0.5) for picture in pictures]
    untaught = SmallImageEncoder(**{**QUICK, "max_epochs": 0}).fit(*products)
    before, after = (
        (
            share_that_finds_its_own(encoder.encode(photographs), encoder.encode(pictures)),
            share_that_finds_its_own(encoder.encode_texts(texts), encoder.encode(pictures)),
        )
        for encoder in (untaught, small)
    )
    assert before[0] <= 0.6
    assert before[1] <= 0.2
    assert after[0] >= 0.9
    assert after[1] >= 0.9


def test_a_published_encoder_learns_from_the_shops_pictures(
    tiny_pair: str, products: tuple[list[Image.Image], list[str]]
) -> None:
    # The tiny tokenizer knows five words; the products' own texts would be one and the same to it.
    texts = ["red", "blue", "dress", "mug", "lamp", "red dress", "blue mug", "red lamp"]
    pictures = products[0][: len(texts)]
    published = PretrainedImageEncoder(tiny_pair, device="cpu").fit(pictures, texts)
    taught = PretrainedImageEncoder(
        tiny_pair, max_epochs=100, batch_size=8, learning_rate=1e-2, augmentation=0.2, device="cpu"
    ).fit(pictures, texts)
    shares = [
        share_that_finds_its_own(encoder.encode_texts(texts), encoder.encode(pictures))
        for encoder in (published, taught)
    ]
    assert shares[0] <= 0.25
    assert shares[1] >= 0.75


def test_only_the_last_matrices_learn_where_that_is_asked_for(tmp_path: Path) -> None:
    model = write_tiny_pair(tmp_path, "clip")
    pictures = [noise(40, 40, seed) for seed in range(4)]
    texts = ["red dress", "blue mug", "lamp", "red lamp"]
    before = PretrainedImageEncoder(model, device="cpu").fit().pictures.backbone.state_dict()
    encoder = PretrainedImageEncoder(
        model, max_epochs=2, trained="projections", learning_rate=0.1, device="cpu"
    )
    after = encoder.fit(pictures, texts).pictures.backbone.state_dict()
    moved = {name.split(".")[0] for name in before if not np.array_equal(before[name], after[name])}
    assert moved == {"visual_projection", "text_projection"}


def test_items_that_are_described_alike_never_count_as_wrong() -> None:
    pairs = PicturePairs(
        [noise(8, 8, seed) for seed in range(4)], ["mug", "mug", "", ""],
        prepare=preparation_of(CLIPImageProcessorPil()), strength=0.5, random_state=0,
        tokenize=lambda texts: torch.zeros(len(texts), 3, dtype=torch.int64),
    )  # fmt: skip
    batch = pairs.__getitems__([0, 1, 2, 3])
    wrong = ~np.eye(4, dtype=bool)
    wrong[0, 1] = wrong[1, 0] = False  # two without a text are two different things
    np.testing.assert_array_equal(batch["is_allowed"].numpy() & ~np.eye(4, dtype=bool), wrong)
    assert batch["has_text"].tolist() == [True, True, False, False]


def test_what_has_nothing_in_common_has_a_cosine_near_zero(small: SmallImageEncoder, tiny_pair: str) -> None:
    """Published encoders put all pictures into one cone; counted from its middle they are far apart."""
    pictures = [noise(32, 32, seed) for seed in range(40)]
    encoder = PretrainedImageEncoder(tiny_pair, device="cpu").fit(pictures, ["mug"] * 40)
    cosines = encoder.encode(pictures) @ encoder.encode(pictures).T
    assert abs(cosines[~np.eye(40, dtype=bool)].mean()) < 0.05
    uncentred = PretrainedImageEncoder(tiny_pair, device="cpu").fit().encode(pictures)
    assert (uncentred @ uncentred.T)[~np.eye(40, dtype=bool)].mean() > 0.3


# -- loading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "processor",
    [
        CLIPImageProcessorPil(size={"shortest_edge": 24}, crop_size={"height": 24, "width": 24}),
        CLIPImageProcessorPil(size={"shortest_edge": 30}, crop_size={"height": 24, "width": 20}),
        SiglipImageProcessorPil(size={"height": 24, "width": 16}),
    ],
)
@pytest.mark.parametrize("size", [(24, 24), (61, 37), (37, 61), (300, 31)])
def test_pictures_are_prepared_as_transformers_prepares_them(
    processor: object, size: tuple[int, int]
) -> None:
    picture = noise(*size)
    expected = processor([picture], return_tensors="np")["pixel_values"]  # type: ignore[operator]
    np.testing.assert_allclose(preparation_of(processor)([picture]), expected, atol=1e-5)


def test_a_folder_that_holds_no_such_model_is_named(tmp_path: Path, tiny_model: str) -> None:
    for source in (str(tmp_path / "nowhere"), tiny_model):
        with pytest.raises(MissingEncoderError, match="CLIP or SigLIP"):
            PretrainedImageEncoder(source, device="cpu").fit()


def test_weights_that_were_cut_off_are_noticed(tmp_path: Path) -> None:
    model = Path(write_tiny_pair(tmp_path, "clip"))
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(MissingEncoderError, match=str(model)):
        PretrainedImageEncoder(str(model), device="cpu").fit()


def test_each_picture_needs_a_text_and_learning_needs_two(tiny_pair: str) -> None:
    with pytest.raises(InvalidDataError, match="1 texts for 2 pictures"):
        PretrainedImageEncoder(tiny_pair).fit([noise(8, 8), noise(8, 8)], ["mug"])
    with pytest.raises(InvalidDataError, match="at least 2"):
        PretrainedImageEncoder(tiny_pair, max_epochs=1).fit([noise(8, 8)], ["mug"])


# -- files --------------------------------------------------------------------------------------


def test_a_saved_encoder_answers_the_same(tiny_pair: str, tmp_path: Path) -> None:
    pictures = [noise(40, 30, seed) for seed in range(33)]
    encoder = PretrainedImageEncoder(tiny_pair, device="cpu").fit(
        pictures, [TEXTS[row % 4] for row in range(33)]
    )
    loaded = PretrainedImageEncoder.load(encoder.save(tmp_path))
    np.testing.assert_array_equal(loaded.encode(pictures), encoder.encode(pictures))
    np.testing.assert_array_equal(loaded.encode_texts(TEXTS), encoder.encode_texts(TEXTS))


def test_an_exported_encoder_answers_the_same_without_torch(tiny_pair: str, tmp_path: Path) -> None:
    pictures = [noise(40, 30, seed) for seed in range(33)]
    encoder = PretrainedImageEncoder(tiny_pair, device="cpu").fit(
        pictures, [TEXTS[row % 4] for row in range(33)]
    )
    served = load_predictor(export_image_encoder(encoder, tmp_path))
    np.testing.assert_allclose(served.encode(pictures), encoder.encode(pictures), atol=1e-4)
    np.testing.assert_allclose(served.encode_texts(TEXTS), encoder.encode_texts(TEXTS), atol=1e-4)
    assert not served.encode_texts(["?!"]).any()
    assert served.encode([]).shape == (0, served.n_features) == served.encode_texts([]).shape


@pytest.mark.parametrize(
    "name", ["image_encoder.onnx", "image_encoder_words.onnx", "image_encoder_tokenizer.json"]
)
def test_an_artifact_that_lacks_a_file_is_refused(name: str, tmp_path: Path) -> None:
    for present in {"image_encoder.onnx", "image_encoder_words.onnx", "image_encoder_tokenizer.json"} - {
        name
    }:
        (tmp_path / present).touch()
    (tmp_path / "predictor.json").write_text('{"kind": "image_encoder", "format_version": 1}')
    (tmp_path / "image_encoder.json").write_text(json.dumps({"format_version": 1}))
    with pytest.raises(UnreadableArtifactError, match=name):
        load_predictor(tmp_path)


# -- opening ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>not found</html>", "not_a_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_picture"),
        (as_bytes(noise(60, 60))[:3000], "broken"),
        (as_bytes(noise(60, 60), "JPEG")[:900], "broken"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadablePictureError) as caught:
        open_picture(content)
    assert caught.value.reason == reason


def test_a_small_file_with_a_huge_picture_is_not_decoded() -> None:
    bomb = as_bytes(Image.new("1", (20_000, 20_000)))
    assert len(bomb) < 100_000
    with pytest.raises(UnreadablePictureError, match="too_many_pixels"):
        open_picture(bomb)


def test_a_picture_is_turned_as_its_camera_was_held() -> None:
    sent = Image.new("RGB", (40, 20), "white")
    sent.paste("red", (0, 0, 10, 20))  # left, that is on top once it is turned
    exif = Image.Exif()
    exif[0x0112] = 6
    found = open_picture(as_bytes(sent, "JPEG", exif=exif, quality=95))
    assert found.size == (20, 40)
    assert found.getpixel((10, 2))[1] < 60
    assert found.getpixel((10, 37))[1] > 200


def test_what_is_transparent_becomes_white_and_large_pictures_become_small() -> None:
    assert open_picture(as_bytes(Image.new("RGBA", (9, 9), (255, 0, 0, 0)))).getpixel((4, 4)) == (
        255,
        255,
        255,
    )
    assert open_picture(as_bytes(noise(1600, 400), "JPEG")).size == (512, 128)
    for kind in ("GIF", "BMP", "WEBP"):
        assert open_picture(as_bytes(noise(20, 10), kind)).mode == "RGB"
