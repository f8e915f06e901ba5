"""The pages of back-tests in a browser: started from the form, read, and usable by everybody."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from ecomai.registry.models import Job
from recommendations.models import Pipeline, Replay
from recommendations.replaying import judging
from recommendations.replaying.judging import Case
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def admin(page, live_server):  # noqa: F811
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])

    def visit(path=""):
        page.goto(f"{live_server.url}/admin/ecomai_recommendations/replay/{path}")
        return page

    return visit


def is_well(page):  # noqa: F811
    found = Axe().run(page, context=".ecomai").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert problems(page) == []


def test_a_back_test_is_started_by_keyboard_and_found_again(admin):
    Pipeline.objects.create(name="Tail first", placement="home")
    page = admin()  # noqa: F811
    is_well(page)
    page.select_option("#id_what", label="Tail first (home, draft)")
    page.fill("#id_name", "Before the sale")
    page.focus("#id_name")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=The back-test waits for a worker")
    replay = Replay.objects.get()
    assert (replay.name, set(replay.configuration)) == ("Before the sale", {"pipeline"})
    page.click("text=Before the sale")
    page.wait_for_selector("text=It waits for a worker.")
    is_well(page)


def test_a_report_is_drawn_and_told(admin):
    cases = [
        Case(shown=[1, 2], live=[1, 2], draft=[3, 1], targets=[3], bought=[3], tail=[3]),
        Case(shown=[1, 2], live=[1, 2], draft=[2, 4], targets=[1], bought=[], tail=[4]),
    ] * 30
    report = judging.judge(cases, k=2, n_items=8, random_state=0)
    more = {"n_drawn": 62, "n_left_out": 2, "n_learned_later": 7, "versions": ["Next item v3"]}
    replay = Replay.objects.create(
        name="Tail first", configuration={"source": "popular"}, placement="home",
        job=Job.objects.create(kind="recommendations.replay", state="succeeded"),
        period_start=timezone.now() - timedelta(days=14), period_end=timezone.now(),
        report={**report, **more},
    )  # fmt: skip
    page = admin(f"{replay.pk}/")  # noqa: F811
    assert "Tail first" in page.inner_text("h1")
    assert page.locator(".ecomai table").count() >= 1
    is_well(page)
