"""Pictures and speech in the widget: chosen, described, sent, shown again; spoken, read, changed, sent."""

import io
import os
import re
import shutil

import pytest
from django.core.cache import cache
from PIL import Image
from playwright.sync_api import sync_playwright

from ecomai.registry.jobs import execute_job
from ecomai_project.settings import environment
from support_bot.models import Attachment, Message
from support_bot.services import attachments

from .served import served
from .test_chat_browser import elsewhere, open_chat, violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FLAGS = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture
def shop(settings):
    settings.ROOT_URLCONF = "tests.support_bot.chat_pages"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    settings.CHANNEL_LAYERS = environment.channel_layers(settings.TEST_REDIS.url)
    settings.ECOMAI = settings.ECOMAI | {"SUPPORT_BOT": {"READING_SECONDS": 1}}
    cache.clear()
    with served() as opened:
        yield opened


@pytest.fixture(scope="module")
def browser():
    """Whose microphone hums."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no Chromium on this machine")
    # Playwright's loop runs in this thread, which Django would take for asynchronous code.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", *FLAGS])
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(permissions=["microphone"], viewport={"width": 400, "height": 800})
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def photo() -> dict:
    written = io.BytesIO()
    Image.new("RGB", (2400, 1200), "teal").save(written, format="PNG")
    return {"name": "cup.png", "mimeType": "image/png", "buffer": written.getvalue()}


def test_a_picture_is_chosen_described_sent_and_shown_after_a_reload(page, shop, tmp_path):
    open_chat(page, shop.url)
    page.get_by_text("a computer program").wait_for()
    assert page.get_by_role("button", name="Add a picture").is_visible()
    page.locator("input[type=file]").set_input_files(photo())
    page.get_by_role("textbox", name="What does it show?").fill("My teal cup")
    assert violations(page) == []
    page.screenshot(path=tmp_path / "chosen.png")
    page.get_by_role("textbox", name="Write a message").fill("Do you have this?")
    page.get_by_role("button", name="Send").click()
    sent = page.get_by_role("img", name="My teal cup")
    sent.wait_for()
    page.wait_for_function(
        "document.querySelector('ecomai-chat').shadowRoot.querySelector('.pictures img')?.naturalWidth > 0"
    )
    page.screenshot(path=tmp_path / "sent.png")
    row = Attachment.objects.get()
    assert (row.alt, row.width, row.height) == ("My teal cup", 1600, 800)
    assert row.message.text == "Do you have this?"
    page.reload()
    page.get_by_role("button", name="Chat with us").click()
    page.get_by_role("img", name="My teal cup").wait_for()


def test_a_file_that_is_no_picture_is_named_and_the_words_stay(page, shop):
    open_chat(page, shop.url)
    page.get_by_text("a computer program").wait_for()
    page.locator("input[type=file]").set_input_files(
        {"name": "cup.png", "mimeType": "image/png", "buffer": b"no picture at all"}
    )
    page.get_by_role("textbox", name="What does it show?").wait_for()
    page.get_by_role("textbox", name="Write a message").fill("Look at this")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("This file is no picture that can be read.").wait_for()
    assert page.get_by_role("textbox", name="Write a message").input_value() == "Look at this"
    page.get_by_role("button", name="Remove the picture").click()
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Look at this").wait_for()


def test_what_was_said_is_read_changed_and_sent_by_the_customer_alone(page, shop, monkeypatch):
    heard = []

    def hear(content, **_more):
        heard.append(len(attachments.read_recording(content)))
        return "where is my odour"

    monkeypatch.setattr(attachments, "write_down", hear)
    open_chat(page, shop.url)
    page.get_by_text("a computer program").wait_for()
    page.get_by_role("button", name="Speak").click()
    page.get_by_text("I'm listening").wait_for()
    page.wait_for_timeout(2_500)
    page.get_by_role("button", name="Stop and write it down").click()
    for _n in range(50):
        if row := Attachment.objects.filter(kind="voice").first():
            break
        page.wait_for_timeout(200)
    elsewhere(execute_job, row.job_id)
    page.get_by_text("Is this what you said?").wait_for()
    field = page.get_by_role("textbox", name="Write a message")
    assert field.input_value() == "where is my odour"
    assert 16_000 < heard[0] < 16_000 * 6
    assert not Message.objects.exists()
    field.fill("where is my order")
    field.press("Enter")
    page.get_by_text(re.compile("^where is my order$")).wait_for()
    row.refresh_from_db()
    assert bytes(row.content) == b""
