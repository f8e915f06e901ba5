"""REST of segments: the list, pages of members, and whether a customer is in one."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ecomai.commerce.models import Customer
from ecomai.commerce.services import create_api_key
from marketing.models import CustomerProfile, Segment, SegmentMember

pytestmark = pytest.mark.django_db


@pytest.fixture
def segment(make_customer) -> Segment:
    """Seven customers of the storefront, and one of another."""
    segment = Segment.objects.create(name="All", slug="all", kind="static", n_members=8)
    for number in range(8):
        customer = make_customer(f"m-{number}", storefront="" if number < 7 else "b2b")
        CustomerProfile.objects.create(customer=customer, has_consent=True)
        SegmentMember.objects.create(segment=segment, customer=customer)
    return segment


@pytest.fixture
def ask(client: Client) -> Any:
    _key, secret = create_api_key(name="key", kind="secret", scopes=["marketing:read"])

    def get(address: str, **parameters: Any) -> Any:
        return client.get(address, parameters, headers={"Authorization": f"Bearer {secret}"})

    return get


def address(name: str, *args: Any) -> str:
    return reverse(f"ecomai:marketing-{name}", args=args)


def test_segments_in_use_are_listed(ask, segment):
    Segment.objects.create(name="Old", slug="old", is_archived=True)
    results = ask(address("segments")).json()["results"]
    assert [(row["slug"], row["n_members"], row["kind"]) for row in results] == [("all", 8, "static")]


def test_members_come_in_pages_and_only_of_the_keys_storefront(ask, segment):
    found, where = [], address("members", "all")
    body = ask(where, page_size=3).json()
    while True:
        found += [row["customer_id"] for row in body["results"]]
        if body["next"] is None:
            break
        body = ask(body["next"]).json()
    assert found == [f"m-{number}" for number in range(7)]


def test_a_customer_is_in_a_segment_or_not(ask, segment, make_customer):
    make_customer("other")
    for customer_id, is_member in (("m-1", True), ("other", False), ("m-7", False), ("nobody", False)):
        assert ask(address("membership", "all", customer_id)).json()["is_member"] is is_member
    assert Customer.objects.filter(external_id="nobody").count() == 0


def test_what_there_is_not_and_what_is_archived_is_not_found(ask):
    Segment.objects.create(name="Old", slug="old", is_archived=True)
    for slug in ("none", "old"):
        answer = ask(address("members", slug))
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "unknown_segment"


def test_a_key_without_the_scope_learns_nothing(client, segment):
    _key, secret = create_api_key(name="other", kind="secret", scopes=["events:write"])
    for where in (address("segments"), address("members", "all"), address("membership", "all", "m-1")):
        assert client.get(where, headers={"Authorization": f"Bearer {secret}"}).status_code == 403
        assert client.get(where).status_code in (401, 403)
