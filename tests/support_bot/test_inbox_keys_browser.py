"""The inbox by keyboard: a shortcut becomes its answer, a suggestion is taken over, Ctrl+Enter sends."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from support_bot.models import CannedAnswer, Tag
from support_bot.services import conversations
from support_bot.visitors import chat_visitor
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_canned_answer_and_a_suggestion_are_put_in_and_sent(page, live_server, colleague, ada):  # noqa: F811
    may = ("view_conversation", "answer_conversation")
    colleague.user_permissions.set(Permission.objects.filter(codename__in=may))
    CannedAnswer.objects.create(shortcut="late", title="Late parcel", text="The parcel is late, I am sorry.")
    Tag.objects.create(name="delivery")
    visitor = chat_visitor(customer=ada, language="en")
    asked = conversations.take_message(visitor, None, text="My parcel is late", key="key-0001")
    client = Client()
    client.force_login(colleague)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    address = reverse("admin:ecomai_support_bot_conversation_change", args=[asked.conversation_id])
    page.goto(live_server.url + address)
    page.get_by_role("button", name="Use this").click()
    field = page.get_by_label("Your answer")
    assert field.input_value() == "The parcel is late, I am sorry."
    field.fill("Hello! /late")
    field.press("Tab")
    assert field.input_value() == "Hello! The parcel is late, I am sorry."
    violations = Axe().run(page, context="#content").response["violations"]
    assert [one["id"] for one in violations] == []
    field.press("Control+Enter")
    page.locator(".inbox-agent").get_by_text("Hello! The parcel is late").wait_for()
    assert problems(page) == []
