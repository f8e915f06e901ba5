"""The chat on a page of another origin, over requests: Chromium asks first what it may send."""

# ruff: noqa: E501

import html
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.urls import reverse

from ecomai.commerce.services.keys import create_api_key
from support_bot.models import Conversation
from support_bot.templatetags.ecomai_chat import texts
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401

from .test_chat_browser import shop, write  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Another site</title>
<script src="{shop}/static/ecomai/support_bot/chat.js" defer data-style="{shop}/static/ecomai/support_bot/chat.css"
data-media="" data-endpoint="{shop}{endpoint}" data-socket="/none/" data-key="{key}"
data-customer="" data-language="en" data-texts="{texts}"></script></head><body><h1>Another site</h1></body></html>"""


@contextmanager
def another_site():
    """A server of one page, at an origin of its own."""
    shown = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(shown["page"].encode())

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", shown
    finally:
        server.shutdown()
        thread.join(timeout=5)


@pytest.mark.parametrize("is_named", [True, False])
def test_a_page_of_an_origin_that_the_key_names_chats_over_requests(page, shop, is_named):  # noqa: F811
    with another_site() as (origin, shown):
        named = [origin] if is_named else ["https://another.example"]
        key = create_api_key(name="page", kind="publishable", origins=named, scopes=["chat:write"])[1]
        told = html.escape(json.dumps(texts()))
        shown["page"] = PAGE.format(
            shop=shop.url, endpoint=reverse("ecomai:support-bot-messages"), key=key, texts=told
        )
        page.add_init_script("window.WebSocket = class { constructor() { throw new Error('no'); } };")
        page.goto(origin)
        page.get_by_role("button", name="Chat with us").press("Enter")
        write(page, "Xyzzy?")
        if not is_named:
            page.get_by_text("No connection.").wait_for()
            assert not Conversation.objects.exists()
            assert any("CORS" in problem for problem in problems(page))
            return
        page.get_by_text("I'm not sure that I understood.").wait_for()
        write(page, "Plugh?")
        page.locator(".said.bot").nth(2).wait_for()
        assert Conversation.objects.count() == 1, "the browser's secret goes with each request"
        assert problems(page) == []
