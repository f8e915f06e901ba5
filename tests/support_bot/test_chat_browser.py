"""The widget as customers use it: by keyboard, on a phone, in Chinese, through a restart, without sockets."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import cache
from django.db import connections

from ecomai.registry.models import ScenarioSwitch
from ecomai.registry.selectors import forget_switches
from ecomai_project.settings import environment
from support_bot.models import Conversation, Message
from support_bot.services.handing_over import say_as_agent
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

from .served import served

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shop(settings):
    settings.ROOT_URLCONF = "tests.support_bot.chat_pages"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    # The agent speaks from another thread, which the layer in memory does not cross.
    settings.CHANNEL_LAYERS = environment.channel_layers(settings.TEST_REDIS.url)
    cache.clear()
    with served() as opened:
        yield opened


def open_chat(page, url):  # noqa: F811
    page.goto(f"{url}/a-page/")
    page.get_by_role("button", name=re.compile("Chat with us|聊")).press("Enter")


def write(page, text):  # noqa: F811
    field = page.get_by_role("textbox")
    field.fill(text)
    field.press("Enter")


def elsewhere(function, *args, **kwargs):
    """Call a service where no event loop runs, as in the admin; Playwright's runs in this thread."""

    def call():
        try:
            function(*args, **kwargs)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(call).result()


def violations(page) -> list:  # noqa: F811
    return [one["id"] for one in Axe().run(page).response["violations"]]


def texts(conversation):
    return list(conversation.messages.values_list("text", flat=True))


def test_a_customer_asks_by_keyboard_and_a_person_answers(page, shop, colleague, tmp_path):  # noqa: F811
    open_chat(page, shop.url)
    page.get_by_text("a computer program").wait_for()
    write(page, "Xyzzy <b>plugh</b>?")
    page.get_by_text("I'm not sure that I understood.").wait_for()
    assert page.get_by_text("Xyzzy <b>plugh</b>?").is_visible()
    page.locator(".choices").get_by_role("button", name="Talk to a person").press("Enter")
    page.get_by_text("A person will answer here.").wait_for()
    conversation = Conversation.objects.get()
    assert conversation.state == "waiting"
    elsewhere(say_as_agent, conversation, text="How can I help?", key="agent-key-1", user=colleague)
    page.get_by_text("Grace from our team is here now.").wait_for()
    page.get_by_text("How can I help?").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Chat with us").wait_for()
    page.reload()
    page.get_by_role("button", name="Chat with us").press("Enter")
    page.get_by_text("How can I help?").wait_for()
    assert page.locator(".said").count() == 1 + conversation.messages.count(), "the greeting, and each once"
    assert problems(page) == []
    # Both write styles of their own into the shadow root, which the page's policy refuses.
    page.screenshot(path=tmp_path / "chat.png")
    assert violations(page) == []


def test_what_is_written_while_the_server_is_away_arrives_once(page, shop):  # noqa: F811
    open_chat(page, shop.url)
    write(page, "First")
    page.get_by_text("I'm not sure that I understood.").wait_for()
    shop.stop()
    page.get_by_text("No connection.").wait_for()
    write(page, "Second")
    page.locator(".is-pending").wait_for()
    shop.start()
    page.locator(".is-pending").wait_for(state="detached")
    page.get_by_text("I still don't have an answer").wait_for()
    said = texts(Conversation.objects.get())
    assert [said.count(text) for text in ("First", "Second")] == [1, 1]


def test_without_sockets_the_same_chat_goes_over_requests(page, shop, tmp_path):  # noqa: F811
    page.add_init_script(
        "delete window.WebSocket; window.WebSocket = class { constructor() { throw new Error('no'); } };"
    )
    open_chat(page, shop.url)
    page.get_by_text("a computer program").wait_for()
    write(page, "Xyzzy?")
    page.get_by_text("I'm not sure that I understood.").wait_for()
    assert texts(Conversation.objects.get())[0] == "Xyzzy?"


@pytest.mark.parametrize("has_socket", [True, False])
def test_a_customer_ends_the_chat_and_rates_it_and_may_begin_anew(page, shop, has_socket, tmp_path):  # noqa: F811
    if not has_socket:
        page.add_init_script("window.WebSocket = class { constructor() { throw new Error('no'); } };")
    open_chat(page, shop.url)
    write(page, "Xyzzy?")
    page.get_by_text("I'm not sure that I understood.").wait_for()
    page.get_by_role("button", name="End the chat").press("Enter")
    page.get_by_role("button", name="4 of 5 stars").click()
    page.get_by_text("Thank you for your rating.").wait_for()
    page.screenshot(path=tmp_path / "rated.png")
    assert violations(page) == []
    page.get_by_label("What could be better?").fill("Fewer <b>riddles</b>")
    page.locator(".more").get_by_role("button", name="Send").click()
    page.locator(".rating").wait_for(state="hidden")
    first = Conversation.objects.get()
    assert (first.state, first.rating, first.rating_text) == ("closed", 4, "Fewer <b>riddles</b>")
    write(page, "Plugh?")
    page.get_by_role("button", name="End the chat").wait_for()
    page.locator(".said.bot").nth(2).wait_for()
    assert Conversation.objects.count() == 2
    assert page.locator(".rating").is_hidden()


def test_without_sockets_an_agent_is_heard_within_a_moment(page, shop, colleague):  # noqa: F811
    page.add_init_script("window.WebSocket = class { constructor() { throw new Error('no'); } };")
    open_chat(page, shop.url)
    write(page, "Xyzzy?")
    page.get_by_text("I'm not sure that I understood.").wait_for()
    with page.expect_request("**/messages/wait/**"):
        pass  # it waits now
    began = time.monotonic()
    elsewhere(say_as_agent, Conversation.objects.get(), text="At once!", key="agent-key-1", user=colleague)
    page.get_by_text("At once!").wait_for()
    assert time.monotonic() - began < 12, "a question that nobody wakes is held for 25 seconds"


def test_on_a_phone_in_chinese_it_fills_the_screen(chromium, shop, tmp_path):  # noqa: F811
    context = chromium.new_context(viewport={"width": 360, "height": 640}, locale="zh-CN")
    opened = context.new_page()
    open_chat(opened, shop.url)
    opened.get_by_text("计算机程序").wait_for()
    write(opened, "天书")
    opened.get_by_text("换一种说法").wait_for()
    opened.screenshot(path=tmp_path / "phone.png")
    box = opened.locator(".window").bounding_box()
    assert (box["x"], box["width"], box["height"]) == (0, 360, 640)
    context.close()


def test_a_switched_off_chat_shows_nothing(page, shop):  # noqa: F811
    ScenarioSwitch.objects.update_or_create(scenario_name="support_bot", defaults={"is_on": False})
    forget_switches()
    page.goto(f"{shop.url}/a-page/")
    assert page.get_by_role("button").count() == 0
    ScenarioSwitch.objects.all().delete()
    forget_switches()
    assert not Message.objects.exists()
