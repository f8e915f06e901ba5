"""Who searches: consent, what is remembered, and reports of it."""

import uuid

import pytest
from django.utils import timezone

from ecomai import writing
from ecomai.fusion.models import ConsentRecord
from recommendations.models import SearchLog
from recommendations.services import search as searches
from recommendations.services.search import search

from .conftest import titles

pytestmark = pytest.mark.django_db


def test_a_personal_search_puts_first_what_the_customer_is_fond_of(trained, goods, add_customer, add_event):
    customer = add_customer("c-1")
    for colour in ("red", "green", "white"):
        add_event(goods[f"{colour} garden chair"], customer=customer)
    plain = search(query="green", customer=customer, is_personal=False)
    mine = search(query="green", customer=customer, is_personal=True)
    assert titles(mine)[0] == "Green garden chair"
    assert mine.is_personal
    assert not plain.is_personal
    assert "personal" in [why.code for why in mine.hits[0].why]
    assert titles(plain)[0] != "Green garden chair"


def test_who_refused_consent_is_searched_for_as_anybody(trained, goods, add_customer, add_event):
    customer = add_customer("c-1")
    add_event(goods["red garden chair"], customer=customer)
    ConsentRecord.objects.create(
        customer=customer, purpose="recommendations", is_granted=False, source="test"
    )
    answer = search(query="green", customer=customer, is_personal=True)
    writing.flush()
    assert not answer.is_personal
    assert SearchLog.objects.get().customer is None


def test_a_search_is_logged_with_what_came_of_it(trained, add_customer):
    customer = add_customer("c-1")
    answer = search(query="Coffe CUPS", customer=customer, session_id="session-12345")
    row = SearchLog.objects.get()
    assert row.key == answer.key
    assert (row.query, row.normalised, row.corrected) == ("Coffe CUPS", "coff cup", "coffee cups")
    assert (row.n_found, row.source, row.customer) == (4, "model", customer)
    assert row.milliseconds > 0
    search(query="cup", is_kept=False)
    search(query=" ")
    assert SearchLog.objects.count() == 1


def test_reports_tell_what_was_searched_most_and_in_vain(trained, add_event):
    for _n in range(3):
        answer = search(query="coffee cup", session_id=f"session-{uuid.uuid4()}")
    search(query="qqqwww zzzx")
    search(query="ZZZX  qqqwww")
    add_event(None, type="click", properties={"search": str(answer.key)}, days_ago=0)
    from ecomai.commerce.models import Event

    Event.objects.update(occurred_at=timezone.now())
    top = searches.top_queries(days=30)
    assert [(row.query, row.n_searches) for row in top] == [("coffee cup", 3), ("qqqwww zzzx", 2)]
    assert top[0].click_rate == pytest.approx(1 / 3)
    assert [(row.query, row.n_searches) for row in searches.queries_in_vain(days=30)] == [("qqqwww zzzx", 2)]


def test_old_searches_are_forgotten(trained):
    search(query="cup")
    search(query="pot")
    SearchLog.objects.filter(query="cup").update(created_at=timezone.now() - timezone.timedelta(days=91))
    assert searches.forget_old_searches() == 1
    assert SearchLog.objects.get().query == "pot"
