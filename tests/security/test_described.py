"""Answers are what the OpenAPI description says they are."""

import jsonschema
import pytest
from django.urls import reverse

from ecomai.commerce.services import create_api_key
from ecomai.commerce.services.keys import SCOPES

from .test_permissions import MODEL, rows  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(client):
    """Ask as a server, and compare the answer with the description of its address."""
    _key, plaintext = create_api_key(name="server", kind="secret", scopes=SCOPES)
    headers = {"Authorization": f"Bearer {plaintext}"}
    described = client.get(reverse("ecomai:schema")).json()

    def ask(name, path, *, method="get", body=None, kwargs=None, query=None):
        address = reverse(f"ecomai:{name}", kwargs=kwargs)
        if method == "get":
            answer = client.get(address, query or {}, headers=headers)
        else:
            call = getattr(client, method)
            answer = call(address, body or {}, content_type="application/json", headers=headers)
        operation = described["paths"][f"/ecomai/{path}"][method]
        status = str(answer.status_code)
        known = operation["responses"]
        assert status in known or answer.status_code >= 400, (status, answer.content[:300])
        content = known.get(status, known["default"]).get("content")
        if content:
            shape = {**content["application/json"]["schema"], "components": described["components"]}
            jsonschema.validate(answer.json(), nullable(shape))
        return answer

    return ask


def nullable(shape):
    """OpenAPI 3.0 says `nullable`, JSON Schema says a list of types."""
    if isinstance(shape, list):
        return [nullable(part) for part in shape]
    if not isinstance(shape, dict):
        return shape
    plain = {key: nullable(part) for key, part in shape.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if shape.get("nullable") is True else plain


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("recommendations", "recommendations/"),
        ("registry-models", "registry/models/"),
        ("registry-runs", "registry/runs/"),
        ("registry-versions", "registry/versions/"),
        ("registry-jobs", "registry/jobs/"),
        ("registry-switches", "registry/switches/"),
        ("registry-audit", "registry/audit/"),
        ("experiments", "experiments/"),
    ],
)
def test_lists(ask, rows, name, path):  # noqa: F811
    assert ask(name, path).status_code == 200


@pytest.mark.parametrize(
    ("name", "path", "kind"),
    [
        ("registry-run", "registry/runs/{id}/", "trainingrun"),
        ("registry-version", "registry/versions/{id}/", "modelversion"),
        ("registry-job", "registry/jobs/{id}/", "job"),
    ],
)
def test_rows(ask, rows, name, path, kind):  # noqa: F811
    assert ask(name, path, kwargs={"pk": rows[f"ecomai_registry.{kind}"].pk}).status_code == 200


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("registry-model", "registry/models/{name}/"),
        ("registry-schedule", "registry/models/{name}/schedule/"),
        ("registry-policy", "registry/models/{name}/policy/"),
    ],
)
def test_models(ask, rows, name, path):  # noqa: F811
    assert ask(name, path, kwargs={"name": MODEL}).status_code == 200


@pytest.mark.parametrize("name", ["events", "items", "customers", "orders"])
def test_batches(ask, name):
    assert ask(name, f"{name}/", method="post", body={name: [{"nonsense": 1}]}).status_code == 200


def test_an_error_of_the_caller_is_described(ask):
    assert ask("recommendations", "recommendations/", query={"n": "x"}).status_code == 400
