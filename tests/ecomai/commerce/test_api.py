"""The endpoints that take data in: who may call, what is answered, what is stored."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework.test import APIClient

from ecomai.commerce.models import ApiKey, CrawlerCount, Customer, Event, EventKey, Item, Order, RejectedRow
from ecomai.commerce.services import create_api_key, ingest_events, key_of, revoke_api_key, rotate_api_key
from ecomai.commerce.visitors import sign_customer

from .conftest import BROWSER, ORIGIN

pytestmark = pytest.mark.django_db


def view(item: str = "mug", **fields) -> dict:
    return {"type": "view", "item_id": item, "session_id": "session-1234", **fields}


def code_of(response) -> str:
    return response.json()["error"]["code"]


def test_every_row_of_a_batch_gets_its_own_result(shop, from_page):
    rows = [view(key="1"), view(key="1"), view("nothing", key="2"), view(key="3", quantity=0)]
    response = from_page({"events": rows})
    assert response.status_code == 200
    body = response.json()
    assert (body["accepted"], body["duplicate"], body["rejected"]) == (1, 1, 2)
    assert [row.get("code") for row in body["results"]] == [None, None, "unknown_item", "absurd_quantity"]
    assert all(row["reason"] for row in body["results"][2:])


def test_only_errors_are_listed_where_a_page_asks_so(shop, from_page):
    body = from_page(
        {"events": [view(key="1"), view("?", key="2")]}, path="/ecomai/events/?results=errors"
    ).json()
    assert [row["row"] for row in body["results"]] == [1]


def test_a_batch_of_500_takes_a_handful_of_statements(shop, from_page, django_assert_max_num_queries):
    rows = [view(key=str(number), properties={"place": number}) for number in range(500)]
    from_page({"events": rows[:1]})
    with django_assert_max_num_queries(16):
        assert from_page({"events": rows}).json()["accepted"] == 499


def test_too_many_rows_are_refused(shop, from_page):
    response = from_page({"events": [view(key=str(number)) for number in range(501)]})
    assert (response.status_code, code_of(response)) == (413, "too_many_rows")


def test_a_body_of_10_mb_is_refused_with_413(shop, from_page):
    response = from_page({"events": [view(query="x" * 10_000_000)]})
    assert (response.status_code, code_of(response)) == (413, "payload_too_large")
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1, 2",
        b'{"events": "no list"}',
        b"\xff\xfe",
        b"null",
        b"[" * 100_000,
        b'{"events": [NaN]}',
    ],
)
def test_a_body_that_is_no_batch_is_refused_in_the_one_error_shape(publishable_key, body):
    response = APIClient().post(
        f"/ecomai/events/?key={publishable_key}",
        body,
        content_type="text/plain",
        headers={"Origin": ORIGIN, "User-Agent": BROWSER},
    )
    assert (response.status_code, code_of(response)) == (400, "invalid_input")


@pytest.mark.parametrize("row", [None, 1, "x", [], {}, {"type": 3}, {"type": "view", "colour": "red"}])
def test_a_row_that_is_no_event_is_rejected_and_the_others_are_taken(shop, from_page, row):
    body = from_page({"events": [row, view(key="good")]}).json()
    assert (body["accepted"], body["rejected"]) == (1, 1)
    assert RejectedRow.objects.get().code in {"invalid_row", "invalid_field", "unknown_field"}


def test_a_beacon_needs_no_headers_of_its_own(shop, publishable_key):
    response = APIClient().post(
        f"/ecomai/events/?key={publishable_key}",
        json.dumps({"events": [view(key="1")]}),
        content_type="text/plain;charset=UTF-8",
        headers={"Origin": ORIGIN, "User-Agent": BROWSER},
    )
    assert response.json()["accepted"] == 1
    assert response["Access-Control-Allow-Origin"] == ORIGIN


def test_no_key_and_wrong_keys_answer_401(shop, from_page):
    for key in ("", "pk_wrong", "sk_wrong", "nonsense"):
        response = from_page({"events": [view()]}, key=key)
        assert (response.status_code, code_of(response)) == (401, "invalid_key")
    assert not Event.objects.exists()


def test_a_secret_key_is_not_taken_from_the_address(shop, secret_key):
    response = APIClient().post(f"/ecomai/events/?key={secret_key}", {"events": []}, format="json")
    assert response.status_code == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example", "null", ""])
def test_a_publishable_key_works_from_its_origins_alone(shop, from_page, origin):
    response = from_page({"events": [view()]}, origin=origin)
    assert (response.status_code, code_of(response)) == (403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in response


def test_a_page_of_the_same_site_needs_no_entry_in_the_list(shop, from_page):
    assert from_page({"events": [view(key="1")]}, origin="http://testserver").json()["accepted"] == 1


def test_a_key_without_the_scope_answers_403(shop, from_server):
    _key, plaintext = create_api_key(name="catalogue only", kind="secret", scopes=["items:write"])
    response = from_server("/ecomai/events/", {"events": [view()]}, key=plaintext)
    assert (response.status_code, code_of(response)) == (403, "missing_scope")


def test_a_publishable_key_cannot_write_the_catalogue(shop, from_page):
    response = from_page({"items": [{"external_id": "x", "title": "x"}]}, path="/ecomai/items/")
    assert (response.status_code, code_of(response)) == (403, "missing_scope")
    assert Item.objects.count() == 3


def test_a_preflight_is_answered_for_known_origins_alone(shop, publishable_key):
    def ask(origin):
        return APIClient().options(
            "/ecomai/events/", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
        )

    known = ask(ORIGIN)
    assert known.status_code == 204
    assert known["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-Ecomai-Key" in known["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in ask("https://evil.example")


def test_an_id_alone_does_not_make_a_page_a_customer(shop, from_page):
    response = from_page({"events": [view(key="1", customer_id="anna")]})
    assert response.json()["results"][0]["code"] == "customer_not_proven"
    assert not Customer.objects.exists()


def test_a_signed_token_makes_a_page_its_customer_and_no_other(shop, from_page):
    token = sign_customer("anna")
    rows = [view(key="1"), view(key="2", customer_id="anna"), view(key="3", customer_id="bert")]
    body = from_page({"events": rows, "customer_token": token}).json()
    assert [row["status"] for row in body["results"]] == ["accepted", "accepted", "rejected"]
    assert set(Event.objects.values_list("customer__external_id", flat=True)) == {"anna"}


@pytest.mark.parametrize(
    "token",
    ["anna", sign_customer("anna", storefront="other"), sign_customer("anna") + "x", 5],
    ids=["no token", "another storefront's", "changed", "no text"],
)
def test_a_forged_token_proves_nothing(shop, from_page, token):
    assert from_page({"events": [view(key="1")], "customer_token": token}).json()["accepted"] == 1
    assert Event.objects.get().customer is None


def test_the_shops_login_makes_a_page_its_customer(shop, publishable_key):
    user = get_user_model().objects.create_user("anna")
    client = APIClient()
    client.force_login(user)
    headers = {"X-Ecomai-Key": publishable_key, "Origin": ORIGIN, "User-Agent": BROWSER}
    client.post("/ecomai/events/", {"events": [view(key="1")]}, format="json", headers=headers)
    assert Event.objects.get().customer.external_id == str(user.pk)


def test_a_server_may_name_any_customer(shop, from_server):
    from_server("/ecomai/events/", {"events": [view(key="1", customer_id="anna")]})
    assert Event.objects.get().customer.external_id == "anna"


def test_crawlers_are_counted_and_not_stored(shop, from_page):
    agent = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
    body = from_page({"events": [view(key="1"), view(key="2")]}, **agent).json()
    assert {row["code"] for row in body["results"]} == {"crawler"}
    assert (Event.objects.count(), RejectedRow.objects.count()) == (0, 0)
    assert CrawlerCount.objects.get().n_events == 2


def test_too_many_requests_answer_429_and_say_when_to_come_back(shop, from_page, settings):
    settings.ECOMAI = {"COMMERCE": {"EVENT_REQUESTS_PER_MINUTE": 2}}
    answers = [from_page({"events": [view(key=str(number))]}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 0


def test_a_wrong_clock_in_the_browser_is_put_right(shop, from_page):
    rows = [view(key="1", occurred_at="2001-01-01T10:00:00+00:00")]
    body = from_page({"events": rows, "sent_at": "2001-01-01T10:00:05+00:00"}).json()
    assert body["accepted"] == 1
    event = Event.objects.get()
    assert abs((event.received_at - event.occurred_at).total_seconds() - 5) < 2


def test_a_rotated_key_stays_valid_for_the_grace_period_and_a_revoked_one_does_not(
    shop, from_server, secret_key
):
    old = ApiKey.objects.get()
    new, plaintext = rotate_api_key(key=old)
    assert from_server("/ecomai/events/", {"events": []}).status_code == 200
    assert from_server("/ecomai/events/", {"events": []}, key=plaintext).status_code == 200
    old.refresh_from_db()
    assert old.expires_at is not None
    assert new.replaces == old
    revoke_api_key(key=old)
    assert from_server("/ecomai/events/", {"events": []}).status_code == 401
    assert from_server("/ecomai/events/", {"events": []}, key=plaintext).status_code == 200


def test_a_rotated_key_ends_after_the_grace_period(shop, from_server, settings):
    settings.ECOMAI = {"COMMERCE": {"KEY_GRACE_HOURS": 0}}
    rotate_api_key(key=ApiKey.objects.get(kind="secret"))
    assert from_server("/ecomai/events/", {"events": []}).status_code == 401


def test_items_customers_and_orders_come_from_the_server(shop, from_server):
    item = {
        "external_id": "cup",
        "title": "Cup",
        "price": 4.5,
        "currency": "EUR",
        "attributes": {"colour": "red"},
    }
    assert from_server("/ecomai/items/", {"items": [item]}).json()["results"][0]["code"] == "created"
    assert from_server("/ecomai/items/", [item]).json()["results"][0]["code"] == "unchanged"
    from_server("/ecomai/customers/", {"customers": [{"external_id": "anna", "country": "DE"}]})
    order = {
        "external_id": "1",
        "currency": "EUR",
        "placed_at": "2026-01-05T12:00:00Z",
        "customer_id": "anna",
        "lines": [{"position": 1, "item_id": "cup", "quantity": 2, "unit_price": 4.5}],
    }
    assert from_server("/ecomai/orders/", {"orders": [order]}).json()["accepted"] == 1
    assert Order.objects.get().total == 9
    assert Event.objects.get(type="purchase").customer.country == "DE"


def test_a_key_of_one_storefront_writes_there_alone(shop, from_server):
    _key, plaintext = create_api_key(name="second", kind="secret", storefront="second")
    from_server("/ecomai/items/", {"items": [{"external_id": "mug", "title": "Another mug"}]}, key=plaintext)
    assert set(Item.objects.filter(external_id="mug").values_list("storefront", "title")) == {
        ("", "Blue mug"),
        ("second", "Another mug"),
    }


def test_an_empty_batch_and_an_empty_shop_are_fine(from_page):
    assert from_page({"events": []}).json() == {"accepted": 0, "duplicate": 0, "rejected": 0, "results": []}
    assert from_page({"events": [view()]}).json()["rejected"] == 1


def test_a_made_up_forwarded_address_does_not_escape_the_limit(shop, from_page, settings):
    """The proxy of the shop appends at the right; what stands at the left the caller wrote."""
    settings.ECOMAI = {"COMMERCE": {"EVENT_REQUESTS_PER_MINUTE": 2}}
    answers = [
        from_page({"events": []}, **{"X-Forwarded-For": f"10.0.0.{number}, 198.51.100.7"})
        for number in range(3)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert from_page({"events": []}, **{"X-Forwarded-For": "10.0.0.1, 198.51.100.8"}).status_code == 200


def test_without_a_proxy_a_forwarded_address_counts_for_nothing(shop, from_page, settings):
    settings.ECOMAI = {"COMMERCE": {"EVENT_REQUESTS_PER_MINUTE": 1, "TRUSTED_PROXIES": 0}}
    answers = [
        from_page({"events": []}, **{"X-Forwarded-For": f"198.51.100.{number}"}) for number in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 429]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "http://["]
)
def test_an_address_that_would_run_in_a_page_is_no_page_of_an_item(shop, from_server, url):
    rows = [{"external_id": "mug", "url": url}]
    if not url.startswith("data:"):
        rows.append({"external_id": "mug", "image_urls": ["/mug.png", url]})
    body = from_server("/ecomai/items/", {"items": rows}).json()
    assert {row["code"] for row in body["results"]} == {"invalid_url"}
    fine = [{"external_id": "mug", "url": good} for good in ("/p/mug/", "https://shop.example/mug?a=b:c")]
    fine.append({"external_id": "mug", "image_urls": ["data:image/png;base64,AA", "mug.png"]})
    assert from_server("/ecomai/items/", {"items": fine}).json()["rejected"] == 0


class TestBatchesOfServers:
    """Rows of a server are decoded straight into records; what becomes of them is the same as row by row."""

    GOOD = {
        "type": "purchase", "key": "good", "item_id": "mug", "customer_id": "anna", "quantity": "2",
        "value": 17.35, "currency": "EUR", "occurred_at": "2026-03-01T12:00:00", "channel": "",
    }  # fmt: skip

    @pytest.mark.parametrize(
        "fields",
        [
            {}, {"item_id": "?"}, {"type": "View!"}, {"type": "v\n"}, {"quantity": 0}, {"quantity": 10**7},
            {"quantity": 10**30}, {"quantity": 1.5}, {"value": -1}, {"value": "NaN"}, {"value": "1e400"},
            {"currency": ""}, {"currency": "euro"}, {"customer_id": "c" * 129}, {"customer_id": None},
            {"query": "a\x00b"}, {"properties": {"a": "\x00"}}, {"properties": {"a": "x" * 5000}},
            {"properties": {"a": [1, {"b": None}]}}, {"occurred_at": "2999-01-01T00:00:00Z"},
            {"occurred_at": "1990-01-01T00:00:00Z"}, {"occurred_at": "soon"}, {"occurred_at": 1.7e9},
            {"occurred_at": None}, {"colour": "red"}, {"item_id": "", "order_id": "o" * 129},
        ],
    )  # fmt: skip
    def test_each_row_fares_as_it_does_alone(self, shop, from_server, fields):
        row = {**self.GOOD, "key": "other", **fields}
        alone = ingest_events([row], storefront="")[0]
        kept = list(RejectedRow.objects.values("code", "reason", "payload", "digest"))
        stored = list(Event.objects.values_list("quantity", "value", "occurred_at", "channel", "properties"))
        Event.objects.all().delete()
        EventKey.objects.all().delete()
        RejectedRow.objects.all().delete()

        answer = from_server("/ecomai/events/", {"events": [self.GOOD, row]}).json()
        assert answer["results"][0]["status"] == "accepted"
        assert answer["results"][1].get("code", "") == alone.code
        assert list(RejectedRow.objects.values("code", "reason", "payload", "digest")) == kept
        others = Event.objects.order_by("pk").exclude(key=key_of("", "given", "good"))
        taken = others.values_list("quantity", "value", "occurred_at", "channel", "properties")
        if fields.get("occurred_at", "") is not None:  # else it is the time of arrival
            assert list(taken) == stored

    def test_a_bad_row_is_kept_once_whatever_stands_beside_it(self, shop, from_server):
        bad = {"type": "view", "item_id": "cup", "key": "1"}
        for beside in ({"type": "view", "key": "2"}, {"type": "view", "colour": "red"}):
            from_server("/ecomai/events/", {"events": [bad, beside]})
        assert RejectedRow.objects.get(code="unknown_item").payload == bad

    def test_a_bare_list_is_a_batch(self, shop, from_server):
        rows = [self.GOOD, {**self.GOOD, "key": "other"}, self.GOOD]
        assert statuses(from_server("/ecomai/events/", rows)) == ["accepted", "accepted", "duplicate"]

    def test_a_wrong_clock_is_put_right(self, shop, from_server):
        hour_ahead = timezone.now() + timedelta(hours=1)
        row = {**self.GOOD, "occurred_at": (hour_ahead - timedelta(minutes=5)).isoformat()}
        from_server("/ecomai/events/", {"events": [row], "sent_at": hour_ahead.isoformat()})
        age = timezone.now() - Event.objects.get().occurred_at
        assert timedelta(minutes=4) < age < timedelta(minutes=6)

    def test_the_same_key_counts_once_across_batches_and_months(self, shop, from_server):
        later = {**self.GOOD, "occurred_at": "2026-04-02T12:00:00Z"}
        assert statuses(from_server("/ecomai/events/", [self.GOOD])) == ["accepted"]
        assert statuses(from_server("/ecomai/events/", [later, {**later, "key": "new"}])) == [
            "duplicate",
            "accepted",
        ]
        assert Event.objects.count() == EventKey.objects.count() == 2

    def test_too_many_rows_are_refused(self, shop, from_server):
        rows = [{**self.GOOD, "key": str(number)} for number in range(501)]
        response = from_server("/ecomai/events/", {"events": rows})
        assert (response.status_code, code_of(response)) == (413, "too_many_rows")


def statuses(response) -> list[str]:
    return [row["status"] for row in response.json()["results"]]
