"""What visitors say about items, and that the next answer honours it."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.services import create_api_key
from ecomai.commerce.signals import customer_identified
from ecomai.commerce.visitors import Visitor, sign_customer
from ecomai.fusion.services import erase_customer, export_customer, record_consent
from recommendations import services
from recommendations.models import Feedback
from recommendations.services import recommend

SESSION = "session-of-somebody"


@pytest.fixture
def url():
    return reverse("ecomai:recommendation-feedback")


@pytest.fixture
def page(db):
    _key, plaintext = create_api_key(name="page", kind="publishable", origins=["https://shop.example"])
    return {"X-Ecomai-Key": plaintext, "Origin": "https://shop.example"}


@pytest.fixture
def anna(shop, add_customer, add_event):
    customer = add_customer("anna")
    add_event(shop[0], type="view", customer=customer)
    services.refresh_popularity()
    return customer


def ids(answer):
    return [pick.item.external_id for pick in answer.picks]


def say(client, url, headers, **sent):
    return client.post(url, json.dumps(sent), content_type="application/json", headers=headers)


# -- answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["not_interested", "owned", "less_like_this"])
def test_what_is_not_wanted_is_gone_from_the_next_answer_until_it_is_taken_back(live_models, anna, kind):
    visitor = Visitor(customer=anna)
    first = ids(recommend(customer=anna, n=5))
    services.give_feedback(visitor, item_id=first[0], kind=kind)
    for answer in (
        recommend(customer=anna, n=12),
        recommend(customer=anna, item_id="coffee-1", n=12),
        recommend(customer_id="anna", basket=["hiking-1"], n=12),
    ):
        assert ids(answer)
        assert first[0] not in ids(answer)
    assert services.withdraw_feedback(visitor, item_id=first[0])
    assert not services.withdraw_feedback(visitor, item_id=first[0])
    assert ids(recommend(customer=anna, n=5)) == first


def test_less_like_this_puts_what_is_like_it_last(live_models, anna):
    before = ids(recommend(customer=anna, n=12))
    assert before[0].startswith("coffee")
    services.give_feedback(Visitor(customer=anna), item_id=before[0], kind="less_like_this")
    after = ids(recommend(customer=anna, n=12))
    kinds = [item.startswith("coffee") for item in after]
    assert kinds == sorted(kinds)
    assert sum(kinds) >= 2, "they come last, and do not disappear"


def test_without_a_model_what_is_like_it_is_its_category(shop, anna):
    services.give_feedback(Visitor(customer=anna), item_id="coffee-2", kind="less_like_this")
    kinds = [item.startswith("coffee") for item in ids(recommend(customer=anna, n=12))]
    assert kinds == sorted(kinds)
    assert any(kinds)


def test_what_somebody_dislikes_says_nothing_for_what_is_like_it(live_models, add_customer, add_event, shop):
    """A view of an item that turned out wrong is no interest in more of the kind."""
    bert = add_customer("bert")
    by_key = {item.external_id: item for item in shop}
    add_event(by_key["hiking-1"], customer=bert, days_ago=5)
    add_event(by_key["coffee-1"], customer=bert, days_ago=1)
    assert ids(recommend(customer=bert, n=3))[0].startswith("coffee")
    services.give_feedback(Visitor(customer=bert), item_id="coffee-1", kind="not_interested")
    assert ids(recommend(customer=bert, n=3))[0].startswith("hiking")


def test_what_is_owned_still_says_what_is_liked(live_models, anna):
    services.give_feedback(Visitor(customer=anna), item_id="coffee-1", kind="owned")
    answer = ids(recommend(customer=anna, n=3))
    assert answer[0].startswith("coffee")
    assert "coffee-1" not in answer


def test_the_newest_word_about_an_item_counts(anna):
    for kind in ("less_like_this", "owned"):
        services.give_feedback(Visitor(customer=anna), item_id="coffee-2", kind=kind)
    assert Feedback.objects.get().kind == "owned"


def test_what_a_session_says_is_its_own_and_becomes_the_customers(shop, anna, add_customer):
    services.give_feedback(Visitor(session_id=SESSION), item_id="coffee-2", kind="not_interested")
    services.give_feedback(Visitor(session_id=SESSION), item_id="coffee-3", kind="not_interested")
    services.give_feedback(Visitor(customer=anna), item_id="coffee-3", kind="owned")
    assert "coffee-2" not in ids(recommend(session_id=SESSION, n=12))
    assert "coffee-2" in ids(recommend(session_id="session-of-another", n=12))
    assert "coffee-2" in ids(recommend(customer=anna, n=12))
    customer_identified.send(None, storefront="", customer=anna, session_id=SESSION)
    assert "coffee-2" not in ids(recommend(customer=anna, n=12))
    said = dict(Feedback.objects.values_list("item__external_id", "kind"))
    assert said == {"coffee-2": "not_interested", "coffee-3": "owned"}
    assert set(Feedback.objects.values_list("customer", flat=True)) == {anna.pk}


def test_it_is_honoured_of_who_lets_nothing_else_be_used(anna):
    record_consent(purpose="recommendations", is_granted=False, source="test", customer=anna)
    services.give_feedback(Visitor(customer=anna), item_id="coffee-1", kind="not_interested")
    assert "coffee-1" not in ids(recommend(customer=anna, n=12))


def test_an_answer_costs_no_query_more(live_models, anna):
    recommend(customer_id="anna", n=5, is_kept=False)
    n_queries = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            recommend(customer_id="anna", n=5, is_kept=False)
        n_queries.append(len(queries))
        services.give_feedback(Visitor(customer=anna), item_id="coffee-2", kind="owned")
        recommend(customer_id="anna", n=5, is_kept=False)  # rows that were not shown before are read once
    assert n_queries[1] <= n_queries[0]


def test_an_erasure_forgets_it_and_an_export_tells_it(anna, add_customer):
    services.give_feedback(Visitor(customer=anna), item_id="coffee-2", kind="owned")
    services.give_feedback(Visitor(customer=add_customer("bert")), item_id="coffee-2", kind="owned")
    told = export_customer(storefront="", external_id="anna")["scenarios"]["recommendations"]["feedback"]
    assert [(row["item"], row["said"]) for row in told] == [("coffee-2", "owned")]
    erase_customer(storefront="", external_id="anna")
    assert Feedback.objects.get().customer.external_id == "bert"


# -- REST ---------------------------------------------------------------------------------------


def test_a_page_says_it_for_its_own_visitor_and_takes_it_back(client, url, page, anna):
    own = page | {"X-Ecomai-Customer": sign_customer("anna")}
    response = say(client, url, own, item="coffee-2", kind="owned")
    assert response.status_code == 200, response.content
    body = response.json()
    assert (body["item"], body["kind"]) == ("coffee-2", "owned")
    assert body["said_at"][:10] == timezone.now().date().isoformat()
    assert Feedback.objects.get().customer == anna
    listed = client.get(url, headers=own).json()["feedback"]
    assert [(row["item"], row["title"]) for row in listed] == [("coffee-2", "coffee beans number 2")]
    assert client.get(url, headers=page | {"X-Ecomai-Session": SESSION}).json() == {"feedback": []}
    for _ in range(2):
        assert client.delete(f"{url}?item=coffee-2", headers=own).status_code == 204
    assert not Feedback.objects.exists()


def test_nobody_speaks_for_another(client, url, page, anna):
    services.give_feedback(Visitor(customer=anna), item_id="coffee-2", kind="owned")
    other = page | {"X-Ecomai-Session": SESSION}
    assert client.delete(f"{url}?item=coffee-2", headers=other).status_code == 204
    assert client.delete(f"{url}?item=coffee-2&customer=anna", headers=other).status_code == 204
    forged = page | {"X-Ecomai-Customer": "anna"}
    assert say(client, url, forged, item="coffee-3", kind="owned").json()["error"]["code"] == "no_visitor"
    assert Feedback.objects.get().item.external_id == "coffee-2"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"item": "no-such-item", "kind": "owned"}, 404, "unknown_item"),
        ({"item": "coffee-2", "kind": "hated"}, 400, "invalid_input"),
        ({"kind": "owned"}, 400, "invalid_input"),
        ({"item": "x" * 5000, "kind": "owned"}, 400, "invalid_input"),
        ({"item": ["coffee-2"], "kind": {"a": 1}}, 400, "invalid_input"),
    ],
)
def test_what_cannot_be_meant_is_answered_with_a_sentence(client, url, page, shop, sent, status, code):
    response = say(client, url, page | {"X-Ecomai-Session": SESSION}, **sent)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert not Feedback.objects.exists()


def test_a_login_needs_the_pages_token_against_forged_requests(shop, url, django_user_model):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(django_user_model.objects.create_user("anna"))
    assert say(strict, url, {}, item="coffee-2", kind="owned").status_code == 403
    assert say(Client(), url, {}, item="coffee-2", kind="owned").status_code in (401, 403)
    assert not Feedback.objects.exists()
