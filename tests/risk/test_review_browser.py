"""The review queue in a browser: by keyboard alone, under a strict policy, and named for everybody."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client

from risk.demo import seed_demo
from risk.models import Case
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: Where pictures of the pages go, to be looked at; none without it.
PICTURES = os.environ.get("ECOMAI_PICTURES", "")


def take_picture(page, name):  # noqa: F811
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def violations(page):  # noqa: F811
    found = Axe().run(page, context=".ecomai").response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found]


@pytest.fixture
def admin(page, live_server):  # noqa: F811
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    seed_demo()
    return page


def test_a_case_is_found_read_and_decided_by_keyboard(admin, live_server):
    admin.goto(f"{live_server.url}/admin/ecomai_risk/case/")
    take_picture(admin, "queue")
    assert violations(admin) == []
    admin.keyboard.press("?")
    admin.wait_for_selector("dialog[open]")
    admin.keyboard.press("Escape")
    admin.keyboard.press("j")
    admin.keyboard.press("x")
    assert admin.locator("input[name=case]:checked").count() == 1
    admin.keyboard.press("Enter")
    admin.wait_for_selector("[data-risk-case]")
    admin.wait_for_selector("text=You have this case until")
    take_picture(admin, "case")
    assert violations(admin) == []
    first = admin.url
    case = Case.objects.exclude(locked_by=None).get()

    admin.keyboard.press("m")
    admin.keyboard.type("a note with the keys n d q ?")
    assert admin.url == first, "keys do nothing in a text field"
    admin.keyboard.press("Escape")
    admin.keyboard.press("d")
    assert admin.locator("input[name=verdict]:checked").get_attribute("value") == "decline"
    admin.locator("#reason-code").select_option("linked")
    admin.keyboard.press("Control+Enter")
    admin.wait_for_url(lambda url: url != first)
    case.refresh_from_db()
    assert (case.state, case.verdict, case.decided_by.username) == ("decided", "decline", "boss")
    admin.wait_for_selector("text=You have this case until")
    admin.keyboard.press("q")
    admin.wait_for_selector("[data-risk-queue]")
    assert problems(admin) == []


def test_the_fairness_page_can_be_used_by_everybody(admin, live_server):
    admin.goto(f"{live_server.url}/admin/ecomai_risk/fairnessreport/")
    take_picture(admin, "fairness")
    assert violations(admin) == []
    assert problems(admin) == []


def test_both_pages_speak_chinese(admin, live_server):
    language = {"name": "django_language", "value": "zh-hans", "url": live_server.url}
    admin.context.add_cookies([language])
    admin.goto(f"{live_server.url}/admin/ecomai_risk/case/")
    assert "预期损失" in admin.inner_text(".ecomai")
    take_picture(admin, "queue-zh")
    admin.keyboard.press("n")
    admin.wait_for_selector("[data-risk-case]")
    admin.wait_for_selector("text=归您处理")
    assert "决定，并转到下一个案件" in admin.inner_text(".ecomai")
    take_picture(admin, "case-zh")
    assert violations(admin) == []
    assert problems(admin) == []
