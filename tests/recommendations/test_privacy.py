"""Erasure and export."""

import pytest

from ecomai.fusion.services import erase_customer, export_customer, record_consent
from recommendations import selectors
from recommendations.models import Answer, BatchRecommendation
from recommendations.services import recommend


def test_an_erasure_leaves_nothing_of_a_customer(shop, add_customer, add_event, version):
    anna, bert = add_customer("anna-4711"), add_customer("bert-4712")
    for customer in (anna, bert):
        add_event(shop[0], customer=customer, session_id=f"session-of-{customer}")
        BatchRecommendation.objects.create(
            customer=customer, item_keys=[shop[1].pk], scores=[1.0], model_version=version
        )
        recommend(customer=customer)
        recommend(session_id=f"session-of-{customer}")
    erase_customer(storefront="", external_id="anna-4711")
    assert BatchRecommendation.objects.get().customer == bert
    assert Answer.objects.count() == 2
    assert not Answer.objects.filter(session_id="session-of-anna-4711").exists()
    erase_customer(storefront="", external_id="anna-4711")


def test_an_export_tells_what_was_recommended(shop, add_customer, version):
    anna = add_customer("anna")
    BatchRecommendation.objects.create(
        customer=anna, item_keys=[shop[1].pk], scores=[1.0], model_version=version
    )
    recommend(customer=anna, placement="home", n=1)
    told = export_customer(storefront="", external_id="anna")["scenarios"]["recommendations"]
    assert told["batch_recommendations"][0]["items"] == ["coffee-2"]
    assert told["answers"][0]["items"] == ["writing-4"]
    assert told["answers"][0]["placement"] == "home"


@pytest.fixture
def anna(shop, add_customer, add_event):
    customer = add_customer("anna")
    add_event(shop[0], type="purchase", customer=customer)
    return customer


def ids(answer):
    return [pick.item.external_id for pick in answer.picks]


def test_who_refuses_is_answered_as_a_new_visitor_until_it_is_granted_again(anna):
    assert "coffee-1" not in ids(recommend(customer=anna, n=12))
    record_consent(purpose="recommendations", is_granted=False, source="test", customer=anna)
    answer = recommend(customer=anna, n=12)
    assert "coffee-1" in ids(answer)
    assert Answer.objects.get(key=answer.key).customer is None
    assert selectors.who_may_be_scored([anna.pk]) == set()
    record_consent(purpose="recommendations", is_granted=True, source="test", customer=anna)
    assert "coffee-1" not in ids(recommend(customer=anna, n=12))
    assert selectors.who_may_be_scored([anna.pk]) == {anna.pk}


def test_a_session_may_refuse(shop, add_event):
    add_event(shop[0], type="purchase", session_id="session-1")
    assert "coffee-1" not in ids(recommend(session_id="session-1", n=12))
    record_consent(purpose="recommendations", is_granted=False, source="test", session_id="session-1")
    assert "coffee-1" in ids(recommend(session_id="session-1", n=12))


def test_a_shop_may_ask_for_consent_first(anna, settings):
    settings.ECOMAI = {"FUSION": {"DEFAULT_CONSENT": {"*": False}}}
    assert "coffee-1" in ids(recommend(customer=anna, n=12))
    assert selectors.who_may_be_scored([anna.pk]) == set()


def test_a_shop_may_leave_the_ledger_out(anna, settings):
    settings.ECOMAI = {"RECOMMENDATIONS": {"CONSENT_PURPOSE": ""}}
    record_consent(purpose="recommendations", is_granted=False, source="test", customer=anna)
    assert "coffee-1" not in ids(recommend(customer=anna, n=12))
