"""Hyperparameters that people choose in forms: for one training, or for those by the clock."""

import io
import re
from dataclasses import replace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from ecomai import scenarios
from ecomai.exceptions import InvalidInputError
from ecomai.registry.models import AuditEntry, TrainingRun, TrainingSchedule
from ecomai.registry.services import request_training, schedule_training
from ecomai.registry.tasks import run_scheduled_training, run_training
from ecomai.training_options import Option

from .conftest import MODEL

pytestmark = pytest.mark.django_db

VIEWS = ("view_modeldeployment", "view_modelversion", "view_trainingrun")
OPTIONS = {
    "is_thorough": Option(verbose_name="Be thorough", help_text="Takes longer."),
    "layers": Option(verbose_name="Layers", choices={0: "all", 2: "two"}),
}


@pytest.fixture
def optional(probe, training_does):
    """The probe, with a switch and a choice."""
    defaults = {"width": 8, "is_thorough": False, "layers": 0}
    return become(replace(probe, default_hyperparameters=defaults, options=OPTIONS))


def become(spec):
    scenarios.unregister("probe")
    scenarios.register(scenarios.Scenario(name="probe", verbose_name="Probe", models=[spec]))
    return spec


@pytest.fixture
def client(make_user):
    client = Client()
    client.force_login(make_user("request_training", "schedule_training", *VIEWS))
    return client


def page_of(client):
    return client.get(reverse("admin:ecomai_registry_model", args=[MODEL])).content.decode()


def test_the_page_offers_the_options_by_their_names(optional, client):
    page = page_of(client)
    assert "Train with these settings" in page
    assert page.count("Be thorough") == 2  # for one training, and beside the schedule
    assert "Takes longer." in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert sorted(set(ids)) == sorted(ids)  # else a label would switch the other form's field


def test_a_model_without_options_offers_none(probe, client):
    assert "Train with these settings" not in page_of(client)


def test_a_training_is_asked_for_with_chosen_options(optional, client):
    url = reverse("admin:ecomai_registry_model_retrain", args=[MODEL])
    assert "errorlist" in client.post(url, {"options": "1", "layers": "5"}).content.decode()
    assert not TrainingRun.objects.exists()
    client.post(url, {"options": "1", "layers": "2", "is_thorough": "on"})
    run = TrainingRun.objects.get()
    assert run.hyperparameters == {"width": 8, "is_thorough": True, "layers": 2}
    run_training(run.pk)
    client.post(url, {})
    assert TrainingRun.objects.latest("pk").hyperparameters == optional.default_hyperparameters


def test_trainings_by_the_clock_have_options_of_their_own(optional, client):
    url = reverse("admin:ecomai_registry_model_schedule", args=[MODEL])
    schedule_training(model_name=MODEL, crontab="0 3 * * 1", hyperparameters={"width": 16})
    client.post(url, {"preset": "0 3 * * 1", "layers": "2", "is_thorough": "on"})
    wanted = {"width": 16, "is_thorough": True, "layers": 2}
    assert TrainingSchedule.objects.get().hyperparameters == wanted
    assert AuditEntry.objects.latest("pk").details["hyperparameters"] == wanted
    assert '<option value="2" selected>' in page_of(client)
    run_scheduled_training(MODEL)
    assert TrainingRun.objects.get().hyperparameters == wanted


def test_a_schedule_outlives_an_option_that_is_gone(optional, probe):
    schedule_training(model_name=MODEL, crontab="0 3 * * *", hyperparameters={"layers": 2, "width": 16})
    become(
        replace(optional, options={"layers": Option(verbose_name="Layers", choices={0: "all", 4: "four"})})
    )
    run_scheduled_training(MODEL)
    assert TrainingRun.objects.get().hyperparameters == {"width": 16, "is_thorough": False, "layers": 0}
    run_training(TrainingRun.objects.get().pk)
    become(replace(probe, default_hyperparameters={}, search_space={}))
    run_scheduled_training(MODEL)
    assert TrainingRun.objects.latest("pk").hyperparameters == {}


@pytest.mark.parametrize(
    "given", [{"layers": 1}, {"layers": "2"}, {"is_thorough": 1}, {"is_thorough": None}, {"wdith": 8}]
)
def test_values_that_are_no_choice_are_refused_everywhere(optional, client, given):
    (name,) = given
    for ask in (request_training, lambda **more: schedule_training(crontab="0 3 * * *", **more)):
        with pytest.raises(InvalidInputError, match=name):
            ask(model_name=MODEL, hyperparameters=given)
    body = {"model_name": MODEL, "hyperparameters": given}
    answer = client.post("/ecomai/registry/runs/", body, content_type="application/json")
    assert answer.status_code == 400
    assert name in answer.json()["error"]["message"]


def test_commands_and_rest_choose_too(optional, client):
    quiet = {"stdout": io.StringIO(), "stderr": io.StringIO()}
    call_command("ecomai_schedule", MODEL, "0 3 * * *", "--set", "is_thorough=true", **quiet)
    assert TrainingSchedule.objects.get().hyperparameters == {"is_thorough": True}
    with pytest.raises(CommandError, match="layers"):
        call_command("ecomai_schedule", MODEL, "0 3 * * *", "--set", "layers=3", **quiet)
    url = f"/ecomai/registry/models/{MODEL}/schedule/"
    body = {"crontab": "0 3 * * *", "hyperparameters": {"layers": 2}}
    kept = client.put(url, body, content_type="application/json").json()
    assert kept["hyperparameters"] == client.get(url).json()["hyperparameters"] == {"layers": 2}


def test_a_default_that_is_no_choice_is_refused_when_the_scenario_registers(optional):
    scenarios.unregister("probe")
    wrong = replace(optional, default_hyperparameters={"width": 8, "is_thorough": False, "layers": 1})
    with pytest.raises(ImproperlyConfigured, match="layers"):
        scenarios.register(scenarios.Scenario(name="probe", verbose_name="Probe", models=[wrong]))
