"""The inbox in a browser: it stays up to date by itself, and an answer is written by keyboard."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from support_bot.models import Conversation
from support_bot.services import conversations
from support_bot.services.handing_over import hand_over
from support_bot.visitors import chat_visitor
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def violations(page) -> list:  # noqa: F811
    return [one["id"] for one in Axe().run(page, context="#content").response["violations"]]


def test_who_waits_appears_and_is_answered_by_keyboard(page, live_server, colleague, ada, tmp_path):  # noqa: F811
    colleague.user_permissions.add(Permission.objects.get(codename="view_conversation"))
    client = Client()
    client.force_login(colleague)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    page.goto(live_server.url + reverse("admin:ecomai_support_bot_conversation_changelist"))
    page.get_by_text("Nobody here.").wait_for()
    visitor = chat_visitor(customer=ada, language="en")
    asked = conversations.take_message(visitor, None, text="Where is my parcel?", key="key-0001")
    hand_over(asked.conversation, reason=Conversation.HandoffReason.ASKED)
    link = page.get_by_role("link", name="Customer ada")
    link.wait_for()
    page.screenshot(path=tmp_path / "inbox.png")
    assert violations(page) == []
    link.press("Enter")
    field = page.get_by_label("Your answer")
    field.fill("It comes tomorrow.")
    field.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".inbox-agent").get_by_text("It comes tomorrow.").wait_for()
    conversations.take_message(visitor, asked.conversation, text="Thank you!", key="key-0002")
    page.get_by_text("Thank you!").wait_for()
    page.screenshot(path=tmp_path / "conversation.png", full_page=True)
    assert violations(page) == []
    page.get_by_role("button", name="Give back to the bot").press("Enter")
    page.get_by_text("You are talking with the assistant again.").wait_for()
    assert problems(page) == []
