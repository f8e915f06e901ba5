"""The checkout asks before it takes an order: it goes on, waits for a proof, is held, or is refused."""

import re
from decimal import Decimal

import pytest
from django.core import mail
from django.urls import reverse
from oscar.core.loading import get_model
from oscar_fixtures import make_product

from ecomai.capabilities import RiskAssessment
from ecomai.commerce.adapters.backfill import backfill
from risk.models import Assessment, Case
from risk.services import change_policy, forget_policies, go_live
from risk.services.cases import decide_case
from risk.services.order_acts import perform_order_acts

Order, Basket = get_model("order", "Order"), get_model("basket", "Basket")
pytestmark = pytest.mark.django_db
NEVER = {"step_up_from": None, "review_from": None, "decline_from": None}


@pytest.fixture(autouse=True)
def own_policies():
    forget_policies()
    yield
    forget_policies()


@pytest.fixture
def shopper(client, user):
    """A customer at the last step of the checkout, with a cup of 12 euros."""
    country = get_model("address", "Country").objects.create(
        iso_3166_1_a2="FR", name="France", printable_name="France", is_shipping_country=True
    )
    product = make_product("Cup", price="12.00", stock=50)
    client.force_login(user)
    client.post(reverse("basket:add", args=[product.pk]), {"quantity": 1})
    client.post(reverse("checkout:shipping-address"), {
        "first_name": "Anna", "last_name": "Berg", "line1": "1 Rue", "line4": "Paris", "postcode": "75001",
        "country": country.pk,
    })  # fmt: skip
    client.get(reverse("checkout:shipping-method"))
    return client


def live(**thresholds):
    go_live(change_policy(storefront="", kind="payment_fraud", based_on=0, **NEVER | thresholds))


def place(client):
    return client.post(reverse("checkout:preview"), {"action": "place_order"})


def test_in_shadow_every_order_is_asked_about_and_goes_on(shopper):
    change_policy(storefront="", kind="payment_fraud", based_on=0, **NEVER | {"decline_from": 0.0})
    assert place(shopper)["Location"] == reverse("checkout:thank-you")
    order, asked = Order.objects.get(), Assessment.objects.get()
    assert (asked.external_id, asked.amount, asked.wanted_decision) == (order.number, Decimal(12), "decline")
    assert order.status == "Pending"


def test_an_order_to_be_reviewed_is_placed_held_and_released(shopper, admin_user):
    live(review_from=0.0)
    place(shopper)
    backfill()
    perform_order_acts()
    order = Order.objects.get()
    assert order.status == "On hold"
    page = shopper.get(reverse("checkout:thank-you")).content.decode()
    assert "We look at it before we go on" in page
    decide_case(Case.objects.get(), verdict="approve", reason_code="harmless", user=admin_user)
    perform_order_acts()
    order.refresh_from_db()
    assert order.status == "Pending"


def test_a_refused_order_takes_no_money_and_keeps_the_basket(shopper, monkeypatch):
    live(decline_from=0.0)
    answer = place(shopper)
    assert "We cannot accept this order" in answer.content.decode()
    assert not Order.objects.exists()
    assert Basket.objects.get().status == "Open"


def test_what_is_changed_after_a_refusal_is_assessed_again(shopper):
    live(decline_from=0.0)
    place(shopper)
    shopper.post(reverse("basket:add", args=[make_product("Pot", price="30.00").pk]), {"quantity": 1})
    place(shopper)
    asked = Assessment.objects.order_by("pk")
    assert [row.amount for row in asked] == [Decimal(12), Decimal(42)]
    assert not Order.objects.exists()


def test_a_proof_is_asked_for_by_mail_and_the_order_goes_on_after_it(shopper):
    live(step_up_from=0.0)
    assert place(shopper)["Location"] == reverse("checkout:confirm")
    assert not Order.objects.exists()
    wrong = shopper.post(reverse("checkout:confirm"), {"code": "x"}, follow=True)
    assert "That was not the code" in wrong.content.decode()
    code = re.search(r"\d{6}", mail.outbox[0].body)[0]
    assert shopper.post(reverse("checkout:confirm"), {"code": code})["Location"] == reverse(
        "checkout:preview"
    )
    assert place(shopper)["Location"] == reverse("checkout:thank-you")
    assert Order.objects.count() == 1


def test_a_code_is_guessed_five_times_at_most(shopper):
    live(step_up_from=0.0)
    place(shopper)
    answers = [shopper.post(reverse("checkout:confirm"), {"code": "nope"}) for _ in range(5)]
    assert answers[-1]["Location"] == reverse("basket:summary")
    assert shopper.get(reverse("checkout:confirm")).status_code == 302
    assert place(shopper)["Location"] != reverse("checkout:thank-you")


def test_the_checkout_goes_on_where_nothing_can_be_asked(shopper, monkeypatch):
    class Silent:
        def assess(self, question, **kwargs):
            return RiskAssessment()

    monkeypatch.setattr("ecomai.capabilities.get", lambda protocol: Silent())
    assert place(shopper)["Location"] == reverse("checkout:thank-you")
    assert not Assessment.objects.exists()
