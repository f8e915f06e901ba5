"""The demo shop's pages: shown to anybody, in few queries, and an order counts once."""

from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import Customer, Event, Item, Order
from ecomai.commerce.services import upsert_customers, upsert_items, upsert_orders
from ecomai.fusion.models import ConsentRecord, SessionLink
from ecomai_project.shop import Shop
from ecomai_project.storefront import personas, services
from ecomai_project.storefront.basket import BasketLine

pytestmark = pytest.mark.django_db
MAX_QUERIES = 20


@pytest.fixture(autouse=True)
def demo(settings):
    settings.SHOP = Shop(Path("shop.json"), source="demo:en")
    settings.ECOMAI = {**settings.ECOMAI, "COMMERCE": {"CUSTOMER_ID": "ecomai_project.shop.customer_id"}}
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def catalogue(db):
    upsert_items(
        [
            {
                "external_id": f"{kind}-{number}",
                "title": f"{kind} number {number}",
                "description": "Holds what you pour into it.",
                "category_path": f"Kitchen > Drinking > {kind}s",
                "brand": "Otto" if number % 2 else "Kissa",
                "price": str(10 + number),
                "currency": "EUR",
                "stock": 5,
                "attributes": {"colour": "Red"},
                "image_urls": [f"/pictures/{kind}-{number}.svg"],
            }
            for kind in ("Mug", "Glass")
            for number in range(1, 31)
        ]
    )


@pytest.fixture
def history(catalogue):
    """Three loyal customers: one of mugs, one of glasses, one of both."""
    upsert_customers([{"external_id": name} for name in ("anna", "bert", "cleo")])
    baskets = {"anna": ["Mug-1", "Mug-2"], "bert": ["Glass-1", "Glass-2"], "cleo": ["Glass-3", "Mug-3"]}
    upsert_orders(
        [
            {
                "external_id": f"{name}-{number}",
                "customer_id": name,
                "currency": "EUR",
                "status": "completed",
                "placed_at": timezone.now().isoformat(),
                "lines": [{"position": 1, "item_id": item, "unit_price": "10"}],
            }
            for name, items in baskets.items()
            for number, item in enumerate(items)
        ]
    )


def log_in(client: Client, name: str) -> None:
    user, _ = get_user_model().objects.get_or_create(username=name)
    client.force_login(user)


def put_in_basket(client: Client, item: str = "Mug-1", quantity: int = 1) -> None:
    client.post(reverse("storefront:basket-add"), {"item": item, "quantity": quantity})


def checkout_key(client: Client) -> str:
    return client.get(reverse("storefront:basket")).context["checkout_key"]


PAGES = ["/", "/browse/", "/search/?q=mug", "/search/", "/basket/", "/welcome/", "/my-data/"]


@pytest.mark.parametrize("address", PAGES)
def test_empty_shop_shows_every_page(client, address):
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("address", [*PAGES, "/products/Mug-1/", "/browse/?category=Kitchen"])
def test_pages_take_few_queries(client, history, django_assert_max_num_queries, address):
    log_in(client, "anna")
    put_in_basket(client)
    client.get(address)
    with django_assert_max_num_queries(MAX_QUERIES):
        assert client.get(address).status_code == 200


def test_pages_hold_nothing_inline_that_a_strict_policy_would_refuse(client, history):
    for address in (*PAGES, "/products/Mug-1/"):
        response = client.get(address)
        text = response.content.decode()
        assert "<style" not in text
        assert " style=" not in text
        assert "<script>" not in text
        assert " onclick=" not in text
        assert "unsafe-inline" not in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    "address",
    [
        "/products/unknown/",
        "/browse/?category=Nowhere",
        "/pictures/none.svg",
        "/pictures/..%2Fitems.csv",
        "/thanks/X1/",
    ],
)
def test_unknown_things_are_not_found(client, catalogue, address):
    assert client.get(address).status_code == 404


def test_titles_are_escaped(client):
    upsert_items(
        [{"external_id": "x", "title": "<script>alert(1)</script>", "price": "1", "currency": "EUR"}]
    )
    assert "<script>alert" not in client.get("/products/x/").content.decode()
    assert "<script>alert" not in client.get("/browse/").content.decode()


def test_item_id_with_slashes_has_a_page(client):
    upsert_items([{"external_id": "a/b c", "title": "Odd", "price": "1", "currency": "EUR"}])
    assert client.get(reverse("storefront:product", args=["a/b c"])).status_code == 200


def test_listing_is_filtered_sorted_and_paged(client, catalogue):
    page = client.get(
        "/browse/?category=Kitchen > Drinking > Mugs&sort=-price&brand=Otto&min_price=20"
    ).context["page"]
    prices = [item.price for item in page]
    assert {item.brand for item in page} == {"Otto"}
    assert prices == sorted(prices, reverse=True)
    assert min(prices) >= 20
    whole = client.get("/browse/?page=2").context["page"]
    assert (whole.number, whole.paginator.num_pages) == (2, 3)


@pytest.mark.parametrize(
    "query", ["sort=wrong", "min_price=abc", "min_price=NaN", "page=zzz", "brand=Nobody", "page=99999"]
)
def test_wrong_filters_are_ignored(client, catalogue, query):
    response = client.get(f"/browse/?{query}")
    assert response.status_code == 200
    assert response.context["page"].paginator.count == 60


def test_search_finds_all_words_anywhere_and_is_marked_for_the_tracker(client, catalogue):
    response = client.get("/search/?q=7 mug")
    found = {item.external_id for item in response.context["page"]}
    assert found == {"Mug-7", "Mug-17", "Mug-27"}
    assert 'data-ecomai-event="search" data-ecomai-query="7 mug"' in response.content.decode()


def test_search_survives_any_text(client, catalogue):
    for query in ("%00", "%", "'; drop table--", "马克杯", "x" * 5000):
        assert client.get("/search/", {"q": query}).status_code == 200
    assert client.get("/search/?q=%00").status_code == 200


def test_product_page_is_marked_for_the_tracker(client, catalogue):
    text = client.get("/products/Mug-1/").content.decode()
    assert 'data-ecomai-event="view" data-ecomai-item="Mug-1"' in text
    assert 'data-ecomai-event="cart" data-ecomai-item="Mug-1"' in text
    assert "€11.00" in text


def test_sold_out_and_inactive_items_cannot_be_bought(client, catalogue):
    upsert_items([{"external_id": "Mug-1", "stock": 0}, {"external_id": "Mug-2", "is_active": False}])
    for item in ("Mug-1", "Mug-2"):
        assert "basket/add" not in client.get(f"/products/{item}/").content.decode()
        put_in_basket(client, item)
    assert client.get("/basket/").context["lines"] == []


def test_picture_is_served_as_a_picture(client, settings, tmp_path):
    settings.STOREFRONT_PICTURES = tmp_path
    (tmp_path / "mug.svg").write_text("<svg/>")
    response = client.get("/pictures/mug.svg")
    assert response["Content-Type"] == "image/svg+xml"
    assert response.content == b"<svg/>"


class TestBasket:
    def test_quantities_add_up_and_are_bounded(self, client, catalogue):
        put_in_basket(client, quantity=2)
        put_in_basket(client, quantity=1)
        assert client.get("/basket/").context["total"] == Decimal(33)
        client.post("/basket/change/", {"item": "Mug-1", "quantity": 500})
        assert client.get("/basket/").context["lines"][0].quantity == 3
        client.post("/basket/change/", {"item": "Mug-1", "quantity": 0})
        assert client.get("/basket/").context["lines"] == []

    def test_item_that_left_the_catalogue_leaves_the_basket(self, client, catalogue):
        put_in_basket(client)
        Item.objects.filter(external_id="Mug-1").delete()
        assert client.get("/basket/").context["lines"] == []

    def test_another_visitor_does_not_see_it(self, client, catalogue):
        put_in_basket(client)
        assert Client().get("/basket/").context["lines"] == []

    def test_it_does_not_go_to_the_next_customer_of_the_same_browser(self, client, history):
        log_in(client, "anna")
        put_in_basket(client)
        client.post("/welcome/as/", {"customer": "bert"})
        assert client.get("/basket/").context["lines"] == []

    def test_guest_keeps_it_when_logging_in(self, client, history):
        put_in_basket(client)
        client.post("/welcome/as/", {"customer": "bert"})
        assert len(client.get("/basket/").context["lines"]) == 1

    def test_changes_need_a_post_with_a_token(self, catalogue):
        strict = Client(enforce_csrf_checks=True)
        assert strict.post("/basket/add/", {"item": "Mug-1"}).status_code == 403
        assert strict.get("/basket/add/").status_code == 405

    def test_next_page_is_never_elsewhere(self, client, catalogue):
        response = client.post("/basket/add/", {"item": "Mug-1", "next": "https://evil.example/"})
        assert response["Location"] == "/basket/"


class TestCheckout:
    def test_it_writes_one_order_with_its_purchases(self, client, history):
        log_in(client, "anna")
        put_in_basket(client, quantity=2)
        response = client.post("/basket/checkout/", {"checkout_key": checkout_key(client)}, follow=True)
        assert response.status_code == 200
        order = Order.objects.get(external_id__startswith="W")
        assert order.customer.external_id == "anna"
        assert (order.total, order.currency, order.status) == (Decimal(22), "EUR", "paid")
        purchase = Event.objects.get(type="purchase", order_external_id=order.external_id)
        assert (purchase.item.external_id, purchase.quantity) == ("Mug-1", 2)
        assert Item.objects.get(external_id="Mug-1").stock == 3
        assert client.get("/basket/").context["lines"] == []

    def test_double_submit_is_one_order(self, client, history):
        log_in(client, "anna")
        put_in_basket(client)
        key = checkout_key(client)
        answers = [client.post("/basket/checkout/", {"checkout_key": key}) for _ in range(2)]
        assert answers[0]["Location"] == answers[1]["Location"]
        assert Order.objects.filter(external_id__startswith="W").count() == 1
        assert Item.objects.get(external_id="Mug-1").stock == 4

    def test_guest_order_has_no_customer_but_a_session(self, client, catalogue):
        put_in_basket(client)
        client.post("/basket/checkout/", {"checkout_key": checkout_key(client)})
        order = Order.objects.get()
        assert order.customer is None
        assert order.session_id.startswith("shop-")

    def test_foreign_key_is_refused(self, client, catalogue):
        put_in_basket(client)
        client.post("/basket/checkout/", {"checkout_key": "0" * 32})
        client.post("/basket/checkout/")
        assert not Order.objects.exists()

    def test_what_sold_out_meanwhile_is_not_sold_twice(self, client, catalogue):
        put_in_basket(client, quantity=3)
        key = checkout_key(client)
        upsert_items([{"external_id": "Mug-1", "stock": 1}])
        response = client.post("/basket/checkout/", {"checkout_key": key}, follow=True)
        assert "not available in this quantity" in response.content.decode()
        assert not Order.objects.exists()

    def test_unlike_currencies_are_refused(self, client, catalogue):
        upsert_items([{"external_id": "Mug-2", "currency": "GBP"}])
        put_in_basket(client, "Mug-1")
        put_in_basket(client, "Mug-2")
        client.post("/basket/checkout/", {"checkout_key": checkout_key(client)})
        assert not Order.objects.exists()

    def test_thanks_page_is_for_the_buyer_only(self, client, catalogue):
        put_in_basket(client)
        thanks = client.post("/basket/checkout/", {"checkout_key": checkout_key(client)})["Location"]
        assert client.get(thanks).status_code == 200
        assert Client().get(thanks).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_submits_at_once_are_one_order_and_take_stock_once(catalogue):
    line = BasketLine(Item.objects.get(external_id="Mug-1"), 2)

    def submit() -> None:
        try:
            services.place_order(lines=[line], checkout_key="a" * 32, customer=None, session_id="s-12345678")
        finally:
            connection.close()

    threads = [Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Order.objects.count() == 1
    assert Item.objects.get(external_id="Mug-1").stock == 3


class TestPersonas:
    def test_welcome_page_offers_customers_of_unlike_tastes(self, client, history):
        offered = client.get("/welcome/").context["personas"]
        assert {persona.customer_id for persona in offered} == {"anna", "bert"}

    def test_shopping_as_one_logs_in_without_a_password(self, client, history):
        client.post("/welcome/as/", {"customer": "anna"})
        assert client.get("/my-data/").context["customer"].external_id == "anna"
        user = get_user_model().objects.get(username="anna")
        assert not user.has_usable_password()
        assert not user.is_staff

    @pytest.mark.parametrize("customer", ["nobody", "cleo", "admin", ""])
    def test_nobody_else_can_be_had_that_way(self, client, history, customer):
        get_user_model().objects.create_superuser("admin", password="x")
        assert client.post("/welcome/as/", {"customer": customer}).status_code == 404
        assert not client.get("/").context["user"].is_authenticated

    def test_staff_with_a_personas_name_is_not_logged_in(self, client, history):
        get_user_model().objects.create_superuser("anna", password="x")
        assert client.post("/welcome/as/", {"customer": "anna"}).status_code == 404

    def test_real_customers_need_their_password(self, client, history, settings):
        settings.SHOP = Shop(Path("shop.json"), source="/exports/real")
        assert client.get("/welcome/").context["personas"] == []
        assert client.post("/welcome/as/", {"customer": "anna"}).status_code == 404
        get_user_model().objects.create_user("anna", password="secret")
        assert client.post("/welcome/", {"username": "anna", "password": "wrong"}).status_code == 422
        client.post("/welcome/", {"username": "anna", "password": "secret"})
        assert client.get("/my-data/").context["customer"].external_id == "anna"


class TestConsent:
    def test_nobody_is_tracked_before_the_answer(self, client, catalogue):
        text = client.get("/").content.decode()
        assert 'data-consent="wait"' in text
        assert 'class="consent"' in text

    def test_yes_is_kept_with_proof_and_starts_the_tracker(self, client, catalogue):
        client.post("/consent/", {"is_granted": "yes"})
        record = ConsentRecord.objects.get()
        assert record.is_granted
        assert record.proof["wording"]
        text = client.get("/").content.decode()
        assert 'data-consent="granted"' in text
        assert 'class="consent"' not in text

    def test_no_removes_the_tracker_and_its_cookie(self, client, catalogue):
        client.cookies["ecomai_session"] = "abcdefgh-1234"
        response = client.post("/consent/", {"is_granted": "no"})
        assert response.cookies["ecomai_session"]["max-age"] == 0
        assert "tracker.js" not in client.get("/").content.decode()

    def test_privacy_signal_of_the_browser_is_a_no(self, client, catalogue):
        signal = {"Sec-GPC": "1"}
        client.post("/consent/", {"is_granted": "yes"}, headers=signal)
        text = client.get("/", headers=signal).content.decode()
        assert "tracker.js" not in text
        assert 'class="consent"' not in text
        assert not ConsentRecord.objects.get().is_granted

    def test_answer_and_visit_become_the_customers_at_login(self, client, history):
        client.post("/consent/", {"is_granted": "yes"})
        client.cookies["ecomai_session"] = "abcdefgh-1234"
        client.post("/welcome/as/", {"customer": "anna"})
        assert ConsentRecord.objects.get().customer.external_id == "anna"
        assert SessionLink.objects.get(session_id="abcdefgh-1234").customer.external_id == "anna"

    def test_next_customer_of_the_browser_begins_a_visit_of_their_own(self, client, history):
        client.post("/consent/", {"is_granted": "yes"})
        client.cookies["ecomai_session"] = "abcdefgh-1234"
        client.post("/welcome/as/", {"customer": "anna"})
        response = client.post("/welcome/as/", {"customer": "bert"})
        assert response.cookies["ecomai_session"]["max-age"] == 0
        assert not SessionLink.objects.filter(customer__external_id="bert").exists()

    @pytest.mark.parametrize("answer", ["", "maybe"])
    def test_anything_else_is_no_answer(self, client, answer):
        assert client.post("/consent/", {"is_granted": answer}).status_code == 404


class TestMyData:
    def test_export_holds_the_own_orders_and_nobody_elses(self, client, history):
        log_in(client, "anna")
        content = client.post("/my-data/export/").json()
        assert content["customer"]["id"] == "anna"
        assert {order["id"] for order in content["orders"]} == {"anna-0", "anna-1"}
        assert "bert" not in str(content)

    @pytest.mark.parametrize("address", ["/my-data/export/", "/my-data/erase/"])
    def test_strangers_and_staff_are_refused(self, client, history, address):
        assert client.post(address, {"is_sure": "yes"}).status_code == 403
        client.force_login(get_user_model().objects.create_superuser("boss", password="x"))
        assert client.post(address, {"is_sure": "yes"}).status_code == 403
        assert Customer.objects.count() == 3

    def test_erasure_needs_a_second_word(self, client, history):
        log_in(client, "anna")
        client.post("/my-data/erase/")
        assert Customer.objects.filter(external_id="anna").exists()

    def test_erasure_leaves_no_customer_no_login_and_no_persona(self, client, history):
        client.post("/welcome/as/", {"customer": "anna"})
        client.post("/my-data/erase/", {"is_sure": "yes"})
        assert not Customer.objects.filter(external_id="anna").exists()
        assert not get_user_model().objects.filter(username="anna").exists()
        assert "anna" not in {persona.customer_id for persona in personas.list_personas()}
        assert not client.get("/").context["user"].is_authenticated


def test_pages_speak_chinese_on_demand(client, catalogue):
    client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/"})
    text = client.get("/").content.decode()
    assert 'lang="zh-hans"' in text
    assert "新品上架" in text
    assert "购物车" in text
