"""The long tail page in a browser: charts are drawn under a strict policy, and everything has a name."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from ecomai.commerce.models import Item
from recommendations.models import DailyExposure, Exploration, ItemExposure, TailItem
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
N_ITEMS, N_DAYS = 40, 60


def make_exposure() -> None:
    """Forty items, of which the later ones are shown less; from the middle on the tail gets more."""
    items = Item.objects.bulk_create(
        Item(external_id=f"i-{number}", title=f"Moka pot no. {number}") for number in range(N_ITEMS)
    )
    today = timezone.localdate()
    for back in range(N_DAYS):
        day, tail = today - timedelta(days=back), 260 if back < N_DAYS // 2 else 90
        for placement in ("home", ""):
            DailyExposure.objects.create(
                day=day, placement=placement, is_total=not placement, n_items=N_ITEMS,
                n_items_shown=30 + back % 4, n_shown=1000, n_tail_shown=tail + back % 7, n_seen=900,
                n_tail_seen=200, n_clicked=40, n_tail_clicked=7, gini=0.5 + back / 400,
                target_share=0.25 if placement else None,
            )  # fmt: skip
    ItemExposure.objects.bulk_create(
        ItemExposure(day=today, placement="home", item=item, n_shown=200 // (number + 1), n_seen=5)
        for number, item in enumerate(items[:30])
    )
    TailItem.objects.bulk_create(
        TailItem(
            item=item, is_tail=number >= 20, tail_since=today - timedelta(days=number),
            exposure=1 / (number + 1), potential=0.9 - number / 60, margin=0.4, rating=4.2, likeness=0.71,
            n_shown=3 * number, n_shown_before=number, n_clicked=number // 8,
        )
        for number, item in enumerate(items)
    )  # fmt: skip
    more = Item.objects.bulk_create(
        Item(external_id=f"m-{number}", title=f"Cup no. {number}", category_path="Kitchen > Cups")
        for number in range(60)
    )
    TailItem.objects.bulk_create(
        TailItem(item=item, is_tail=True, potential=0.3, n_shown=number) for number, item in enumerate(more)
    )
    Exploration.objects.create(placement="home", n_seen=4200, click_ratio=0.8)


def test_charts_are_drawn_and_the_page_can_be_used_by_everybody(page, live_server):  # noqa: F811
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    make_exposure()
    page.goto(f"{live_server.url}/admin/ecomai_recommendations/dailyexposure/")
    page.wait_for_selector(".ecomai-chart__plot .main-svg")
    page.select_option("#filter-placement", "home")
    page.fill("#filter-target", "30")
    page.click(".ecomai-filters button")
    page.wait_for_selector("[role=status]")
    page.wait_for_selector(".ecomai-chart__plot .main-svg")
    assert page.locator(".ecomai-chart__plot .main-svg").count() >= 4
    found = Axe().run(page, context=".ecomai").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert problems(page) == []


def test_the_table_is_ordered_narrowed_and_turned_over_by_keyboard(page, live_server):  # noqa: F811
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    make_exposure()
    page.goto(f"{live_server.url}/admin/ecomai_recommendations/dailyexposure/?days=30")

    def press(selector):
        with page.expect_navigation():
            page.focus(selector)
            page.keyboard.press("Enter")

    first = "#items tbody tr:first-child th"
    press("#items thead th:first-child a")
    assert page.inner_text(first) == "Cup no. 0"
    assert page.get_attribute("#items thead th:first-child", "aria-sort") == "ascending"
    press("#items thead th:first-child a")
    assert page.inner_text(first) == "Moka pot no. 39"
    press(".ecomai-pages a[aria-label='Page 2']")
    assert page.inner_text(".ecomai-pages [aria-current]") == "2"
    assert page.locator("#items tbody tr").count() == 30
    page.fill("#items-q", "pot")
    press("#items-q")
    assert page.locator("#items tbody tr").count() == 20
    assert "days=30" in page.url
    page.select_option("#items-category", "Kitchen")
    press("#items-q")
    assert page.locator("text=No rarely shown item is like that").count() == 1
    found = Axe().run(page, context=".ecomai").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert problems(page) == []
