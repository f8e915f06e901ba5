"""The admin's pages of ad groups: made, approved, started, and what they say of the day."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from marketing.ads import pacing
from marketing.models import AdCreative, AdGroup, AdSpend
from marketing.pages.ads import click_rate_interval

from .ad_shop import make_creative, make_group

pytestmark = pytest.mark.django_db
INLINE = {"creatives-TOTAL_FORMS": "1", "creatives-INITIAL_FORMS": "0"}
FORM = {
    "name": "Spring", "placements": "home, list", "currency": "eur", "priced_by": "click", "price": "0.5",
    "conversion_value": "0", "frequency_cap": "5", "daily_budget": "20", "creatives-0-title": "Mugs",
    "creatives-0-target_url": "/mugs/",
}  # fmt: skip


@pytest.fixture
def boss(django_user_model) -> Client:
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("boss"))
    return client


def page(group: AdGroup, name: str = "change", *more: str) -> str:
    return reverse(f"admin:ecomai_marketing_adgroup_{name}", args=[group.pk, *more])


def test_a_group_is_written_approved_and_started(boss):
    answer = boss.post(reverse("admin:ecomai_marketing_adgroup_add"), FORM | INLINE)
    assert answer.status_code == 302, answer.context["errors"]
    group = AdGroup.objects.get()
    assert (group.placements, group.currency, group.state) == (["home", "list"], "EUR", "draft")
    assert b"Approve" in boss.get(page(group)).content
    for action in ("approve", "start"):
        assert boss.get(page(group, "action", action)).status_code == 200
        assert AdGroup.objects.get().state == "draft", "asking changes nothing"
        boss.post(page(group, "action", action))
    assert AdGroup.objects.get().state == "running"
    assert AdCreative.objects.get().approved_by.username == "boss"


@pytest.mark.parametrize(
    "change", [{"creatives-0-target_url": "https://evil.example/"}, {"placements": "seen"}, {"price": "-1"}]
)
def test_a_wrong_form_is_refused(boss, change):
    answer = boss.post(reverse("admin:ecomai_marketing_adgroup_add"), FORM | INLINE | change)
    assert answer.status_code == 200
    assert not AdGroup.objects.exists()


def test_an_advertisement_that_is_changed_waits_for_approval_again(boss):
    group = make_group(spent=Decimal(3))
    creative = make_creative(group)
    given = FORM | {
        "creatives-TOTAL_FORMS": "1", "creatives-INITIAL_FORMS": "1", "creatives-0-id": creative.pk,
        "creatives-0-group": group.pk, "creatives-0-title": "Better mugs",
    }  # fmt: skip
    assert boss.post(page(group), given).status_code == 302
    creative.refresh_from_db()
    group.refresh_from_db()
    assert (creative.title, creative.state) == ("Better mugs", "draft")
    assert (group.spent, group.state) == (3, "running")


def test_the_report_tells_rates_with_bounds_and_the_plan_of_the_day(boss, django_assert_max_num_queries):
    group = make_group(daily_budget=Decimal(24))
    for title in ("one", "two", "three"):
        AdSpend.objects.create(
            creative=make_creative(group, title), placement="home", hour=pacing.hour_of(timezone.now()),
            n_impressions=1000, n_clicks=20, n_conversions=3, spent=Decimal(2),
        )  # fmt: skip
    with django_assert_max_num_queries(20):
        html = boss.get(page(group)).content.decode()
    assert "2.00 %" in html
    low, high = click_rate_interval(20, 1000)
    assert (round(low, 4), round(high, 4)) == (0.013, 0.0307), "Wilson's bounds"
    assert f"{100 * low:.2f} % – {100 * high:.2f} %" in html
    assert "Spent today, by the end of each hour" in html
    assert "Planned" in html


def test_bounds_of_a_rate_hold_where_nothing_was_clicked():
    assert click_rate_interval(0, 0) == (0.0, 1.0)
    low, high = click_rate_interval(0, 100)
    assert (low, high) == (0.0, pytest.approx(0.037, abs=1e-3))


def test_an_empty_group_has_a_page_and_an_ended_one_no_form(boss):
    group = make_group(state="ended", ends_at=timezone.now() - timedelta(days=1))
    answer = boss.get(page(group) + "?edit=1")
    assert answer.status_code == 200
    assert b"There is no advertisement yet" in answer.content


def test_who_may_only_see_neither_starts_nor_changes(django_user_model):
    user = django_user_model.objects.create_user("viewer", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_adgroup"))
    client = Client()
    client.force_login(user)
    group = make_group()
    assert client.get(page(group)).status_code == 200
    assert client.post(page(group, "action", "pause")).status_code == 403
    assert client.post(page(group), FORM | INLINE).status_code in (200, 403)
    group.refresh_from_db()
    assert (group.state, group.name) == ("running", "Spring")
    assert not group.daily_budget
