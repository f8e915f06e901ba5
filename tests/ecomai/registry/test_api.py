"""The registry over REST."""

import pytest
from rest_framework.test import APIClient

from ecomai.commerce.services import create_api_key
from ecomai.registry.models import AuditEntry, Job, ModelVersion, TrainingRun
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.registry.tasks import run_training

from .conftest import MODEL

pytestmark = pytest.mark.django_db

BASE = "/ecomai/registry"
READERS = ("view_modelversion", "view_trainingrun", "view_job", "view_auditentry")


@pytest.fixture
def client_for(make_user):
    """`client_for("request_training")`: a logged-in client with these permissions, and those to read."""

    def make(*codenames: str) -> APIClient:
        client = APIClient(enforce_csrf_checks=False)
        client.force_login(make_user(*READERS, *codenames))
        return client

    return make


@pytest.fixture
def server_for(db):
    """`server_for("registry:read")`: a client with a secret key of these scopes."""

    def make(*scopes: str, kind: str = "secret") -> APIClient:
        _key, plaintext = create_api_key(
            name="ci", kind=kind, scopes=list(scopes), origins=["https://shop.example"]
        )
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}", HTTP_ORIGIN="https://shop.example")
        return client

    return make


def test_models_are_listed_with_what_serves_and_what_is_missing(trained, client_for):
    version = trained(0.5)
    promote_version(version=version)
    (model,) = [m for m in client_for().get(f"{BASE}/models/").json()["results"] if m["name"] == MODEL]
    assert (model["mode"], model["serving_version"], model["candidate_version"]) == ("shadow", 1, None)
    assert (model["n_versions"], model["active_run"], model["primary_metric"]) == (1, None, "quality")


def test_training_is_requested_followed_and_found(training_does, client_for):
    client = client_for("request_training")
    answer = client.post(
        f"{BASE}/runs/", {"model_name": MODEL, "hyperparameters": {"width": 2}}, format="json"
    )
    assert answer.status_code == 202
    assert answer.json()["state"] == "queued"
    number = answer.json()["id"]
    training_does(lambda run: (run.log(1, loss=0.5), training_candidate(run))[1])
    run_training(number)

    detail = client.get(f"{BASE}/runs/{number}/").json()
    assert (detail["state"], detail["progress"], detail["hyperparameters"]) == (
        "succeeded",
        1.0,
        {"width": 2},
    )
    assert detail["curve"] == [{"name": "loss", "step": 1, "value": 0.5}]
    assert client.get(f"{BASE}/runs/?model={MODEL}&state=succeeded").json()["results"][0]["id"] == number
    assert client.get(f"{BASE}/runs/?state=failed").json()["results"] == []


def training_candidate(run):
    from .conftest import make_candidate

    return make_candidate(run)


def test_second_training_of_a_model_is_a_conflict(training_does, client_for):
    client = client_for("request_training")
    client.post(f"{BASE}/runs/", {"model_name": MODEL}, format="json")
    answer = client.post(f"{BASE}/runs/", {"model_name": MODEL}, format="json")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "training_active"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_input"),
        ({"model_name": "no.such"}, 404, "not_found"),
        ({"model_name": MODEL, "hyperparameters": {"x": 1}}, 400, "invalid_input"),
        ({"model_name": MODEL, "hyperparameters": "x"}, 400, "invalid_input"),
        ({"model_name": MODEL, "random_state": -1}, 400, "invalid_input"),
    ],
)
def test_invalid_request_is_answered_in_the_one_shape(training_does, client_for, body, status, code):
    answer = client_for("request_training").post(f"{BASE}/runs/", body, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_training_is_cancelled_and_retried(training_does, client_for):
    client = client_for("request_training")
    run = request_training(model_name=MODEL)
    assert client.post(f"{BASE}/runs/{run.pk}/cancel/").json()["state"] == "cancelled"
    again = client.post(f"{BASE}/runs/{run.pk}/retry/")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    assert (
        client.post(f"{BASE}/runs/{again.json()['id']}/retry/").json()["error"]["code"] == "job_not_finished"
    )


def test_version_is_judged_promoted_taken_live_and_rolled_back(trained, client_for):
    client = client_for("promote_modelversion", "go_live_modelversion")
    first, second = trained(0.5), trained(0.6)
    detail = client.get(f"{BASE}/versions/{first.pk}/").json()
    assert detail["verdict"]["is_passed"] is True
    assert detail["card"]["artifact_sha256"] == first.artifact_digest

    assert client.post(f"{BASE}/versions/{first.pk}/promote/").json()["state"] == "shadow"
    assert client.post(f"{BASE}/models/{MODEL}/go-live/").json()["state"] == "live"
    assert client.post(f"{BASE}/versions/{second.pk}/promote/").json()["state"] == "live"
    assert client.post(f"{BASE}/models/{MODEL}/roll-back/").json()["number"] == 1
    assert client.post(f"{BASE}/models/{MODEL}/roll-back/").json()["error"]["code"] == "no_earlier_version"
    assert client.post(f"{BASE}/models/{MODEL}/shadow/").json()["mode"] == "shadow"
    assert client.get(f"{BASE}/versions/?model={MODEL}&state=shadow").json()["results"][0]["number"] == 1


def test_schedule_and_policy_are_set_read_and_ended(probe, client_for):
    client = client_for("schedule_training", "change_promotionpolicy")
    assert client.get(f"{BASE}/models/{MODEL}/schedule/").json()["crontab"] is None
    assert client.put(f"{BASE}/models/{MODEL}/schedule/", {"crontab": "x"}, format="json").status_code == 400
    answer = client.put(f"{BASE}/models/{MODEL}/schedule/", {"crontab": "0 3 * * *"}, format="json")
    assert answer.json() == {
        "crontab": "0 3 * * *", "search_minutes": None, "hyperparameters": {},
    }  # fmt: skip
    assert client.delete(f"{BASE}/models/{MODEL}/schedule/").status_code == 204
    assert client.get(f"{BASE}/models/{MODEL}/schedule/").json()["crontab"] is None

    policy = {"is_automatic": True, "min_gain_over_live": 0.05}
    answer = client.put(f"{BASE}/models/{MODEL}/policy/", policy, format="json").json()
    assert (answer["is_automatic"], answer["min_gain_over_live"], answer["max_group_gap"]) == (
        True,
        0.05,
        None,
    )


def test_scoring_is_a_job_with_parts(probe, job_does, client_for):
    client = client_for("request_scoring", "cancel_job")
    job = client.post(f"{BASE}/models/{MODEL}/scoring/").json()
    listed = client.get(f"{BASE}/jobs/?kind=scoring").json()["results"]
    assert [(each["id"], each["n_parts"]) for each in listed] == [(job["id"], 3)]
    assert len(client.get(f"{BASE}/jobs/?parent={job['id']}").json()["results"]) == 3
    assert client.post(f"{BASE}/jobs/{job['id']}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"{BASE}/jobs/{job['id']}/retry/").json()["state"] == "running"


def test_switches_are_listed_and_turned(probe, client_for):
    client = client_for("change_scenarioswitch")
    assert client.put(f"{BASE}/switches/probe/", {"is_on": False}, format="json").status_code == 200
    assert {"name": "probe", "is_on": False} in client.get(f"{BASE}/switches/").json()["results"]
    client.put(f"{BASE}/switches/all/", {"is_on": False}, format="json")
    assert client.get(f"{BASE}/switches/").json()["results"][0] == {"name": "all", "is_on": False}
    assert client.put(f"{BASE}/switches/unknown/", {"is_on": True}, format="json").status_code == 404


def test_traceback_is_only_for_people_with_the_permission(training_does, client_for, server_for):
    training_does(lambda run: 1 / 0)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    path = f"{BASE}/jobs/{run.job_id}/"
    assert "ZeroDivisionError" in client_for("view_job_traceback").get(path).json()["traceback"]
    assert "traceback" not in client_for().get(path).json()
    assert "traceback" not in server_for("registry:read").get(path).json()


# -- who may ------------------------------------------------------------------------------------

WRITES = [
    ("post", "/runs/", "request_training", "registry:train"),
    ("post", "/runs/{run}/cancel/", "request_training", "registry:train"),
    ("post", "/runs/{run}/retry/", "request_training", "registry:train"),
    ("post", "/versions/{version}/promote/", "promote_modelversion", "registry:promote"),
    ("post", "/models/probe.model/roll-back/", "promote_modelversion", "registry:promote"),
    ("post", "/models/probe.model/go-live/", "go_live_modelversion", "registry:promote"),
    ("post", "/models/probe.model/shadow/", "go_live_modelversion", "registry:promote"),
    ("put", "/models/probe.model/schedule/", "schedule_training", "registry:train"),
    ("delete", "/models/probe.model/schedule/", "schedule_training", "registry:train"),
    ("put", "/models/probe.model/policy/", "change_promotionpolicy", "registry:promote"),
    ("post", "/models/probe.model/scoring/", "request_scoring", "registry:train"),
    ("post", "/jobs/{job}/cancel/", "cancel_job", "registry:train"),
    ("post", "/jobs/{job}/retry/", "cancel_job", "registry:train"),
    ("put", "/switches/probe/", "change_scenarioswitch", "registry:promote"),
]
READS = ["/models/", "/models/probe.model/", "/runs/", "/runs/{run}/", "/versions/", "/versions/{version}/",
         "/jobs/", "/jobs/{job}/", "/switches/", "/audit/", "/models/probe.model/schedule/"]  # fmt: skip


@pytest.fixture
def numbers(trained):
    version = trained(0.5)
    return {"version": version.pk, "run": version.run.pk, "job": version.run.job_id}


@pytest.mark.parametrize(("method", "path", "codename", "scope"), WRITES)
def test_every_write_needs_its_own_permission_or_scope(
    numbers, client_for, server_for, make_user, method, path, codename, scope
):
    url = BASE + path.format(**numbers)
    everything = {codename for _method, _path, codename, _scope in WRITES}
    before = AuditEntry.objects.count()
    assert getattr(APIClient(), method)(url).status_code == 401
    assert getattr(client_for(*(everything - {codename})), method)(url).status_code == 403
    assert getattr(server_for("registry:read"), method)(url).status_code == 403
    other = {"registry:train": "registry:promote", "registry:promote": "registry:train"}[scope]
    assert getattr(server_for(other), method)(url).status_code == 403
    assert AuditEntry.objects.count() == before
    # Whatever else is wrong with these requests, it is not the permission.
    assert getattr(server_for(scope), method)(url, {}, format="json").status_code not in (401, 403)


@pytest.mark.parametrize("path", READS)
def test_every_read_needs_a_permission_or_the_scope(numbers, client_for, server_for, make_user, path):
    url = BASE + path.format(**numbers)
    assert APIClient().get(url).status_code == 401
    nobody = APIClient()
    nobody.force_login(make_user())
    assert nobody.get(url).status_code == 403
    assert server_for("registry:train").get(url).status_code == 403
    assert client_for().get(url).status_code == 200
    assert server_for("registry:read").get(url).status_code == 200


def test_permission_without_being_staff_is_not_enough(probe, make_user):
    user = make_user(*READERS)
    user.is_staff = False
    user.save()
    client = APIClient()
    client.force_login(user)
    assert client.get(f"{BASE}/models/").status_code == 403


def test_publishable_key_may_nothing_even_with_a_scope(probe, server_for):
    from ecomai.commerce.models import ApiKey

    client = server_for(kind="publishable")
    ApiKey.objects.update(scopes=["registry:read", "registry:train"])
    assert client.get(f"{BASE}/models/").status_code == 403


def test_session_needs_the_csrf_token(training_does, make_user):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(make_user("request_training"))
    assert client.post(f"{BASE}/runs/", {"model_name": MODEL}, format="json").status_code == 403
    assert not TrainingRun.objects.exists()


def test_key_is_named_in_the_audit_log(trained, server_for):
    version = trained(0.5)
    assert server_for("registry:promote").post(f"{BASE}/versions/{version.pk}/promote/").status_code == 200
    entry = AuditEntry.objects.get(action="promote")
    assert entry.actor is None
    assert entry.actor_label.startswith("API key ci")


@pytest.mark.parametrize("path", ["/models/no.such/", "/runs/999/", "/versions/999/", "/jobs/999/"])
def test_unknown_object_is_404_in_the_one_shape(client_for, path):
    answer = client_for().get(BASE + path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_unsupported_method_is_405(probe, client_for):
    assert client_for("request_training").patch(f"{BASE}/runs/").status_code == 405
    assert client_for("promote_modelversion").get(f"{BASE}/models/{MODEL}/roll-back/").status_code == 405


def test_empty_shop_is_answered(client_for):
    client = client_for()
    for path in ("/runs/", "/versions/", "/jobs/", "/audit/"):
        assert client.get(BASE + path).json()["results"] == []
    assert client.get(f"{BASE}/models/").status_code == 200


@pytest.mark.parametrize("path", ["/models/", "/runs/", "/versions/", "/jobs/", "/audit/"])
def test_number_of_queries_does_not_grow_with_the_rows(
    trained, client_for, path, django_assert_max_num_queries
):
    for value in (0.5, 0.6, 0.7):
        promote_version(version=trained(value))
    client = client_for()
    # Once a minute each model's scenario counts whether there is enough to learn from.
    with django_assert_max_num_queries(24):
        assert client.get(BASE + path).status_code == 200


def test_go_live_twice_is_a_conflict(trained, client_for):
    promote_version(version=trained(0.5))
    go_live(model_name=MODEL)
    answer = client_for("go_live_modelversion").post(f"{BASE}/models/{MODEL}/go-live/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert ModelVersion.objects.get().state == "live"
    assert Job.objects.count() == 1
