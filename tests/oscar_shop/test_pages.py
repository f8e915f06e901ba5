"""The example shop's pages: recommendations in Oscar's, consent, my data, and who may enter."""

import json
import re
from decimal import Decimal
from html import unescape
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from oscar.core.loading import get_class, get_model
from oscar_fixtures import BROWSER, SESSION, make_basket, make_order, make_product, make_user
from oscar_shop.language import OwnLanguageMiddleware

from ecomai import reading, writing
from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.models import Customer, Event, Order
from ecomai.commerce.visitors import SESSION_COOKIE
from ecomai.fusion.models import ConsentRecord
from marketing.models import AdSpend
from marketing.services.ads.groups import add_creative, approve_creatives, create_group, start_group
from marketing.services.ads.shelf import forget_shelf
from recommendations import catalogue as catalogues

OrderDispatcher = get_class("order.utils", "OrderDispatcher")
pytestmark = pytest.mark.django_db
STRIP = re.compile(r'<section class="shop-strip".*?</section>', re.DOTALL)


@pytest.fixture(autouse=True)
def no_copy():
    """The process's copy of the items may be a second old, and a test begins with other items."""
    catalogues.forget()
    yield
    catalogues.forget()


@pytest.fixture
def catalogue():
    products = [make_product(f"Cup {n}", price=f"{10 + n}.50") for n in range(8)]
    backfill()
    return products


@pytest.fixture
def customer(client, user, catalogue):
    """A customer whom ecomai knows, who is logged in."""
    make_order(user, catalogue[0])
    backfill()
    client.force_login(user)
    return user


def consent_to(client, answer="yes", **headers):
    return client.post(reverse("consent"), {"is_granted": answer, "next": "/basket/"}, **headers)


def strip_of(response):
    found = STRIP.search(response.content.decode())
    return found.group() if found else ""


# -- recommendations ---------------------------------------------------------------------------------


def test_the_mail_after_an_order_recommends_what_goes_with_it(customer, catalogue):
    order = make_order(customer, catalogue[1])
    OrderDispatcher().send_order_placed_email_for_user(order, {"user": customer, "order": order})
    (html,) = [body for body, kind in mail.outbox[-1].alternatives if kind == "text/html"]
    assert "Goes well with what you bought" in html
    addresses = [unescape(link) for link in re.findall(r'href="(http[^"]+ecomai_answer=[^"]+)"', html)]
    paths = {urlsplit(address).path for address in addresses}
    assert len(paths) == 3
    assert paths <= {product.get_absolute_url() for product in catalogue[2:]}, "nothing that was bought"


def test_an_empty_shop_shows_every_page(client):
    for address in ("/", "/catalogue/", "/basket/", "/search/?q=cup", "/accounts/login/"):
        assert client.get(address).status_code == 200


def test_home_product_and_basket_recommend_products_with_price_and_reason(client, catalogue):
    cup = catalogue[0]
    client.post(reverse("basket:add", args=[cup.pk]), {"quantity": 1})
    for address in ("/", cup.get_absolute_url(), "/basket/"):
        strip = strip_of(client.get(address))
        links = re.findall(r'href="([^"]+)" data-ecomai-event="impression click"', strip)
        assert links, address
        assert set(links) <= {product.get_absolute_url() for product in catalogue}
        assert "€1" in strip
        assert "shop-strip__reason" in strip
    assert cup.get_absolute_url() not in links, "what is in the basket is not recommended beside it"


@pytest.fixture
def advertised(catalogue):
    """One advertisement for all places of the shop."""
    forget_shelf()
    group = create_group(
        name="Cups", placements=["home", "category", "product"], price=Decimal("0.2"), currency="EUR"
    )
    add_creative(group, title="Cups, two for one", target_url=catalogue[0].get_absolute_url())
    approve_creatives(group)
    yield start_group(group)
    forget_shelf()


def test_home_category_and_product_have_a_place_for_advertisements(client, catalogue, advertised):
    pages = ["/", catalogue[0].categories.get().get_absolute_url(), catalogue[1].get_absolute_url()]
    for address in pages:
        page = client.get(address, **BROWSER).content.decode()
        assert page.count("Cups, two for one") == 1, address
        assert page.count('class="ecomai-ads__label">Advertisement<') == 1, address
    click = re.search(r'href="([^"]+)" rel="sponsored nofollow"', page).group(1)
    answer = client.get(click, **BROWSER)
    assert (answer.status_code, answer["Location"]) == (302, catalogue[0].get_absolute_url())
    counted = AdSpend.objects.get()
    assert (counted.placement, counted.n_impressions, counted.n_clicks) == ("product", 1, 1)


def test_without_advertisements_the_places_are_empty(client, catalogue):
    forget_shelf()
    assert "ecomai-ads" not in client.get("/", **BROWSER).content.decode()


def test_our_parts_of_the_page_hold_nothing_inline(client, catalogue):
    page = client.get("/").content.decode()
    ours = (
        strip_of(client.get("/")) + page[page.index('<section class="shop-consent"') :].split("</section>")[0]
    )
    for inline in ("<style", " style=", "<script", " onclick="):
        assert inline not in ours


def test_titles_are_escaped(client):
    make_product("<script>alert(1)</script>")
    backfill()
    assert "<script>alert" not in strip_of(client.get("/"))


def test_pages_go_on_where_recommendations_fail(client, catalogue, monkeypatch):
    def fail(*args, **options):
        raise RuntimeError("no answer today")

    monkeypatch.setattr("recommendations.services.recommend_for_request", fail)
    response = client.get(catalogue[0].get_absolute_url())
    assert response.status_code == 200
    assert strip_of(response) == ""


@pytest.mark.django_db(transaction=True)
def test_the_product_page_asks_for_three_things_of_ours_at_most(client, customer, catalogue, monkeypatch):
    asked = []

    def note(execute, sql, *rest):
        asked.append(sql)
        return execute(sql, *rest)

    def ask(statement, *rest):
        asked.append(statement)
        return warm_ask(statement, *rest)

    warm_ask = reading._read_warm
    monkeypatch.setattr(reading, "_read_warm", ask)
    for _visit in range(3):  # what a process looks for each second has been looked for, in one of them
        asked.clear()
        with connection.execute_wrapper(note):
            page = client.get(catalogue[1].get_absolute_url())
        n_ours = sum("ecomai_" in sql for sql in asked)
        if n_ours <= 3:
            break
    assert strip_of(page)
    assert n_ours <= 3, asked


def test_scripts_come_from_the_shop_alone(client):
    assert re.findall(r'src="https?://', client.get("/").content.decode()) == []


def test_staff_find_the_admin_one_link_away(client, admin_client, user):
    link = f'href="{reverse("admin:index")}" class="nav-link"'
    client.force_login(user)
    assert link not in client.get("/").content.decode()
    assert link in admin_client.get("/").content.decode()
    assert admin_client.get(reverse("admin:index"), follow=True).redirect_chain[-1][0].endswith("/console/")


# -- consent -----------------------------------------------------------------------------------------


def test_the_tracker_waits_for_an_answer_runs_after_yes_and_is_gone_after_no(client):
    assert 'data-consent="wait"' in client.get("/").content.decode()

    assert consent_to(client).url == "/basket/"
    page = client.get("/").content.decode()
    assert 'data-consent="granted"' in page
    assert "shop-consent" not in page

    client.cookies[SESSION_COOKIE] = SESSION
    assert consent_to(client, "no").cookies[SESSION_COOKIE].value == ""
    assert "ecomai/tracker" not in client.get("/").content.decode()


def test_each_answer_is_in_the_ledger_with_its_wording(client, customer):
    consent_to(client)
    consent_to(client, "no")
    answers = ConsentRecord.objects.filter(customer__external_id=str(customer.pk)).order_by("pk")
    assert [answer.is_granted for answer in answers] == [True, False]
    assert "remember what you look at" in answers[0].proof["wording"]


def test_a_browsers_privacy_signal_is_a_refusal(client):
    consent_to(client, "yes", HTTP_SEC_GPC="1")
    page = client.get("/", HTTP_SEC_GPC="1").content.decode()
    assert "Global Privacy Control" in page
    assert "ecomai/tracker" not in page
    assert not ConsentRecord.objects.filter(is_granted=True).exists()


def test_what_was_answered_before_the_login_counts_after_it(client, user, commit):
    backfill()
    consent_to(client)
    with commit():
        login = {"login-username": user.email, "login-password": "secret", "login_submit": "Log In"}
        client.post(reverse("customer:login"), login)
    answer = ConsentRecord.objects.get(customer__external_id=str(user.pk))
    assert answer.is_granted
    assert answer.proof["wording"]


def test_an_answer_leads_back_into_the_shop_and_nowhere_else(client):
    response = client.post(reverse("consent"), {"is_granted": "yes", "next": "https://elsewhere.example/"})
    assert response.url == "/"


def test_what_is_put_into_the_basket_is_an_event_of_the_visit_after_consent_only(client, catalogue, commit):
    def add():
        with commit():
            client.post(reverse("basket:add", args=[catalogue[0].pk]), {"quantity": 1}, **BROWSER)
        writing.flush()
        return Event.objects.filter(type="cart").count()

    assert add() == 0
    client.cookies[SESSION_COOKIE] = SESSION  # what the tracker sets after a yes
    assert add() == 1


# -- my data -----------------------------------------------------------------------------------------


def test_my_data_is_in_the_account_menu_and_shows_what_is_known(client, customer, catalogue):
    assert reverse("my-data") in client.get(reverse("customer:profile-view")).content.decode()
    page = client.get(reverse("my-data")).content.decode()
    assert catalogue[0].title in page
    assert "Purchase" in page


def test_who_buys_finds_what_they_want_to_hear_of(client, customer):
    address = reverse("ecomai:marketing-preferences")
    assert f'href="{address}"' in client.get(reverse("customer:profile-view")).content.decode()
    assert f'href="{address}"' in client.get("/").content.decode().split("shop-foot__links")[1]
    assert client.get(address).status_code == 200


def test_my_data_is_the_customers_own(client):
    for answer in (
        client.get(reverse("my-data")),
        client.post(reverse("my-data-export")),
        client.post(reverse("my-data-erase"), {"is_sure": "yes"}),
    ):
        assert answer.status_code == 302
        assert "/accounts/login/" in answer.url


def test_export_is_a_file_with_the_orders(client, customer):
    response = client.post(reverse("my-data-export"))
    assert "attachment" in response["Content-Disposition"]
    content = json.loads(response.content)
    assert len(content["orders"]) == 1


def test_erasure_wants_a_tick_and_then_leaves_neither_account_nor_customer(client, customer):
    client.post(reverse("my-data-erase"))
    assert get_user_model().objects.filter(pk=customer.pk).exists()

    response = client.post(reverse("my-data-erase"), {"is_sure": "yes"}, follow=True)
    assert "has been erased" in response.content.decode()
    assert not get_user_model().objects.filter(pk=customer.pk).exists()
    assert not Customer.objects.filter(external_id=str(customer.pk)).exists()
    assert Order.objects.get().customer is None, "the books keep the sale"


def test_who_deletes_the_profile_in_oscar_is_forgotten_by_ecomai_too(client, customer):
    client.post(reverse("customer:profile-delete"), {"password": "secret"})
    assert not get_user_model().objects.filter(pk=customer.pk).exists()
    assert not Customer.objects.filter(external_id=str(customer.pk)).exists()


# -- demo customers ----------------------------------------------------------------------------------


@pytest.fixture
def demo(settings, catalogue):
    """Two loyal customers of unlike tastes, in a shop of invented ones."""
    settings.DEMO_PERSONAS = True
    cache.clear()
    pan = make_product("Pan", category="Kitchen > Pans")
    anna, bert = make_user(), make_user()
    for number in range(2):
        make_order(anna, catalogue[number])
        make_order(bert, pan)
    yield anna, bert
    cache.clear()


def test_demo_customers_are_closed_in_a_real_shop_and_to_other_machines(client, demo, settings):
    address = reverse("personas")
    assert client.get(address).status_code == 200
    assert client.get(address, REMOTE_ADDR="192.0.2.7").status_code == 404
    assert client.post(address, {"user": demo[0].pk}, REMOTE_ADDR="192.0.2.7").status_code == 404
    settings.DEMO_PERSONAS = False
    assert client.get(address).status_code == 404
    assert "demo customer" not in client.get("/").content.decode()


def test_one_click_logs_in_as_a_demo_customer(client, demo):
    assert "2 orders" in client.get(reverse("personas")).content.decode()
    response = client.post(reverse("personas"), {"user": demo[0].pk}, follow=True)
    assert "Welcome back, Ada." in response.content.decode()
    assert client.session["_auth_user_id"] == str(demo[0].pk)


def test_nobody_else_can_be_chosen(client, demo, admin_user):
    stranger = make_user()
    for pk in (stranger.pk, admin_user.pk, 987654, "x"):
        assert client.post(reverse("personas"), {"user": pk}).status_code == 404


def test_no_basket_goes_from_one_demo_customer_to_the_next(client, demo, catalogue):
    client.post(reverse("personas"), {"user": demo[0].pk})
    client.cookies[SESSION_COOKIE] = SESSION
    client.post(reverse("basket:add", args=[catalogue[0].pk]), {"quantity": 1})

    response = client.post(reverse("personas"), {"user": demo[1].pk})

    assert response.cookies[SESSION_COOKIE].value == "", "a visit belongs to one person"
    baskets = get_model("basket", "Basket").objects.filter(lines__isnull=False, status="Open")
    assert [basket.owner for basket in baskets] == [demo[0]]
    assert make_basket(demo[1]).is_empty


def test_the_demo_speaks_the_language_it_was_started_in_until_another_is_chosen(rf, settings):
    settings.LANGUAGE_CODE = "zh-hans"
    spoken = []
    middleware = OwnLanguageMiddleware(lambda request: spoken.append(get_language()) or HttpResponse())
    request = rf.get("/", HTTP_ACCEPT_LANGUAGE="en")
    middleware(request)
    request = rf.get("/", HTTP_ACCEPT_LANGUAGE="zh-hans")
    request.COOKIES[settings.LANGUAGE_COOKIE_NAME] = "en"
    middleware(request)
    assert spoken == ["zh-hans", "en"]
