"""The page of a rule in a browser, by keyboard alone and under a strict policy."""

from datetime import timedelta
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from ecomai.registry.jobs import execute_job
from risk.backtesting.jobs import start_backtest
from risk.models import Assessment, Rule
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def logged_in(page, live_server):  # noqa: F811
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    page.base = f"{live_server.url}/admin/ecomai_risk"
    return page


@pytest.fixture
def orders() -> None:
    """Ten orders; the three largest above 60."""
    now = timezone.now()
    Assessment.objects.bulk_create([
        Assessment(
            kind="payment_fraud", external_id=f"o-{n}", occurred_at=now, received_at=now, decision="approve",
            wanted_decision="approve", probability=n / 10, amount_reporting=Decimal(10 * n),
            is_fraud=n == 9,
        )
        for n in range(10)
    ])  # fmt: skip


def test_a_condition_is_completed_judged_and_counted_by_keyboard(logged_in, orders, tmp_path):
    logged_in.goto(f"{logged_in.base}/rule/add/")
    area = logged_in.locator("#id_condition")
    area.focus()
    logged_in.keyboard.type("proba")
    logged_in.locator("#risk-options li").first.wait_for()
    assert area.get_attribute("aria-expanded") == "true"
    assert logged_in.locator('#risk-options li[aria-selected="true"] code').inner_text() == "probability"
    logged_in.keyboard.press("Enter")
    assert area.input_value() == "probability"
    assert area.get_attribute("aria-expanded") == "false"
    logged_in.keyboard.type(" >")
    logged_in.get_by_text("cannot be read").wait_for()
    assert area.get_attribute("aria-invalid") == "true"
    logged_in.keyboard.type("= 0.7")
    logged_in.get_by_text("It would have met 3 of 10 assessments").wait_for()
    assert area.get_attribute("aria-invalid") == "false"
    assert logged_in.locator("#risk-dry-samples tbody tr").count() == 3
    assert logged_in.get_by_text("1 of them fraud").is_visible()
    logged_in.screenshot(path=tmp_path / "rule.png", full_page=True)
    assert problems(logged_in) == []
    found = Axe().run(logged_in)
    bad = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    serious = [(one["id"], node["html"]) for one in bad for node in one["nodes"]]
    assert serious == []


def test_names_are_chosen_with_arrows_and_left_with_escape(logged_in):
    logged_in.goto(f"{logged_in.base}/rule/add/")
    logged_in.locator("#id_condition").focus()
    logged_in.keyboard.type("card_pay")
    logged_in.locator("#risk-options li").nth(2).wait_for()
    logged_in.keyboard.press("ArrowDown")
    chosen = logged_in.locator('#risk-options li[aria-selected="true"] code').inner_text()
    assert chosen == logged_in.locator("#risk-options li code").nth(1).inner_text()
    logged_in.keyboard.press("Escape")
    assert logged_in.locator("#risk-options").is_hidden()
    logged_in.keyboard.press("Tab")
    assert logged_in.evaluate("document.activeElement.id") != "id_condition"


def test_a_rule_at_work_and_a_back_test_are_shown_under_a_strict_policy(logged_in, orders, tmp_path):
    rule = Rule.objects.create(
        name="Large", kinds=["payment_fraud"], condition="probability >= 0.7", action="decline", state="live",
        reason="It is large.", live_since=timezone.now(),
    )  # fmt: skip
    logged_in.goto(f"{logged_in.base}/rule/{rule.pk}/change/")
    logged_in.get_by_text("It would have met 3 of 10 assessments").wait_for()
    assert problems(logged_in) == []
    now = timezone.now()
    test = start_backtest(
        kind="payment_fraud", configuration={"without_rules": [rule.pk]},
        period_start=now - timedelta(days=1), period_end=now,
    )  # fmt: skip
    execute_job(test.job_id)
    logged_in.goto(f"{logged_in.base}/backtest/{test.pk}/")
    logged_in.locator(".js-plotly-plot, .ecomai-chart").first.wait_for()
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert logged_in.evaluate(fits)
    logged_in.screenshot(path=tmp_path / "backtest.png", full_page=True)
    assert problems(logged_in) == []
