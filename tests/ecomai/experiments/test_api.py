"""REST: reports to read, and nothing to change."""

import pytest

from ecomai.commerce.services import create_api_key
from ecomai.experiments import services

pytestmark = pytest.mark.django_db

LIST = "/ecomai/experiments/"


@pytest.fixture
def ask(client):
    def get(path, *scopes, method="get"):
        _key, plaintext = create_api_key(name="server", kind="secret", scopes=scopes)
        return getattr(client, method)(path, headers={"Authorization": f"Bearer {plaintext}"})

    return get


def test_server_reads_verdict_and_arms(ask, make_experiment):
    make_experiment(guard_rails=[("revenue", 0.02)])
    services.take_snapshots()
    (one,) = ask(LIST, "experiments:read").json()["results"]
    assert (one["slug"], one["state"], one["alarms"]) == ("home-page", "running", [])
    assert "too early to tell" in one["verdict"]
    report = ask(f"{LIST}home-page/", "experiments:read").json()
    assert [(arm["name"], arm["lift"]) for arm in report["arms"]] == [("today", None), ("new", None)]


def test_empty_shop_has_no_experiments(ask):
    assert ask(LIST, "experiments:read").json() == {"results": []}


def test_unknown_experiment_is_not_found(ask):
    answer = ask(f"{LIST}nothing/", "experiments:read")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("scope", ["registry:read", "events:write"])
def test_other_scopes_do_not_open_it(ask, scope):
    assert ask(LIST, scope).status_code == 403


def test_nothing_can_be_changed(ask):
    assert ask(LIST, "experiments:read", method="post").status_code == 405


def test_staff_with_the_permission_may_read(admin_client, client):
    assert admin_client.get(LIST).status_code == 200
    assert client.get(LIST).status_code == 401
