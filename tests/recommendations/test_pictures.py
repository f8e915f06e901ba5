"""Pictures of items: read with care, learned from, joined with texts, and searched by."""

import io
import uuid
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from ecomai.commerce.models import Customer, Event, Item
from ecomai.commerce.services import create_api_key, upsert_items
from ecomai.console import checklist
from ecomai.fusion.models import EntityVector
from ecomai.registry.artifacts import store_artifact
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job, ModelDeployment, ModelVersion, TrainingRun
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.serving import live
from recommendations import catalogue, checks, doctor, services
from recommendations.picture_sources import PictureFaultError, read_picture
from recommendations.pipeline import predictors
from recommendations.services.picture_vectors import encode_pictures
from recommendations.training.picture_features import PictureFeatures
from tests.learning.pictures import QUICK, demo_products, draw

ENCODER = "recommendations.image_encoder"
PRODUCTS = demo_products(24)
DRAWN = {product.external_id: draw(product) for product in PRODUCTS}


def configured(settings, **more):
    known = settings.ECOMAI.get("RECOMMENDATIONS", {})
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": {**known, "IMAGE_ENCODER": "small", **more}}


def photograph(item_id, *, strength=0.4, seed=3):
    """Return another view of a product, as a telephone would send it."""
    from ecomai.learning.encoders.augmentation import changed

    with Image.open(io.BytesIO(DRAWN[item_id])) as picture:
        view = changed(picture.convert("RGB"), np.random.default_rng(seed), strength)
    buffer = io.BytesIO()
    view.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT, settings.MEDIA_URL = str(tmp_path / "media"), "/media/"
    return tmp_path / "media"


@pytest.fixture
def gallery(db, media, settings, registry_folder):
    """Twenty-four products of the demo shop with their pictures in the shop's own storage."""
    configured(settings)
    for product in PRODUCTS:
        default_storage.save(f"products/{product.external_id}.png", ContentFile(DRAWN[product.external_id]))
    return Item.objects.bulk_create(
        Item(
            external_id=product.external_id, title=product.title, category_path=product.category_path,
            description=product.description, price=product.price, currency="EUR", stock=3,
            image_urls=[f"/media/products/{product.external_id}.png"],
        )
        for product in PRODUCTS
    )  # fmt: skip


@pytest.fixture(scope="session")
def encoder_files(tmp_path_factory) -> Path:
    """An encoder that learned for two seconds.

    To one that learned nothing a picture is most like itself too, but by less than the rounding of stored
    vectors on some processors.
    """
    import torch

    from ecomai.inference.pictures import open_picture
    from ecomai.learning.encoders.small_images import SmallImageEncoder
    from ecomai.learning.export.image_encoder import export_image_encoder

    torch.set_num_threads(1)
    pictures = [open_picture(content) for content in DRAWN.values()]
    encoder = SmallImageEncoder(**{**QUICK, "max_epochs": 30})
    encoder.fit(pictures, [product.title for product in PRODUCTS])
    return export_image_encoder(encoder, tmp_path_factory.mktemp("image-encoder"))


@pytest.fixture
def image_encoder(encoder_files, gallery):
    stored = store_artifact(encoder_files, model_name=ENCODER, number=1, kind="image_encoder")
    version = ModelVersion.objects.create(
        model_name=ENCODER, number=1, artifact_path=stored.path, artifact_digest=stored.digest,
        artifact_bytes=stored.n_bytes,
        card={"encoder_key": "recommendations.pictures:test", "n_features": 64},
    )  # fmt: skip
    promote_version(version=version)
    go_live(model_name=ENCODER)
    live.refresh()
    return version


@pytest.fixture
def searchable(image_encoder, gallery):
    encode_pictures(item_keys=[item.pk for item in gallery])
    return gallery


@pytest.fixture
def page(db):
    _key, plaintext = create_api_key(name="page", kind="publishable", origins=["https://shop.example"])
    return {"X-Ecomai-Key": plaintext, "Origin": "https://shop.example"}


@pytest.fixture
def search(client, page):
    cache.clear()

    def send(content=None, *, field="picture", query="", headers=None):
        data = {} if content is None else {field: io.BytesIO(content)}
        return client.post(reverse("ecomai:picture-search") + query, data, headers=headers or page)

    return send


def ids(response):
    return [found["item"] for found in response.json()["items"]]


def error(response):
    return response.status_code, response.json()["error"]["code"]


# -- learning -----------------------------------------------------------------------------------


def test_a_training_reads_the_pictures_and_learns_until_they_find_their_products(gallery, search):
    """The whole way: storage, training in a worker's code, promotion, upload of another view."""
    import torch

    torch.set_num_threads(1)
    broken = gallery[-1]
    default_storage.delete(f"products/{broken.external_id}.png")
    run = request_training(model_name=ENCODER, hyperparameters={"small_epochs": 200}, random_state=3)
    execute_job(run.job_id)
    run = TrainingRun.objects.select_related("job", "version").get(pk=run.pk)
    assert run.job.state == "succeeded", run.job.traceback
    version = run.version
    assert version.metrics["recall@1"] > version.baseline_metrics["recall@1"]
    assert version.metrics["words_mrr"] > 0.4  # by chance it is 0.16
    assert version.card["data"] == {"n_pictures": 23, "n_unreadable": {"missing": 1}}
    assert EntityVector.objects.filter(encoder=version.card["encoder_key"]).count() == 23
    assert run.curve.filter(name="loss").exists()

    promote_version(version=version)
    go_live(model_name=ENCODER)
    live.refresh()
    firsts = [ids(search(photograph(item.external_id)))[0] == item.external_id for item in gallery[:12]]
    assert sum(firsts) >= 8  # by chance one of two


def test_a_training_without_an_encoder_or_with_few_pictures_says_what_is_missing(gallery, settings):
    configured(settings, IMAGE_ENCODER="")
    assert "no image encoder" in failed_training()
    configured(settings)
    Item.objects.filter(pk__in=[item.pk for item in gallery[5:]]).update(image_urls=[])
    assert "5 pictures that can be read" in failed_training()
    configured(settings, IMAGE_ENCODER="/nowhere")
    gallery[0].__class__.objects.update(image_urls=["/media/products/" + gallery[0].external_id + ".png"])
    assert "“/nowhere” could not be loaded" in failed_training()


def failed_training():
    run = request_training(model_name=ENCODER, random_state=3)
    execute_job(run.job_id)
    job = Job.objects.get(pk=run.job_id)
    assert job.state == "failed"
    return job.error_message


# -- vectors ------------------------------------------------------------------------------------


def test_items_are_read_when_they_change_and_only_then(
    image_encoder, gallery, media, django_capture_on_commit_callbacks
):
    keys = [item.pk for item in gallery]
    assert encode_pictures(item_keys=keys)[0] == 24
    assert encode_pictures(item_keys=keys)[0] == 0
    item = gallery[0]
    Item.objects.filter(pk=item.pk).update(image_urls=["/media/products/" + gallery[1].external_id + ".png"])
    assert encode_pictures(item_keys=keys)[0] == 1
    first, second = (stored(one.external_id) for one in gallery[:2])
    np.testing.assert_array_equal(first, second)


def stored(item_id):
    row = EntityVector.objects.get(encoder="recommendations.pictures:test", entity_id=item_id)
    return np.frombuffer(bytes(row.values), dtype="<f4")


@pytest.mark.parametrize("urls", [[], ["/media/products/gone.png"], ["http://127.0.0.1/a.png"]])
def test_an_item_whose_picture_is_gone_loses_its_vector(searchable, urls):
    item = searchable[0]
    Item.objects.filter(pk=item.pk).update(image_urls=urls)
    encode_pictures(item_keys=[item.pk])
    assert not EntityVector.objects.filter(entity_id=item.external_id).exists()
    assert EntityVector.objects.count() == 23


def test_a_new_item_queues_the_reading_of_its_picture(image_encoder, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        upsert_items(
            [{"external_id": "new", "title": "New", "image_urls": ["/media/products/none.png"]}],
            storefront="",
        )
    job = Job.objects.get(kind="recommendations.encode_pictures")
    execute_job(job.pk)
    job.refresh_from_db()
    assert job.result == {"encoded": 0, "unreadable": {"missing": 1}}


def test_without_an_encoder_nothing_is_queued(gallery, settings):
    keys = [item.pk for item in gallery]
    assert services.request_picture_encoding(item_keys=keys) == 0  # none was trained
    configured(settings, IMAGE_ENCODER="")
    assert services.request_picture_encoding(item_keys=keys) == 0


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/media/../settings.py", "missing"),
        ("/media/notes.txt", "not_a_picture"),
        ("/media/large.png", "too_large"),
        ("/elsewhere/a.png", "elsewhere"),
        ("a.png", "elsewhere"),
        ("http://127.0.0.1/a.png", "private_address"),
        ("file:///etc/passwd", "bad_address"),
    ],
)
def test_a_picture_that_cannot_be_had_says_why(url, reason, media, settings):
    configured(settings, IMAGE_MAX_BYTES=1000)
    default_storage.save("notes.txt", ContentFile(b"no picture"))
    default_storage.save("large.png", ContentFile(b"." * 1001))
    with pytest.raises(PictureFaultError) as caught:
        read_picture(url)
    assert caught.value.reason == reason


# -- joined with texts --------------------------------------------------------------------------


def test_a_missing_picture_is_neutral():
    """Two texts are as near without pictures as with pictures that have nothing in common."""
    features = PictureFeatures("key", 2, weight=0.5, version_id=1)
    texts = np.array([[1, 0], [0.6, 0.8], [0.6, 0.8]], dtype=np.float32)
    east, north = np.eye(2, dtype=np.float32)
    joined = features.join(texts, {0: east, 1: north})
    assert joined[0] @ joined[1] == pytest.approx(joined[0] @ joined[2])
    alike = features.join(texts, {0: east, 1: east})
    assert alike[0] @ alike[1] == pytest.approx((0.6 + 0.25) / 1.25)


def test_a_new_item_is_ranked_by_its_picture_too(image_encoder, gallery, settings, add_item):
    """Texts say nothing here: what tells the kinds apart, and where a new item belongs, is the picture."""
    configured(settings, MIN_INTERACTIONS=100, MIN_CUSTOMERS=10, MIN_ITEMS=5)
    kinds = [[f"/media/products/{PRODUCTS[place].external_id}.png"] for place in (0, 8, 16)]
    Item.objects.all().delete()
    items = [
        add_item(f"{kind}-{step}", title="Thing", image_urls=kinds[kind])
        for kind in range(3)
        for step in range(4)
    ]
    walk(items)
    encode_pictures(item_keys=[item.pk for item in items])
    version = train("similar_items", encoder="char_ngram")
    assert version.card["image_encoder"]["version_id"] == image_encoder.pk

    new = [add_item(f"new-{kind}", title="Thing", image_urls=kinds[kind]) for kind in range(3)]
    plain = add_item("new-plain", title="Thing")
    services.encode_items(item_keys=[item.pk for item in [*new, plain]])
    answer = services.recommend(item_id=new[2].external_id, n=4)
    assert answer.source == "model", answer
    assert np.ptp([pick.score for pick in answer.picks]) < 1e-6  # its text is like all others
    encode_pictures(item_keys=[item.pk for item in [*new, plain]])  # the picture comes after the text
    catalogue.forget()
    predictors.item_model(
        live.get_live("recommendations.similar_items"), predictors.SimilarItemsModel
    )._looked_at = -1e9
    answer = services.recommend(item_id=new[2].external_id, n=3)
    assert {pick.item.external_id.split("-")[0] for pick in answer.picks} == {"2"}


def walk(items):
    """Sixty people, each through one kind of items in order."""
    people = Customer.objects.bulk_create(Customer(external_id=f"person-{n}") for n in range(60))
    begin = timezone.now() - timedelta(days=60)
    Event.objects.bulk_create(
        Event(
            key=uuid.uuid4(), type="view", customer=person, item=items[4 * (n % 3) + step],
            occurred_at=begin + timedelta(days=0.9 * n + 0.2 * step),
        )
        for n, person in enumerate(people)
        for step in range(4)
    )  # fmt: skip


def train(name, **hyperparameters):
    run = request_training(
        model_name=f"recommendations.{name}", hyperparameters=hyperparameters, random_state=3
    )
    execute_job(run.job_id)
    run = TrainingRun.objects.select_related("job", "version").get(pk=run.pk)
    assert run.job.state == "succeeded", run.job.traceback
    promote_version(version=run.version)
    go_live(model_name=run.model_name)
    live.refresh()
    return run.version


# -- searching ----------------------------------------------------------------------------------


def test_a_picture_finds_its_product_first(searchable, search):
    for item in searchable[:3]:
        response = search(DRAWN[item.external_id], query="?n=5")
        assert response.status_code == 200
        assert ids(response)[0] == item.external_id
        assert len(ids(response)) == 5
    first = response.json()["items"][0]
    assert first["reason"] == {"code": "looks_like", "text": "Looks like your picture.", "item": None}
    assert first["score"] == pytest.approx(1, abs=1e-3)  # vectors have two bytes a number
    assert response["Cache-Control"] == "private, no-store"


def test_what_is_gone_or_off_is_not_found_and_what_is_new_is(searchable, search):
    item = searchable[0]
    Item.objects.filter(pk=item.pk).update(is_active=False)
    assert item.external_id not in ids(search(DRAWN[item.external_id], query="?n=24"))


def test_a_picture_of_another_storefront_is_not_found(searchable, search):
    assert services.search_by_picture(DRAWN[searchable[0].external_id], storefront="other").picks == []


def test_bad_pictures_are_refused_with_a_sentence(searchable, search, settings):
    assert error(search()) == (400, "no_picture")
    assert error(search(b"")) == (400, "no_picture")
    assert error(search(DRAWN[searchable[0].external_id], field="file")) == (400, "no_picture")
    assert error(search(b"<svg/>")) == (400, "unreadable_picture")
    assert error(search(DRAWN[searchable[0].external_id][:900])) == (400, "unreadable_picture")
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    assert error(search(bomb.getvalue())) == (400, "too_many_pixels")
    assert error(search(DRAWN[searchable[0].external_id], query="?n=0")) == (400, "invalid_input")
    configured(settings, IMAGE_MAX_BYTES=2000)
    assert error(search(b"." * 2001)) == (413, "picture_too_large")
    assert error(search(b"." * 200_000)) == (413, "picture_too_large")


def test_without_an_encoder_the_answer_says_so(gallery, search, settings):
    assert error(search(b"anything")) == (409, "no_image_encoder")
    configured(settings, IMAGE_ENCODER="")
    assert error(search(b"anything")) == (409, "no_image_encoder")
    assert not services.can_search_by_picture()


def test_nothing_that_is_sent_is_written(searchable, search, settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "uploads")
    (tmp_path / "uploads").mkdir()
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    before = sorted(tmp_path.rglob("*"))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert search(photograph(searchable[0].external_id)).status_code == 200
    assert sorted(tmp_path.rglob("*")) == before
    assert not [
        query
        for query in queries
        if query["sql"].startswith(("INSERT", "UPDATE"))
        and "api_key" not in query["sql"]
        and "apikey" not in query["sql"]
    ]


def test_a_login_may_search_and_others_may_not(searchable, search, client, django_user_model):
    assert search(DRAWN[searchable[0].external_id], headers={"Accept": "*/*"}).status_code in (401, 403)
    client.force_login(django_user_model.objects.create_user("anna"))
    response = search(DRAWN[searchable[0].external_id], headers={"Accept": "*/*"})
    assert ids(response)[0] == searchable[0].external_id


def test_searches_are_throttled(searchable, search, settings):
    configured(settings, PICTURE_SEARCHES_PER_MINUTE=2)
    codes = [search(DRAWN[searchable[0].external_id]).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


# -- for those who run it -----------------------------------------------------------------------


def test_the_check_names_a_folder_that_is_not_here(settings):
    configured(settings, IMAGE_ENCODER="/nowhere")
    assert [message.id for message in checks.check_image_encoder(None)] == ["recommendations.W003"]
    configured(settings, IMAGE_ENCODER="")
    assert checks.check_image_encoder(None) == []


def test_a_shop_that_set_up_no_encoder_is_not_asked_to_train_one(gallery, settings):
    cache.clear()
    assert ENCODER in {state.spec.name for state in checklist.model_states()}
    configured(settings, IMAGE_ENCODER="")
    cache.clear()
    assert ENCODER not in {state.spec.name for state in checklist.model_states()}


def test_the_doctor_says_how_many_pictures_were_read(searchable, settings):
    (found,) = doctor._image_encoder()
    assert found.is_ok, found
    assert found.message == "24 of 24 pictures of items have been read."
    live.forget()
    ModelDeployment.objects.all().delete()
    (found,) = doctor._image_encoder()
    assert not found.is_ok
    assert "train the model" in found.remedy
    configured(settings, IMAGE_ENCODER="")
    assert doctor._image_encoder() == []
