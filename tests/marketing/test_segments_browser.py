"""The builder of segments in a browser, by keyboard and under a strict policy."""

import json
import random

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from marketing.models import Segment
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

from .segment_shop import plant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def logged_in(page, live_server):  # noqa: F811
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    page.base = f"{live_server.url}/admin/ecomai_marketing/segment"
    return page


def seriously_wrong(page) -> list[tuple[str, str]]:  # noqa: F811
    found = Axe().run(page).response["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], node["html"]) for one in bad for node in one["nodes"]]


def test_a_segment_is_built_counted_and_saved_without_a_mouse(logged_in, tmp_path):
    plant(random.Random(1), timezone.now())
    logged_in.goto(f"{logged_in.base}/add/")
    logged_in.locator("#id_name").fill("Lookers")
    logged_in.get_by_role("button", name="Add a condition").first.focus()
    logged_in.keyboard.press("Enter")
    test = logged_in.locator(".segment-test").first
    test.get_by_label("What is asked").select_option("event:view")
    test.get_by_label("Within how many days").fill("7")
    logged_in.get_by_text("meet this now").wait_for()
    assert logged_in.locator("#segment-found tbody tr").count() > 0
    logged_in.get_by_role("button", name="Add a group").first.press("Enter")
    group = logged_in.locator(".segment-group .segment-group")
    inner = group.locator(".segment-test").first
    inner.get_by_label("What is asked").select_option("field:stage")
    inner.get_by_label("So, or not so").select_option("not")
    logged_in.get_by_text("list of 1 to 200").wait_for()
    logged_in.locator('.segment-test[aria-invalid="true"]').wait_for()
    inner.get_by_label("lapsed", exact=True).check()
    logged_in.locator('[aria-invalid="true"]').wait_for(state="detached")
    logged_in.get_by_text("meet this now").wait_for()
    logged_in.screenshot(path=tmp_path / "builder.png", full_page=True)
    assert seriously_wrong(logged_in) == []
    assert problems(logged_in) == []
    logged_in.get_by_role("button", name="Save", exact=True).press("Enter")
    logged_in.get_by_text("The segment is saved.").wait_for()
    stored = Segment.objects.get().condition
    stage = {"not": {"field": "stage", "op": "in", "value": ["lapsed"]}}
    assert stored == {"all": [{"event": "view", "at_least": 1, "days": 7}, {"any": [stage]}]}
    assert problems(logged_in) == []


def test_what_was_built_is_shown_again_as_it_was(logged_in, tmp_path):
    condition = {"all": [
        {"field": "spent", "op": ">=", "value": 100.5},
        {"not": {"event": "purchase", "days": 30, "at_least": 2}},
        {"any": [
            {"field": "favourite_brand", "op": "in", "value": ["O'Neil", "<b>"]},
            {"field": "last_order_at", "op": "longer_ago", "value": 90},
            {"not": {"all": [{"field": "spent", "op": "known"}]}},
        ]},
    ]}  # fmt: skip
    segment = Segment.objects.create(name="Many", slug="many", condition=condition)
    logged_in.goto(f"{logged_in.base}/{segment.pk}/edit/")
    logged_in.locator("#segment-found strong, #segment-found p").first.wait_for()
    shown = json.loads(logged_in.locator("[name=condition]").input_value())
    shown["all"][1]["not"] = dict(sorted(shown["all"][1]["not"].items()))
    condition["all"][1]["not"] = dict(sorted(condition["all"][1]["not"].items()))
    assert shown == condition
    removes = logged_in.get_by_role("button", name="Remove")
    n_parts = removes.count()
    removes.first.press("Enter")
    assert removes.count() == n_parts - 1
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert logged_in.evaluate(fits)
    logged_in.screenshot(path=tmp_path / "again.png", full_page=True)
    assert problems(logged_in) == []
