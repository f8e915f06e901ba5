"""Ad groups clicked through in a browser under a strict policy, from the form to the report."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from marketing.models import AdGroup, AdSpend
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

from .test_segments_browser import seriously_wrong

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def logged_in(page, live_server):  # noqa: F811
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    page.base = f"{live_server.url}/admin/ecomai_marketing/adgroup"
    return page


def test_a_group_is_written_approved_started_and_reported(logged_in, tmp_path):
    logged_in.goto(f"{logged_in.base}/add/")
    logged_in.locator("#creatives-group").get_by_role("button").last.or_(
        logged_in.locator("#creatives-group .add-row a")
    ).first.click()
    for name, value in (
        ("name", "Spring"), ("placements", "home, category"), ("currency", "EUR"), ("price", "0.5"),
        ("daily_budget", "20"), ("creatives-0-title", "Mugs"), ("creatives-0-target_url", "/mugs/"),
    ):  # fmt: skip
        logged_in.locator(f"[name='{name}']").fill(value)
    logged_in.get_by_role("button", name="Save").first.click()
    logged_in.wait_for_url("**/adgroup/**")
    group = AdGroup.objects.get()
    for name in ("Approve", "Start"):
        logged_in.goto(f"{logged_in.base}/{group.pk}/change/")
        logged_in.get_by_role("link", name=name).first.click()
        logged_in.locator("main form button, #content form [type=submit]").first.click()
    group.refresh_from_db()
    assert group.state == AdGroup.State.RUNNING
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for back in range(30):
        AdSpend.objects.create(
            creative=group.creatives.get(), placement="home", hour=hour - timedelta(days=back),
            n_impressions=200, n_clicks=8 + back % 5, n_conversions=1, spent=4,
        )  # fmt: skip
    logged_in.goto(f"{logged_in.base}/{group.pk}/change/")
    logged_in.get_by_text("Mugs").first.wait_for()
    logged_in.locator(".plotly, svg, canvas").first.wait_for()
    logged_in.screenshot(path=tmp_path / "group.png", full_page=True)
    assert problems(logged_in) == []
    assert seriously_wrong(logged_in) == []
    logged_in.goto(f"{logged_in.base}/")
    assert logged_in.get_by_role("link", name="Spring").is_visible()
