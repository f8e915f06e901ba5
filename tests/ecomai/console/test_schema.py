"""The API's own description: complete, ours alone, and readable under a strict policy."""

import pytest
from django.test import override_settings
from playwright.sync_api import expect

from .conftest import problems

pytestmark = pytest.mark.django_db


def test_schema_describes_our_endpoints_and_no_others(client):
    description = client.get("/ecomai/api/schema/").json()
    assert description["openapi"].startswith("3.")
    assert "/ecomai/recommendations/" in description["paths"]
    assert "/ecomai/registry/models/" in description["paths"]
    assert all(path.startswith("/ecomai/") for path in description["paths"])


@pytest.mark.parametrize(
    "accepted", ["application/json", "application/vnd.oai.openapi+json", "application/yaml", "*/*"]
)
def test_schema_comes_in_the_usual_formats(client, accepted):
    answer = client.get("/ecomai/api/schema/", headers={"Accept": accepted})
    assert answer.status_code == 200
    assert b"/ecomai/recommendations/" in answer.content


def test_schema_needs_no_setting_of_the_host(client, settings):
    assert "DEFAULT_SCHEMA_CLASS" not in getattr(settings, "REST_FRAMEWORK", {})
    assert client.get("/ecomai/api/schema/").status_code == 200


def test_shop_may_keep_the_description_to_its_staff(client, admin_client):
    with override_settings(ECOMAI={"CONSOLE": {"PUBLIC_API_DOCS": False}}):
        assert client.get("/ecomai/api/schema/").status_code == 403
        assert client.get("/ecomai/api/docs/").status_code == 403
        assert admin_client.get("/ecomai/api/schema/").status_code == 200
        assert admin_client.get("/ecomai/api/docs/").status_code == 200


@pytest.mark.browser
def test_pages_work_under_the_strict_policy(live_server, page):
    page.goto(f"{live_server.url}/ecomai/api/docs/")
    expect(page.locator(".opblock").first).to_be_visible(timeout=20_000)
    assert problems(page) == []
