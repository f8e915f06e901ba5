"""Favourites by likeness: what was bought comes first, what is like it before what merely sells."""

from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Event
from ecomai.fusion.services import record_consent
from ecomai.fusion.vectors import store_vectors
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job
from marketing.likeness.smoothing import expected_shares, smoothed_shares
from marketing.models import CustomerProfile, Segment
from marketing.services.likeness import start_vectors
from marketing.services.profiles import refresh_profiles
from marketing.services.segments import create_segment
from marketing.summary import sentences_of

DAY = timedelta(days=1)
CUPS, PLATES, SEEDS = "Kitchen > Cups", "Kitchen > Plates", "Garden > Seeds"


def test_who_is_unknown_is_expected_to_take_what_all_take():
    popularity = np.array([0.7, 0.3])
    expected = expected_shares(np.zeros((1, 2)), np.eye(2), popularity)
    np.testing.assert_allclose(expected[0], popularity)


def test_the_more_is_known_the_less_likeness_counts():
    expected = np.array([[0.1, 0.9]])
    few, many = (smoothed_shares(np.array([[n, 0.0]]), expected, strength=2.0)[0, 0] for n in (1, 50))
    assert 0.1 < few < many < 1
    np.testing.assert_allclose(smoothed_shares(np.ones((3, 2)), np.full((3, 2), 0.5), strength=1).sum(1), 1)


@pytest.fixture
def shop(db, make_customer, make_item, make_order):
    """Seeds sell best; Mia has bought two cups, and nobody ever told what she thinks of plates."""
    now = timezone.now()
    items = {
        name: [make_item(category_path=name, brand=f"Brand of {name}") for _n in range(3)]
        for name in (CUPS, PLATES, SEEDS)
    }
    for number in range(12):
        make_order(
            make_customer(f"o{number}"), now - 20 * DAY, item=items[(SEEDS, SEEDS, PLATES)[number % 3]][0]
        )
    mia = make_customer("mia")
    make_order(mia, now - 9 * DAY, item=items[CUPS][0])
    make_order(mia, now - 3 * DAY, item=items[CUPS][1])
    record_consent(customer=mia, purpose="marketing", is_granted=True, source="test")
    refresh_profiles([mia.pk])
    return mia, items


def computed(mia) -> dict:
    execute_job(start_vectors().pk)
    return CustomerProfile.objects.get(pk=mia.pk).smoothed_tastes


def test_two_purchases_tell_of_what_is_like_them(shop):
    mia, _items = shop
    profile = CustomerProfile.objects.get(pk=mia.pk)
    assert [taste["name"] for taste in profile.tastes["categories"]] == [CUPS]
    found = computed(mia)
    assert [taste["name"] for taste in found["categories"]] == [CUPS, PLATES, SEEDS]
    assert found["brands"][0]["name"] == f"Brand of {CUPS}"
    assert found["encoder"] == ""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss"))
    page = client.get(reverse("admin:ecomai_marketing_customerprofile_change", args=[mia.pk]))
    assert "Likely to please" in page.content.decode()
    assert "names of categories and brands" in page.content.decode()


def test_the_encoder_says_what_is_near(shop):
    mia, items = shop
    places = {CUPS: (1, 0, 0), SEEDS: (0.9, 0.4, 0), PLATES: (0, 0, 1)}
    vectors = {
        item.external_id: np.array(places[name], dtype=np.float32) for name in items for item in items[name]
    }
    store_vectors(entity="item", encoder="recommendations:test", vectors=vectors)
    found = computed(mia)
    assert [taste["name"] for taste in found["categories"]] == [CUPS, SEEDS, PLATES]
    assert found["encoder"] == "recommendations:test"


def test_segments_and_mails_read_the_favourite_by_likeness(shop, make_customer):
    """Ben has only looked at cups: by counts he likes nothing."""
    _mia, items = shop
    ben = make_customer("ben")
    now = timezone.now()
    Event.objects.create(
        key=uuid4(), type="view", customer=ben, item=items[CUPS][2], occurred_at=now - DAY, storefront=""
    )
    record_consent(customer=ben, purpose="marketing", is_granted=True, source="test")
    refresh_profiles([ben.pk])
    condition = {"field": "favourite_category", "op": "in", "value": [CUPS]}
    segment = create_segment(name="Cups", condition=condition, kind=Segment.Kind.LIVE)
    for job in Job.objects.filter(kind="marketing.segment"):
        execute_job(job.pk)
    assert not segment.members.filter(customer=ben).exists()
    execute_job(start_vectors().pk)
    profile = CustomerProfile.objects.get(pk=ben.pk)
    assert (profile.favourite_category, profile.tastes["categories"]) == (CUPS, [])
    assert segment.members.filter(customer=ben).exists()
    assert "Buys most" not in " ".join(sentences_of(profile))
    refresh_profiles([ben.pk])
    assert CustomerProfile.objects.get(pk=ben.pk).favourite_category == CUPS


def test_an_order_since_the_night_says_more_than_what_was_found_in_it(shop, make_order):
    mia, items = shop
    computed(mia)
    assert CustomerProfile.objects.get(pk=mia.pk).favourite_category == CUPS
    make_order(mia, timezone.now(), item=items[PLATES][0])
    make_order(mia, timezone.now(), item=items[PLATES][1])
    make_order(mia, timezone.now(), item=items[PLATES][2])
    refresh_profiles([mia.pk])
    assert CustomerProfile.objects.get(pk=mia.pk).favourite_category == PLATES


def test_who_refuses_has_none_any_more(shop, django_capture_on_commit_callbacks):
    mia, _items = shop
    assert computed(mia)
    with django_capture_on_commit_callbacks(execute=True):
        record_consent(customer=mia, purpose="marketing", is_granted=False, source="test")
    assert CustomerProfile.objects.get(pk=mia.pk).smoothed_tastes == {}
