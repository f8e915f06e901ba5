"""The first visit of a shop that has trained nothing yet, by someone who runs the shop and not the server."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from ecomai.commerce.models import Event, Item
from ecomai.registry.selectors import forget_switches

pytestmark = pytest.mark.django_db

PAGE = "/admin/ecomai_console/console/"


@pytest.fixture
def visitor() -> Client:
    """Staff with all of our permissions and no others, logged in, with every cache empty."""
    user = get_user_model().objects.create_user("keeper", password="secret", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label__startswith="ecomai"))
    client = Client()
    client.force_login(user)
    cache.clear()
    forget_switches()
    return client


def test_it_costs_few_queries_before_there_is_any_data(visitor, django_assert_max_num_queries):
    with django_assert_max_num_queries(40):  # with every figure of every scenario's cards
        html = visitor.get(PAGE).content.decode()
    with django_assert_max_num_queries(20):
        visitor.get(PAGE)
    assert "0 of 5 done" in html
    assert "It was never trained." in html


def test_it_costs_no_more_when_the_data_is_in(visitor, django_assert_max_num_queries):
    item = Item.objects.create(external_id="i1", title="One")
    Event.objects.create(key="1" * 32, type="view", session_id="s", item=item, occurred_at=timezone.now())
    with django_assert_max_num_queries(40):
        html = visitor.get(PAGE).content.decode()
    with django_assert_max_num_queries(20):
        visitor.get(PAGE)
    assert "1 of 5 done" in html
