"""A host that overrides Oscar's apps and brings its own user model; run under `forked.settings` alone."""

from decimal import Decimal

import pytest
from django.conf import settings
from oscar.core.loading import get_class, get_model
from oscar_fixtures import make_order, make_product, make_shirt, make_user

from ecomai.commerce.adapters import Action, ActionRefusedError, EventMapping, Line, perform_action
from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.adapters.oscar import OscarAdapter, customer_id
from ecomai.commerce.models import Customer, Event, Item, Order, RejectedRow

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(settings.AUTH_USER_MODEL == "auth.User", reason="for the shop with forks"),
]


def test_the_forks_are_in_use():
    assert get_model("catalogue", "Product").__module__ == "forked.catalogue.models"
    assert get_class("order.processing", "EventHandler").__module__ == "forked.order.processing"


def test_the_whole_history_comes_in_through_them(user):
    cup = make_product("Cup", "10.00", maker="Potter")
    shirt = make_shirt(M=("20.00", 3))
    order = make_order(user, cup, shirt.children.get())
    backfill()
    assert not RejectedRow.objects.exists()
    assert Item.objects.get(external_id=str(cup.pk)).title == "Cup by Potter"
    assert Item.objects.get(external_id=str(cup.pk)).price == 12, "with the shop's own tax"
    assert Item.objects.get(external_id=str(shirt.pk)).price == 20
    assert Order.objects.get().total == order.total_incl_tax == 32
    assert Customer.objects.get().external_id == str(user.pk) == customer_id(user)
    assert Event.objects.filter(type="purchase", customer__external_id=str(user.pk)).count() == 2


def test_random_keys_of_customers_lose_none_in_small_chunks(small_chunks):
    users = [make_user() for _ in range(30)]
    backfill(kinds=["customer"])
    assert set(Customer.objects.values_list("external_id", flat=True)) == {str(user.pk) for user in users}


def test_the_shops_own_handler_decides(user, monkeypatch):
    monkeypatch.setattr(get_model("order", "Order"), "pipeline", {"Pending": ("Cancelled",), "Cancelled": ()})
    cup = make_product()
    by_transfer = make_order(user, cup, number="1", came_by="transfer")
    other = make_order(user, cup, number="2", came_by="phone")
    with pytest.raises(ActionRefusedError, match="by hand"):
        perform_action(Action.CANCEL_ORDER, key="a", order_id="1", reason="")
    perform_action(Action.CANCEL_ORDER, key="a", order_id="2", reason="asked")
    by_transfer.refresh_from_db()
    assert (by_transfer.status, other.notes.get().message) == ("Pending", "[Cancelled] asked")


def test_a_basket_has_the_shops_own_prices(user):
    cup = make_product(price="10.00", maker="Potter")
    perform_action(Action.ADD_TO_BASKET, key="a", customer_id=str(user.pk), lines=[Line(item_id=str(cup.pk))])
    assert get_model("basket", "Line").objects.get().price_incl_tax == Decimal(12)


def test_a_mapping_of_the_shops_own_is_added(user):
    class Adapter(OscarAdapter):
        def mappings(self):
            own = EventMapping(
                model="order.Order", name="channels", type=lambda order: f"by_{order.came_by}",
                occurred_at="date_placed", filter={"came_by": "phone"},
            )  # fmt: skip
            return [*super().mappings(), own]

    make_order(user, make_product(), came_by="phone")
    backfill(adapter=Adapter())
    assert Event.objects.filter(type="by_phone").count() == 1
