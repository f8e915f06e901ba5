"""A new scenario costs only its own folder: everything below works without a line changed in `ecomai`."""

import io
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.test.utils import modify_settings
from django.urls import reverse

from ecomai import scenarios
from ecomai.commerce.models import Customer, Item
from ecomai.fusion.services import erase_customer, export_customer, publish_facts, read_fact
from ecomai.registry.models import Job, LabellingTask, ModelVersion, TrainingRun
from ecomai.registry.overviews import model_overview
from ecomai.registry.services import add_labelling_tasks
from ecomai.registry.tasks import run_job, run_scheduled_training, run_training

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = "toy.typical_price"


@pytest.fixture(autouse=True)
def toy(settings, tmp_path):
    """The toy scenario, installed as a shop installs one."""
    settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {"FOLDER": tmp_path, "REPORT_INTERVAL_SECONDS": 0.0}}
    with modify_settings(INSTALLED_APPS={"append": "tests.toy_scenario.apps.ToyConfig"}):
        yield
    scenarios.unregister("toy")


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    return client


@pytest.fixture
def item() -> Item:
    return Item.objects.create(external_id="a", title="A cup", price=Decimal("4.00"), currency="EUR")


@pytest.fixture
def ada() -> Customer:
    """A customer of whom the toy knows a mood and a case."""
    customer = Customer.objects.create(external_id="ada")
    publish_facts(name="toy.mood", values={"ada": 0.8})
    case = {"subject_key": "ada", "text": "ada was cross", "choices": ["yes", "no"]}
    add_labelling_tasks(model_name=MODEL, cases=[case])
    return customer


def test_the_scenario_is_sixty_lines_and_the_foundation_does_not_know_it():
    folder = Path(__file__).resolve().parent
    lines = [line for name in ("apps.py", "scenario.py") for line in (folder / name).read_text().splitlines()]
    assert sum(bool(line.strip()) for line in lines) <= 60
    assert not [path for path in (ROOT / "ecomai").rglob("*.py") if "toy_scenario" in path.read_text()]


def test_admin_shows_the_model_trains_it_and_lets_it_go_live(boss, item):
    page = boss.get(reverse("admin:ecomai_registry_modeldeployment_changelist")).content.decode()
    assert "Typical price" in page
    assert "Train for the first time" in page

    answer = boss.post(reverse("admin:ecomai_registry_model_retrain", args=[MODEL]))
    run = TrainingRun.objects.get()
    run_training(run.pk)
    page = boss.get(answer.url).content.decode()
    assert "It made version 1" in page
    assert "It passes the rule for promotions" in page

    version = ModelVersion.objects.get()
    boss.post(reverse("admin:ecomai_registry_version_promote", args=[version.pk]))
    boss.post(reverse("admin:ecomai_registry_model_action", args=[MODEL, "go-live"]))
    version.refresh_from_db()
    assert version.state == "live"
    card = boss.get(reverse("admin:ecomai_registry_modelversion_change", args=[version.pk])).content.decode()
    assert "Apache-2.0" in card


def test_admin_says_how_much_data_is_missing(boss):
    page = boss.get(reverse("admin:ecomai_registry_model", args=[MODEL])).content.decode()
    assert "items with a price: 0 of 1, 1 missing" in page


def test_rest_lists_trains_and_promotes_it(boss, item):
    base = "/ecomai/registry"
    assert MODEL in [model["name"] for model in boss.get(f"{base}/models/").json()["results"]]
    run = boss.post(f"{base}/runs/", {"model_name": MODEL}, content_type="application/json").json()
    run_training(run["id"])
    detail = boss.get(f"{base}/runs/{run['id']}/").json()
    assert detail["state"] == "succeeded"
    assert len([point for point in detail["curve"] if point["name"] == "loss"]) == 10
    assert boss.post(f"{base}/versions/{detail['version']}/promote/").json()["state"] == "shadow"


def test_schedule_retrains_it(item):
    call_command("ecomai_schedule", MODEL, "0 3 * * *", stdout=io.StringIO())
    assert model_overview(MODEL).crontab == "0 3 * * *"
    run_scheduled_training(MODEL)
    run_training(TrainingRun.objects.get().pk)
    assert ModelVersion.objects.count() == 1


def test_it_scores_all_customers_in_parts(boss, ada, item):
    call_command("ecomai_train", MODEL, "--here", stdout=io.StringIO(), stderr=io.StringIO())
    boss.post(reverse("admin:ecomai_registry_model_action", args=[MODEL, "score"]))
    for part in Job.objects.filter(kind="score_shard"):
        run_job(part.pk)
    parent = Job.objects.get(kind="scoring")
    assert parent.state == Job.State.SUCCEEDED
    assert sum(part.result["rows"] for part in parent.shards.all()) == 1


def test_its_facts_are_read_for_their_purpose(ada):
    assert read_fact(name="toy.mood", entity_id="ada", purpose="service") == 0.8
    assert read_fact(name="toy.mood", entity_id="nobody", purpose="service") == 0.0


def test_export_and_erasure_reach_it(ada):
    assert export_customer(storefront="", external_id="ada")["scenarios"]["toy"] == {
        "cases": ["ada was cross"]
    }
    erase_customer(storefront="", external_id="ada")
    assert not LabellingTask.objects.exists()
    assert not Customer.objects.filter(external_id="ada").exists()
    assert read_fact(name="toy.mood", entity_id="ada", purpose="service") == 0.0


def test_console_shows_its_card_and_its_switch(boss):
    page = boss.get(reverse("admin:ecomai_console_console_changelist")).content.decode()
    assert "Toy card" in page
    boss.post(reverse("admin:ecomai_registry_switch_turn", args=["toy", "off"]))
    switches = boss.get("/ecomai/registry/switches/").json()["results"]
    assert {"name": "toy", "is_on": False} in switches
