"""What comes in: taken once, whole, and never guessed."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ecomai.commerce import signals
from ecomai.commerce.exceptions import NoExchangeRateError, NotReplayableError, UnlikeCurrenciesError
from ecomai.commerce.models import (
    Customer,
    Event,
    EventKey,
    ExchangeRate,
    Item,
    Order,
    OrderLine,
    RejectedRow,
)
from ecomai.commerce.records import EventIn, ItemIn, OrderIn, OrderLineIn
from ecomai.commerce.selectors import add_amounts, purchased_item_ids, recent_events, to_reporting_currency
from ecomai.commerce.services import (
    dismiss_rejected,
    ingest_events,
    replay_rejected,
    set_exchange_rates,
    upsert_customers,
    upsert_items,
    upsert_orders,
)
from ecomai.commerce.tasks import delete_old_rejected

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 1, 5, 12, tzinfo=UTC)


def order(external_id: str = "o1", *, quantity: int = 2, item_id: str = "mug", **fields) -> OrderIn:
    line = OrderLineIn(
        position=1, item_id=item_id, quantity=quantity, unit_price=Decimal("8.50"),
        returned_quantity=fields.pop("returned_quantity", 0),
    )  # fmt: skip
    values = {"currency": "EUR", "placed_at": MONDAY, "customer_id": "anna", "lines": [line]} | fields
    return OrderIn(external_id=external_id, **values)


def statuses(results) -> list[str]:
    return [result.code or result.status for result in results]


def events_of(kind: str) -> list[tuple[int, Decimal | None]]:
    return list(Event.objects.filter(type=kind).order_by("pk").values_list("quantity", "value"))


class TestEvents:
    def test_the_same_key_is_one_event_within_a_batch_and_across_batches(self, shop):
        row = EventIn(type="view", item_id="mug", key="1")
        assert statuses(ingest_events([row, row])) == ["accepted", "duplicate"]
        assert statuses(ingest_events([row])) == ["duplicate"]
        assert Event.objects.count() == EventKey.objects.count() == 1

    def test_the_same_key_in_another_month_is_still_one_event(self, shop):
        rows = [EventIn(type="view", key="1", occurred_at=MONDAY - timedelta(days=days)) for days in (0, 60)]
        assert statuses(ingest_events(rows)) == ["accepted", "duplicate"]

    def test_the_same_key_in_another_storefront_is_another_event(self, shop):
        row = EventIn(type="view", key="1")
        assert statuses(ingest_events([row])) == ["accepted"]
        assert statuses(ingest_events([row], storefront="second")) == ["accepted"]

    def test_without_a_key_the_same_content_is_one_event(self, shop):
        row = {"type": "view", "item_id": "mug", "session_id": "s", "occurred_at": "2026-01-05T12:00:00Z"}
        assert statuses(ingest_events([row, {**row, "item_id": "pot"}, row])) == [
            "accepted",
            "accepted",
            "duplicate",
        ]

    def test_without_key_and_time_each_is_an_event_of_its_own(self, shop):
        assert statuses(ingest_events([EventIn(type="view")] * 2)) == ["accepted"] * 2

    def test_types_of_the_shops_own_are_kept(self, shop):
        assert statuses(ingest_events([EventIn(type="configured_3d_view", item_id="mug")])) == ["accepted"]

    def test_an_unknown_customer_becomes_a_pseudonymous_one_and_an_unknown_item_none(self, shop):
        rows = [
            EventIn(type="view", customer_id="anna", occurred_at=MONDAY),
            EventIn(type="view", item_id="?"),
        ]
        assert statuses(ingest_events(rows)) == ["accepted", "unknown_item"]
        assert Customer.objects.get().first_seen_at == MONDAY
        assert Item.objects.count() == 3

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"occurred_at": "1970-01-01T00:00:00Z"}, "absurd_date"),
            ({"occurred_at": "2999-01-01T00:00:00Z"}, "absurd_date"),
            ({"occurred_at": "0001-01-01T00:00:00Z"}, "absurd_date"),
            ({"occurred_at": "yesterday"}, "invalid_field"),
            ({"value": -1, "currency": "EUR"}, "absurd_price"),
            ({"value": "1e30", "currency": "EUR"}, "absurd_price"),
            ({"value": "NaN", "currency": "EUR"}, "absurd_price"),
            ({"value": "Infinity", "currency": "EUR"}, "absurd_price"),
            ({"value": 5}, "missing_currency"),
            ({"value": 5, "currency": "euro"}, "unknown_currency"),
            ({"value": 5, "currency": "€"}, "unknown_currency"),
            ({"quantity": 0}, "absurd_quantity"),
            ({"quantity": -5}, "absurd_quantity"),
            ({"quantity": 10**12}, "absurd_quantity"),
            ({"quantity": "many"}, "invalid_field"),
            ({"type": "View!"}, "invalid_type"),
            ({"type": ""}, "invalid_type"),
            ({"type": "x" * 33}, "invalid_type"),
            ({"session_id": "s" * 129}, "text_too_long"),
            ({"query": "a\x00b"}, "invalid_text"),
            ({"properties": {"a": "\x00"}}, "invalid_text"),
            ({"properties": {"a": "x" * 5000}}, "properties_too_large"),
            ({"properties": [1]}, "invalid_field"),
            ({"colour": "red"}, "unknown_field"),
        ],
    )
    def test_bad_rows_are_rejected_with_code_and_reason_and_kept(self, shop, fields, code):
        good = {"type": "view", "item_id": "mug", "key": "good"}
        results = ingest_events([{"type": "view", "key": "bad", **fields}, good], source="test")
        assert statuses(results) == [code, "accepted"]
        kept = RejectedRow.objects.get()
        assert (kept.code, kept.kind, kept.source, kept.state) == (code, "event", "test", "waiting")
        assert kept.reason == results[0].reason
        assert Event.objects.count() == 1

    def test_events_beyond_the_retention_period_are_rejected(self, shop, settings):
        settings.ECOMAI = {"COMMERCE": {"EVENT_RETENTION_MONTHS": 3}}
        old = EventIn(type="view", occurred_at=timezone.now() - timedelta(days=150))
        assert statuses(ingest_events([old])) == ["too_old"]

    def test_a_page_cannot_send_old_events_or_types_of_the_server(self, shop, settings):
        settings.ECOMAI = {"COMMERCE": {"SERVER_ONLY_EVENT_TYPES": ("purchase",)}}
        rows = [
            {"type": "view", "occurred_at": (timezone.now() - timedelta(days=40)).isoformat()},
            {"type": "purchase", "item_id": "mug"},
        ]
        assert statuses(ingest_events(rows, is_from_browser=True)) == ["too_old", "needs_secret_key"]
        assert statuses(ingest_events(rows)) == ["accepted", "accepted"]

    def test_new_events_are_announced_once_after_the_commit(self, shop, django_capture_on_commit_callbacks):
        heard = []

        def hear(storefront, events, **kwargs):
            heard.append((storefront, [event.type for event in events]))

        signals.events_ingested.connect(hear)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                ingest_events([EventIn(type="view", key="1"), EventIn(type="cart", key="2")])
                ingest_events([EventIn(type="view", key="1")])
        finally:
            signals.events_ingested.disconnect(hear)
        assert heard == [("", ["view", "cart"])]

    def test_500_rows_cost_what_5_cost(self, shop, django_assert_max_num_queries):
        rows = [EventIn(type="view", item_id="mug", customer_id=f"c{n % 50}", key=str(n)) for n in range(500)]
        ingest_events(rows[:1])
        with django_assert_max_num_queries(9):
            assert statuses(ingest_events(rows)).count("accepted") == 499

    def test_an_empty_batch_is_fine(self, shop):
        assert ingest_events([]) == []


class TestRejectedRows:
    def test_the_same_bad_row_is_kept_once(self, shop):
        for _time in range(3):
            ingest_events([EventIn(type="view", item_id="?", key="1")])
        assert RejectedRow.objects.count() == 1

    def test_a_replay_takes_the_row_once_what_it_lacked_has_come(self, shop):
        ingest_events([EventIn(type="view", item_id="cup", key="1")])
        assert replay_rejected(rows=RejectedRow.objects.all()) == {"replayed": 0, "still_rejected": 1}
        upsert_items([ItemIn(external_id="cup", title="Cup")])
        assert replay_rejected(rows=RejectedRow.objects.all()) == {"replayed": 1, "still_rejected": 0}
        assert replay_rejected(rows=RejectedRow.objects.all()) == {"replayed": 0, "still_rejected": 0}
        assert Event.objects.get().item.external_id == "cup"
        assert RejectedRow.objects.get().state == "replayed"

    def test_a_replayed_event_without_a_time_has_the_time_it_arrived(self, shop):
        ingest_events([{"type": "view", "item_id": "cup", "key": "1"}])
        RejectedRow.objects.update(received_at=MONDAY)
        upsert_items([ItemIn(external_id="cup", title="Cup")])
        replay_rejected(rows=RejectedRow.objects.all())
        assert Event.objects.get().occurred_at == MONDAY

    def test_orders_and_items_are_replayed_too(self, shop):
        upsert_orders([order(item_id="cup")])
        upsert_items([{"external_id": "saucer"}])
        upsert_items([ItemIn(external_id="cup", title="Cup")])
        assert replay_rejected(rows=RejectedRow.objects.all()) == {"replayed": 1, "still_rejected": 1}
        assert Order.objects.get().total == 17

    def test_a_claim_that_was_not_proven_cannot_be_replayed(self, shop):
        ingest_events([{"type": "view", "customer_id": "anna"}], is_from_browser=True)
        with pytest.raises(NotReplayableError):
            replay_rejected(rows=RejectedRow.objects.all())
        assert not Customer.objects.exists()

    def test_a_dismissed_row_stays_dismissed_when_it_comes_again(self, shop):
        bad = EventIn(type="view", item_id="?", key="1")
        ingest_events([bad])
        assert dismiss_rejected(rows=RejectedRow.objects.all()) == 1
        ingest_events([bad])
        assert RejectedRow.objects.get().state == "dismissed"

    def test_rows_beyond_the_retention_period_are_deleted(self, shop, settings):
        ingest_events([EventIn(type="view", item_id="?", key=str(n)) for n in range(2)])
        RejectedRow.objects.filter(payload__key="0").update(received_at=timezone.now() - timedelta(days=200))
        for _time in range(2):
            delete_old_rejected()
        assert RejectedRow.objects.get().payload["key"] == "1"
        settings.ECOMAI = {"COMMERCE": {"REJECTED_RETENTION_DAYS": None}}
        RejectedRow.objects.update(received_at=MONDAY - timedelta(days=999))
        assert delete_old_rejected.run() is None
        assert RejectedRow.objects.count() == 1


class TestItemsAndCustomers:
    def test_fields_that_a_row_does_not_name_stay(self, shop):
        assert statuses(upsert_items([{"external_id": "mug", "stock": 3}])) == ["updated"]
        mug = Item.objects.get(external_id="mug")
        assert (mug.title, mug.price, mug.stock) == ("Blue mug", Decimal("8.5"), 3)

    def test_null_takes_a_price_away(self, shop):
        upsert_items([{"external_id": "mug", "price": None}])
        assert Item.objects.get(external_id="mug").price is None

    def test_the_second_time_changes_nothing(self, shop):
        rows = [
            {"external_id": "cup", "title": "Cup", "price": 4.5, "currency": "EUR", "attributes": {"a": [1]}}
        ]
        upsert_items(rows)
        before = Item.objects.get(external_id="cup").updated_at
        assert statuses(upsert_items(rows)) == ["unchanged"]
        assert Item.objects.get(external_id="cup").updated_at == before

    def test_two_rows_of_one_item_in_a_batch_are_merged_in_order(self, shop):
        rows = [{"external_id": "cup", "title": "Cup"}, {"external_id": "cup", "stock": 1}]
        assert statuses(upsert_items(rows)) == ["created", "updated"]
        assert Item.objects.get(external_id="cup").stock == 1

    @pytest.mark.parametrize(
        ("row", "code"),
        [
            ({"external_id": ""}, "missing_field"),
            ({"external_id": "x"}, "missing_field"),
            ({"title": "x"}, "invalid_field"),
            ({"external_id": "x", "title": "x", "price": 5}, "missing_currency"),
            ({"external_id": "x", "title": "x", "price": -5, "currency": "EUR"}, "absurd_price"),
            ({"external_id": "x", "title": "x", "stock": 10**12}, "absurd_quantity"),
            ({"external_id": "x", "title": "x", "listed_at": "2999-01-01T00:00:00Z"}, "absurd_date"),
            ({"external_id": "x" * 129, "title": "x"}, "text_too_long"),
            ({"external_id": "x", "title": "a\x00"}, "invalid_text"),
        ],
    )
    def test_bad_items_are_rejected(self, shop, row, code):
        assert statuses(upsert_items([row])) == [code]
        assert Item.objects.count() == 3
        assert RejectedRow.objects.get().kind == "item"

    def test_customers_are_created_changed_and_left(self, db):
        row = {"external_id": "anna", "country": "DE", "traits": {"group": "trade"}}
        assert statuses(upsert_customers([row])) == ["created"]
        assert statuses(upsert_customers([row])) == ["unchanged"]
        assert statuses(upsert_customers([{**row, "country": "AT"}])) == ["updated"]

    def test_changed_items_are_announced(self, shop, django_capture_on_commit_callbacks):
        heard = []

        def hear(item_pks, **kwargs):
            heard.append(item_pks)

        signals.items_changed.connect(hear)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                upsert_items([{"external_id": "mug", "stock": 3}, {"external_id": "pot", "title": "Tea pot"}])
        finally:
            signals.items_changed.disconnect(hear)
        assert heard == [[Item.objects.get(external_id="mug").pk]]


class TestOrders:
    def test_an_order_writes_its_purchases_once(self, shop):
        assert statuses(upsert_orders([order()])) == ["created"]
        assert statuses(upsert_orders([order()])) == ["unchanged"]
        assert events_of("purchase") == [(2, Decimal(17))]
        assert Event.objects.get().occurred_at == MONDAY
        assert Order.objects.get().total == 17

    def test_a_cancellation_follows_once(self, shop):
        upsert_orders([order()])
        for _time in range(2):
            upsert_orders([order(status="cancelled", changed_at=MONDAY + timedelta(days=1))])
        assert events_of("cancellation") == [(2, Decimal(17))]
        assert Event.objects.get(type="cancellation").occurred_at == MONDAY + timedelta(days=1)
        assert purchased_item_ids(Customer.objects.get()) == set()

    def test_returns_follow_piece_by_piece(self, shop):
        upsert_orders([order(quantity=3)])
        upsert_orders([order(quantity=3, returned_quantity=1)])
        upsert_orders([order(quantity=3, returned_quantity=3)])
        assert [quantity for quantity, _value in events_of("return")] == [1, 2]
        assert purchased_item_ids(Customer.objects.get()) == set()

    def test_an_order_returned_whole_needs_no_numbers(self, shop):
        upsert_orders([order(status="returned")])
        assert events_of("return") == [(2, Decimal(17))]
        assert statuses(upsert_orders([order(status="returned")])) == ["unchanged"]

    def test_an_order_returned_whole_need_not_repeat_its_lines(self, shop):
        upsert_orders([order(quantity=2)])
        said = {
            "external_id": "o1",
            "currency": "EUR",
            "placed_at": MONDAY,
            "status": "returned",
            "lines": [],
        }
        for expected in ("updated", "unchanged"):
            assert statuses(upsert_orders([said])) == [expected]
        assert OrderLine.objects.get().returned_quantity == 2
        assert Event.objects.get(type="return").quantity == 2

    def test_a_credit_note_is_a_returned_order_with_negative_quantities(self, shop):
        upsert_orders([order("credit", quantity=-2, status="returned")])
        assert Order.objects.get().total == -17
        assert (events_of("return"), events_of("purchase")) == ([(2, Decimal(17))], [])

    def test_postage_is_a_line_and_no_event(self, shop):
        postage = OrderLineIn(position=2, description="postage", unit_price=Decimal(4))
        with_postage = order()
        with_postage.lines.append(postage)
        upsert_orders([with_postage])
        assert (Order.objects.get().total, OrderLine.objects.count(), Event.objects.count()) == (21, 2, 1)

    def test_lines_that_come_later_join_their_order(self, shop):
        upsert_orders([order()])
        more = order(lines=[OrderLineIn(position=2, item_id="tea", unit_price=Decimal(5))])
        assert statuses(upsert_orders([more])) == ["updated"]
        assert (Order.objects.get().total, Event.objects.count()) == (22, 2)
        assert statuses(upsert_orders([more])) == ["unchanged"]

    def test_a_line_that_names_its_item_no_more_keeps_it(self, shop):
        """A shop forgets the product of an old order when it is deleted; the history does not."""
        upsert_orders([order()])
        assert statuses(upsert_orders([order(item_id="")])) == ["unchanged"]
        assert statuses(upsert_orders([order(item_id="", returned_quantity=1)])) == ["updated"]
        assert OrderLine.objects.get().item.external_id == "mug"
        assert Event.objects.get(type="return").item.external_id == "mug"

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"item_id": "?"}, "unknown_item"),
            ({"quantity": 0}, "absurd_quantity"),
            ({"quantity": -1}, "absurd_quantity"),
            ({"returned_quantity": 3}, "absurd_quantity"),
            ({"currency": ""}, "missing_currency"),
            ({"currency": "EURO"}, "unknown_currency"),
            ({"status": "vanished"}, "unknown_status"),
            ({"placed_at": datetime(1900, 1, 1, tzinfo=UTC)}, "absurd_date"),
            ({"lines": [OrderLineIn(position=1, unit_price=Decimal(1))] * 2}, "repeated_position"),
            ({"lines": [OrderLineIn(position=1, unit_price=Decimal(-1))]}, "absurd_price"),
        ],
    )
    def test_a_bad_order_is_rejected_whole(self, shop, fields, code):
        assert statuses(upsert_orders([order(**fields), order("good")])) == [code, "created"]
        assert RejectedRow.objects.get().kind == "order"
        assert (Order.objects.count(), Event.objects.count()) == (1, 1)


class TestMoney:
    def test_amounts_are_converted_at_the_rate_of_their_day(self, db):
        set_exchange_rates(
            [
                {"currency": "USD", "valid_from": "2026-01-01T00:00:00Z", "rate": "0.9"},
                {"currency": "USD", "valid_from": "2026-02-01T00:00:00Z", "rate": "0.8"},
            ]
        )
        assert to_reporting_currency(Decimal(10), "USD", date(2026, 1, 31)) == 9
        assert to_reporting_currency(Decimal(10), "USD", date(2026, 2, 1)) == 8
        assert to_reporting_currency(Decimal(10), "EUR", date(2026, 2, 1)) == 10

    def test_without_a_rate_of_that_day_nothing_is_guessed(self, db):
        set_exchange_rates([{"currency": "USD", "valid_from": "2026-01-01T00:00:00Z", "rate": "0.9"}])
        for currency, day in (("USD", date(2025, 12, 31)), ("GBP", date(2026, 1, 1))):
            with pytest.raises(NoExchangeRateError) as caught:
                to_reporting_currency(Decimal(10), currency, day)
            assert currency in str(caught.value)

    def test_unlike_currencies_are_not_added(self):
        assert add_amounts([(Decimal(1), "EUR"), (Decimal(2), "EUR")]) == (3, "EUR")
        with pytest.raises(UnlikeCurrenciesError):
            add_amounts([(Decimal(1), "EUR"), (Decimal(2), "USD")])

    @pytest.mark.parametrize("rate", ["0", "-1", "NaN"])
    def test_absurd_rates_are_rejected(self, db, rate):
        rows = [{"currency": "USD", "valid_from": "2026-01-01T00:00:00Z", "rate": rate}]
        assert statuses(set_exchange_rates(rows)) == ["absurd_rate"]
        assert not ExchangeRate.objects.exists()


class TestRecentEvents:
    def test_the_newest_come_first_and_nothing_later_than_asked(self, shop):
        ingest_events(
            [
                EventIn(
                    type="view", customer_id="anna", key=str(day), occurred_at=MONDAY + timedelta(days=day)
                )
                for day in range(5)
            ]
        )
        anna = Customer.objects.get()
        found = recent_events(customer=anna, limit=2, as_of=MONDAY + timedelta(days=3))
        assert [event.occurred_at.day for event in found] == [7, 6]

    def test_customer_and_session_are_united_and_others_left_out(self, shop):
        ingest_events(
            [
                EventIn(type="view", customer_id="anna", item_id="mug"),
                EventIn(type="view", session_id="s1", item_id="pot"),
                EventIn(type="view", session_id="s1", customer_id="bert", item_id="tea"),
            ]
        )
        anna = Customer.objects.get(external_id="anna")
        found = recent_events(customer=anna, session_id="s1")
        assert {event.item.external_id for event in found} == {"mug", "pot"}
        assert [event.item.external_id for event in recent_events(session_id="s1")] == ["pot"]
        assert recent_events() == []


@pytest.mark.django_db(transaction=True)
def test_many_writers_with_the_same_keys_store_each_event_once(shop):
    rows = [EventIn(type="view", item_id="mug", customer_id=f"c{n}", key=str(n)) for n in range(60)]
    accepted = []

    def send(part):
        try:
            accepted.append(statuses(ingest_events(part)).count("accepted"))
        finally:
            connection.close()

    threads = [Thread(target=send, args=(rows if n % 2 else rows[::-1],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(accepted) == Event.objects.count() == 60
    assert Customer.objects.count() == 60


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_two_writers_of_one_item_keep_what_each_of_them_said():
    upsert_items([{"external_id": "mug", "title": "Mug", "price": 5, "currency": "EUR", "stock": 1}])

    def count_stock():
        try:
            upsert_items([{"external_id": "mug", "stock": 9}])
        finally:
            connection.close()

    thread = Thread(target=count_stock)
    with transaction.atomic():
        upsert_items([{"external_id": "mug", "price": 7}])
        thread.start()
        thread.join(0.5)
    thread.join()
    mug = Item.objects.get()
    assert (mug.price, mug.stock) == (7, 9)
