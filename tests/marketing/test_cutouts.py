"""Backgrounds of photos: taken away by a network that learned on drawn pictures, approved by a person."""

import io
import json

import numpy as np
import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image, ImageDraw

from ecomai.exceptions import InvalidInputError
from ecomai.generation import pictures as drawing
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.models import PictureDraft
from marketing.services import pictures as service

State, Work = PictureDraft.State, PictureDraft.Work
SIDE, N_STEPS, N_AT_ONCE = 64, 150, 8


def draw_photo(rng: np.random.Generator, size=(SIDE, SIDE)) -> tuple[Image.Image, np.ndarray]:
    """A coloured thing on a grey, uneven ground, and where the thing is."""
    width, height = size
    slope = rng.uniform(-30, 30) * np.linspace(-1, 1, width)[None, :, None]
    grey = rng.uniform(60, 200) + slope + rng.normal(0, 8, (height, width, 1))
    picture = Image.fromarray(np.repeat(grey, 3, axis=2).clip(0, 255).astype(np.uint8))
    mask = Image.new("L", size, 0)
    left, top = rng.uniform(0.1, 0.35, 2) * size
    right, bottom = rng.uniform(0.65, 0.9, 2) * size
    shape = ("ellipse", "rectangle")[rng.integers(2)]
    getattr(ImageDraw.Draw(mask), shape)((left, top, right, bottom), fill=255)
    colour = [int(each) for each in rng.permutation([230, rng.integers(0, 120), rng.integers(0, 60)])]
    picture.paste(Image.new("RGB", size, tuple(colour)), mask=mask)
    return picture, np.asarray(mask) > 0


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """A SegFormer of some ten thousand weights, trained on drawn photos, saved as its makers save theirs."""
    import torch
    from torch.nn import functional
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessorPil

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    names = {0: "background", 1: "thing"}
    config = SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[16, 32], patch_sizes=[5, 3],
        strides=[2, 2], num_attention_heads=[1, 2], mlp_ratios=[2, 2], decoder_hidden_size=32,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, drop_path_rate=0.0,
        classifier_dropout_prob=0.0, id2label=names, label2id={name: n for n, name in names.items()},
    )  # fmt: skip
    network = SegformerForSemanticSegmentation(config).train()
    processor = SegformerImageProcessorPil(size={"height": SIDE, "width": SIDE})
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _step in range(N_STEPS):
        drawn = [draw_photo(rng) for _number in range(N_AT_ONCE)]
        inputs = processor(images=[picture for picture, _mask in drawn], return_tensors="pt")
        logits = functional.interpolate(network(**inputs).logits, size=(SIDE, SIDE), mode="bilinear")
        wanted = torch.from_numpy(np.stack([mask for _picture, mask in drawn])).long()
        loss = functional.cross_entropy(logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    folder = tmp_path_factory.mktemp("cutouts") / "tiny-cutter"
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def cuts(settings, tiny_model):
    configure(settings, str(tiny_model))


def configure(settings, model: str) -> None:
    drawing._cutout_model.cache_clear()
    settings.ECOMAI = settings.ECOMAI | {"GENERATION": {"CUTOUT_MODEL": model, "LOCAL_DEVICE": "cpu"}}


@pytest.fixture
def mug(db, make_item):
    return make_item(title="Stoneware mug")


def as_file(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, format="PNG")
    return written.getvalue()


def work() -> Job:
    job = Job.objects.filter(kind="marketing.picture").latest("pk")
    execute_job(job.pk)
    job.refresh_from_db()
    return job


def cut(mug, original: bytes, kind=Work.CUT_OUT) -> tuple[PictureDraft, Image.Image]:
    (draft,) = service.request_pictures(item=mug, work=kind, original=original)
    job = work()
    assert job.state == Job.State.SUCCEEDED, job.error_message
    draft.refresh_from_db()
    return draft, Image.open(io.BytesIO(bytes(draft.content)))


def agreement(found: np.ndarray, wanted: np.ndarray) -> float:
    """Intersection over union."""
    return float((found & wanted).sum() / (found | wanted).sum())


def test_the_figure_is_told_from_its_ground_and_stays_as_it_is(mug, cuts):
    rng = np.random.default_rng(7)
    found = []
    for size in ((64, 64), (150, 100)):
        photo, truth = draw_photo(rng, size)
        draft, picture = cut(mug, as_file(photo))
        assert (picture.mode, picture.size, (draft.width, draft.height)) == ("RGBA", size, size)
        pixels = np.asarray(picture)
        figure = pixels[..., 3] > 127
        found.append(agreement(figure, truth))
        np.testing.assert_array_equal(pixels[figure][:, :3], np.asarray(photo)[figure])
        assert bytes(draft.original) == as_file(photo)
    assert min(found) > 0.85


def test_on_white_the_ground_is_white(mug, cuts):
    photo, truth = draw_photo(np.random.default_rng(8))
    draft, picture = cut(mug, as_file(photo), Work.ON_WHITE)
    assert picture.mode == "RGB"
    is_white = (np.asarray(picture) == 255).all(axis=2)
    assert agreement(~is_white, truth) > 0.8
    assert (draft.state, draft.is_generated, draft.model) == (State.DRAFT, False, "tiny-cutter")


def test_the_file_says_that_it_is_edited_and_not_generated(mug, cuts):
    _draft, picture = cut(mug, as_file(draw_photo(np.random.default_rng(9))[0]))
    assert "digitalsourcetype/algorithmicallyEnhanced" in picture.text["XML:com.adobe.xmp"]
    made = json.loads(picture.text["Comment"])
    assert (made["generated"], made["edited"]) == (False, "background removed")
    assert "/" not in made["model"]


def test_what_is_made_stays_when_the_job_runs_again(mug, cuts):
    draft, _picture = cut(mug, as_file(draw_photo(np.random.default_rng(10))[0]))
    before = bytes(draft.content)
    PictureDraft.objects.filter(pk=draft.pk).update(state=State.APPROVED)
    work()
    draft.refresh_from_db()
    assert (bytes(draft.content), draft.state) == (before, State.APPROVED)


def test_a_photo_of_nothing_says_so(mug, cuts):
    (draft,) = service.request_pictures(
        item=mug, work=Work.ON_WHITE, original=as_file(Image.new("RGB", (64, 64), (128, 128, 128)))
    )
    assert work().error_code == "no_figure"
    draft.refresh_from_db()
    assert (draft.state, bytes(draft.content)) == (State.FAILED, b"")
    assert "another photo" in draft.error


def test_a_model_that_is_away_or_has_no_safetensors_or_knows_no_ground_is_said(
    mug, settings, tiny_model, tmp_path
):
    import shutil

    pickled, groundless = tmp_path / "pickled", tmp_path / "groundless"
    shutil.copytree(tiny_model, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    shutil.copytree(tiny_model, groundless)
    config = json.loads((groundless / "config.json").read_text())
    config["id2label"] = {"0": "wall", "1": "floor"}
    (groundless / "config.json").write_text(json.dumps(config))
    for folder in (tmp_path / "away", pickled, groundless):
        configure(settings, str(folder))
        (draft,) = service.request_pictures(
            item=mug, work=Work.CUT_OUT, original=as_file(draw_photo(np.random.default_rng(1))[0])
        )
        assert work().error_code == "cutout_model_away"
        draft.refresh_from_db()
        assert draft.state == State.FAILED
        assert "GENERATION.CUTOUT_MODEL" in draft.error


def test_what_cannot_be_cut_out_is_refused(mug, settings, tmp_path):
    photo = as_file(draw_photo(np.random.default_rng(1))[0])
    with pytest.raises(InvalidInputError, match="CUTOUT_MODEL"):
        service.request_pictures(item=mug, work=Work.CUT_OUT, original=photo)
    configure(settings, str(tmp_path))
    for original, words in ((b"", "without an original"), (b"GIF89a but not", "no picture")):
        with pytest.raises(InvalidInputError, match=words):
            service.request_pictures(item=mug, work=Work.CUT_OUT, original=original)
    assert not PictureDraft.objects.exists()


def test_a_person_asks_looks_and_approves(client, mug, cuts, django_user_model):
    user = django_user_model.objects.create_user("marketer", is_staff=True)
    names = [f"{each}_picturedraft" for each in ("add", "view", "approve")]
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="ecomai_marketing", codename__in=names)
    )
    client.force_login(user)
    photo = as_file(draw_photo(np.random.default_rng(3))[0])
    form = {"item": mug.external_id, "work": "on_white"}
    ask = reverse("admin:ecomai_marketing_picture_ask")
    assert "without an original" in client.post(ask, form).content.decode()
    file = SimpleUploadedFile("mug.png", photo, content_type="image/png")
    assert client.post(ask, form | {"original": file}).status_code == 302
    work()
    draft = PictureDraft.objects.get()
    page = client.get(reverse("admin:ecomai_marketing_picturedraft_change", args=[draft.pk])).content.decode()
    assert "edited by a model" in page
    assert "generated by a model" not in page
    approve = reverse("admin:ecomai_marketing_picture_action", args=[draft.pk, "approve"])
    assert client.post(approve).status_code == 302
    draft.refresh_from_db()
    assert (draft.state, draft.decided_by) == (State.APPROVED, user)
