"""Many threads ask about the same people, devices and cards at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections

from ecomai.capabilities import RiskQuestion
from risk.exceptions import OtherContentsError
from risk.features import FEATURE_NAMES
from risk.models import Assessment, EntityState
from risk.replaying import replay_history
from risk.services import assess, record_label

pytestmark = pytest.mark.django_db(transaction=True)

N_THREADS = 4


def at_once(work: Callable[[int], Any], n_calls: int) -> list[Any]:
    def closing(number: int) -> Any:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(closing, range(n_calls)))


def question(number: int, **fields: Any) -> RiskQuestion:
    usual = {
        "kind": "payment_fraud", "external_id": f"o-{number}", "customer_id": f"c-{number % 5}",
        "amount": Decimal(number % 7 + 1), "currency": "EUR", "device_id": f"d-{number % 3}",
        "card_fingerprint": f"k-{number % 4}", "ip_address": "203.0.113.7",
    }  # fmt: skip
    return RiskQuestion(**usual | fields)


def test_nothing_is_lost_nothing_waits_for_ever_and_history_is_what_was_seen() -> None:
    """Labels lock the states of neighbours besides: all in one order, so there is no deadlock."""

    def work(number: int) -> Assessment:
        row = assess(question(number), time_budget_seconds=60)
        if number % 6 == 0:
            record_label(assessment=row, is_fraud=True, source="chargeback")
        return row

    at_once(work, 80)
    stored = dict(Assessment.objects.values_list("pk", "features"))
    assert len(stored) == 80
    assert Assessment.objects.filter(features_version=0).count() == 0
    assert dict(replay_history()) == stored
    newest = assess(question(999, device_id="", card_fingerprint=""), time_budget_seconds=60)
    assert newest.features[FEATURE_NAMES.index("ip_payments_24h")] == 80


def test_one_question_sent_many_times_at_once_is_counted_once() -> None:
    answers = at_once(lambda _number: assess(question(1), time_budget_seconds=60), 12)
    assert len({row.pk for row in answers}) == 1
    newest = assess(question(2), time_budget_seconds=60)
    assert newest.features[FEATURE_NAMES.index("ip_payments_24h")] == 1


def test_of_two_contents_under_one_id_one_is_kept_and_the_other_is_told() -> None:
    def work(number: int) -> str:
        try:
            assess(question(1, amount=Decimal(number + 1)), time_budget_seconds=60)
        except OtherContentsError:
            return "conflict"
        return "kept"

    assert sorted(at_once(work, 8)) == ["conflict"] * 7 + ["kept"]
    assert Assessment.objects.count() == 1
    assert EntityState.objects.count() == 5
