"""A shop that does what it is asked with its orders, and counts how often; it can hang, refuse, or fail."""

import threading
from collections import Counter

from django.core.mail import send_mail

from ecomai.commerce import adapters as ecomai
from ecomai.commerce.models import Order

#: What the shop did, over all its instances.
done: Counter = Counter()
returns: list = []
baskets: list = []
addresses: list = []
#: While set, an action waits for it; `dies` raises after the deed, as a shop behind a network may.
hanging: list[threading.Event] = []
faults: list[Exception] = []


def forget():
    for kept in (done, returns, baskets, addresses, hanging, faults):
        kept.clear()


class ActingShop(ecomai.ShopAdapter):
    def cancel_order(self, *, order_id, reason):
        self._begin("cancel_order")
        order = Order.objects.select_for_update().get(external_id=order_id)
        if order.status not in ("placed", "paid", "on_hold"):
            raise ecomai.ActionRefusedError(reason="it left already")
        Order.objects.filter(pk=order.pk).update(status="cancelled")
        return ecomai.OrderResult(reference=order_id, status="cancelled")

    def start_return(self, *, order_id, lines, reason):
        self._begin("start_return")
        returns.append((order_id, [(line.item_id, line.quantity) for line in lines], reason))
        return ecomai.ReturnResult(reference=f"R-{len(returns)}", label_url="https://shop.example/label")

    def change_address(self, *, order_id, address):
        self._begin("change_address")
        addresses.append((order_id, dict(address)))
        return ecomai.OrderResult(reference=order_id, status="placed")

    def add_to_basket(self, *, customer_id, lines):
        self._begin("add_to_basket")
        baskets.append((customer_id, [(line.item_id, line.quantity) for line in lines]))
        return ecomai.ActionResult(reference="B1")

    def mail_buyer(self, *, order_id, subject, body):
        done["mail_buyer"] += 1
        send_mail(subject, body, None, [f"buyer-of-{order_id}@shop.example".lower()])
        return ecomai.ActionResult()

    def _begin(self, name):
        for event in hanging:
            event.wait(20)
        done[name] += 1
        if faults:
            raise faults.pop()
