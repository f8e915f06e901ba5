"""The admin of the shop's data: what a person sees, may do, and what it costs."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from ecomai.commerce.admin.base import estimated_rows
from ecomai.commerce.models import ApiKey, Customer, Event, Item, Order, RejectedRow
from ecomai.commerce.services import (
    create_api_key,
    ingest_events,
    set_exchange_rates,
    upsert_items,
    upsert_orders,
)
from ecomai.commerce.services.keys import SCOPES

pytestmark = pytest.mark.django_db

PAGES = (
    "item", "customer", "order", "event", "rejectedrow", "apikey", "exchangerate", "importcheckpoint",
    "crawlercount",
)  # fmt: skip


def address(model: str, tail: str = "") -> str:
    return f"/admin/ecomai_commerce/{model}/{tail}"


@pytest.fixture
def boss(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("boss"))
    return client


@pytest.fixture
def clerk(db: None) -> Client:
    """May look at everything, and change nothing."""
    user = get_user_model().objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="ecomai_commerce", codename__startswith="view_")
    )
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def full_shop(shop: None) -> None:
    lines = [
        {"position": n, "item_id": item, "unit_price": 5} for n, item in enumerate(["mug", "pot", "tea"])
    ]
    upsert_orders(
        [
            {
                "external_id": f"o{number}",
                "currency": "EUR",
                "placed_at": "2026-01-05T12:00:00Z",
                "customer_id": f"c{number}",
                "lines": lines,
            }
            for number in range(30)
        ]
    )
    ingest_events([{"type": "view", "item_id": "gone", "key": str(number)} for number in range(30)])
    set_exchange_rates([{"currency": "USD", "valid_from": "2026-01-01T00:00:00Z", "rate": "0.9"}])
    create_api_key(name="server", kind="secret")


@pytest.mark.parametrize("model", PAGES)
def test_lists_open_in_an_empty_shop(boss, model):
    assert boss.get(address(model)).status_code == 200


@pytest.mark.parametrize("model", PAGES)
def test_lists_take_a_bounded_number_of_queries(boss, full_shop, model, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        assert boss.get(address(model)).status_code == 200


def test_an_order_shows_its_lines_in_a_bounded_number_of_queries(
    boss, full_shop, django_assert_max_num_queries
):
    order = Order.objects.get(external_id="o1")
    with django_assert_max_num_queries(15):
        page = boss.get(address("order", f"{order.pk}/change/"))
    assert "Tea pot" in page.content.decode()


@pytest.mark.parametrize("model", PAGES)
def test_no_page_opens_without_the_permission(model):
    client = Client()
    client.force_login(get_user_model().objects.create_user("guest", is_staff=True))
    assert client.get(address(model)).status_code == 403


@pytest.mark.parametrize("model", ["item", "customer", "order", "event", "rejectedrow", "importcheckpoint"])
def test_what_comes_from_the_shop_cannot_be_added_or_deleted_here(boss, full_shop, model):
    assert boss.get(address(model, "add/")).status_code == 403
    assert "delete_selected" not in boss.get(address(model)).content.decode()


def test_events_are_found_by_the_ids_of_customer_item_and_session(boss, full_shop):
    ingest_events([{"type": "view", "item_id": "mug", "session_id": "s-12345678", "key": "s"}])
    for text, n_found in (("c3", 3), ("mug", 31), ("s-12345678", 1), ("nothing", 0)):
        assert boss.get(address("event"), {"q": text}).context["cl"].result_count == n_found


def test_events_are_filtered_by_type_and_period(boss, full_shop):
    ingest_events([{"type": "view", "item_id": "mug", "key": "now"}])
    assert boss.get(address("event"), {"type": "view"}).context["cl"].result_count == 1
    assert boss.get(address("event"), {"period": "day"}).context["cl"].result_count == 1


def test_a_table_is_counted_by_the_databases_own_estimate():
    assert estimated_rows(Event._meta.db_table) >= 0


def test_rejected_rows_are_replayed_when_what_they_lacked_has_come(boss, full_shop):
    upsert_items([{"external_id": "gone", "title": "Found again"}])
    rows = list(RejectedRow.objects.values_list("pk", flat=True))
    page = boss.post(address("rejectedrow"), {"action": "replay", "_selected_action": rows}, follow=True)
    assert "Rows taken: 30. Rows still not right: 0." in page.content.decode()
    assert Event.objects.filter(type="view").count() == 30
    assert set(RejectedRow.objects.values_list("state", "resolved_by__username")) == {("replayed", "boss")}


def test_rejected_rows_are_set_aside_and_leave_the_list(boss, full_shop):
    row = RejectedRow.objects.first()
    boss.post(address("rejectedrow"), {"action": "dismiss", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.state == "dismissed"
    assert boss.get(address("rejectedrow")).context["cl"].result_count == 29
    assert boss.get(address("rejectedrow"), {"state": "all"}).context["cl"].result_count == 30


@pytest.mark.parametrize("action", ["replay", "dismiss"])
def test_who_may_only_look_cannot_resolve_rejected_rows(clerk, full_shop, action):
    row = RejectedRow.objects.first()
    clerk.post(address("rejectedrow"), {"action": action, "_selected_action": [row.pk]})
    assert not RejectedRow.objects.exclude(state="waiting").exists()


def test_a_key_is_shown_once_and_only_its_hash_is_kept(boss):
    form = {"name": "server", "kind": "secret", "storefront": "", "scopes": ["items:write"], "origins": ""}
    text = boss.post(address("apikey", "add/"), form, follow=True).content.decode()
    key = ApiKey.objects.get()
    plaintext = text.split("<code>")[1].split("</code>")[0]
    assert plaintext.startswith("sk_")
    assert plaintext.startswith(key.prefix)
    assert plaintext not in str(vars(key))
    assert plaintext not in boss.get(address("apikey", f"{key.pk}/change/")).content.decode()


def test_a_publishable_key_cannot_get_scopes_of_a_server(boss):
    form = {
        "name": "page",
        "kind": "publishable",
        "scopes": ["orders:write"],
        "origins": "https://shop.example",
    }
    assert boss.post(address("apikey", "add/"), form).status_code == 200
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "origin", ["shop.example", "https://shop.example/path", "https://*", "javascript:alert(1)"]
)
def test_what_is_no_origin_is_refused(boss, origin):
    form = {"name": "page", "kind": "publishable", "scopes": ["events:write"], "origins": origin}
    assert "origins" in boss.post(address("apikey", "add/"), form).context["adminform"].form.errors


def test_keys_are_rotated_and_revoked_by_actions(boss, full_shop):
    key = ApiKey.objects.get()
    text = boss.post(
        address("apikey"), {"action": "rotate", "_selected_action": [key.pk]}, follow=True
    ).content.decode()
    assert "<code>sk_" in text
    assert ApiKey.objects.count() == 2
    boss.post(address("apikey"), {"action": "revoke", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_who_may_only_look_cannot_revoke_keys(clerk, full_shop):
    key = ApiKey.objects.get()
    clerk.post(address("apikey"), {"action": "revoke", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert key.revoked_at is None


def test_what_the_shop_wrote_is_shown_as_text(boss, shop):
    upsert_items([{"external_id": "x", "title": "<script>alert(1)</script>"}])
    ingest_events([{"type": "<b>", "key": "1"}])
    for page in (address("item"), address("rejectedrow")):
        assert "<script>alert(1)" not in boss.get(page).content.decode()
        assert "<b>”" not in boss.get(page).content.decode()
    assert Item.objects.count() == 4
    assert not Customer.objects.exists()


def test_storefronts_are_a_filter_only_where_there_are_several(boss):
    upsert_items([{"external_id": "i1", "title": "One"}])
    assert "?storefront=" not in boss.get(address("item")).content.decode()
    upsert_items([{"external_id": "i2", "title": "Two"}], storefront="outlet")
    assert "?storefront=outlet" in boss.get(address("item")).content.decode()
    for name, found in (("-", "i1"), ("outlet", "i2")):
        rows = boss.get(address("item"), {"storefront": name}).context["cl"].result_list
        assert [item.external_id for item in rows] == [found]


def test_long_reason_is_cut_in_the_list_and_whole_on_its_page(boss):
    reason = "Known are: " + "type, " * 40
    row = RejectedRow.objects.create(kind="event", code="unknown_field", reason=reason, payload={})
    assert row.reason not in boss.get(address("rejectedrow")).content.decode()
    assert row.reason.strip() in boss.get(address("rejectedrow", f"{row.pk}/change/")).content.decode()


def test_scopes_of_a_key_are_said_in_words(boss):
    text = boss.get(address("apikey", "add/")).content.decode()
    for scope in SCOPES:
        assert re.search(rf"[a-z ]+ \({scope}\)", text)
