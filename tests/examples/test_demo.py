"""`make demo` as a newcomer meets it: from an empty folder to a shop that recommends, in a real browser."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from ecomai_project.embedded.places import Places
from ecomai_project.embedded.postgres import Postgres
from ecomai_project.embedded.redis import Redis
from tests.workers import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.services,
    pytest.mark.timeout(1500),
    pytest.mark.xdist_group("demo"),
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium on this machine"),
]

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "oscar_shop"
PICTURES = ROOT / "test-output" / "demo"
PORT = 8167
URL = f"http://127.0.0.1:{PORT}"
N_CUSTOMERS = "300"
# A headless browser says so in its name, and would be counted as a crawler.
USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", f"--user-agent={USER_AGENT}"]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
CARD = ".shop-strip .product_pod"


class Demo:
    """One demo in a folder of its own; `start()` and `stop()` are a person at the terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "terminal.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, *options: str) -> list[str]:
        run = [sys.executable, "manage.py", "ecomai_demo", "--port", str(PORT)]
        return [*run, "--customers", N_CUSTOMERS, *options]

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        own = {"ECOMAI_VAR_DIR": str(self.folder), "DJANGO_SETTINGS_MODULE": "oscar_shop.demo_settings"}
        return {**kept, **own, "OMP_NUM_THREADS": "1"}

    def start(self) -> float:
        begin = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=SHOP, env=self.environment, stdout=log, stderr=log
            )
        wait_until(lambda: self.has_ended or "Ctrl-C" in self.shown, seconds=900, what="the open shop")
        assert not self.has_ended, self.shown
        return time.monotonic() - begin

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def shown(self) -> str:
        return self.log.read_text()

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=60)
            self._process = None


@pytest.fixture(scope="module")
def demo():
    folder = Path(tempfile.mkdtemp(prefix="ecomai-", dir="/tmp"))
    folder.chmod(0o755)
    demo = Demo(folder)
    try:
        demo.start()
        yield demo
    finally:
        demo.stop()
        for service in (Redis(Places(folder)), Postgres(Places(folder))):
            service.stop(force=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, demo):
    context = chromium.new_context(viewport=DESK)
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def look(page: Page, name: str) -> None:
    """Keep a picture, and let axe judge the parts that are ours."""
    page.wait_for_load_state("networkidle")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
    for part in (".shop-strip", ".shop-consent", ".shop-foot", ".shop-hero", ".shop-personas", ".ecomai"):
        if page.locator(part).count():
            found = Axe().run(page, context=part).response["violations"]
            serious = [one for one in found if one["impact"] in {"serious", "critical"}]
            assert [(one["id"], one["nodes"][0]["html"][:200]) for one in serious] == [], (name, part)


def recommended(page: Page, path: str = "/") -> list[str]:
    page.goto(URL + path)
    page.locator(CARD).first.wait_for()
    return page.locator(f"{CARD} .shop-strip__title").all_inner_texts()


def test_the_terminal_says_where_the_shop_the_admin_and_the_logins_are(demo):
    for text in (f"{URL}/", f"{URL}/admin/", f"{URL}/demo-customers/", "admin / demo", "@example.com / demo"):
        assert text in demo.shown
    assert "✗" not in demo.shown, "every model was trained and went live"


def test_a_visitor_views_adds_buys_and_sees_recommendations_change(page):
    before = recommended(page)
    look(page, "home-visitor")
    page.get_by_role("button", name="Yes, please").click()
    expect(page.locator(".shop-consent")).to_have_count(0)

    page.goto(f"{URL}/search/?q=teapot")
    page.locator(".ecomai-found__link").first.click()
    bought = page.locator("h1").inner_text()
    look(page, "product")
    page.locator("#add_to_basket_form button").click()
    wait_until(lambda: recommended(page) != before, what="other recommendations after a look and a basket")
    look(page, "home-after-a-look")
    assert page.locator(".shop-strip__reason", has_text=bought).count() > 0, "and they say why"

    recommended(page, "/basket/")
    look(page, "basket")
    page.get_by_role("link", name="Proceed to checkout").click()
    page.get_by_label("Email address").fill("visitor@example.com")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("First name").fill("Vera")
    page.get_by_label("Last name").fill("Visitor")
    page.get_by_label("First line of address").fill("1 Example Street")
    page.get_by_label("City").fill("Exampleton")
    page.get_by_label("Post/Zip-code").fill("10115")
    page.get_by_label("Country").select_option("DE")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Continue").click()
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_text("Your order has been placed")).to_be_visible()
    look(page, "thanks")
    assert bought not in recommended(page)


def test_a_demo_customer_buys_on_a_phone_and_sees_what_is_known(page):
    page.set_viewport_size(PHONE)
    page.goto(f"{URL}/demo-customers/")
    look(page, "demo-customers")
    page.get_by_role("button", name="No, thanks").click()
    page.goto(f"{URL}/demo-customers/")
    page.get_by_role("button", name="Shop as").nth(1).click()
    expect(page.get_by_text("Welcome back")).to_be_visible()

    titles = recommended(page)
    look(page, "home-customer-phone")
    assert page.locator(".shop-strip__reason", has_text="Because you").count() > 0
    menu = page.locator("[data-ecomai-menu]").nth(1)
    for _again in range(2):
        menu.locator("summary").click()
        menu.get_by_role("button", name="Not interested").click()
        expect(menu.get_by_text("You will not see this again.")).to_be_visible()
        look(page, "feedback-phone")
        menu.get_by_role("button", name="Undo").click()
        expect(menu.locator("summary")).to_be_focused()
    assert recommended(page) == titles, "it was taken back"
    menu.locator("summary").click()
    menu.get_by_role("button", name="Not interested").click()
    expect(menu.get_by_text("You will not see this again.")).to_be_visible()
    assert titles[1] not in recommended(page)
    page.locator(f"{CARD} a").first.click()
    assert page.locator("h1").inner_text() == titles[0]
    page.locator("#add_to_basket_form button").click()
    recommended(page, "/basket/")
    page.get_by_role("link", name="Proceed to checkout").click()
    page.get_by_role("button", name="Ship to your default shipping address").click()
    page.get_by_role("link", name="Continue").click()
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_text("Your order has been placed")).to_be_visible()
    assert titles[0] not in recommended(page), "what was just bought is not recommended again"

    page.goto(f"{URL}/accounts/my-data/")
    expect(page.get_by_role("cell", name="Purchase").first).to_be_visible()
    look(page, "my-data-phone")
    for path in ("/", "/basket/", "/accounts/my-data/", "/demo-customers/", "/catalogue/"):
        page.goto(URL + path)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, path


def test_everything_that_the_shop_needs_is_ready_once_it_was_visited(demo):
    """A web process loads what serves with its first visitor; what it cannot load would be a fault here."""
    urlopen(URL, timeout=60).close()

    def is_ready() -> bool:
        try:
            return urlopen(f"{URL}/ecomai/health/ready", timeout=30).status == 200
        except HTTPError:
            return False

    wait_until(is_ready, seconds=90, what="health")
    assert "could not be loaded" not in (demo.folder / "log" / "web.log").read_text()


def test_an_admin_retrains_sees_the_bar_move_and_promotes(page):
    page.goto(f"{URL}/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    look(page, "console")
    page.get_by_role("link", name="Next item", exact=True).first.click()
    model_page = page.url
    # Another attempt, or the schedule, may have made versions by now: what counts is the one that we made.
    before = _newest_version(page)
    page.get_by_role("button", name="Retrain").click()

    bar = page.get_by_role("progressbar").first
    bar.wait_for(timeout=60_000)
    seen = set()

    def is_done() -> bool:
        page.wait_for_timeout(300)
        if bar.count():
            seen.add(bar.evaluate("bar => bar.value"))
        if len(seen) == 3:
            look(page, "retraining")
        return _promotable(page) > before or _is_over(page, model_page, before)

    try:
        wait_until(is_done, seconds=420, what="the end of the training")
    except pytest.fail.Exception:
        page.screenshot(path=PICTURES / "retraining-late.png", full_page=True)
        raise AssertionError(page.locator("#content").inner_text()) from None
    assert len(seen) > 2, "the bar moved"

    page.goto(model_page)
    look(page, "model")
    number = _promotable(page)
    page.get_by_role("link", name=f"Promote v{number}").click()
    for box in page.locator("#content form input[type=checkbox]").all():
        box.check()
    for field in page.locator("#content form textarea, #content form input[type=text]").all():
        field.fill("A test of the demo.")
    page.get_by_role("button", name="Promote").click()
    page.goto(model_page)
    expect(page.locator("#content")).to_contain_text(f"live v{number}")
    look(page, "promoted")
    assert recommended(page)


def _is_over(page: Page, model_page: str, before: int) -> bool:
    """Look at the model anew now and then: its page shows how the last training ended."""
    if page.get_by_role("progressbar").count():
        return False
    page.goto(model_page)
    return _promotable(page) > before


def _newest_version(page: Page) -> int:
    numbers = re.findall(r"\bv(\d+)\b", page.locator("#content").inner_text())
    return max((int(number) for number in numbers), default=0)


def _promotable(page: Page) -> int:
    """The version that the page offers to promote; 0 for none."""
    offered = page.get_by_role("link", name=re.compile(r"Promote v\d+"))
    return int(re.sub(r"\D", "", offered.first.inner_text())) if offered.count() else 0


def test_one_ctrl_c_stops_everything_and_the_second_start_is_quick(demo):
    demo.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(Places(demo.folder).database_url(), connect_timeout=3)
    assert re.search(r"web stopped.*PostgreSQL stopped", demo.shown, re.DOTALL)

    seconds = demo.start()

    assert "Training" not in demo.shown
    assert "Into the shop" not in demo.shown
    assert seconds < 60, "10 s on a machine that does nothing else"
