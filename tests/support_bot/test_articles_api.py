"""Articles over REST: written by the ids of their own system, in the key's storefront alone."""

import json

import pytest

from ecomai.commerce.services.keys import create_api_key
from support_bot.knowledge import current
from support_bot.knowledge.finding import find_passages
from support_bot.models import Article

pytestmark = pytest.mark.django_db
ADDRESS = "/ecomai/support_bot/articles/"


@pytest.fixture(autouse=True)
def _fresh():
    current.forget()


def key(*scopes, storefront=""):
    _row, plain = create_api_key(name="help desk", kind="secret", scopes=list(scopes), storefront=storefront)
    return {"HTTP_AUTHORIZATION": f"Bearer {plain}"}


def put(client, external_id, headers, **values):
    values = {"title": "Hours", "body": "We open at nine.", "is_published": True, **values}
    return client.put(
        f"{ADDRESS}{external_id}/", json.dumps(values), content_type="application/json", **headers
    )


def test_an_article_is_written_changed_found_and_removed(client):
    headers = key("knowledge:write")
    assert put(client, "kb/1", headers).json()["version"] == 1
    assert put(client, "kb/1", headers).json()["version"] == 1
    assert put(client, "kb/1", headers, body="We open at ten.").json()["version"] == 2
    assert find_passages("when do you open", language="en").hits[0].entry.text == "We open at ten."
    assert client.get(f"{ADDRESS}kb/1/", **headers).json()["body"] == "We open at ten."
    assert [row["id"] for row in client.get(ADDRESS, **headers).json()["results"]] == ["kb/1"]
    assert client.delete(f"{ADDRESS}kb/1/", **headers).status_code == 204
    assert client.delete(f"{ADDRESS}kb/1/", **headers).status_code == 204
    assert client.get(f"{ADDRESS}kb/1/", **headers).status_code == 404


def test_another_scope_or_none_opens_nothing(client):
    assert put(client, "a", {}).status_code == 401
    assert put(client, "a", key("items:write")).status_code == 403
    assert not Article.objects.exists()


def test_a_key_reaches_the_articles_of_its_storefront_alone(client):
    put(client, "a", key("knowledge:write"))
    other = key("knowledge:write", storefront="outlet")
    assert client.get(f"{ADDRESS}a/", **other).status_code == 404
    client.delete(f"{ADDRESS}a/", **other)
    assert Article.objects.count() == 1


@pytest.mark.parametrize(
    "bad",
    [{"body": ""}, {"title": "x" * 201}, {"body": "# Only a heading"}, {"is_published": "nonsense"},
     {"body": "x" * 50_001}, {"url": "javascript:alert(1)"}, {"url": "//evil.example"}],
)  # fmt: skip
def test_what_is_no_article_is_refused_with_a_reason(client, bad):
    answer = put(client, "a", key("knowledge:write"), **bad)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_input"
    assert not Article.objects.exists()
