"""What Oscar is asked to do, through its own pipeline, handler, basket, offers and dispatcher."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.messages import get_messages
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from oscar.core.loading import get_class, get_model
from oscar.test import factories
from oscar_fixtures import BROWSER, make_basket, make_order, make_product, make_shirt, make_user, pay, ship

from ecomai.commerce.adapters import (
    Action,
    ActionRefusedError,
    Line,
    OrderResult,
    ShopAdapter,
    get_adapter,
    perform_action,
)
from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.adapters.oscar import OscarAdapter
from ecomai.commerce.models import ActionRecord, Event, Item, Order

pytestmark = pytest.mark.django_db

PIPELINE = {
    "Pending": ("On hold", "Being processed", "Cancelled"),
    "Being processed": ("On hold", "Complete", "Cancelled"),
    "On hold": ("Pending", "Being processed", "Cancelled"),
    "Complete": (),
    "Cancelled": (),
}


@pytest.fixture(autouse=True)
def pipeline(monkeypatch):
    """As `OSCAR_ORDER_STATUS_PIPELINE` says it; Oscar's model keeps it from when it was imported."""
    monkeypatch.setattr(get_model("order", "Order"), "pipeline", PIPELINE)


@pytest.fixture
def cup(db):
    return make_product("Cup", "10.00", 10)


@pytest.fixture
def order(user, cup):
    return make_order(user, (cup, 3), number="10001", shipping_address=factories.ShippingAddressFactory())


def status(order):
    order.refresh_from_db()
    return order.status


def ask(action, key="a", **arguments):
    return perform_action(action, key=key, **arguments)


def refusal(action, **arguments):
    with pytest.raises(ActionRefusedError) as refused:
        ask(action, **arguments)
    assert not ActionRecord.objects.exists(), "the key is free"
    return str(refused.value)


def test_all_actions_are_supported():
    assert isinstance(get_adapter(), OscarAdapter)
    assert get_adapter().supports() == frozenset(Action)
    assert ShopAdapter().supports() == frozenset()


# -- orders ------------------------------------------------------------------------------------------


def test_an_order_is_held_and_released_to_what_it_was(order, commit):
    backfill()
    order.set_status("Being processed")
    with commit():
        held = ask(Action.HOLD_ORDER, order_id="10001", reason="unusual address")
    assert (held, status(order)) == (OrderResult(reference="10001", status="on_hold"), "On hold")
    assert order.notes.get().message == "unusual address"
    assert Order.objects.get().status == "on_hold"
    with commit():
        assert ask(Action.RELEASE_ORDER, key="b", order_id="10001").status == "placed"
    assert status(order) == "Being processed"
    assert Order.objects.get().status == "placed"


def test_a_cancelled_order_gives_its_stock_back(order, cup, commit):
    backfill()
    assert Item.objects.get().stock == 7
    with commit():
        assert ask(Action.CANCEL_ORDER, order_id="10001", reason="asked").status == "cancelled"
    assert (status(order), cup.stockrecords.get().num_allocated) == ("Cancelled", 0)
    assert order.lines.get().allocation_cancelled
    assert (Item.objects.get().stock, Order.objects.get().status) == (10, "cancelled")
    assert Event.objects.filter(type="cancellation").count() == 1


def test_an_order_of_a_deleted_product_can_be_cancelled(order, cup):
    cup.delete()
    assert ask(Action.CANCEL_ORDER, order_id="10001", reason="").status == "cancelled"


@pytest.mark.parametrize("action", [Action.HOLD_ORDER, Action.CANCEL_ORDER])
def test_what_the_pipeline_forbids_is_refused(action, order):
    order.set_status("Being processed")
    order.set_status("Complete")
    assert "“Complete”" in refusal(action, order_id="10001", reason="")
    assert status(order) == "Complete"
    assert not order.notes.exists()


def test_a_shop_without_a_status_for_it_cannot_hold(order, monkeypatch):
    monkeypatch.setattr(type(order), "pipeline", {"Pending": ("Complete", "Cancelled")})
    assert "Complete, Cancelled" in refusal(Action.HOLD_ORDER, order_id="10001", reason="")


def test_a_shop_may_call_it_by_its_own_word(order, monkeypatch):
    class Adapter(OscarAdapter):
        order_statuses = {**OscarAdapter.order_statuses, "manual-check": "on_hold"}

    monkeypatch.setattr(type(order), "pipeline", {"Pending": ("Manual check",), "Manual check": ("Pending",)})
    assert ask(Action.HOLD_ORDER, order_id="10001", reason="", adapter=Adapter()).status == "on_hold"
    assert status(order) == "Manual check"


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        (Action.HOLD_ORDER, {"reason": ""}),
        (Action.RELEASE_ORDER, {}),
        (Action.CANCEL_ORDER, {"reason": ""}),
        (Action.START_RETURN, {"lines": [], "reason": ""}),
        (Action.CHANGE_ADDRESS, {"address": {}}),
    ],
)
def test_an_unknown_order_is_refused(action, arguments):
    assert "nowhere" in refusal(action, order_id="nowhere", **arguments)


def test_an_order_that_is_not_held_cannot_be_released_or_held_twice(order):
    assert "not on hold" in refusal(Action.RELEASE_ORDER, order_id="10001")
    ask(Action.HOLD_ORDER, order_id="10001", reason="")
    with pytest.raises(ActionRefusedError):
        ask(Action.HOLD_ORDER, key="b", order_id="10001", reason="")


def test_a_return_is_a_shipping_event_of_the_shop(order, cup, commit):
    ship(order)
    backfill()
    with commit():
        lines = [Line(item_id=str(cup.pk), quantity=2)]
        result = ask(Action.START_RETURN, order_id="10001", lines=lines, reason="broken")
    event = order.shipping_events.get(event_type__code="return-requested")
    assert (result.reference, event.notes) == (f"10001-R{event.pk}", "broken")
    assert [(row.line, row.quantity) for row in event.line_quantities.all()] == [(order.lines.get(), 2)]
    assert Order.objects.get().status == "shipped", "it has only been asked for"
    with commit():
        ship(order, "Returned", Cup=2)
    assert Event.objects.get(type="return").quantity == 2


def test_a_return_names_an_item_or_one_of_its_variants(user):
    shirt = make_shirt(M=("20.00", 5), L=("20.00", 5))
    medium, large = shirt.children.order_by("pk")
    order = make_order(user, (medium, 1), (large, 2), number="10002")
    lines = [Line(item_id=str(shirt.pk), quantity=2), Line(item_id=str(large.pk), quantity=1)]
    ask(Action.START_RETURN, order_id="10002", lines=lines, reason="")
    event = order.shipping_events.get()
    assert {row.line.product: row.quantity for row in event.line_quantities.all()} == {medium: 1, large: 2}


@pytest.mark.parametrize("quantity", [0, 4, -1])
def test_no_more_can_come_back_than_was_bought(order, cup, quantity):
    lines = [Line(item_id=str(cup.pk), quantity=quantity)]
    assert str(cup.pk) in refusal(Action.START_RETURN, order_id="10001", lines=lines, reason="")


def test_what_came_back_already_cannot_come_back_again(order, cup):
    pay(order, "Refunded", "20.00", Cup=2)
    lines = [Line(item_id=str(cup.pk), quantity=2)]
    refusal(Action.START_RETURN, order_id="10001", lines=lines, reason="")
    ask(Action.START_RETURN, order_id="10001", lines=[Line(item_id=str(cup.pk))], reason="")
    lines = [Line(item_id=str(cup.pk), quantity=3)]
    with pytest.raises(ActionRefusedError):
        ask(Action.START_RETURN, key="b", order_id="10001", lines=lines, reason="")


def test_a_cancelled_order_has_nothing_to_return(order, cup):
    order.set_status("Cancelled")
    assert "Cancelled" in refusal(
        Action.START_RETURN, order_id="10001", lines=[Line(item_id=str(cup.pk))], reason=""
    )


def test_an_address_is_changed_and_searchable(order):
    country = factories.CountryFactory(iso_3166_1_a2="DE", printable_name="Germany")
    address = {"street": "Am Wall 1", "city": "Bremen", "postcode": "28195", "country": country.pk}
    assert ask(Action.CHANGE_ADDRESS, order_id="10001", address=address).status == "placed"
    order.shipping_address.refresh_from_db()
    changed = order.shipping_address
    assert (changed.line1, changed.line4, changed.postcode, changed.country) == (
        "Am Wall 1", "Bremen", "28195", country,
    )  # fmt: skip
    assert "Bremen" in changed.search_text
    assert order.notes.count() == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [({"planet": "Mars"}, "planet"), ({"line1": ""}, "blank"), ({"country": "XX"}, "country")],
)
def test_an_address_that_cannot_be_is_refused(order, address, said):
    before = order.shipping_address.summary
    assert said in refusal(Action.CHANGE_ADDRESS, order_id="10001", address=address).lower()
    order.shipping_address.refresh_from_db()
    assert order.shipping_address.summary == before


def test_what_has_left_keeps_its_address(order, user, cup):
    ship(order)
    refusal(Action.CHANGE_ADDRESS, order_id="10001", address={"city": "Bremen"})
    make_order(user, cup, number="10002")
    assert "sent" in refusal(Action.CHANGE_ADDRESS, order_id="10002", address={"city": "Bremen"})


# -- customers ---------------------------------------------------------------------------------------


def test_the_customers_open_basket_is_filled(user, cup):
    basket = make_basket(user, cup)
    shirt = make_shirt(M=("20.00", 3), L=("20.00", 0))
    lines = [Line(item_id=str(cup.pk), quantity=2), Line(item_id=str(shirt.pk))]
    assert ask(Action.ADD_TO_BASKET, customer_id=str(user.pk), lines=lines).reference == str(basket.pk)
    medium = shirt.children.get(stockrecords__num_in_stock=3)
    assert dict(basket.lines.values_list("product", "quantity")) == {cup.pk: 3, medium.pk: 1}


def test_a_customer_without_a_basket_gets_one(user, cup):
    ask(Action.ADD_TO_BASKET, customer_id=str(user.pk), lines=[Line(item_id=str(cup.pk))])
    assert get_model("basket", "Basket").open.get(owner=user).num_items == 1


def test_what_cannot_be_bought_is_refused_and_nothing_of_it_stays(user, cup):
    shirt = make_shirt(M=("20.00", 3), L=("20.00", 3))
    empty, unpriced = make_product("Empty", stock=0), make_product("Unpriced", price=None)
    hidden = make_product("Hidden", is_public=False)
    for item, said in (
        (shirt, "variants"),
        (empty, "stock"),
        (unpriced, "unavailable"),
        (hidden, "no product"),
    ):
        lines = [Line(item_id=str(cup.pk)), Line(item_id=str(item.pk))]
        assert said in refusal(Action.ADD_TO_BASKET, customer_id=str(user.pk), lines=lines)
    lines = [Line(item_id=str(cup.pk), quantity=11)]
    assert "10" in refusal(Action.ADD_TO_BASKET, customer_id=str(user.pk), lines=lines)
    refusal(Action.ADD_TO_BASKET, customer_id=str(user.pk), lines=[Line(item_id="no number")])
    assert not get_model("basket", "Line").objects.exists()


def test_a_basket_in_another_currency_is_refused(user, cup):
    make_basket(user, cup)
    pot = make_product("Pot")
    pot.stockrecords.update(price_currency="USD")
    assert "currency" in refusal(
        Action.ADD_TO_BASKET, customer_id=str(user.pk), lines=[Line(item_id=str(pot.pk))]
    )


@pytest.mark.parametrize("customer_id", ["0", "nobody", "", "4b9c3f6e-0000-4000-8000-000000000000"])
def test_an_unknown_customer_is_refused(customer_id, db):
    assert "customer" in refusal(
        Action.SEND_MAIL, customer_id=customer_id, subject="Hello", body="Your cups."
    )


def test_a_voucher_takes_off_what_it_says_for_its_customer_once(user, cup, client):
    result = ask(Action.ISSUE_VOUCHER, customer_id=str(user.pk), percent=Decimal("12.5"))
    voucher = get_model("voucher", "Voucher").objects.get(code=result.code)
    assert (result.reference, voucher.usage) == (str(voucher.pk), voucher.SINGLE_USE)
    assert timedelta(days=364) < voucher.end_datetime - timezone.now() < timedelta(days=366)

    redeem(client, user, cup, result.code)
    basket = get_model("basket", "Basket").open.get(owner=user)
    assert list(basket.vouchers.all()) == [voucher]
    basket.strategy = get_class("partner.strategy", "Selector")().strategy()
    get_class("offer.applicator", "Applicator")().apply(basket, user)
    assert basket.total_incl_tax == Decimal("8.75")
    make_order(user, basket=basket)
    assert not voucher.is_available_to_user(user)[0]


def redeem(client, user, product, code):
    client.defaults.update(BROWSER)
    if user:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.post(reverse("basket:add", kwargs={"pk": product.pk}), {"quantity": 1})
    response = client.post(reverse("basket:vouchers-add"), {"code": code})
    return " ".join(map(str, get_messages(response.wsgi_request)))


@pytest.mark.parametrize("is_logged_in", [True, False])
def test_anothers_voucher_is_not_taken(is_logged_in, user, cup, client):
    result = ask(Action.ISSUE_VOUCHER, customer_id=str(user.pk), percent=Decimal(10))
    said = redeem(client, make_user() if is_logged_in else None, cup, result.code)
    assert "another customer" in said
    assert not get_model("basket", "Basket").objects.filter(vouchers__isnull=False).exists()


def test_the_shops_own_vouchers_are_everybodys(user, cup, client):
    factories.create_voucher(code="SUMMER", name="Summer")
    redeem(client, user, cup, "SUMMER")
    assert get_model("basket", "Basket").open.get(owner=user).vouchers.get().code == "SUMMER"


def test_vouchers_share_their_range_and_end_when_they_should(user):
    end = timezone.now() + timedelta(days=7)
    for key in "abc":
        ask(Action.ISSUE_VOUCHER, key=key, customer_id=str(user.pk), percent=Decimal(10), valid_until=end)
    assert set(get_model("voucher", "Voucher").objects.values_list("end_datetime", flat=True)) == {end}
    assert get_model("offer", "Range").objects.count() == get_model("offer", "Benefit").objects.count() == 1


@pytest.mark.parametrize("percent", [0, -5, Decimal("100.01")])
def test_an_absurd_voucher_is_refused(user, percent):
    refusal(Action.ISSUE_VOUCHER, customer_id=str(user.pk), percent=percent)
    yesterday = timezone.now() - timedelta(days=1)
    refusal(Action.ISSUE_VOUCHER, customer_id=str(user.pk), percent=Decimal(10), valid_until=yesterday)
    assert not get_model("voucher", "Voucher").objects.exists()


def test_a_mail_goes_through_oscars_dispatcher(user, settings):
    settings.OSCAR_SAVE_SENT_EMAILS_TO_DB = True
    ask(Action.SEND_MAIL, customer_id=str(user.pk), subject="Hello\nBcc: x@y.example", body="Your cups.")
    (sent,) = mail.outbox
    assert (sent.to, sent.subject, sent.body) == ([user.email], "Hello Bcc: x@y.example", "Your cups.")
    assert user.emails.get().subject == sent.subject


def test_the_shop_can_give_mails_its_own_frame(user):
    get_model("communication", "CommunicationEventType").objects.create(
        code="ECOMAI_MESSAGE", name="Messages of ecomai", category="User related",
        email_subject_template="[Shop] {{ subject }}", email_body_template="Hi {{ user.email }}! {{ body }}",
    )  # fmt: skip
    ask(Action.SEND_MAIL, customer_id=str(user.pk), subject="Hello", body="Your cups.")
    assert (mail.outbox[0].subject, mail.outbox[0].body) == (
        "[Shop] Hello",
        f"Hi {user.email}! Your cups.",
    )


def test_a_guest_is_written_to_at_the_address_of_the_order(user, cup):
    guests = make_order(None, cup, guest_email="guest@else.example")
    own = make_order(user, cup)
    for order in (guests, own):
        ask(Action.MAIL_BUYER, key=order.number, order_id=order.number, subject="Hello", body="Your cups.")
    assert [sent.to for sent in mail.outbox] == [["guest@else.example"], [user.email]]
    assert mail.outbox[0].body == "Your cups."


def test_an_order_without_an_address_is_refused(cup):
    assert "order" in refusal(Action.MAIL_BUYER, order_id="unknown", subject="Hello", body="x")
    nobodys = make_order(None, cup, guest_email="")
    assert "e-mail" in refusal(Action.MAIL_BUYER, order_id=nobodys.number, subject="Hello", body="x")


def test_without_an_address_there_is_no_mail(user):
    type(user).objects.filter(pk=user.pk).update(email="")
    assert "e-mail" in refusal(Action.SEND_MAIL, customer_id=str(user.pk), subject="Hello", body="Your cups.")
    assert not mail.outbox
