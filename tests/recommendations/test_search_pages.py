"""The search box and the page of results, as text and in a browser."""

import re
from html import unescape
from urllib.parse import parse_qs

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.test import RequestFactory

from ecomai.commerce.models import Event
from recommendations.models import SearchLog
from recommendations.services import search as searches
from recommendations.services.search import suggestions
from tests.ecomai.commerce.test_tracker import AGENT
from tests.ecomai.console.conftest import chromium, page, problems  # noqa: F401


@pytest.fixture(autouse=True)
def _no_search_remembered():
    searches.forget()
    suggestions.forget()
    yield
    searches.forget()
    suggestions.forget()


def render(tag="search_results", query="", **more):
    request = RequestFactory().get("/search/", {"q": query, **more})
    request.user = AnonymousUser()
    text = "{% load ecomai_search %}{% " + tag + " %}"
    return Template(text).render(Context({"request": request}))


def hrefs(html, label):
    """Return the addresses of links whose text holds a label, as dictionaries."""
    links = re.findall(r'<a [^>]*href="(\?[^"]*)"[^>]*>(.*?)</a>', html, re.DOTALL)
    return [
        parse_qs(unescape(href).lstrip("?")) for href, text in links if label in re.sub("<[^>]*>", "", text)
    ]


@pytest.mark.django_db
class TestResults:
    def test_shows_items_reasons_and_what_the_tracker_reads(self, shop):
        html = render(query="coffee beans")
        row = SearchLog.objects.get()
        assert f"{row.n_found} products for “coffee beans”" in html
        assert "Has “coffee beans”." in unescape(html)
        assert 'data-ecomai-event="search" data-ecomai-query="coffee beans"' in html
        assert html.count('data-ecomai-event="impression click"') == row.n_found
        assert str(row.key) in html
        assert "<script>" not in html
        assert "style=" not in html

    def test_a_correction_has_a_way_back(self, shop):
        html = render(query="coffe beans")
        assert "Showing results for <strong>coffee beans</strong>" in html
        (back,) = hrefs(html, "Search instead for")
        assert back == {"q": ["coffe beans"], "exact": ["1"]}

    def test_wishes_are_chips_that_can_be_taken_back(self, shop):
        html = render(query="number under 20")
        chip = hrefs(html, "up to 20")[0]
        assert chip == {"q": ["number under 20"], "ignore": ["price"]}

    def test_choices_are_links_that_add_and_take_away(self, shop):
        html = render(query="number", category="Coffee", sort="price")
        (chosen,) = hrefs(html, "Coffee")[:1]
        assert chosen == {"q": ["number"], "sort": ["price"]}
        (newest,) = hrefs(html, "Newest")
        assert newest == {"q": ["number"], "category": ["Coffee"], "sort": ["newest"]}
        assert hrefs(html, "Remove all filters")[0] == {"q": ["number"]}
        assert 'data-ecomai-event="search"' not in html

    def test_pages_are_links(self, shop):
        html = render("search_results per_page=5", query="number", page="2")
        assert hrefs(html, "3")[-1] == {"q": ["number"], "page": ["3"]}
        assert 'aria-current="page">2<' in html

    def test_nothing_found_says_what_to_do(self, shop):
        assert "We have nothing like it." in render(query="qqqwwwzzz")
        assert "Nothing fits all filters." in render(query="coffee", category="Nowhere")

    def test_nothing_typed_says_what_to_type(self, shop):
        assert "Type what you are looking for" in render(query="  ")
        assert SearchLog.objects.count() == 0

    @pytest.mark.parametrize(("name", "value"), [("page", "x"), ("sort", "beauty"), ("min_price", "cheap")])
    def test_a_wrong_address_says_so(self, shop, name, value):
        assert 'role="alert"' in render(query="coffee", **{name: value})

    def test_what_was_typed_is_escaped(self, shop):
        html = render(query="<script>alert(1)</script>") + render("search_box", query='"><script>x')
        assert "<script>alert" not in html
        assert '"><script>x' not in html

    def test_ten_thousand_letters_are_refused_in_the_page(self, shop):
        html = render(query="x" * 10_000)
        assert 'role="alert"' in html
        assert len(html) < 2000

    def test_a_failure_costs_the_results_and_not_the_page(self, shop, monkeypatch):
        monkeypatch.setattr(searches.answers.indices, "current", lambda: 1 / 0)
        assert "The search is away for a moment." in render(query="coffee")


@pytest.mark.browser
@pytest.mark.urls("tests.recommendations.search_site")
@pytest.mark.django_db(transaction=True)
class TestBrowser:
    @pytest.fixture
    def site(self, page, live_server, shop):  # noqa: F811
        page.goto(f"{live_server.url}/search/")
        return page

    def test_suggestions_are_walked_by_keys(self, site):
        field = site.get_by_role("combobox")
        field.press_sequentially("foun")
        site.wait_for_selector("[role=listbox] [role=option]")
        assert field.get_attribute("aria-expanded") == "true"
        field.press("ArrowDown")
        active = field.get_attribute("aria-activedescendant")
        assert site.locator(f"#{active}").get_attribute("aria-selected") == "true"
        assert Axe().run(site).response["violations"] == []
        field.press("Escape")
        assert field.get_attribute("aria-expanded") == "false"
        assert field.input_value() == "foun"
        field.press("Enter")
        site.wait_for_url("**/search/?q=foun")
        assert problems(site) == []

    def test_an_item_is_opened_and_a_category_searched(self, site):
        field = site.get_by_role("combobox")
        field.press_sequentially("fountain")
        site.locator("[role=option][data-text]").first.click()
        site.wait_for_url("**/search/?q=Fountain+Pen")
        site.get_by_role("combobox").fill("hiking boots number 2")
        site.locator("[role=option][data-href]").first.click()
        site.wait_for_url("**/products/hiking-2/")
        assert problems(site) == []

    def test_a_page_of_results_reports_itself_and_bears_an_examination(self, site, live_server):
        site.goto(f"{live_server.url}/search/?q=cofee+beans+under+25")
        assert site.get_by_text("Search instead for").is_visible()
        assert Axe().run(site).response["violations"] == []
        assert problems(site) == []

    def test_searches_and_clicks_come_in_as_events(self, chromium, live_server, shop):  # noqa: F811
        context = chromium.new_context(user_agent=AGENT)  # a headless one counts as a crawler
        site = context.new_page()
        site.goto(f"{live_server.url}/search/?q=cofee+beans+under+25")
        site.evaluate("document.addEventListener('click', (event) => event.preventDefault())")
        site.locator(".ecomai-found__link").first.click()
        for _n in range(100):
            if set(Event.objects.values_list("type", flat=True)) >= {"search", "click"}:
                break
            site.wait_for_timeout(100)
        context.close()
        clicked = Event.objects.get(type="click")
        assert clicked.query == "cofee beans under 25"
        assert SearchLog.objects.filter(key=clicked.properties["search"]).exists()

    def test_without_a_script_it_is_a_form(self, chromium, live_server, shop):  # noqa: F811
        context = chromium.new_context(java_script_enabled=False)
        plain = context.new_page()
        plain.goto(f"{live_server.url}/search/")
        plain.get_by_label("Search").first.fill("coffee")
        plain.get_by_role("button", name="Search").click()
        assert plain.get_by_text("products for “coffee”").is_visible()
        context.close()
