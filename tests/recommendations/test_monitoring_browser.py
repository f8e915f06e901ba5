"""The monitoring page in a browser: charts are drawn under a strict policy, and everything has a name."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client

from ecomai.registry.models import ModelVersion
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

from .test_monitoring_page import make_drift, make_figures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_charts_are_drawn_and_the_page_can_be_used_by_everybody(page, live_server):  # noqa: F811
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    version = ModelVersion.objects.create(
        model_name="recommendations.next_item", number=3, artifact_path="x", artifact_digest="0" * 64
    )
    make_figures(version)
    make_drift(version)
    page.goto(f"{live_server.url}/admin/ecomai_recommendations/dailyfigures/")
    page.wait_for_selector(".ecomai-chart__plot .main-svg")
    page.select_option("#filter-placement", "basket")
    page.click("text=Show >> nth=0")
    page.wait_for_selector(".ecomai-chart__plot .main-svg")
    assert "placement=basket" in page.url
    found = Axe().run(page, context=".ecomai").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert problems(page) == []
