"""A customer's way through the demo shop in a real browser, on a phone's width."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, sync_playwright

from ecomai.commerce.models import Event, Order
from ecomai.commerce.services import upsert_customers, upsert_items, upsert_orders
from ecomai_project.shop import Shop
from tests.workers import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# A headless browser says so in its name, and would be counted as a crawler.
USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-sync",
    f"--user-agent={USER_AGENT}",
]


@pytest.fixture
def shop(settings, transactional_db):
    settings.SHOP = Shop(Path("shop.json"), source="demo:en")
    settings.ECOMAI = {**settings.ECOMAI, "COMMERCE": {"CUSTOMER_ID": "ecomai_project.shop.customer_id"}}
    cache.clear()
    item = {"category_path": "Kitchen > Mugs", "price": "12", "currency": "EUR", "stock": 5}
    upsert_items([{**item, "external_id": f"mug-{n}", "title": f"A mug, number {n}"} for n in range(4)])
    upsert_customers([{"external_id": "anna"}])
    line = {"position": 1, "item_id": "mug-0", "unit_price": "12"}
    order = {
        "customer_id": "anna",
        "currency": "EUR",
        "placed_at": timezone.now().isoformat(),
        "lines": [line],
    }
    upsert_orders([{**order, "external_id": f"old-{n}"} for n in range(2)])
    Event.objects.all().delete()
    yield
    cache.clear()


def walk(page: Page, url: str) -> dict[str, int]:
    """Go from the first visit to an order; return what must be nothing: errors, and pixels too wide."""
    problems = {"errors": 0, "too_wide": 0}
    page.on("pageerror", lambda error: problems.update(errors=problems["errors"] + 1))
    page.on("console", lambda line: problems.update(errors=problems["errors"] + (line.type == "error")))

    def look(path: str) -> None:
        page.goto(url + path)
        width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        problems["too_wide"] = max(problems["too_wide"], width)

    look("/products/mug-1/")
    page.get_by_role("button", name="Yes, please").click()
    look("/welcome/")
    page.get_by_role("button", name="Shop as").first.click()
    for path in ("/", "/browse/", "/search/?q=mug", "/products/mug-2/"):
        look(path)
    page.get_by_role("button", name="Add to basket").click()
    look("/basket/")
    page.get_by_role("button", name="Place the order").click()
    page.get_by_role("heading", name="Thank you for your order.").wait_for()
    look("/my-data/")
    return problems


def visit(url: str) -> dict[str, int]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 360, "height": 740})
        page.set_default_timeout(15_000)
        problems = walk(page, url)
        browser.close()
        return problems


def test_a_visit_ends_in_an_order_and_in_events_of_the_customer(live_server, shop):
    if shutil.which("chromium") is None:
        pytest.skip("no Chromium on this machine")
    with ThreadPoolExecutor(max_workers=1) as thread:
        assert thread.submit(visit, live_server.url).result() == {"errors": 0, "too_wide": 0}

    order = Order.objects.get(external_id__startswith="W")
    assert order.customer.external_id == "anna"
    expected = {(kind, "mug-2", "anna") for kind in ("view", "cart", "purchase")} | {("search", None, "anna")}
    fields = ("type", "item__external_id", "customer__external_id")
    wait_until(lambda: expected <= set(Event.objects.values_list(*fields)), what="the events of the visit")
