"""Bodies that are too large or too deep are refused before they cost anything."""

import pytest
from django.urls import reverse

from ecomai.commerce.services import create_api_key
from ecomai.commerce.services.keys import SCOPES

pytestmark = pytest.mark.django_db

WRITES = [
    ("post", "events", []), ("post", "items", []), ("post", "customers", []), ("post", "orders", []),
    ("post", "fusion-consents", []), ("post", "fusion-exports", []), ("post", "fusion-erasures", []),
    ("post", "fusion-session-links", []), ("post", "registry-runs", []),
    ("put", "registry-switch", ["all"]), ("put", "registry-policy", ["recommendations.next_item"]),
    ("put", "registry-schedule", ["recommendations.next_item"]),
]  # fmt: skip


@pytest.fixture
def send(client):
    _key, plaintext = create_api_key(name="server", kind="secret", scopes=SCOPES)
    headers = {"Authorization": f"Bearer {plaintext}"}

    def send(method, name, args, body):
        address = reverse(f"ecomai:{name}", args=args)
        return getattr(client, method)(address, body, content_type="application/json", headers=headers)

    return send


@pytest.mark.parametrize(("method", "name", "args"), WRITES)
def test_json_that_is_nested_too_deep_is_the_callers_error(send, method, name, args):
    response = send(method, name, args, "[" * 100_000)
    assert response.status_code == 400, response.content
    assert set(response.json()["error"]) == {"code", "message", "details"}


@pytest.mark.parametrize(("method", "name", "args"), WRITES)
def test_a_body_of_5_mb_is_refused(send, method, name, args):
    response = send(method, name, args, '{"customer": "' + "x" * 5_000_000 + '"}')
    assert (response.status_code, response.json()["error"]["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize("parent", ["abc", "1.5", "\x00"])
def test_a_filter_that_is_no_number_is_the_callers_error(client, parent):
    _key, plaintext = create_api_key(name="server", kind="secret", scopes=["registry:read"])
    headers = {"Authorization": f"Bearer {plaintext}"}
    response = client.get(reverse("ecomai:registry-jobs"), {"parent": parent}, headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_input")
    assert "parent" in response.json()["error"]["details"]
