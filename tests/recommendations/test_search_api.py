"""`GET recommendations/search/` and its suggestions: who may ask for what."""

from decimal import Decimal

import pytest
from django.urls import reverse

from ecomai import capabilities
from ecomai.commerce.visitors import sign_customer
from ecomai.fusion.subjects import Subject
from ecomai.registry.services import switch_scenario
from recommendations.models import SearchLog, Synonym
from recommendations.serializers.search import SearchSerializer, search_body
from recommendations.services import privacy
from recommendations.services import search as searches
from recommendations.tasks import forget_old_searches, propose_synonyms

from .test_api import page, server  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_search_remembered():
    searches.forget()
    yield
    searches.forget()


@pytest.fixture
def url():
    return reverse("ecomai:search")


@pytest.fixture
def suggestions_url():
    return reverse("ecomai:search-suggestions")


def test_a_page_searches_for_its_visitor(client, url, page, shop):  # noqa: F811
    response = client.get(url, {"q": "coffe beans number", "n": 2, "session_id": "session-1"}, headers=page)
    body = response.json()
    assert response.status_code == 200, body
    assert len(body["items"]) == 2
    assert body["n_found"] >= 4
    assert (body["is_corrected"], body["searched"]) == (True, "coffee beans number")
    assert body["items"][0]["why"][0]["code"] == "words"
    assert {facet["name"] for facet in body["facets"]} >= {"category", "price"}
    assert response["Cache-Control"] == "private, no-store"
    row = SearchLog.objects.get(key=body["search"])
    assert (row.query, row.session_id) == ("coffe beans number", "session-1")


def test_filters_and_facets_are_chosen_by_parameters(client, url, page, shop):  # noqa: F811
    chosen = {"q": "number", "category": "Coffee", "max_price": "20", "in_stock": "1", "brand": ["", "X"]}
    assert client.get(url, chosen, headers=page).json()["n_found"] == 0
    chosen["brand"] = ""
    body = client.get(url, chosen, headers=page).json()
    assert {item["item"] for item in body["items"]} == {"coffee-1", "coffee-2"}
    category = next(facet for facet in body["facets"] if facet["name"] == "category")
    assert category["choices"][0]["is_chosen"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"q": "x" * 10_000}, "q"), ({"q": "cup", "n": 101}, "n"), ({"q": "cup", "page": 0}, "page"),
        ({"q": "cup", "sort": "beauty"}, "sort"), ({"q": "cup", "attribute": "red"}, "attribute"),
        ({"q": "cup", "min_price": 5, "max_price": 1}, "non_field_errors"), ({"q": "a\0b"}, "q"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_a_sentence(client, url, page, sent, field):  # noqa: F811
    response = client.get(url, sent, headers=page)
    assert response.status_code == 400
    assert list(response.json()["error"]["details"]) == [field]


def test_without_key_or_login_nothing_is_answered(client, url, suggestions_url, shop):
    assert client.get(url, {"q": "coffee"}).status_code == 401
    assert client.get(suggestions_url, {"q": "coffee"}).status_code == 401


def test_a_page_may_not_search_as_somebody_else(client, url, page, server, shop, add_customer):  # noqa: F811
    add_customer("anna")
    assert client.get(url, {"q": "coffee", "customer": "anna"}, headers=page).status_code == 403
    assert client.get(url, {"q": "coffee", "customer": "anna"}, headers=server).status_code == 200
    headers = page | {"X-Ecomai-Customer": sign_customer("anna")}
    assert client.get(url, {"q": "coffee"}, headers=headers).status_code == 200
    assert {row.customer.external_id for row in SearchLog.objects.all()} == {"anna"}


def test_pages_are_throttled(client, url, suggestions_url, page, settings):  # noqa: F811
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": {"REQUESTS_PER_MINUTE": 1}}
    client.get(url, {"q": "coffee"}, headers=page)
    assert client.get(suggestions_url, {"q": "coffee"}, headers=page).status_code == 429


def test_suggestions_while_typing(client, suggestions_url, page, shop):  # noqa: F811
    body = client.get(suggestions_url, {"q": "foun"}, headers=page).json()
    assert [item["item"] for item in body["items"]][:1] == ["writing-1"]
    assert body["categories"] == ["Fountain Pen"]
    assert client.get(suggestions_url, {"q": "fuon"}, headers=page).json()["corrected"] == "foun"
    assert client.get(suggestions_url, {"q": "x" * 501}, headers=page).status_code == 400


def test_the_body_is_what_the_description_says(shop):
    answer = searches.search(query="coffee under 20")
    body = search_body(answer)
    described = set(SearchSerializer().fields)
    assert set(body) == described
    assert set(body["items"][0]) == set(SearchSerializer().fields["items"].child.fields)
    assert body["understood"][0]["code"] == "price"


def test_other_scenarios_may_search(shop):
    found = capabilities.get(capabilities.Searcher).search(query="hiking", n=2)
    assert len(found.items) == 2
    assert all(each.reason for each in found.items)
    cheap = capabilities.SearchFilters(max_price=Decimal(1), is_in_stock=True)
    assert capabilities.get(capabilities.Searcher).search(query="hiking", filters=cheap).items == []
    assert SearchLog.objects.count() == 0
    switch_scenario(name="recommendations", is_on=False)
    assert capabilities.get(capabilities.Searcher).search(query="hiking").unavailable.reason == "switched_off"


def test_searches_are_erased_and_exported(shop, add_customer):
    anna = add_customer("anna")
    searches.search(query="coffee", customer=anna)
    searches.search(query="pens", session_id="session-anna")
    searches.search(query="boots", session_id="session-other")
    subject = Subject(storefront="", external_id="anna", customer_pk=anna.pk, session_ids=("session-anna",))
    assert [row["query"] for row in privacy.export(subject)["searches"]] == ["coffee", "pens"]
    assert privacy.erase(subject)["searches"] == 2
    assert privacy.erase(subject)["searches"] == 0
    assert SearchLog.objects.get().query == "boots"


def test_tasks_may_run_twice(db):
    for _n in range(2):
        forget_old_searches()
        propose_synonyms()
    assert not Synonym.objects.exists(), "nobody searched, so there is nothing to propose"
