"""The console in a browser: under the strict policy, by keyboard, for a screen reader, and alive."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import expect

from ecomai.commerce.models import Event, Item, RejectedRow
from ecomai.console import services
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import AuditEntry, Job

from .conftest import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CONSOLE = "/admin/ecomai_console/console/"
QUALITY = "/admin/ecomai_console/qualityreport/"


@pytest.fixture
def busy_shop():
    """Something of everything that the pages can show."""
    cache.clear()
    now = timezone.now()
    for number in range(6):
        Item.objects.create(external_id=f"i{number}", title=f"Item {number // 2}", price=3)
    for days in range(10):
        Event.objects.create(
            key=f"{days:032x}", type="view", session_id="s", occurred_at=now - timedelta(days=days)
        )
    RejectedRow.objects.create(source="f", kind="item", code="no_price", reason="No.", payload={}, digest="1")
    execute_job(services.request_quality_report().pk)
    Job.objects.create(kind="x", label="Scoring", state="failed", error_message="Disk full.", finished_at=now)
    AuditEntry.objects.create(action="promote", subject="v1", actor_label="ann")
    return Job.objects.create(
        kind="x", label="Counting", state="running", progress=0.1, heartbeat_at=now, lease_until=now
    )


@pytest.fixture
def logged_in(page, live_server, admin_client):
    cookie = admin_client.cookies["sessionid"]
    page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", [CONSOLE, QUALITY])
def test_pages_are_accessible_and_break_no_policy(logged_in, live_server, busy_shop, address, scheme):
    logged_in.emulate_media(color_scheme=scheme)
    logged_in.goto(live_server.url + address)
    if address == QUALITY:
        expect(logged_in.locator("[data-ecomai-drawn]")).to_have_count(2)
    # Only what is ours is judged: the frame around it is Django's.
    found = Axe().run(logged_in, context=".ecomai").response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
    assert problems(logged_in) == []


def test_progress_moves_without_a_reload(logged_in, live_server, busy_shop):
    logged_in.goto(live_server.url + CONSOLE)
    bar = logged_in.get_by_role("progressbar", name="Counting")
    expect(bar).to_have_attribute("value", "0.1")
    Job.objects.filter(pk=busy_shop.pk).update(progress=0.6)
    expect(bar).to_have_attribute("value", "0.6", timeout=10_000)
    Job.objects.filter(pk=busy_shop.pk).update(state="succeeded", finished_at=timezone.now())
    expect(bar).to_have_count(0, timeout=10_000)
    assert problems(logged_in) == []


def test_switch_works_by_keyboard_and_says_its_state(logged_in, live_server, busy_shop):
    logged_in.goto(live_server.url + CONSOLE)
    switch = logged_in.get_by_role("switch", name="All scenarios")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.focus()
    logged_in.keyboard.press("Enter")
    expect(logged_in.get_by_text("Everything is switched off")).to_be_visible()
    expect(logged_in.get_by_role("switch", name="All scenarios")).to_have_attribute("aria-checked", "false")


def test_new_report_appears_by_itself(logged_in, live_server, busy_shop):
    logged_in.goto(live_server.url + QUALITY)
    logged_in.get_by_role("button", name="Compute again").click()
    expect(logged_in.get_by_text("A new report waits for a worker.")).to_be_visible()
    execute_job(services.quality_job_under_way().pk)
    expect(logged_in.get_by_role("button", name="Compute again")).to_be_visible(timeout=10_000)
    expect(logged_in.get_by_text("just now").first).to_be_visible()


@pytest.mark.parametrize("address", [CONSOLE, QUALITY])
def test_pages_fit_a_telephone(logged_in, live_server, busy_shop, address):
    logged_in.set_viewport_size({"width": 360, "height": 740})
    logged_in.goto(live_server.url + address)
    width = logged_in.evaluate("document.querySelector('.ecomai').scrollWidth")
    assert width <= 360
