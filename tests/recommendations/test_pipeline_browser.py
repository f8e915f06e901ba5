"""The form and the preview of a pipeline in a browser, under a strict policy."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from recommendations import services
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def logged_in(page, live_server):  # noqa: F811
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss", password="secret"))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    page.base = f"{live_server.url}/admin/ecomai_recommendations/pipeline"
    return page


def test_form_and_preview_keep_to_a_strict_policy(logged_in, coffee_drinker, make_pipeline, shop, tmp_path):
    make_pipeline("trending")
    draft = make_pipeline(
        "sequence", "similar", "trending", state="draft", diversity=0.3, cap_shown=5, tail_share=0.2,
        rules=[
            {"action": "pin", "item": shop[11], "position": 2, "name": "Our pick of the week"},
            {"action": "boost", "condition": '"Writing" in categories', "name": "School", "factor": 1.5},
            {"action": "exclude", "condition": "price < 15", "name": "Nothing cheap"},
        ],
    )  # fmt: skip
    services.refresh_popularity()
    logged_in.goto(f"{logged_in.base}/{draft.pk}/change/")
    logged_in.locator("details.ecomai-more summary").first.click()
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert logged_in.evaluate(fits)
    logged_in.screenshot(path=tmp_path / "form.png", full_page=True)
    assert problems(logged_in) == []
    logged_in.goto(f"{logged_in.base}/{draft.pk}/preview/?customer=anna")
    logged_in.screenshot(path=tmp_path / "preview.png", full_page=True)
    assert logged_in.locator(".ecomai-panel").count() == 2
    assert problems(logged_in) == []
