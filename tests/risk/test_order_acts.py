"""Orders are held, released and cancelled as cases want it, once, whenever they come."""

from datetime import timedelta

import pytest
from django.utils import timezone

from risk.models import Case, Origin
from risk.services import cases
from risk.services.order_acts import perform_order_acts

from . import holding_shop
from .reviewing import add_assessment, add_case, add_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(settings):
    settings.ECOMAI = settings.ECOMAI | {
        "COMMERCE": settings.ECOMAI.get("COMMERCE", {}) | {"ADAPTER": "tests.risk.holding_shop.HoldingShop"}
    }
    holding_shop.ORDERS.clear()
    holding_shop.ACTS.clear()
    holding_shop.ORDERS["o-1"] = "placed"
    return holding_shop


def decide(case, verdict, reason_code="harmless"):
    return cases.decide_case(
        case, verdict=verdict, reason_code=reason_code, user=add_reviewer(f"{verdict} {case.pk}")
    )


def test_an_order_under_review_is_held_once(shop):
    case = add_case()
    assert [perform_order_acts(), perform_order_acts()] == [1, 0]
    case.refresh_from_db()
    assert (case.order_state, case.order_act, shop.ACTS) == ("hold_order", "", [("o-1", "on_hold")])


@pytest.mark.parametrize(
    ("verdict", "status"), [("approve", "placed"), ("decline", "cancelled"), ("step_up", "on_hold")]
)
def test_a_decision_is_done_with_the_order(shop, verdict, status):
    case = add_case()
    perform_order_acts()
    decide(case, verdict)
    perform_order_acts()
    assert shop.ORDERS["o-1"] == status


def test_an_order_that_comes_later_is_held_then(shop):
    shop.ORDERS.clear()
    case = add_case()
    assert perform_order_acts() == 0
    case.refresh_from_db()
    assert (case.order_act, "there is no order" in case.order_problem) == ("hold_order", True)
    shop.ORDERS["o-1"] = "placed"
    assert perform_order_acts() == 1
    case.refresh_from_db()
    assert (case.order_problem, shop.ORDERS["o-1"]) == ("", "on_hold")


def test_after_a_day_it_is_not_tried_again(shop):
    add_case()
    Case.objects.update(order_act_at=timezone.now() - timedelta(days=1, seconds=1))
    assert perform_order_acts() == 0
    assert shop.ACTS == []


def test_what_was_approved_before_it_was_held_is_left_alone(shop):
    case = decide(add_case(), "approve")
    assert case.order_act == ""
    perform_order_acts()
    assert shop.ACTS == []


@pytest.mark.parametrize(
    "fields", [{"is_shadow": True}, {"kind": "fake_review"}], ids=["in shadow", "no order"]
)
def test_no_order_is_touched(shop, fields):
    decide(add_case(**fields), "decline", "abuse")
    perform_order_acts()
    assert shop.ACTS == []


def test_a_chargeback_holds_nothing(shop):
    cases.open_case(add_assessment(), origin=Origin.CHARGEBACK)
    perform_order_acts()
    assert shop.ACTS == []


def test_a_shop_that_cannot_hold_says_so_on_the_case_and_is_not_asked_again(settings):
    commerce = settings.ECOMAI["COMMERCE"] | {"ADAPTER": "tests.risk.holding_shop.MailingShop"}
    settings.ECOMAI = settings.ECOMAI | {"COMMERCE": commerce}
    case = add_case()
    perform_order_acts()
    case.refresh_from_db()
    assert (case.order_act, case.order_state) == ("", "")
    assert "hold_order" in case.order_problem


def test_held_again_after_it_was_opened_again(shop):
    """The key of an act is new each time, so the shop does not answer with what it did before."""
    case = add_case()
    perform_order_acts()
    case = decide(case, "approve")
    perform_order_acts()
    cases.reopen_case(case, user=add_reviewer("eva"))
    decide(case, "decline")
    perform_order_acts()
    assert [status for _order, status in shop.ACTS] == ["on_hold", "placed", "cancelled"]
