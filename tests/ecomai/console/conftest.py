"""A headless Chromium for the tests of pages, which notes every violation of the Content-Security-Policy."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}`));
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Closed after each module, as only one of Playwright's loops may live in this thread."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no Chromium on this machine")
    # Playwright's loop runs in this thread, which Django would take for asynchronous code.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    arguments += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page whose `errors` and CSP violations a test can ask for with `problems(page)`."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    context.set_default_timeout(20_000)
    opened = context.new_page()
    opened.add_init_script(NOTE_VIOLATIONS)
    opened.problems = []
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on(
        "console", lambda message: opened.problems.append(message.text) if message.type == "error" else None
    )
    yield opened
    context.close()


def problems(page: Page) -> list[str]:
    """Return what went wrong in the page: script errors, failed requests, violations of the policy."""
    return page.problems + page.evaluate("window.violations")
