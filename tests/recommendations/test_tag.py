"""The strip in a shop's own page."""

import json
import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.template import Context, Template, engines
from django.test import RequestFactory
from django.urls import reverse

from recommendations.models import Answer


@pytest.fixture
def request_of_page():
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    return request


def render(request, arguments="", **context):
    text = "{% load ecomai_recommendations %}[{% recommendations " + arguments + " %}]"
    return Template(text).render(Context({"request": request, **context}))


def test_a_strip_shows_titles_reasons_and_what_the_tracker_reads(shop, request_of_page):
    html = render(request_of_page, 'placement="home" n=2')
    answer = Answer.objects.get()
    assert html.count("<li ") == 2
    assert "fountain pen number 4" in html
    assert "From our range." in html
    assert 'data-ecomai-event="impression click"' in html
    assert 'data-ecomai-item="writing-4"' in html
    assert str(answer.key) in html
    assert 'href="/products/writing-4/"' in html
    assert "<script" not in html
    assert "style=" not in html


def test_what_the_tracker_reads_is_json(shop, request_of_page):
    from html.parser import HTMLParser

    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend(value for name, value in attrs if name == "data-ecomai-properties")

    Reader().feed(render(request_of_page, 'placement="home" n=2'))
    assert [json.loads(value)["position"] for value in found] == [1, 2]
    assert {json.loads(value)["placement"] for value in found} == {"home"}


def test_beside_an_item_and_with_a_basket(shop, request_of_page):
    assert "coffee beans number 1<" not in render(request_of_page, "item=id n=12", id="coffee-1")
    assert "coffee beans number 2<" not in render(request_of_page, "basket=ids n=12", ids=["coffee-2"])


def test_texts_are_escaped(add_item, request_of_page):
    add_item("evil", title='<script>alert("x")</script>')
    html = render(request_of_page)
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_nothing_to_show_leaves_no_trace(db, request_of_page):
    assert render(request_of_page) == "[]"


def test_a_fault_is_logged_and_the_page_lives(shop, request_of_page, caplog):
    assert render(request_of_page, "n=99999") == "[]"
    assert "could not be shown" in caplog.text


def test_a_page_without_request_lives(shop, caplog):
    text = "{% load ecomai_recommendations %}[{% recommendations %}]"
    assert Template(text).render(Context({})) == "[]"
    assert "needs the request" in caplog.text


def test_a_database_fault_spoils_no_transaction_of_the_page(shop, request_of_page, caplog):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ecomai_recommendations_itempopularity RENAME TO elsewhere")
    assert render(request_of_page) == "[]"
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_a_shop_may_have_its_own_template(shop, request_of_page, settings, tmp_path):
    folder = tmp_path / "ecomai" / "recommendations"
    folder.mkdir(parents=True)
    (folder / "strip.html").write_text("{{ entries|length }} of ours")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    html = (
        engines["django"]
        .from_string("{% load ecomai_recommendations %}{% recommendations n=3 %}")
        .render({}, request_of_page)
    )
    assert html == "3 of ours"


def test_only_a_visitor_who_can_be_known_again_is_asked_for_an_opinion(shop, request_of_page):
    assert "data-ecomai-feedback" not in render(request_of_page, "n=2")
    request_of_page.COOKIES["ecomai_session"] = "session-of-somebody"
    html = render(request_of_page, "n=2")
    assert html.count("<template data-ecomai-feedback-menu") == 1, "once for all items"
    assert f'data-endpoint="{reverse("ecomai:recommendation-feedback")}"' in html
    assert 'data-customer=""' in html
    assert "<script src=" in html


def render_mail(arguments="", **context):
    text = (
        '{% load ecomai_recommendations %}[{% mail_recommendations "https://shop.example/" '
        + arguments
        + " %}]"
    )
    return Template(text).render(Context(context))


def test_a_mail_links_to_the_shop_and_says_what_was_clicked(shop):
    html = render_mail("basket=ids n=2", ids=["coffee-1"])
    answer = Answer.objects.get()
    assert answer.placement == "email"
    links = [urlsplit(unescape(link)) for link in re.findall(r'href="([^"]*)"', html)]
    assert [link.netloc for link in links] == ["shop.example"] * 2
    assert all(link.path.startswith("/products/") for link in links)
    told = [dict(parse_qsl(link.query)) for link in links]
    assert [one["ecomai_position"] for one in told] == ["1", "2"]
    assert {one["ecomai_answer"] for one in told} == {str(answer.key)}
    assert f"/products/{told[0]['ecomai_item']}/" == links[0].path
    assert "coffee beans number 1<" not in html


def test_a_mail_keeps_the_address_that_an_item_has(add_item):
    add_item("kept", url="/kept/?colour=red")
    assert "https://shop.example/kept/?colour=red&amp;ecomai_answer=" in render_mail()


def test_a_mail_survives_a_fault_and_an_empty_shop(shop, caplog):
    assert render_mail("n=99999") == "[]"
    assert "could not be put into a mail" in caplog.text


def test_a_mail_without_items_is_left_alone(db):
    assert render_mail() == "[]"
