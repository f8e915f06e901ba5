"""An experiment at a placement decides who answers first, and whoever got an answer was exposed."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.urls import reverse

from ecomai import writing
from ecomai.commerce.services import create_api_key
from ecomai.experiments import selectors
from ecomai.experiments.models import Experiment, Exposure
from ecomai.experiments.services import remove_arm, roll_out, start_experiment
from recommendations import services


@pytest.fixture(autouse=True)
def _no_plans():
    selectors.forget_plans()
    yield
    selectors.forget_plans()


@pytest.fixture
def experiment(db):
    experiment = Experiment.objects.create(
        name="Does the model sell more?", slug="model-or-popular", subject="recommendations:home",
        unit=Experiment.Unit.SESSION, primary_metric="conversion",
    )  # fmt: skip
    experiment.arms.create(name="popular", weight=1, is_control=True, configuration={"source": "popular"})
    experiment.arms.create(name="model", weight=1, configuration={})
    return start_experiment(experiment=experiment)


def request_of(session_id):
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    request.COOKIES["ecomai_session"] = session_id
    return request


@pytest.fixture
def visits(live_models, shop, add_event):
    """Forty sessions that looked at the first coffee."""
    ids = [f"session-number-{number:03}" for number in range(40)]
    for session_id in ids:
        add_event(shop[0], session_id=session_id)
    services.refresh_popularity()
    return ids


def ask(session_id, placement="home"):
    return services.recommend_for_request(request_of(session_id), placement=placement, n=3)


def test_visitors_see_their_arm_each_time_and_are_exposed_once(experiment, visits):
    sources = {session_id: ask(session_id).source for session_id in visits}
    assert set(sources.values()) == {"model", "popular"}
    assert {session_id: ask(session_id).source for session_id in visits} == sources
    seen = dict(Exposure.objects.values_list("unit_id", "arm__name"))
    assert seen == sources


def test_another_placement_is_not_tried_out(experiment, visits):
    assert {ask(session_id, "item").source for session_id in visits} == {"model"}
    assert not Exposure.objects.exists()


def test_what_is_rolled_out_is_everybodys(experiment, visits):
    roll_out(experiment=experiment, arm_id=experiment.arms.get(name="model").pk)
    selectors.forget_plans()
    assert {ask(session_id).source for session_id in visits} == {"model"}


def test_an_arm_that_is_taken_out_shows_the_control(experiment, visits):
    remove_arm(experiment=experiment, arm_id=experiment.arms.get(name="model").pk)
    selectors.forget_plans()
    assert {ask(session_id).source for session_id in visits} == {"popular"}


@pytest.mark.parametrize("configuration", [{"source": "no-such-source"}, {"source": ["model"]}, {"other": 1}])
def test_what_an_arm_cannot_mean_is_as_always(experiment, visits, configuration, caplog):
    experiment.arms.update(configuration=configuration)
    selectors.forget_plans()
    assert {ask(session_id).source for session_id in visits[:5]} == {"model"}
    assert ("An experiment asks for the source" in caplog.text) == ("source" in configuration)


def test_a_server_asks_for_its_visitors(client, experiment, visits):
    _key, secret = create_api_key(name="server", kind="secret", scopes=["recommendations:read"])
    query = {"placement": "home", "session_id": visits[0], "n": 3}
    response = client.get(
        reverse("ecomai:recommendations"), query, headers={"Authorization": f"Bearer {secret}"}
    )
    assert response.json()["source"] == ask(visits[0]).source
    assert Exposure.objects.get().unit_id == visits[0]


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_exposures_are_written_a_moment_later(experiment, visits):
    for session_id in visits:
        ask(session_id)
    writing.flush()
    assert set(Exposure.objects.values_list("unit_id", flat=True)) == set(visits)
