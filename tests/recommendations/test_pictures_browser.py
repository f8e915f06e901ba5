"""The search by picture in a browser: a file is chosen, a dialog shows what looks like it."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

from .test_pictures import encoder_files, gallery, image_encoder, media, photograph, searchable  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shop_page(page, live_server, settings, searchable):  # noqa: F811
    settings.ROOT_URLCONF = "tests.recommendations.picture_pages"
    page.goto(f"{live_server.url}/shop/")
    return page


def test_a_chosen_picture_shows_what_looks_like_it(shop_page, searchable, tmp_path):  # noqa: F811
    item = searchable[2]
    chosen = tmp_path / "photograph.jpg"
    chosen.write_bytes(photograph(item.external_id, strength=0))
    with shop_page.expect_file_chooser() as choosing:
        shop_page.get_by_role("button", name="Search by picture").click()
    choosing.value.set_files(chosen)
    shop_page.wait_for_selector(".ecomai-picture__entry")
    assert item.title in shop_page.inner_text(".ecomai-picture__entry >> nth=0")
    assert "Shown: products that look like your picture." in shop_page.inner_text("[role=status]")
    found = Axe().run(shop_page, context="dialog").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert problems(shop_page) == []
    shop_page.keyboard.press("Escape")
    assert not shop_page.is_visible("dialog")


def test_a_file_that_is_no_picture_is_answered_with_the_servers_sentence(shop_page, tmp_path):
    chosen = tmp_path / "notes.png"
    chosen.write_bytes(b"no picture")
    with shop_page.expect_file_chooser() as choosing:
        shop_page.get_by_role("button", name="Search by picture").click()
    choosing.value.set_files(chosen)
    shop_page.wait_for_selector("dialog.has-failed")
    assert "This file is no picture that can be read." in shop_page.inner_text("[role=status]")
    shop_page.get_by_role("button", name="Close").click()
    assert not shop_page.is_visible("dialog")
