"""`GET recommendations/`: who may ask for what."""

import json

import pytest
from django.urls import reverse
from rest_framework.renderers import JSONRenderer

from ecomai.commerce.services import create_api_key
from ecomai.commerce.visitors import sign_customer
from ecomai.registry.services import switch_scenario
from recommendations import services
from recommendations.serializers import AnswerSerializer, answer_body


@pytest.fixture
def url():
    return reverse("ecomai:recommendations")


@pytest.fixture
def page(db):
    """Headers of a shop page: its publishable key and its origin."""
    _key, plaintext = create_api_key(name="page", kind="publishable", origins=["https://shop.example"])
    return {"X-Ecomai-Key": plaintext, "Origin": "https://shop.example"}


@pytest.fixture
def server(db):
    _key, plaintext = create_api_key(name="server", kind="secret", scopes=["recommendations:read"])
    return {"Authorization": f"Bearer {plaintext}"}


@pytest.fixture
def anna(shop, add_customer, add_event):
    """A customer who bought the first coffee."""
    customer = add_customer("anna")
    add_event(shop[0], type="purchase", customer=customer)
    services.refresh_popularity()
    return customer


def shown(response):
    assert response.status_code == 200, response.content
    return [entry["item"] for entry in response.json()["items"]]


def test_a_page_gets_items_for_its_anonymous_visitor(client, url, page, shop):
    response = client.get(url, {"n": 3, "placement": "home"}, headers=page)
    body = response.json()
    assert len(shown(response)) == 3
    assert (body["source"], body["is_fallback"], body["placement"]) == ("popular", True, "home")
    assert body["answer"]
    assert body["items"][0]["reason"] == {"code": "range", "text": "From our range.", "item": None}
    assert response["Cache-Control"] == "private, no-store"


def test_a_page_speaks_for_the_customer_whose_token_it_holds(client, url, page, anna):
    headers = page | {"X-Ecomai-Customer": sign_customer("anna")}
    assert "coffee-1" not in shown(client.get(url, {"n": 12}, headers=headers))
    assert "coffee-1" in shown(client.get(url, {"n": 12}, headers=page))


def test_a_page_never_gets_another_customers(client, url, page, anna, add_customer):
    add_customer("bert")
    headers = page | {"X-Ecomai-Customer": sign_customer("bert")}
    response = client.get(url, {"customer": "anna"}, headers=headers)
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "other_customer"
    assert client.get(url, {"customer": "bert"}, headers=headers).status_code == 200


def test_a_forged_token_is_nobodys(client, url, page, anna):
    headers = page | {"X-Ecomai-Customer": sign_customer("anna")[:-3] + "abc"}
    assert "coffee-1" in shown(client.get(url, {"n": 12}, headers=headers))


def test_a_server_names_the_customer(client, url, server, anna):
    assert "coffee-1" not in shown(client.get(url, {"customer": "anna", "n": 12}, headers=server))


def test_an_unknown_customer_is_answered_as_a_new_one(client, url, server, shop):
    response = client.get(url, {"customer": "nobody"}, headers=server)
    assert response.json()["unknown_ids"] == ["nobody"]
    assert len(shown(response)) == 10


def test_a_logged_in_customer_needs_no_key(client, url, shop, add_event, add_customer, django_user_model):
    user = django_user_model.objects.create_user("anna")
    add_event(shop[0], type="purchase", customer=add_customer(str(user.pk)))
    client.force_login(user)
    assert "coffee-1" not in shown(client.get(url, {"n": 12}))


def test_nobody_without_key_or_login_is_answered(client, url, shop):
    response = client.get(url)
    assert response.status_code in (401, 403)
    assert set(response.json()) == {"error"}


def test_a_wrong_key_is_refused(client, url, shop):
    response = client.get(url, headers={"X-Ecomai-Key": "pk_wrong"})
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_key"


def test_a_page_elsewhere_is_refused(client, url, page):
    response = client.get(url, headers=page | {"Origin": "https://elsewhere.example"})
    assert response.status_code == 403


def test_a_key_without_the_scope_is_refused(client, url, db):
    _key, plaintext = create_api_key(name="other", kind="secret", scopes=["events:write"])
    response = client.get(url, headers={"Authorization": f"Bearer {plaintext}"})
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "missing_scope"


@pytest.mark.parametrize(
    "query",
    [
        {"n": "0"}, {"n": "many"}, {"n": "5000"}, {"min_price": "20", "max_price": "10"}, {"min_price": "-1"},
        {"max_price": "cheap"}, {"placement": "<script>"}, {"in_stock": "perhaps"}, {"item": "x" * 200},
    ],
)  # fmt: skip
def test_invalid_input_is_named(client, url, page, query):
    response = client.get(url, query, headers=page)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "invalid_input"
    assert error["details"]


def test_unlike_currencies_ask_which_is_meant(client, url, page, shop, add_item):
    add_item("foreign", currency="GBP")
    response = client.get(url, {"max_price": "15"}, headers=page)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "unlike_currencies"
    assert shown(client.get(url, {"max_price": "15", "currency": "gbp"}, headers=page)) == ["foreign"]


def test_filters_and_seeds(client, url, page, shop):
    beside = shown(client.get(url, {"item": "coffee-1", "category": "Coffee"}, headers=page))
    assert set(beside) == {"coffee-2", "coffee-3", "coffee-4"}
    with_basket = shown(client.get(url, {"basket": "coffee-1, hiking-1", "n": 12}, headers=page))
    assert not {"coffee-1", "hiking-1"} & set(with_basket)


def test_an_empty_shop_answers_an_empty_list(client, url, page):
    assert shown(client.get(url, headers=page)) == []


def test_switched_off_says_so(client, url, page, shop):
    switch_scenario(name="recommendations", is_on=False)
    body = client.get(url, headers=page).json()
    assert (body["items"], body["code"]) == ([], "switched_off")


def test_an_answer_costs_few_queries(client, url, server, anna, django_assert_max_num_queries):
    client.get(url, {"customer": "anna"}, headers=server)
    with django_assert_max_num_queries(11) as captured:
        client.get(url, {"customer": "anna"}, headers=server)
    reads = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    # Key, customer, consent, history, purchases, batch row (where no model answers), items;
    # the switch is read anew in a transaction only.
    assert len([sql for sql in reads if "scenarioswitch" not in sql]) <= 7, reads


def test_a_page_of_another_origin_may_ask_and_read(client, url, page, shop):
    asked = client.options(url, headers={"Origin": page["Origin"], "Access-Control-Request-Method": "GET"})
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, page["Origin"])
    assert asked["Access-Control-Allow-Methods"] == "GET, OPTIONS"
    assert {"X-Ecomai-Key", "X-Ecomai-Customer", "X-Ecomai-Session"} <= set(
        asked["Access-Control-Allow-Headers"].split(", ")
    )
    answer = client.get(url, headers=page)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, page["Origin"])
    assert "Origin" in answer["Vary"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://shop.example", "https://shop.example.evil.example",
     "https://a.shop.example", "https://shop.example:8443", "null"],
)  # fmt: skip
def test_no_other_origin_may_ask_or_read(client, url, page, shop, origin):
    asked = client.options(url, headers={"Origin": origin, "Access-Control-Request-Method": "GET"})
    answer = client.get(url, headers=page | {"Origin": origin})
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in asked
    assert "Access-Control-Allow-Origin" not in answer


def test_a_login_without_a_key_is_not_read_from_another_origin(client, url, page, shop, django_user_model):
    client.force_login(django_user_model.objects.create_user("anna"))
    answer = client.get(url, headers={"Origin": page["Origin"]})
    assert "Access-Control-Allow-Origin" not in answer


def test_too_many_requests_of_a_page_answer_429_and_a_server_goes_on(
    client, url, page, server, shop, settings
):
    settings.ECOMAI = {"RECOMMENDATIONS": {"REQUESTS_PER_MINUTE": 2}}
    answers = [client.get(url, headers=page) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1]["Access-Control-Allow-Origin"] == page["Origin"]
    assert [client.get(url, headers=server).status_code for _ in range(3)] == [200] * 3


def test_the_body_is_what_its_serializer_describes(shop):
    answer = services.recommend(item_id="coffee-1", placement="home", customer_id="ghost")
    assert answer.picks
    assert json.loads(JSONRenderer().render(AnswerSerializer(answer).data)) == answer_body(answer)
