"""What people see in the admin."""

import pytest
from django.urls import reverse

from ecomai.registry.models import ModelDeployment
from recommendations.models import Answer, BatchRecommendation
from recommendations.services import recommend, refresh_popularity

PREVIEW = "admin:ecomai_recommendations_preview"
LISTS = ("answer", "batchrecommendation", "itempopularity")


@pytest.fixture
def anna(shop, add_customer, add_event, version):
    customer = add_customer("anna")
    add_event(shop[0], type="purchase", customer=customer, days_ago=2)
    add_event(shop[1], type="view", customer=customer, days_ago=1)
    BatchRecommendation.objects.create(
        customer=customer, item_keys=[shop[5].pk], scores=[1.5], model_version=version
    )
    ModelDeployment.objects.create(model_name=version.model_name, mode="live", live_version=version)
    refresh_popularity()
    recommend(customer=customer, placement="home")
    return customer


def test_the_preview_shows_history_and_answer_side_by_side(admin_client, anna):
    html = admin_client.get(reverse(PREVIEW), {"customer": anna.pk}).content.decode()
    assert "coffee beans number 1" in html
    assert "purchase" in html
    assert "hiking boots number 2" in html
    assert "Chosen for you." in html
    assert "This is a fallback." in html


def test_looking_leaves_no_answer_in_the_log(admin_client, anna):
    before = Answer.objects.count()
    admin_client.get(reverse(PREVIEW), {"customer": anna.pk})
    assert Answer.objects.count() == before


def test_the_preview_finds_customers(admin_client, anna, add_customer):
    add_customer("bert")
    html = admin_client.get(reverse(PREVIEW)).content.decode()
    assert "anna" in html
    assert "bert" not in html
    assert "bert" in admin_client.get(reverse(PREVIEW), {"q": "be"}).content.decode()
    assert "No customer" in admin_client.get(reverse(PREVIEW), {"q": "zoe"}).content.decode()


def test_the_preview_of_an_item(admin_client, anna):
    html = admin_client.get(reverse(PREVIEW), {"item": "writing-1"}).content.decode()
    assert "fountain pen number 2" in html
    unknown = admin_client.get(reverse(PREVIEW), {"item": "no-such"}).content.decode()
    assert "No item has the id" in unknown


@pytest.mark.parametrize("query", [{}, {"customer": "999999"}, {"customer": "x' OR 1=1"}, {"q": "%"}])
def test_an_empty_shop_has_a_preview_that_says_what_is_missing(admin_client, query):
    assert admin_client.get(reverse(PREVIEW), query).status_code == 200


def test_without_permission_there_is_no_preview(client, django_user_model, db):
    staff = django_user_model.objects.create_user("staff", is_staff=True)
    client.force_login(staff)
    assert client.get(reverse(PREVIEW)).status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_read_only_and_cost_a_constant_number_of_queries(
    admin_client, anna, name, django_assert_max_num_queries
):
    url = reverse(f"admin:ecomai_recommendations_{name}_changelist")
    with django_assert_max_num_queries(15):
        assert admin_client.get(url).status_code == 200
    assert admin_client.get(reverse(f"admin:ecomai_recommendations_{name}_add")).status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_an_empty_shop_open(admin_client, name):
    assert admin_client.get(reverse(f"admin:ecomai_recommendations_{name}_changelist")).status_code == 200


def test_details_show_titles_instead_of_numbers(admin_client, anna):
    answer = Answer.objects.get()
    url = reverse("admin:ecomai_recommendations_answer_change", args=[answer.pk])
    assert "hiking boots number 2" in admin_client.get(url).content.decode()


def test_the_preview_costs_few_queries(admin_client, anna, django_assert_max_num_queries):
    with django_assert_max_num_queries(19):
        admin_client.get(reverse(PREVIEW), {"customer": anna.pk})
