"""Moderation: texts and pictures are learned from what people decided, and judged at the assessment."""

import base64
import io
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from ecomai.commerce.services import create_api_key
from ecomai.fusion.vectors import store_vectors
from ecomai.registry.artifacts import cache_folder, open_artifact, store_artifact
from ecomai.registry.exceptions import CorruptArtifactError
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import ModelVersion
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.registry.tasks import run_training
from ecomai.serving import live
from risk.backtesting.jobs import start_backtest
from risk.contents import content_of
from risk.exceptions import InvalidQuestionError
from risk.models import Assessment
from risk.services import change_policy, record_label

pytestmark = pytest.mark.django_db

NAME, ENCODER, KEY = "risk.listing", "recommendations.image_encoder", "recommendations.pictures:test"
#: Words that only refused listings have, and what both have; capitals, links and lengths say nothing.
BAD = {
    "en": ("replica watch", "fake passport", "stolen phone", "replica handbag", "counterfeit shoes"),
    "zh": ("高仿手表", "假护照办理", "走私香烟", "高仿包包", "假发票代开"),
}
GOOD = {
    "en": ("wooden table", "summer dress", "coffee mug", "reading lamp", "leather wallet"),
    "zh": ("实木餐桌", "夏季连衣裙", "陶瓷咖啡杯", "阅读台灯", "真皮钱包"),
}
WITH = {
    "en": ("in good condition", "sent tomorrow", "never used", "from a small workshop"),
    "zh": ("全新未使用", "明天发货", "质量很好", "小作坊制作"),
}


@pytest.fixture(autouse=True)
def _small_shop(settings: Any, tmp_path: Path) -> None:
    settings.ECOMAI = {
        **settings.ECOMAI,
        "REGISTRY": {"FOLDER": str(tmp_path / "registry")},
        "RISK": {"MIN_ASSESSMENTS": 60, "MIN_FRAUD": 10, "TEXT_ENCODER": "char_ngram"},
    }


def configure(settings: Any, **more: Any) -> None:
    settings.ECOMAI = {**settings.ECOMAI, "RISK": {**settings.ECOMAI["RISK"], **more}}


def listings(n: int, seed: int) -> list[tuple[str, str, bool]]:
    """Titles, texts, and whether they were refused: half of them, in both languages."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        language, is_bad = ("en", "zh")[number % 2], number % 4 < 2
        title = str(rng.choice((BAD if is_bad else GOOD)[language]))
        text = ", ".join(rng.choice(WITH[language], 2, replace=False).tolist())
        found.append((title, text, is_bad))
    return found


@pytest.fixture
def asked(ask: Callable[..., Assessment]) -> Callable[..., Assessment]:
    """Ask about a listing of somebody nobody knows."""

    def make(external_id: str, title: str, text: str = "", **fields: Any) -> Assessment:
        plain = {"amount": None, "currency": "", "card_fingerprint": "", "device_id": "", "ip_address": "",
                 "email": "", "shipping_address": ""}  # fmt: skip
        return ask(external_id, kind="listing", customer_id=external_id, title=title, text=text,
                   **{**plain, **fields})  # fmt: skip

    return make


def learn(asked: Any, n: int = 72, seed: int = 0, **fields: Any) -> None:
    for number, (title, text, is_bad) in enumerate(listings(n, seed)):
        row = asked(f"l-{number}", title, text, **fields)
        record_label(assessment=row, is_fraud=is_bad, source="review")


def train(name: str = NAME) -> ModelVersion:
    run = request_training(model_name=name, hyperparameters={"n_trees": 20})
    run_training(run.pk)
    run.refresh_from_db()
    assert run.version is not None, run.job.error_message
    return run.version


def serve(version: ModelVersion) -> None:
    promote_version(version=version)
    go_live(model_name=version.model_name)
    live.refresh()


@pytest.mark.parametrize("seed", range(2))
def test_a_few_dozen_decisions_separate_listings_in_two_languages(asked: Any, seed: int) -> None:
    learn(asked, seed=seed)
    assert asked("before", "replica handbag").answered_by == "simple_model"
    version = train()
    assert version.kind == "content_classifier"
    assert version.metrics["roc_auc"] > version.baseline_metrics["roc_auc"] + 0.2
    serve(version)
    for language in ("en", "zh"):
        # Words that were seen, in titles that were not.
        bad = asked(f"bad-{language}", BAD[language][0] + " " + BAD[language][3], WITH[language][0])
        good = asked(f"good-{language}", GOOD[language][2] + " " + GOOD[language][3], WITH[language][0])
        assert bad.answered_by == good.answered_by == "model"
        assert bad.probability > 0.7
        assert good.probability < 0.3
        assert bad.reasons[0]["code"] == "text_content"
        assert not any(reason["code"] == "text_content" for reason in good.reasons)


def test_a_transformer_reads_texts_in_the_web_process(asked: Any, settings: Any, tmp_path: Path) -> None:
    from tests.learning.tiny import write_tiny_bert

    configure(settings, TEXT_ENCODER=write_tiny_bert(tmp_path / "bert"))
    for number in range(80):
        is_bad = number % 4 < 2
        words = ("red shoes for the summer", "blue mug of the winter")[is_bad]
        row = asked(f"l-{number}", words, ("green lamp", "plate")[number % 2])
        record_label(assessment=row, is_fraud=is_bad, source="review")
    version = train()
    assert version.card["text_encoder"].endswith("bert")
    serve(version)
    assert asked("bad", "blue mug of the winter", "cable").probability > 0.7
    assert asked("good", "red shoes for the summer", "cable").probability < 0.3


def test_a_corrupt_artifact_leaves_what_served_before(asked: Any, tmp_path: Path) -> None:
    learn(asked)
    first = train()
    serve(first)
    before = asked("one", "replica watch")
    assert before.model_version == first
    second = train()
    line = tmp_path / "registry" / "artifacts" / second.artifact_path / "arrays.safetensors"
    line.write_bytes(line.read_bytes()[:-40])
    with pytest.raises(CorruptArtifactError):
        promote_version(version=second)
    live.refresh()
    after = asked("two", "replica watch")
    assert after.model_version == first
    assert after.probability == before.probability
    # A process that begins now, on a machine that never had the files, has nothing to fall back on.
    shutil.copy(line, tmp_path / "registry" / "artifacts" / first.artifact_path / "arrays.safetensors")
    shutil.rmtree(cache_folder())
    live.forget()
    assert asked("three", "replica watch").answered_by == "simple_model"


def test_parts_of_different_vectors_are_refused(asked: Any, tmp_path: Path) -> None:
    from ecomai.serving.exceptions import UnreadableArtifactError
    from ecomai.serving.predictors import load_predictor

    learn(asked)
    folder = Path(shutil.copytree(open_artifact(train()), tmp_path / "copy"))
    (folder / "text_encoder.json").chmod(0o644)
    described = json.loads((folder / "text_encoder.json").read_text())
    described["n_features"] += 1
    (folder / "text_encoder.json").write_text(json.dumps(described))
    with pytest.raises(UnreadableArtifactError):
        load_predictor(folder)


def test_a_text_that_may_not_be_read_is_not(asked: Any) -> None:
    learn(asked)
    serve(train())
    change_policy(storefront="", kind="listing", based_on=0, forbidden_features=["text_content"])
    assert asked("a", "replica watch").answered_by == "simple_model"
    version = train()
    assert version.kind == "tabular_classifier"
    assert "text_content" not in version.card["features"]


def test_no_time_leaves_the_text_rules(asked: Any, question: Any) -> None:
    from risk.services import assess

    learn(asked)
    serve(train())
    late = assess(question("late", kind="listing", title="replica watch"), time_budget_seconds=0.0)
    assert late.answered_by == "simple_model"


def test_a_back_test_of_a_version_reads_the_texts(asked: Any) -> None:
    change_policy(storefront="", kind="listing", based_on=0, review_from=0.5)
    learn(asked)
    version = train()
    end = timezone.now() + timedelta(minutes=1)
    test = start_backtest(
        kind="listing", configuration={"model_version": version.pk}, period_start=end - timedelta(days=1),
        period_end=end,
    )  # fmt: skip
    execute_job(test.job_id)
    test.refresh_from_db()

    def stopped(arm: str, outcome: str) -> int:
        decisions = test.report["arms"][arm]["decisions"]
        return sum(decisions[name][outcome] for name in ("step_up", "review", "decline"))

    assert stopped("then", "fraud") == 0  # the simple model saw nothing in them
    assert stopped("draft", "fraud") > 30
    assert stopped("draft", "honest") < 4


# -- pictures -------------------------------------------------------------------------------------


def picture(colour: str, seed: int = 0, size: int = 64) -> bytes:
    """A picture of noise in one colour."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 90, (size, size, 3), dtype=np.uint8)
    pixels[..., {"red": 0, "blue": 2}[colour]] += 150
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def encoder_files(tmp_path_factory: Any) -> Path:
    import torch

    from ecomai.inference.pictures import open_picture
    from ecomai.learning.encoders.small_images import SmallImageEncoder
    from ecomai.learning.export.image_encoder import export_image_encoder
    from tests.learning.pictures import QUICK

    torch.set_num_threads(1)
    shown = [open_picture(picture(colour, seed)) for seed in range(4) for colour in ("red", "blue")]
    encoder = SmallImageEncoder(**{**QUICK, "max_epochs": 0}).fit(shown, ["red", "blue"] * 4)
    return export_image_encoder(encoder, tmp_path_factory.mktemp("image-encoder"))


@pytest.fixture
def image_encoder(encoder_files: Path, settings: Any) -> ModelVersion:
    configure(settings, IMAGE_ENCODER=ENCODER)
    stored = store_artifact(encoder_files, model_name=ENCODER, number=1, kind="image_encoder")
    version = ModelVersion.objects.create(
        model_name=ENCODER, number=1, artifact_path=stored.path, artifact_digest=stored.digest,
        artifact_bytes=stored.n_bytes, card={"encoder_key": KEY},
    )  # fmt: skip
    serve(version)
    return version


def test_pictures_alone_tell_what_is_refused(asked: Any, image_encoder: ModelVersion) -> None:
    """Titles are all the same; what was refused is red."""
    for number in range(80):
        is_bad = number % 2 == 0
        row = asked(f"l-{number}", "Lamp", pictures=[picture("red" if is_bad else "blue", number)])
        assert len(content_of(row.payload).picture_of(KEY)) == 64
        record_label(assessment=row, is_fraud=is_bad, source="review")
    version = train()
    assert version.card["image_encoder"] == KEY
    serve(version)
    bad, good = (asked(colour, "Lamp", pictures=[picture(colour, 500)]) for colour in ("red", "blue"))
    assert bad.probability > 0.7
    assert good.probability < 0.3
    assert bad.reasons[0]["code"] == "picture_content"
    assert asked("none", "Lamp").answered_by == "model"


def test_the_catalogues_picture_is_taken_in_one_query(asked: Any, image_encoder: ModelVersion) -> None:
    vector = np.arange(64, dtype=np.float32) / 100
    store_vectors(entity="item", encoder=KEY, vectors={"mug": vector})
    asked("first", "Mug", item_id="mug")
    with CaptureQueriesContext(connection) as known:
        row = asked("known", "Mug", item_id="mug")
    with CaptureQueriesContext(connection) as without:
        asked("without", "Mug")
    np.testing.assert_allclose(content_of(row.payload).picture_of(KEY), vector, atol=1e-3)
    assert len(known) == len(without) + 1
    assert "picture" not in asked("strange", "Mug", item_id="unknown").payload


def test_without_an_encoder_pictures_are_not_read(asked: Any, settings: Any) -> None:
    assert "picture" not in asked("a", "Mug", pictures=[picture("red")]).payload


def test_what_is_no_picture_or_too_large_is_refused(asked: Any, image_encoder: Any, settings: Any) -> None:
    configure(settings, MAX_PICTURES=2, PICTURE_MAX_BYTES=50_000)
    for wrong in ([b"<svg/>"], [b""], [picture("red", size=200)], [picture("red")] * 3):
        with pytest.raises(InvalidQuestionError):
            asked("wrong", "Mug", pictures=wrong)
    broken = picture("red")[:3000]  # its beginning is right, which is all that is looked at before
    assert "picture" not in asked("broken", "Mug", pictures=[broken]).payload


def test_the_same_question_again_has_the_same_pictures(asked: Any, image_encoder: ModelVersion) -> None:
    from risk.exceptions import OtherContentsError

    first = asked("a", "Mug", pictures=[picture("red")])
    assert asked("a", "Mug", pictures=[picture("red")]).pk == first.pk
    with pytest.raises(OtherContentsError):
        asked("a", "Mug", pictures=[picture("blue")])


def test_pictures_come_over_rest_in_base64(client: Any, image_encoder: ModelVersion) -> None:
    change_policy(storefront="", kind="listing", based_on=0, time_budget_ms=5000)
    _key, plaintext = create_api_key(name="server", kind="secret", scopes=["risk:assess"])
    body = {"kind": "listing", "external_id": "l-1", "title": "Mug"}
    address = reverse("ecomai:risk-assessments")
    for pictures, status in (([base64.b64encode(picture("red")).decode()], 200), (["?"], 400)):
        answer = client.post(
            address, json.dumps({**body, "pictures": pictures}),
            content_type="application/json", headers={"Authorization": f"Bearer {plaintext}"},
        )  # fmt: skip
        assert answer.status_code == status, answer.content
    assert content_of(Assessment.objects.get().payload).picture_encoder == KEY
