"""Acting and shopping as customers see it in the widget, and the pages of flows in a browser."""

import re
import threading

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from ecomai.commerce.models import Customer
from recommendations import catalogue
from recommendations.services import search as searches
from support_bot.models import Flow
from support_bot.services.flows import add_shipped_flows, save_version
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

from .test_chat_browser import open_chat, shop, violations, write  # noqa: F401
from .test_inbox_browser import violations as violations_of_content

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def login(page):  # noqa: F811
    """Log somebody in at an address, and return who it is."""

    def log_in(url, **fields):
        user = get_user_model().objects.create_user("ada@shop.example", password="x", **fields)
        client = Client()
        client.force_login(user)
        page.context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}]
        )
        return user

    return log_in


def test_an_order_is_cancelled_and_a_lamp_bought_by_keyboard(
    acting, make_order, shop, page, login, tmp_path  # noqa: F811
):  # fmt: skip
    user = login(shop.url)
    customer = Customer.objects.create(external_id=str(user.pk))
    add_shipped_flows()
    make_order("1001", customer)
    catalogue.forget()
    searches.forget()
    open_chat(page, shop.url)
    write(page, "cancel my order")
    slow = threading.Event()
    acting.hanging.append(slow)
    page.get_by_role("button", name="Yes, please").press("Enter")
    page.get_by_role("status").get_by_text("I'm cancelling the order …").wait_for()
    slow.set()
    page.get_by_text("Order 1001 is cancelled.").wait_for()
    assert page.get_by_text("I'm cancelling").count() == 0
    write(page, "do you have a desk lamp under 40?")
    page.get_by_role("link", name="Red desk lamp").wait_for()
    page.get_by_role("button", name=re.compile("Add “Red desk lamp”")).press("Enter")
    page.get_by_text("1 × Red desk lamp is in your basket.").wait_for()
    assert acting.baskets == [(str(user.pk), [("L1", 1)])]
    assert problems(page) == []
    # Both write styles of their own, which the policy refuses.
    page.screenshot(path=tmp_path / "shopping.png")
    assert violations(page) == []


def test_a_version_is_written_replayed_and_put_live(
    acting, make_order, live_server, page, login, customer, ada, tmp_path  # noqa: F811
):  # fmt: skip
    add_shipped_flows()
    make_order("1001", ada, status="shipped")
    customer.say("where is my order")
    flow = Flow.objects.get(name="track_order")
    save_version(
        flow, definition={"intents": ["track_order"], "steps": [{"do": "say", "text": {"en": "Soon."}}]}
    )
    login(live_server.url, is_staff=True, is_superuser=True)
    page.goto(live_server.url + reverse("admin:ecomai_support_bot_flow_change", args=[flow.pk]))
    page.get_by_text("Version 1 is live.").wait_for()
    look(page, tmp_path / "flow.png")
    page.get_by_role("link", name="Replay").first.click()
    page.get_by_text("1 would go otherwise").wait_for()
    look(page, tmp_path / "replay.png")
    page.locator("#replayed").get_by_role("link", name="Put live").click()
    page.get_by_role("button", name="Put live").click()
    page.get_by_text("Version 2 is live.").wait_for()
    assert problems(page) == []


def look(page, path):  # noqa: F811
    """Check a page, and forget what looking at it does to its policy."""
    assert problems(page) == []
    page.screenshot(path=path, full_page=True)
    assert violations_of_content(page) == []
    page.evaluate("window.violations.length = 0")  # what comes next may come into the same page
    page.problems.clear()
