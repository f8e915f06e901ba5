"""The admin's pages of search: try it out, what was asked in vain, synonyms."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from ecomai.registry.models import ModelVersion
from ecomai.serving.live import Served
from recommendations.models import SearchLog, Synonym
from recommendations.services import search as searches
from recommendations.training import search_trials

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_search_remembered():
    searches.forget()
    yield
    searches.forget()


@pytest.fixture
def boss(client):
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    return client


def text(response):
    assert response.status_code == 200
    return response.content.decode()


def test_try_out_shows_reasons_and_keeps_nothing(boss, shop):
    html = text(boss.get(reverse("admin:ecomai_recommendations_search_try"), {"q": "coffe beans under 30"}))
    assert "Corrected to “coffee beans”." in html
    assert "up to 30" in html
    assert "coffee beans number 1" in html
    assert "which you probably meant" in html
    assert SearchLog.objects.count() == 0


def test_try_out_shows_a_customer_beside_everybody(boss, shop, add_customer, add_event):
    customer = add_customer("anna")
    add_event(shop[9], customer=customer)
    address = reverse("admin:ecomai_recommendations_search_try")
    html = text(boss.get(address, {"q": "number 2", "customer": "anna"}))
    assert html.index("For everybody") < html.index("For customer anna")
    assert "Goes with what you like." in html[html.index("For customer anna") :]
    assert "There is no customer “bob”." in text(boss.get(address, {"q": "number", "customer": "bob"}))
    assert "at most 500 letters" in text(boss.get(address, {"q": "x" * 10_000}))
    assert "Search as a visitor would" in text(boss.get(address))


def test_try_out_tells_what_a_personal_order_gained(boss, shop, settings, monkeypatch):
    address = reverse("admin:ecomai_recommendations_search_try")
    assert "Customers get an order of their own" in (html := text(boss.get(address)))
    assert "What it gains is measured when the search is trained." in html
    version = ModelVersion.objects.create(
        model_name="recommendations.search", number=7, artifact_path="x",
        card={
            "personal": {
                "n_cases": 123, "ndcg@10": {"plain": 0.61, "personal": 0.6432},
                "mrr@10": {"plain": 0.5, "personal": 0.52}, "recall@10": {"plain": 0.8, "personal": 0.8},
            }
        },
    )  # fmt: skip
    served = Served(version.pk, 7, "live", None)
    monkeypatch.setattr(search_trials.live, "get_live", lambda _name: served)
    html = " ".join(text(boss.get(address)).split())
    assert "on 123 later searches by customers with a history" in html
    assert "ndcg@10 0.643 (without it 0.610), mrr@10 0.520 (without it 0.500)" in html
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": {"SEARCH_IS_PERSONAL": False}}
    other = ModelVersion.objects.create(model_name="recommendations.search", number=8, artifact_path="y")
    monkeypatch.setattr(search_trials.live, "get_live", lambda _name: Served(other.pk, 8, "live", None))
    html = text(boss.get(address))
    assert "Everybody gets the same order" in html
    assert "too few later searches" in html


def test_report_tells_what_was_asked_in_vain_with_a_way_to_help(boss, shop):
    address = reverse("admin:ecomai_recommendations_search_report")
    assert "Nobody has searched in this period" in text(boss.get(address))
    for query in ("qqqwww", "QQQWWW", "coffee", "bygone"):
        searches.search(query=query)
    SearchLog.objects.filter(query="bygone").update(created_at=timezone.now() - timezone.timedelta(days=40))
    html = text(boss.get(address))
    in_vain, top = html.split('id="top"')
    assert "qqqwww" in in_vain.lower()
    assert ">2<" in in_vain
    assert reverse("admin:ecomai_recommendations_synonym_add") + "?terms=" in in_vain
    assert "coffee" in top
    assert "bygone" not in html
    assert "bygone" in text(boss.get(address, {"days": "90"}))
    assert text(boss.get(address, {"days": "x"}))


def test_a_synonym_of_the_report_is_active_at_once(boss, shop):
    add = reverse("admin:ecomai_recommendations_synonym_add")
    assert 'value="brew"' in text(boss.get(add, {"terms": "brew"}))
    assert searches.search(query="brew").n_found == 0
    values = {"terms": "brew", "means": "coffee", "is_two_way": "", "state": "active", "storefront": ""}
    assert boss.post(add, values).status_code == 302
    searches.synonyms._rules._looked_at = float("-inf")  # as a second later
    assert searches.search(query="brew").n_found == 4


def test_proposals_are_approved_or_refused(boss, shop):
    address = reverse("admin:ecomai_recommendations_synonym_changelist")
    assert "There are no synonyms yet." in text(boss.get(address))
    rows = [Synonym.objects.create(terms=one, means="coffee", state="proposed") for one in ("java", "joe")]
    searches.search(query="java")
    boss.post(address, {"action": "approve", "_selected_action": [rows[0].pk]})
    boss.post(address, {"action": "refuse", "_selected_action": [rows[1].pk]})
    assert set(Synonym.objects.values_list("terms", "state")) == {("java", "active"), ("joe", "refused")}
    searches.synonyms._rules._looked_at = float("-inf")
    assert searches.search(query="java").n_found == 4
    assert searches.search(query="joe").n_found == 0


def test_proposals_are_looked_for_on_demand(boss, shop):
    learn = reverse("admin:ecomai_recommendations_synonym_learn")
    assert boss.get(learn).status_code == 403
    assert "0 new proposals." in text(boss.post(learn, follow=True))


def test_searches_are_listed(boss, shop):
    searches.search(query="coffee")
    html = text(boss.get(reverse("admin:ecomai_recommendations_searchlog_changelist")))
    assert "coffee" in html
    assert reverse("admin:ecomai_recommendations_search_try") in html
