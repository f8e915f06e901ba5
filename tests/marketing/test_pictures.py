"""Pictures of items: drawn by a real pipeline with tiny random weights, marked, approved by a person."""

import io
import json

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from ecomai.exceptions import ConflictError, InvalidInputError
from ecomai.generation import pictures as drawing
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.models import PictureDraft
from marketing.services import pictures as service

State = PictureDraft.State


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """A Stable Diffusion of 40 thousand weights, saved as its makers save theirs."""
    diffusers = pytest.importorskip("diffusers", reason="pictures are drawn with the extra “pictures”")
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny-model")
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16
    )  # fmt: skip
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=2, max_position_embeddings=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
        )
    )  # fmt: skip
    small = {"layers_per_block": 1, "norm_num_groups": 4}
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 16), cross_attention_dim=16,
        attention_head_dim=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **small,
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8,) * 4, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, **small,
    )  # fmt: skip
    scheduler = diffusers.DDIMScheduler(steps_offset=1, clip_sample=False)
    pipeline = diffusers.StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model"


@pytest.fixture
def draws(settings, tiny_model):
    drawing._model.cache_clear()
    generation = {"IMAGE_MODEL": str(tiny_model), "IMAGE_SIDE": 64, "IMAGE_STEPS": 2, "LOCAL_DEVICE": "cpu"}
    settings.ECOMAI = settings.ECOMAI | {"GENERATION": generation}


@pytest.fixture
def configured(settings, tmp_path):
    """A model is named, and is not there."""
    drawing._model.cache_clear()
    settings.ECOMAI = settings.ECOMAI | {"GENERATION": {"IMAGE_MODEL": str(tmp_path / "away")}}


@pytest.fixture
def mug(db, make_item):
    return make_item(title="Stoneware mug", category_path="Kitchen > Cups")


def photo(size=(80, 70), kind="JPEG") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "red").save(written, format=kind)
    return written.getvalue()


def work() -> Job:
    job = Job.objects.filter(kind="marketing.picture").latest("pk")
    execute_job(job.pk)
    job.refresh_from_db()
    return job


def test_a_picture_is_drawn_from_facts_and_says_that_it_is_generated(mug, draws):
    (draft,) = service.request_pictures(item=mug)
    job = work()
    draft.refresh_from_db()
    assert (job.state, draft.state, draft.is_generated, draft.model) == ("succeeded", "draft", True, "model")
    assert "Stoneware mug" in draft.words
    picture = Image.open(io.BytesIO(bytes(draft.content)))
    assert (picture.format, picture.size) == ("PNG", (64, 64))
    assert "digitalsourcetype/trainedAlgorithmicMedia" in picture.text["XML:com.adobe.xmp"]
    assert json.loads(picture.text["Comment"])["generated"] is True


def test_an_original_is_drawn_anew_and_stays_as_it_is(mug, draws):
    original = photo()
    one, other = service.request_pictures(item=mug, original=original, n=2, strength=0.9)
    for job in Job.objects.filter(kind="marketing.picture"):
        execute_job(job.pk)
    one.refresh_from_db()
    other.refresh_from_db()
    assert bytes(one.original) == original
    assert one.original_type == "image/jpeg"
    assert bytes(one.content) != bytes(other.content)
    marks = Image.open(io.BytesIO(bytes(one.content))).text["XML:com.adobe.xmp"]
    assert "compositeWithTrainedAlgorithmicMedia" in marks
    before = bytes(one.content)
    execute_job(Job.objects.filter(kind="marketing.picture").earliest("pk").pk)
    one.refresh_from_db()
    assert bytes(one.content) == before


def test_weights_that_are_no_safetensors_are_not_read(mug, draws, settings, tiny_model, tmp_path):
    import shutil

    folder = tmp_path / "pickled"
    shutil.copytree(tiny_model, folder)
    for weights in folder.glob("*/*.safetensors"):
        weights.rename(weights.with_suffix(".bin"))
    settings.ECOMAI = settings.ECOMAI | {
        "GENERATION": settings.ECOMAI["GENERATION"] | {"IMAGE_MODEL": str(folder)}
    }
    (draft,) = service.request_pictures(item=mug)
    assert work().error_code == "picture_model_away"
    draft.refresh_from_db()
    assert draft.state == State.FAILED


def test_a_model_that_is_away_ends_in_failed_with_the_reason_and_can_be_tried_again(mug, configured):
    (draft,) = service.request_pictures(item=mug)
    job = work()
    draft.refresh_from_db()
    assert (job.state, job.error_code, draft.state) == ("failed", "picture_model_away", "failed")
    assert "GENERATION.IMAGE_MODEL" in draft.error
    with pytest.raises(ConflictError):
        service.approve(draft)


def test_a_full_disk_ends_in_failed(mug, configured, monkeypatch):
    def fill(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawing, "_model", lambda *_args: type("Model", (), {"draw": fill})())
    (draft,) = service.request_pictures(item=mug)
    assert work().error_code == "disk_full"
    draft.refresh_from_db()
    assert draft.state == State.FAILED


def test_without_a_model_nothing_is_asked_for(mug):
    with pytest.raises(InvalidInputError, match="IMAGE_MODEL"):
        service.request_pictures(item=mug)


@pytest.mark.parametrize(
    "original", [b"GIF89a but not", b"x" * (service.MOST_BYTES + 1)], ids=["lies", "large"]
)
def test_an_original_that_is_no_picture_is_refused(mug, configured, original):
    with pytest.raises(InvalidInputError):
        service.request_pictures(item=mug, original=original)
    assert not PictureDraft.objects.exists()


# -- the admin ---------------------------------------------------------------------------------------


@pytest.fixture
def marketer(client, django_user_model):
    user = django_user_model.objects.create_user("marketer", is_staff=True)
    names = [f"{each}_picturedraft" for each in ("add", "view", "approve")]
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="ecomai_marketing", codename__in=names)
    )
    client.force_login(user)
    return client


def address(name, *args):
    return reverse(f"admin:ecomai_marketing_picture_{name}", args=args)


def test_a_person_asks_looks_and_approves(marketer, mug, configured):
    ask = address("ask")
    assert marketer.get(ask).status_code == 200
    form = {"item": mug.external_id, "work": "drawn", "strength": "0.5", "n": "1"}
    file = SimpleUploadedFile("mug.png", photo(kind="PNG"), content_type="text/html")
    assert marketer.post(ask, form | {"original": file}).status_code == 302
    draft = PictureDraft.objects.get()
    PictureDraft.objects.update(
        state=State.DRAFT, content=photo(kind="PNG"), width=80, height=70, model="tiny"
    )
    page = marketer.get(reverse("admin:ecomai_marketing_picturedraft_change", args=[draft.pk]))
    assert "generated by a model" in page.content.decode()
    served = marketer.get(address("file", draft.pk, "original"))
    assert (served["Content-Type"], served["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert marketer.post(address("action", draft.pk, "approve")).status_code == 302
    draft.refresh_from_db()
    assert (draft.state, draft.decided_by.username) == (State.APPROVED, "marketer")
    listed = marketer.get(reverse("admin:ecomai_marketing_picturedraft_changelist")).content.decode()
    assert "generated by a model" in listed


def test_what_cannot_be_asked_for_is_said_in_the_form(marketer, mug, settings):
    answer = marketer.post(
        address("ask"), {"item": mug.external_id, "work": "drawn", "strength": "0.5", "n": "1"}
    )
    assert "GENERATION.IMAGE_MODEL" in answer.content.decode()
    answer = marketer.post(address("ask"), {"item": "no such", "work": "drawn", "strength": "7", "n": "99"})
    assert answer.status_code == 200
    assert not PictureDraft.objects.exists()
