"""The pages of alerts in a browser: a rule is made, tried out and kept; an alert is read and acknowledged."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from ecomai.console.models import AlertDelivery, AlertEpisode, AlertRule

from .conftest import problems

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MEASURE = "recommendations.fallback_share"


@pytest.fixture
def admin(page, live_server):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])

    def visit(path):
        page.goto(f"{live_server.url}/admin/ecomai_console/{path}/")
        return page

    return visit


def faults(page, within="#content"):
    """What Axe finds in the page's own part, once nothing else went wrong; the frame around it is Django's.

    Axe writes a style of its own, which the policy of Django's pages refuses.
    """
    assert problems(page) == []
    found = Axe().run(page, context=within).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["id"] not in DJANGOS]


#: What every change list and form of Django's admin has.
DJANGOS = ("region", "heading-order", "empty-table-header")


def test_a_rule_is_made_and_tried_out(admin):
    page = admin("alertrule/add")
    page.fill("#id_name", "Too many fallbacks")
    page.select_option("#id_measure", MEASURE)
    page.fill("#id_bound", "0.2")
    page.fill("#id_recipients", "ops@shop.example")
    page.click("[name=_continue]")
    page.wait_for_selector(".messagelist .success")
    rule = AlertRule.objects.get()
    assert (rule.measure, rule.bound) == (MEASURE, 0.2)
    page.locator(f"form[action$='/{rule.pk}/test/'] [type=submit]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=The test is on its way")
    assert AlertDelivery.objects.get().rule == rule
    assert faults(page) == []


def test_an_alert_is_read_and_acknowledged(admin):
    rule = AlertRule.objects.create(name="Too many fallbacks", measure=MEASURE, bound=0.2)
    episode = AlertEpisode.objects.create(
        rule=rule, dimension="home", label="home", value=0.31,
        began_at=timezone.now() - timedelta(minutes=40), opened_at=timezone.now() - timedelta(minutes=30),
    )  # fmt: skip
    page = admin("alertepisode")
    assert "31.0 %" in page.inner_text("#result_list")
    assert "open" in page.inner_text("#result_list .field-state")
    page.check(f"[name=_selected_action][value='{episode.pk}']")
    page.select_option("[name=action]", "acknowledge_all")
    page.click("[name=index]")
    page.wait_for_selector("text=The front page shows these no more")
    episode.refresh_from_db()
    assert episode.acknowledged_by.username == "boss"
    assert "acknowledged" in page.inner_text("#result_list .field-state")
    page.click("#result_list tbody th a")
    page.wait_for_selector("text=above the bound of 20.0 %")
    assert faults(page) == []
