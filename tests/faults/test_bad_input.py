"""Input of the worst kind is answered with a reason, by every endpoint that takes it."""

import json

import pytest

from ecomai.commerce.models import Event, EventType
from ecomai.commerce.services import create_api_key

pytestmark = pytest.mark.django_db

# What a database, a codec or a float cannot hold, and what only looks like text.
ODD_TEXTS = {
    "a null character": "a\x00b",
    "half of a surrogate pair": "a\ud800b",
    "right to left and zero width": "\u202e\u200b\ufeff",
    "a very long text": "x" * 100_000,
    "an injection": "'; DROP TABLE commerce_event; --",
    "a path": "../../../../etc/passwd",
    "an emoji of many parts": "👩‍👩‍👧‍👦" * 50,
}
ODD_NUMBERS = ["NaN", "1e400", "-0", "١٢", "0x10", "9" * 400, "", " "]
odd_text = pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())


@pytest.fixture
def server():
    scopes = ["events:write", "items:write", "customers:write", "orders:write", "recommendations:read"]
    scopes += ["fusion:write", "registry:read", "registry:train", "registry:promote"]
    _key, plaintext = create_api_key(name="server", kind="secret", scopes=scopes)
    return {"Authorization": f"Bearer {plaintext}"}


def assert_is_answered(response):
    """A success, or an error of the caller's in the one shape."""
    assert response.status_code < 500, response.content
    body = response.json()
    if response.status_code >= 400:
        assert set(body) == {"error"}
        assert body["error"]["code"]
        assert body["error"]["message"]


@odd_text
@pytest.mark.parametrize(
    "name", ["item", "basket", "customer", "placement", "category", "currency", "n", "min_price", "in_stock"]
)
def test_odd_texts_in_a_question_for_recommendations(client, server, shop, name, text):
    query = {name: text.encode("utf-8", "surrogatepass")}
    assert_is_answered(client.get("/ecomai/recommendations/", query, headers=server))


@pytest.mark.parametrize("number", ODD_NUMBERS)
@pytest.mark.parametrize("name", ["n", "min_price", "max_price"])
def test_odd_numbers_in_a_question_for_recommendations(client, server, shop, name, number):
    assert_is_answered(client.get("/ecomai/recommendations/", {name: number}, headers=server))


@odd_text
@pytest.mark.parametrize("header", ["X-Ecomai-Session", "X-Ecomai-Customer", "X-Ecomai-Key", "X-Request-ID"])
def test_odd_texts_in_headers(client, server, shop, header, text):
    headers = server | {header: text.encode("utf-8", "surrogatepass").decode("latin-1")}
    assert_is_answered(client.get("/ecomai/recommendations/", headers=headers))


@odd_text
@pytest.mark.parametrize(
    "name", ["key", "item_id", "customer_id", "session_id", "type", "query", "currency", "occurred_at"]
)
def test_odd_texts_in_an_event_spoil_no_other_event(client, server, shop, name, text):
    good = {"key": "good", "type": EventType.VIEW, "item_id": "coffee-1", "session_id": "session-1"}
    bad = good | {"key": "bad", name: text}
    response = client.post(
        "/ecomai/events/", json.dumps({"events": [bad, good]}), "application/json", headers=server
    )
    assert_is_answered(response)
    if text != ODD_TEXTS["half of a surrogate pair"]:  # with which the body is no JSON at all
        assert response.json()["results"][1]["status"] == "accepted"
        assert Event.objects.exists()


@odd_text
def test_odd_texts_in_properties(client, server, shop, text):
    event = {"type": EventType.VIEW, "item_id": "coffee-1", "session_id": "s", "properties": {"a": [text]}}
    response = client.post(
        "/ecomai/events/", json.dumps({"events": [event]}), "application/json", headers=server
    )
    assert_is_answered(response)


@odd_text
@pytest.mark.parametrize(
    ("path", "rows", "name"),
    [
        ("items", "items", "external_id"),
        ("items", "items", "title"),
        ("items", "items", "category_path"),
        ("items", "items", "price"),
        ("customers", "customers", "external_id"),
        ("customers", "customers", "country"),
        ("orders", "orders", "external_id"),
        ("orders", "orders", "currency"),
    ],
)
def test_odd_texts_in_rows_of_the_shop(client, server, path, rows, name, text):
    row = {"external_id": "one", "title": "One", "currency": "EUR", "lines": []}
    response = client.post(
        f"/ecomai/{path}/", json.dumps({rows: [row | {name: text}]}), "application/json", headers=server
    )
    assert_is_answered(response)


@odd_text
def test_odd_names_of_fields(client, server, shop, text):
    event = {"type": EventType.VIEW, "item_id": "coffee-1", "session_id": "s", text: 1}
    response = client.post(
        "/ecomai/events/", json.dumps({"events": [event]}), "application/json", headers=server
    )
    assert_is_answered(response)


@odd_text
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("consents", "customer"),
        ("consents", "session"),
        ("consents", "purpose"),
        ("consents", "channel"),
        ("consents", "source"),
        ("session-links", "session"),
        ("exports", "customer"),
        ("erasures", "customer"),
    ],
)
def test_odd_texts_about_a_customer(client, server, registry_folder, path, name, text):
    body = {"customer": "anna", "session": "session-1", "purpose": "newsletter", "is_granted": True}
    response = client.post(
        f"/ecomai/fusion/{path}/", json.dumps(body | {name: text}), "application/json", headers=server
    )
    assert_is_answered(response)


@odd_text
def test_odd_texts_in_the_proof_of_a_consent(client, server, text):
    body = {"customer": "anna", "purpose": "newsletter", "is_granted": True, "proof": {"wording": text}}
    response = client.post("/ecomai/fusion/consents/", json.dumps(body), "application/json", headers=server)
    assert_is_answered(response)


@odd_text
@pytest.mark.parametrize("name", ["hyperparameters", "model_name", "random_state"])
def test_odd_texts_in_a_request_to_train(client, server, name, text):
    body = {"model_name": "recommendations.next_item", "hyperparameters": {"encoder": "char_ngram"}}
    body |= {name: {"encoder": text} if name == "hyperparameters" else text}
    response = client.post("/ecomai/registry/runs/", json.dumps(body), "application/json", headers=server)
    assert_is_answered(response)


@odd_text
@pytest.mark.parametrize("path", ["runs", "versions", "jobs", "audit"])
@pytest.mark.parametrize("name", ["model", "state", "kind", "cursor", "page_size"])
def test_odd_texts_in_filters(client, server, path, name, text):
    query = {name: text.encode("utf-8", "surrogatepass")}
    assert_is_answered(client.get(f"/ecomai/registry/{path}/", query, headers=server))


@pytest.mark.parametrize("path", ["models", "switches"])
@pytest.mark.parametrize("name", ["%00", "%ED%A0%80", "%FF", "..%2F..", "x" * 1000])
def test_odd_names_in_addresses(client, server, path, name):
    for response in (
        client.get(f"/ecomai/registry/{path}/{name}/", headers=server),
        client.put(f"/ecomai/registry/{path}/{name}/", "{}", "application/json", headers=server),
    ):
        assert response.status_code in (400, 403, 404, 405)


@pytest.mark.parametrize("path", ["runs", "versions", "jobs"])
def test_a_number_that_no_row_can_have_is_not_found(client, server, path):
    response = client.get(f"/ecomai/registry/{path}/{'9' * 30}/", headers=server)
    assert_is_answered(response)
    assert response.status_code == 404
