"""Assessing: idempotent, bounded in time, told in shadow, and never an exception in the checkout."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from ecomai import capabilities
from ecomai.capabilities import RiskAssessor, RiskLine
from ecomai.commerce.models import ExchangeRate
from ecomai.fusion.services import read_fact
from ecomai.registry.services import switch_scenario
from risk.exceptions import InvalidQuestionError, OtherContentsError
from risk.features import FEATURE_NAMES
from risk.models import Assessment, EntityState, Label
from risk.services import assess, record_label

# The package has a function of the module's name.
ASSESS = import_module("risk.services.assess")

pytestmark = pytest.mark.django_db


def feature(row: Assessment, name: str) -> float | None:
    return row.features[FEATURE_NAMES.index(name)]


def test_what_is_asked_first_has_no_past(ask: Any) -> None:
    row = ask()
    assert feature(row, "device_payments_90d") == 0
    assert feature(row, "device_age_days") is None
    assert feature(row, "amount") == 50.0
    assert feature(row, "fraud_distance") == 3


def test_the_same_question_again_gets_the_same_answer_and_is_counted_once(ask: Any) -> None:
    first, again = ask(), ask()
    assert again.pk == first.pk
    assert again.probability == first.probability
    assert feature(ask("o-2"), "device_payments_1h") == 1


def test_the_same_amount_written_otherwise_is_the_same_question(ask: Any) -> None:
    assert ask(amount=Decimal("50.00")).pk == ask(amount=Decimal(50)).pk


def test_an_id_with_other_contents_is_a_conflict_and_changes_nothing(ask: Any) -> None:
    first = ask()
    with pytest.raises(OtherContentsError):
        ask(amount=Decimal(51))
    assert Assessment.objects.get().amount == first.amount
    assert feature(ask("o-2"), "device_amount_24h") == 50.0


def test_one_id_may_be_used_once_for_each_kind(ask: Any) -> None:
    assert ask().pk != ask(kind="account_takeover", amount=None, currency="").pk


def test_accounts_on_one_device_are_counted(ask: Any) -> None:
    for number in range(4):
        row = ask(f"o-{number}", customer_id=f"c-{number}", card_fingerprint=f"card-{number}",
                  email=f"p{number}@shop.example", shipping_address=f"{number} Low Road")  # fmt: skip
    assert feature(row, "device_accounts") == 3
    assert feature(row, "circle_size") == 4
    assert feature(row, "card_accounts") == 0


def test_a_known_fraud_is_seen_from_itself_from_its_device_and_one_step_further(ask: Any) -> None:
    alone = {"card_fingerprint": "", "email": "", "shipping_address": "", "ip_address": ""}
    stolen = ask("o-1", customer_id="thief", device_id="d-1", **alone)
    ask("o-2", customer_id="friend", device_id="d-1", **alone)
    record_label(assessment=stolen, is_fraud=True, source="chargeback")
    assert feature(ask("o-3", customer_id="thief", device_id="d-9", **alone), "fraud_distance") == 0
    # The friend heard of it at once, on any device.
    assert feature(ask("o-4", customer_id="friend", device_id="d-2", **alone), "fraud_distance") == 1
    assert feature(ask("o-5", customer_id="new", device_id="d-1", **alone), "fraud_distance") == 1
    assert feature(ask("o-6", customer_id="third", device_id="d-2", **alone), "fraud_distance") == 2
    assert feature(ask("o-7", customer_id="stranger", device_id="d-7", **alone), "fraud_distance") == 3


def test_a_fraud_that_was_none_is_taken_back(ask: Any) -> None:
    row = ask()
    record_label(assessment=row, is_fraud=True, source="review")
    assert feature(ask("o-2"), "card_fraud_ever") == 1
    record_label(assessment=row, is_fraud=False, source="appeal")
    later = ask("o-3")
    assert feature(later, "card_fraud_ever") == 0
    assert feature(later, "fraud_distance") == 3


def test_an_older_label_is_history_and_a_later_one_counts(ask: Any) -> None:
    row, now = ask(), datetime.now(UTC)
    record_label(assessment=row, is_fraud=True, source="chargeback", known_at=now)
    older = record_label(assessment=row, is_fraud=False, source="review", known_at=now - timedelta(days=2))
    row.refresh_from_db()
    assert row.is_fraud is True
    assert older.superseded_at is not None
    assert Label.objects.filter(superseded_at=None).get().source == "chargeback"


def test_a_chargeback_is_one_label_however_often_it_is_told(ask: Any) -> None:
    row = ask()
    labels = {
        record_label(assessment=row, is_fraud=True, source="chargeback", reference="cb-1").pk
        for _each in "ab"
    }
    assert len(labels) == 1
    assert feature(ask("o-2"), "card_fraud_ever") == 1


def test_in_shadow_the_shop_is_told_to_approve(ask: Any, live_policy: Any) -> None:
    row = ask(failed_payments=9, ip_country="FR", card_country="US", billing_country="GB")
    assert row.is_shadow
    assert row.decision == "approve"
    assert row.wanted_decision != "approve"


def test_a_live_policy_is_told(ask: Any, live_policy: Any) -> None:
    live_policy(step_up_from=0.0, review_from=None, decline_from=None)
    row = ask()
    assert not row.is_shadow
    assert row.decision == row.wanted_decision == "step_up"
    assert row.policy.number == 2


def test_reasons_are_kept_as_codes_and_said_in_sentences(ask: Any) -> None:
    for number in range(5):
        row = ask(f"o-{number}", customer_id=f"c-{number}")
    reasons = {reason["code"]: reason["number"] for reason in row.reasons}
    assert reasons["device_accounts"] == 4
    answer = capabilities.get(RiskAssessor).assess(_question("o-9", customer_id="c-9"))
    assert "Other accounts that used this device before: 5." in answer.reasons


def _question(external_id: str, **fields: Any) -> Any:
    usual = {"kind": "payment_fraud", "amount": Decimal(50), "currency": "EUR", "device_id": "device-1"}
    return capabilities.RiskQuestion(external_id=external_id, **usual | fields)


# -- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"amount": Decimal(-1)}, "-1"),
        ({"amount": Decimal("NaN")}, "NaN"),
        ({"amount": Decimal("1e12")}, "1E+12"),
        ({"currency": "euro"}, "euro"),
        ({"currency": ""}, "currency"),
        ({"kind": "nonsense"}, "nonsense"),
        ({"customer_id": "x" * 129}, "customer_id"),
        ({"occurred_at": datetime(2026, 1, 1)}, "zone"),
        ({"lines": [RiskLine(quantity=-1)]}, "line"),
        ({"title": "a\x00b"}, "character"),
        ({"properties": {"x": "y" * 5000}}, "4096"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_refused_with_the_reason(ask: Any, fields: dict, said: str) -> None:
    with pytest.raises(InvalidQuestionError, match=said.replace("+", r"\+")):
        ask(**fields)
    assert not Assessment.objects.exists()
    assert not EntityState.objects.exists()


def test_a_currency_without_rate_has_no_amount_rather_than_a_guessed_one(ask: Any) -> None:
    row = ask(currency="XAF")
    assert row.amount == 50
    assert row.amount_reporting is None
    assert feature(row, "amount") is None
    ExchangeRate.objects.create(currency="XAF", valid_from="2020-01-01", rate=Decimal("0.0015"))
    assert ask("o-2", currency="XAF").amount_reporting == Decimal("0.0750")


def test_without_device_card_or_address_it_is_assessed_by_the_rest(ask: Any) -> None:
    row = ask(device_id="", card_fingerprint="", shipping_address="", ip_address="no address")
    assert feature(row, "has_device") == 0
    assert feature(row, "device_payments_1h") is None
    assert feature(row, "customer_payments_1h") == 0


def test_of_ipv6_the_network_is_what_counts(ask: Any) -> None:
    ask("o-1", ip_address="2001:db8:7::1")
    row = ask("o-2", ip_address="2001:0DB8:0007:ffff::2")
    assert row.shown["network"] == "2001:db8:7::/48"
    assert feature(row, "network_payments_1h") == 1
    assert feature(row, "ip_payments_1h") == 0
    assert ask("o-3", ip_address="::ffff:203.0.113.7").shown["network"] == "203.0.113.0/24"


@pytest.mark.parametrize("days", [-400, 400])
def test_a_wrong_clock_orders_no_history(ask: Any, days: int) -> None:
    ask("o-1", occurred_at=datetime.now(UTC) + timedelta(days=days))
    row = ask("o-2")
    assert feature(row, "device_payments_1h") == 1
    assert feature(Assessment.objects.get(external_id="o-1"), "clock_gap_minutes") == (
        1440 if days > 0 else -1440
    )


def test_an_order_of_ten_thousand_lines_is_summed_up(ask: Any) -> None:
    lines = [RiskLine(item_id=str(n), category=f"c-{n % 30}", unit_price=Decimal(n)) for n in range(10_000)]
    row = ask(lines=lines)
    assert feature(row, "n_lines") == 10_000
    assert feature(row, "dearest_unit") == 9999
    assert len(row.payload["lines"]) == 50
    with pytest.raises(InvalidQuestionError, match="10000"):
        ask("o-2", lines=[*lines, RiskLine()])


def test_nothing_that_identifies_a_person_is_kept(ask: Any) -> None:
    ask(customer_name="Mia Jones", card_last_digits="4242 4242 4242 4242")
    row = Assessment.objects.values().get()
    kept = " ".join(str(value) for value in row.values())
    for secret in ("mia.jones", "Mia Jones", "High Street", "203.0.113.7", "card-1", "device-1", "4242 4242"):
        assert secret not in kept
    assert row["shown"] == {
        "card_last_digits": "4242",
        "email_domain": "shop.example",
        "network": "203.0.113.0/24",
    }


# -- faults -----------------------------------------------------------------------------------------


def test_past_the_time_budget_the_simple_model_answers(ask: Any, question: Any) -> None:
    row = assess(question(), time_budget_seconds=0.0)
    assert row.pk
    assert row.answered_by == "simple_model"
    assert row.probability is not None


def test_without_its_history_a_question_is_judged_by_what_it_says(
    ask: Any, monkeypatch: Any, question: Any
) -> None:
    def away(*arguments: Any, **named: Any) -> None:
        raise DatabaseError("the states are locked")

    monkeypatch.setattr(ASSESS, "take_states", away)
    row = ask(failed_payments=3)
    assert row.features == []
    assert row.features_version == 0
    assert row.answered_by == "simple_model"
    assert ask(failed_payments=3).pk == row.pk


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("fallback", "told"), [("approve", "approve"), ("review", "review")])
def test_where_everything_fails_the_policys_default_counts(
    live_policy: Any, question: Any, monkeypatch: Any, fallback: str, told: str
) -> None:
    live_policy(default_decision=fallback)
    assess(question("before"))

    def broken(*arguments: Any, **named: Any) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(ASSESS, "prepare", broken)
    row = assess(question())
    assert row.pk is None
    assert row.decision == told
    assert row.answered_by == "default"


def test_the_capability_never_raises(db: None) -> None:
    answer = capabilities.get(RiskAssessor).assess(_question("o-1", amount=Decimal(-1)))
    assert answer.decision == "approve"
    assert answer.unavailable is not None
    assert answer.unavailable.reason == "invalid_question"


def test_switched_off_nothing_is_kept(ask: Any) -> None:
    switch_scenario(name="risk", is_on=False)
    row = ask()
    assert row.decision == "approve"
    assert row.pk is None
    assert not EntityState.objects.exists()


def test_the_number_of_queries_does_not_grow_with_history(ask: Any) -> None:
    ask("o-first")
    with CaptureQueriesContext(connection) as few:
        ask("o-second")
    for number in range(60):
        ask(f"o-{number}", customer_id=f"c-{number % 20}")
    ask("o-last-but-one")  # what is remembered for a second has been read again
    with CaptureQueriesContext(connection) as many:
        ask("o-last")
    assert len(many) <= len(few)
    assert max(len(bytes(row.state)) for row in EntityState.objects.all()) < 4096


# -- what marketing may know --------------------------------------------------------------------------


def test_an_abuser_gets_no_coupons_and_marketing_reads_no_score(ask: Any, live_policy: Any) -> None:
    live_policy(kind="promotion_abuse", step_up_from=None, review_from=None, decline_from=0.0)
    ask(kind="promotion_abuse")
    held = read_fact(name="risk.coupon_hold", entity_id="c-1", purpose="marketing")
    assert held is True
    assert read_fact(name="risk.coupon_hold", entity_id="c-2", purpose="marketing") is False
