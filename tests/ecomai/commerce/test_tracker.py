"""The JavaScript tracker in a real browser, under a strict Content-Security-Policy."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.template import Context, Template
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import ecomai.commerce
from ecomai.commerce.models import ApiKey, Event, RejectedRow
from ecomai.commerce.services import site_key, upsert_items
from ecomai.commerce.visitors import customer_id_of_token

SCRIPT = Path(ecomai.commerce.__file__).parent / "static" / "ecomai" / "tracker.js"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"


def test_the_script_is_small_and_depends_on_nothing():
    source = SCRIPT.read_text()
    assert len(source) < 7 * 1024
    assert not re.search(r"\b(import|require|eval|innerHTML)\b", source)


@pytest.mark.django_db
class TestTag:
    def render(self, **context) -> str:
        return Template("{% load ecomai_tracker %}{% ecomai_tracker customer_id=customer %}").render(
            Context(context)
        )

    def test_it_writes_a_script_with_a_signed_customer_and_nothing_inline(self):
        html = self.render(customer='anna"><script>')
        assert html.count("<script") == 1
        assert html.endswith("></script>")
        token = re.search(r'data-customer="([^"]*)"', html)[1]
        assert customer_id_of_token(token) == 'anna"><script>'

    def test_the_sites_own_key_is_made_once_and_a_revoked_one_is_not_written(self):
        assert site_key() in self.render()
        assert self.render() == self.render()
        ApiKey.objects.get().delete()
        site_key()
        ApiKey.objects.update(revoked_at="2026-01-01T00:00:00Z")
        assert self.render() == ""

    def test_the_shop_may_name_its_key(self, settings):
        settings.ECOMAI = {"COMMERCE": {"PUBLISHABLE_KEY": "pk_of_the_shop"}}
        assert 'data-key="pk_of_the_shop"' in self.render()
        assert not ApiKey.objects.exists()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no Chromium on this machine")
    # Playwright's loop runs in this thread, which Django would take for asynchronous code.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    arguments += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    # A headless browser's own name is a crawler's, and a beacon sends the name that it was started with.
    arguments += [f"--user-agent={AGENT}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context()
    opened.set_default_timeout(10_000)
    yield opened
    opened.close()


@pytest.fixture
def visit(context: BrowserContext, live_server, settings) -> Callable[..., Page]:
    settings.ROOT_URLCONF = "tests.ecomai.commerce.tracker_site"
    upsert_items([{"external_id": "mug", "title": "Blue mug"}, {"external_id": "pot", "title": "Tea pot"}])

    def open_page(query: str = "") -> Page:
        page = context.new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on(
            "console", lambda message: page.problems.append(message.text) if message.type == "error" else None
        )
        page.goto(f"{live_server.url}/{query}")
        return page

    return open_page


def wait_for(page: Page, types: set[str]) -> list[Event]:
    """Wait until events of these types have come, and return all."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        events = list(Event.objects.order_by("pk"))
        if types <= {event.type for event in events}:
            return events
        page.wait_for_timeout(50) if not page.is_closed() else time.sleep(0.05)
    raise AssertionError(f"{types} did not come; {[event.type for event in events]} did")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
class TestTracker:
    def test_nothing_is_sent_or_stored_before_consent(self, visit, context):
        page = visit()
        page.click("#pot")
        page.evaluate("window.ecomai.flush()")
        page.wait_for_timeout(300)
        assert context.cookies() == []
        assert page.evaluate("Object.keys(localStorage).length") == 0
        assert not Event.objects.exists()
        assert page.problems == []

    def test_with_consent_the_page_says_what_happens_in_it(self, visit, context):
        page = visit("?customer=anna")
        page.evaluate("window.ecomai.consent(true)")
        page.click("#pot")
        page.wait_for_timeout(200)
        page.evaluate("window.ecomai.flush()")
        events = {event.type: event for event in wait_for(page, {"view", "impression", "click"})}
        assert {event.customer.external_id for event in events.values()} == {"anna"}
        assert events["view"].item.external_id == "mug"
        assert events["click"].properties == {"placement": "home"}
        assert {event.session_id for event in events.values()} == {context.cookies()[0]["value"]}
        assert page.problems == []
        assert not RejectedRow.objects.exists()

    def test_who_comes_by_a_link_of_a_mail_has_clicked_there_once(self, visit):
        shown = "ecomai_answer=9a7d&ecomai_placement=email&ecomai_position=2&ecomai_item=mug"
        page = visit(f"?consent=granted&{shown}&colour=red")
        page.evaluate("window.ecomai.flush()")
        click = next(event for event in wait_for(page, {"click"}) if event.type == "click")
        assert click.item.external_id == "mug"
        assert click.properties == {"answer": "9a7d", "placement": "email", "position": 2}
        assert page.evaluate("location.search") == "?consent=granted&colour=red"
        assert page.problems == []

    def test_what_is_waiting_when_the_page_is_left_goes_by_beacon(self, visit):
        page = visit("?consent=granted")
        page.click("#buy")
        page.wait_for_url("**/next/**")
        cart = next(event for event in wait_for(page, {"cart"}) if event.type == "cart")
        assert (cart.quantity, cart.value, cart.currency) == (2, 17, "EUR")
        page.close()

    def test_global_privacy_control_is_honoured_whatever_the_page_says(self, visit, context):
        context.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
        page = visit("?consent=granted")
        page.evaluate("window.ecomai.consent(true)")
        page.evaluate("window.ecomai.track('view', {}); window.ecomai.flush()")
        page.wait_for_timeout(300)
        assert context.cookies() == []
        assert not Event.objects.exists()

    def test_consent_that_is_taken_back_ends_it(self, visit, context):
        page = visit()
        page.evaluate("document.dispatchEvent(new CustomEvent('ecomai:consent', {detail: true}))")
        page.evaluate("document.dispatchEvent(new CustomEvent('ecomai:consent', {detail: false}))")
        page.click("#pot")
        page.evaluate("window.ecomai.flush()")
        page.wait_for_timeout(300)
        assert context.cookies() == []
        assert not Event.objects.exists()

    def test_after_a_fault_the_same_events_go_again_and_count_once(self, visit, context):
        page = visit()
        answers = iter(["503", "lost"])

        def answer(route):
            match next(answers, ""):
                case "503":
                    route.fulfill(status=503, body="{}")
                case "lost":
                    route.fetch()
                    route.abort()
                case _:
                    route.continue_()

        context.route("**/ecomai/events/**", answer)
        page.evaluate("window.ecomai.consent(true)")
        for _time in range(3):
            page.evaluate("window.ecomai.flush()")
            page.wait_for_timeout(150)
        wait_for(page, {"view", "impression"})
        assert Event.objects.filter(type="view").count() == 1

    def test_what_is_added_to_the_page_later_is_seen_too(self, visit):
        page = visit("?consent=granted")
        page.evaluate(
            """() => { const p = document.createElement("p"); p.textContent = "More";
            p.dataset.ecomaiEvent = "impression"; p.dataset.ecomaiItem = "mug"; document.body.prepend(p); }"""
        )
        page.wait_for_timeout(200)
        page.evaluate("window.ecomai.flush()")
        wait_for(page, {"impression"})
        assert Event.objects.filter(type="impression", item__external_id="mug").exists()
