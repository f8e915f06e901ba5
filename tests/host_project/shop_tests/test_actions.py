import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.core import mail
from django.db import connection
from host_project.adapter import Adapter
from host_project.catalogue.models import Product
from host_project.orders.models import Basket, Order, ReturnCase, Voucher

from ecomai.commerce.adapters import (
    Action,
    ActionRefusedError,
    Line,
    OrderResult,
    ShopAdapter,
    UnsupportedActionError,
    VoucherResult,
    perform_action,
)  # fmt: skip
from ecomai.commerce.adapters.exceptions import ActionKeyReusedError
from ecomai.commerce.models import ActionRecord
from ecomai.registry.models import AuditEntry

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def order(history):
    return Order.objects.get(number="O00000")


def state(order):
    order.refresh_from_db()
    return order.state


def test_an_order_is_held_released_and_cancelled(order):
    held = perform_action(Action.HOLD_ORDER, key="a", order_id="O00000", reason="risk")
    assert (held, state(order)) == (OrderResult(reference="O00000", status="on_hold"), "stopped")
    assert perform_action(Action.RELEASE_ORDER, key="b", order_id="O00000").status == "placed"
    assert (
        perform_action(Action.CANCEL_ORDER, key="c", order_id="O00000", reason="asked").status == "cancelled"
    )
    assert state(order) == "void"


def test_a_return_is_started(order):
    lines = [Line(item_id="P0002", quantity=2)]
    result = perform_action(Action.START_RETURN, key="a", order_id="O00000", lines=lines, reason="broken")
    case = ReturnCase.objects.get()
    assert (result.reference, case.wanted, case.reason) == (f"R{case.pk}", [["P0002", 2]], "broken")


def test_an_address_is_changed_and_kept_nowhere_with_us(order):
    address = {"city": "Bremen", "street": "Am Wall 1"}
    perform_action(Action.CHANGE_ADDRESS, key="a", order_id="O00000", address=address)
    order.refresh_from_db()
    assert (order.city, order.street) == ("Bremen", "Am Wall 1")
    assert "Bremen" not in str(list(ActionRecord.objects.values()) + list(AuditEntry.objects.values()))


def test_a_basket_is_filled(order):
    lines = [Line(item_id="P0001"), Line(item_id="P0002", quantity=3)]
    perform_action(Action.ADD_TO_BASKET, key="a", customer_id=str(order.buyer_id), lines=lines)
    basket = Basket.objects.get(owner=order.buyer)
    assert sorted(basket.lines.values_list("product__sku", "pieces")) == [("P0001", 1), ("P0002", 3)]


def test_a_voucher_is_issued(order):
    result = perform_action(
        Action.ISSUE_VOUCHER, key="a", customer_id=str(order.buyer_id), percent=Decimal(10)
    )
    assert isinstance(result, VoucherResult)
    assert Voucher.objects.get(code=result.code).percent == 10


def test_a_mail_is_sent_to_whom_an_order_is_of(order):
    perform_action(Action.MAIL_BUYER, key="a", order_id=order.number, subject="Hello", body="Your cups.")
    assert [(sent.to, sent.subject) for sent in mail.outbox] == [(["user0@shop.example"], "Hello")]


def test_a_mail_is_sent(order):
    perform_action(
        Action.SEND_MAIL, key="a", customer_id=str(order.buyer_id), subject="Hello", body="Your cups."
    )
    assert [(sent.to, sent.subject) for sent in mail.outbox] == [(["user0@shop.example"], "Hello")]


def test_the_same_key_does_it_once_and_answers_the_same(order):
    ask = {"key": "voucher-1", "customer_id": str(order.buyer_id), "percent": Decimal(10)}
    first = perform_action(Action.ISSUE_VOUCHER, **ask)
    assert perform_action(Action.ISSUE_VOUCHER, **ask) == first
    assert Voucher.objects.count() == 1
    assert AuditEntry.objects.filter(action="shop_issue_voucher").count() == 1


def test_a_key_used_for_something_else_is_refused(order):
    perform_action(Action.HOLD_ORDER, key="a", order_id="O00000", reason="risk")
    with pytest.raises(ActionKeyReusedError) as refused:
        perform_action(Action.HOLD_ORDER, key="a", order_id="O00001", reason="risk")
    assert refused.value.code == "action_key_reused"
    with pytest.raises(ActionKeyReusedError):
        perform_action(Action.RELEASE_ORDER, key="a", order_id="O00000")
    assert Order.objects.get(number="O00001").state == "new"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite lets one writer in at a time by refusing others."
)
def test_the_same_key_at_the_same_moment_does_it_once(history):
    buyer_id = str(Order.objects.first().buyer_id)
    start = threading.Barrier(4)

    def ask(_number):
        start.wait()
        try:
            return perform_action(Action.ISSUE_VOUCHER, key="v", customer_id=buyer_id, percent=Decimal(10))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        results = set(pool.map(ask, range(4)))
    assert len(results) == 1
    assert Voucher.objects.count() == 1


def test_a_refusal_changes_nothing_and_leaves_the_key_free(order):
    Order.objects.filter(pk=order.pk).update(state="sent")
    with pytest.raises(ActionRefusedError) as refused:
        perform_action(Action.HOLD_ORDER, key="a", order_id="O00000", reason="risk")
    assert "the order is sent" in str(refused.value)
    assert (ActionRecord.objects.count(), AuditEntry.objects.filter(action="shop_hold_order").count()) == (
        0,
        0,
    )
    Order.objects.filter(pk=order.pk).update(state="new")
    assert perform_action(Action.HOLD_ORDER, key="a", order_id="O00000", reason="risk").status == "on_hold"


def test_a_fault_half_way_undoes_what_the_shop_did(order):
    lines = [Line(item_id="P0001"), Line(item_id="no such product")]
    with pytest.raises(Product.DoesNotExist):
        perform_action(Action.ADD_TO_BASKET, key="a", customer_id=str(order.buyer_id), lines=lines)
    assert not Basket.objects.exists()
    assert not ActionRecord.objects.exists()


def test_what_the_shop_cannot_do_is_said_with_what_it_can(order):
    class Careful(Adapter):
        def supports(self):
            return super().supports() - {Action.CANCEL_ORDER}

    assert Adapter().supports() == frozenset(Action)
    with pytest.raises(UnsupportedActionError) as refused:
        perform_action(Action.CANCEL_ORDER, key="a", adapter=Careful(), order_id="O00000", reason="")
    assert refused.value.code == "action_not_supported"
    assert "hold_order" in str(refused.value)


def test_a_shop_without_an_adapter_supports_nothing(settings, order):
    settings.ECOMAI = {"COMMERCE": {}}
    assert ShopAdapter().supports() == frozenset()
    with pytest.raises(UnsupportedActionError):
        perform_action(Action.HOLD_ORDER, key="a", order_id="O00000", reason="")
