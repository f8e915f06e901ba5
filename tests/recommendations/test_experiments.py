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
from ecomai.serving import live
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


def tried_out(configuration, *, subject="recommendations:home"):
    """An experiment in which everybody sees what a configuration says."""
    experiment = Experiment.objects.create(
        name="x", slug="x", subject=subject, unit=Experiment.Unit.SESSION, primary_metric="conversion"
    )
    experiment.arms.create(name="control", is_control=True, configuration=configuration)
    experiment.arms.create(name="other", configuration=configuration)
    return start_experiment(experiment=experiment)


@pytest.mark.parametrize("state", ["draft", "live", "retired"])
def test_an_arm_shows_a_pipeline_in_any_state(visits, make_pipeline, state):
    pipeline = make_pipeline("new", state=state)
    tried_out({"pipeline": pipeline.pk})
    answer = ask(visits[0])
    assert (answer.source, answer.pipeline_id) == ("pipeline", pipeline.pk)


def test_an_arm_whose_pipeline_was_deleted_is_as_always_and_says_so(visits, make_pipeline, caplog):
    pipeline = make_pipeline("new", state="draft")
    tried_out({"pipeline": pipeline.pk})
    pipeline.delete()
    assert ask(visits[0]).source == "model"
    assert "is gone" in caplog.text


def test_an_arm_shows_another_version_of_the_model(visits, register):
    tried_out({"model_version": 2})
    assert ask(visits[0]).model_version == 1  # there is none yet
    second = register("next_item", number=2)
    live.refresh()  # in a shop, within a second or two
    answer = ask(visits[0])
    assert (answer.source, answer.model_version, answer.model_version_id) == ("model", 2, second.pk)
    assert ask(visits[0], "item").model_version == 1


def test_arms_are_chosen_by_name(admin_client, make_pipeline, register):
    draft = make_pipeline("new", state="draft")
    register("next_item", number=7)
    page = admin_client.get(reverse("admin:ecomai_experiments_experiment_add")).content.decode()
    assert f"{{&quot;pipeline&quot;: {draft.pk}}}" in page
    assert "pipeline “Summer” (draft)" in page
    assert "version 7 of the model" in page
    assert '<optgroup label="recommendations:home">' in page


def arms_form(subject, *configurations):
    data = {
        "name": "x", "slug": "x", "subject": subject, "unit": "session", "primary_metric": "conversion",
        "minimum_effect": "0.05", "outcome_days": "7", "traffic_share": "1", "holdout_share": "0",
        "arms-TOTAL_FORMS": "2", "arms-INITIAL_FORMS": "0", "guard_rails-TOTAL_FORMS": "0",
        "guard_rails-INITIAL_FORMS": "0", "arms-0-is_control": "on",
    }  # fmt: skip
    for number, configuration in enumerate(configurations):
        data |= {
            f"arms-{number}-name": f"arm {number}", f"arms-{number}-weight": "1",
            f"arms-{number}-configuration": configuration,
        }  # fmt: skip
    return data


def test_a_pipeline_of_another_placement_is_refused(admin_client, make_pipeline):
    draft = make_pipeline("new", state="draft")
    address = reverse("admin:ecomai_experiments_experiment_add")
    chosen = f'{{"pipeline": {draft.pk}}}'
    refused = admin_client.post(address, arms_form("recommendations:basket", "{}", chosen))
    assert "belongs to recommendations:home" in refused.content.decode()
    assert admin_client.post(address, arms_form("recommendations:home", "{}", chosen)).status_code == 302
    assert Experiment.objects.get().arms.get(name="arm 1").configuration == {"pipeline": draft.pk}


@pytest.mark.parametrize(
    "configuration",
    [
        {"source": "no-such-source"}, {"source": ["model"]}, {"other": 1}, {"pipeline": "x"},
        {"pipeline": True}, {"model_version": -1},
    ],
)  # fmt: skip
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
