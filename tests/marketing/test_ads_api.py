"""REST of advertisements: what a page shows and reports, where a click leads, what a server reads."""

from decimal import Decimal

import pytest
from django.urls import reverse

from ecomai.commerce.models import Event
from ecomai.commerce.services import create_api_key
from marketing.models import AdGroup, AdSpend
from marketing.services.ads.groups import approve_creatives
from marketing.services.ads.shelf import forget_shelf

from .ad_shop import make_creative, make_group

pytestmark = pytest.mark.django_db
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
ORIGIN = "https://shop.example"


@pytest.fixture(autouse=True)
def _fresh(settings) -> None:
    settings.ECOMAI = {
        **settings.ECOMAI,
        "COMMERCE": {**settings.ECOMAI.get("COMMERCE", {}), "REPORTING_CURRENCY": "EUR"},
    }
    forget_shelf()


@pytest.fixture
def page() -> dict[str, str]:
    _key, plaintext = create_api_key(name="page", kind="publishable", origins=[ORIGIN])
    return {"X-Ecomai-Key": plaintext, "Origin": ORIGIN, "User-Agent": BROWSER}


def ask(client, headers, placement="home", **query):
    return client.get(reverse("ecomai:marketing-ads", args=[placement]), query, headers=headers)


def test_a_page_shows_reports_and_follows(client, page, make_item):
    mug = make_item(title="Mug")
    make_creative(make_group(), item=mug, text="Two for one")
    answer = ask(client, page)
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert "no-store" in answer["Cache-Control"]
    (ad,) = answer.json()["ads"]
    assert (ad["title"], ad["text"], ad["item_id"], ad["label"]) == (
        "Mugs", "Two for one", mug.external_id, "Advertisement",
    )  # fmt: skip
    seen = client.post(
        reverse("ecomai:marketing-ads-seen"), {"tokens": [ad["token"]]}, headers=page,
        content_type="application/json",
    )  # fmt: skip
    assert seen.json() == {"n_counted": 1}
    follow = client.get(ad["click_url"], headers={"User-Agent": BROWSER})
    assert (follow.status_code, follow["Location"]) == (302, "/mugs/")
    spend = AdSpend.objects.get()
    assert (spend.n_impressions, spend.n_clicks, spend.spent) == (1, 1, 1)


def test_where_there_is_nothing_the_answer_is_empty(client, page):
    assert ask(client, page).json() == {"placement": "home", "source": "", "ads": []}


def test_crawlers_and_prefetches_neither_see_nor_pay(client, page):
    make_creative(make_group())
    (ad,) = ask(client, page).json()["ads"]
    assert ask(client, {**page, "User-Agent": "Googlebot/2.1"}).json()["ads"] == []
    client.get(ad["click_url"], headers={"User-Agent": "Googlebot/2.1"})
    client.head(ad["click_url"], headers={"User-Agent": BROWSER})
    assert not Event.objects.exists()


def test_a_forged_click_is_not_found(client):
    for token in ("forged", "https:evil.example"):
        assert client.get(reverse("ecomai:marketing-ad-click", args=[token])).status_code == 404


@pytest.mark.parametrize("n", ["0", "11", "many"])
def test_a_wrong_number_is_refused(client, page, n):
    assert ask(client, page, n=n).status_code == 400


@pytest.mark.parametrize("body", [{}, {"tokens": "x"}, {"tokens": [1, {}]}, {"tokens": ["x"] * 51}])
def test_a_wrong_report_is_refused(client, page, body):
    answer = client.post(
        reverse("ecomai:marketing-ads-seen"), body, headers=page, content_type="application/json"
    )
    assert answer.status_code == 400


def test_a_server_reads_groups_with_their_figures(client, django_assert_max_num_queries):
    group = make_group(daily_budget=Decimal(10))
    for title in "ab":
        AdSpend.objects.create(
            creative=make_creative(group, title), placement="home", hour="2026-06-01T10:00Z",
            n_impressions=10, n_clicks=2,
        )  # fmt: skip
    make_group("of another storefront", storefront="b2b")
    _key, secret = create_api_key(name="server", kind="secret", scopes=["marketing:read"])
    with django_assert_max_num_queries(6):
        answer = client.get(
            reverse("ecomai:marketing-ad-groups"), headers={"Authorization": f"Bearer {secret}"}
        )
    (row,) = answer.json()["results"]
    assert (row["name"], row["n_impressions"], row["n_clicks"], row["daily_budget"]) == (
        "Spring", 20, 4, "10.0000",
    )  # fmt: skip


@pytest.fixture
def server(client):
    """Asks as the shop's own program, which may write."""
    _key, secret = create_api_key(name="server", kind="secret", scopes=["ads:write"])

    def send(method: str, address: str, body: dict | None = None, *args):
        return getattr(client, method)(
            reverse(f"ecomai:marketing-{address}", args=args), body or {}, content_type="application/json",
            headers={"Authorization": f"Bearer {secret}"},
        )  # fmt: skip

    return send


def draft(**fields) -> dict:
    return {
        "name": "Autumn", "placements": ["home"], "currency": "EUR", "price": "0.5", "daily_budget": 20,
        "creatives": [{"title": "Mugs", "target_url": "/mugs/"}],
    } | fields  # fmt: skip


def test_a_server_writes_a_group_and_a_person_approves_it(server, make_item):
    mug = make_item()
    creatives = [{"title": "Mugs", "target_url": "/mugs/", "item_id": mug.external_id}]
    answer = server("post", "ad-groups-write", draft(creatives=creatives))
    assert (answer.status_code, answer.json()["state"]) == (201, "draft")
    group = AdGroup.objects.get(pk=answer.json()["id"])
    assert (group.price, group.daily_budget, group.creatives.get().item) == (Decimal("0.5"), 20, mug)
    early = server("post", "ad-group-act", {}, group.pk, "start")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "ad_group_not_ready")
    approve_creatives(group)
    assert server("post", "ad-group-act", {}, group.pk, "start").json()["state"] == "running"
    changed = server("patch", "ad-group", {"daily_budget": None, "total_budget": "99.5"}, group.pk)
    assert (changed.json()["daily_budget"], changed.json()["total_budget"]) == (None, "99.5000")
    assert server("patch", "ad-group", {"daily_budget": 7}, group.pk).json()["total_budget"] == "99.5000"
    for act, state in (("pause", "paused"), ("start", "running"), ("end", "ended")):
        assert server("post", "ad-group-act", {}, group.pk, act).json()["state"] == state
    assert server("post", "ad-group-act", {}, group.pk, "start").status_code == 409
    assert server("patch", "ad-group", {"daily_budget": 7}, group.pk).status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"creatives": []},
        {"creatives": [{"title": "Mugs", "target_url": "https://elsewhere.example/"}]},
        {"creatives": [{"title": "Mugs", "target_url": "/mugs/", "item_id": "nothing"}]},
        {"placements": ["groups"]},
        {"price": -1},
        {"segment": "nobody"},
        {"name": "Spring"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_group_is_refused_wholly(server, wrong):
    make_group()
    answer = server("post", "ad-groups-write", draft(**wrong))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
    assert list(AdGroup.objects.values_list("name", flat=True)) == ["Spring"]


def test_a_group_is_changed_by_its_own_storefront_and_scope_alone(client, server):
    group = make_group(storefront="b2b")
    assert server("post", "ad-group-act", {}, group.pk, "pause").status_code == 404
    assert server("patch", "ad-group", {"daily_budget": 1}, group.pk).status_code == 404
    own = make_group("Own")
    assert server("post", "ad-group-act", {}, own.pk, "burn").status_code == 404
    assert server("patch", "ad-group", {"daily_budget": -1}, own.pk).status_code == 400
    _key, reads = create_api_key(name="reader", kind="secret", scopes=["marketing:read"])
    address = reverse("ecomai:marketing-ad-group-act", args=[own.pk, "pause"])
    assert client.post(address, headers={"Authorization": f"Bearer {reads}"}).status_code == 403


def test_a_shops_page_shows_them_with_their_label(rf):
    from django.template import Context, Template

    make_creative(make_group(), text='Two for <one> & "more"', picture_url="/media/mug.jpg")
    request = rf.get("/", headers={"User-Agent": BROWSER})
    page = Template('{% load ecomai_ads %}{% ecomai_ads "home" n=2 %}{% ecomai_ads "elsewhere" %}')
    html = page.render(Context({"request": request}))
    assert html.count("<aside") == 1, "a place without any leaves no trace"
    assert "Advertisement</span>" in html
    assert "Two for &lt;one&gt; &amp; &quot;more&quot;" in html
    assert 'rel="sponsored nofollow"' in html
    assert "<script src=" in html
    assert "style=" not in html
    assert page.render(Context({})) == "", "without a request nothing is known, and the page does not suffer"
