"""History folded again gives the very features that were kept when each question came."""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from ecomai.capabilities import RiskLine, RiskQuestion
from ecomai.commerce.models import ExchangeRate
from risk.features import CODES, FEATURE_NAMES, State
from risk.models import Assessment, EntityState, Label
from risk.replaying import replay_history
from risk.services import assess, record_label

pytestmark = pytest.mark.django_db

KINDS = list(CODES)


def asked(rng: random.Random, number: int) -> RiskQuestion:
    """Any kind of question of a small town: people share devices and addresses, and clocks are wrong."""
    kind = rng.choices(KINDS, weights=[8, 3, 2, 2, 1, 1])[0]
    person = rng.randrange(60)
    lines = [
        RiskLine(item_id=f"i-{rng.randrange(40)}", category=rng.choice(["a", "b", "c"]),
                 quantity=rng.randrange(1, 4), unit_price=Decimal(rng.randrange(1, 9000)) / 100)
        for _each in range(rng.randrange(4))
    ]  # fmt: skip
    return RiskQuestion(
        kind=kind, external_id=f"{kind}-{number}",
        storefront=rng.choice(["", "", "de"]),
        customer_id="" if person % 7 == 0 else f"c-{person}",
        occurred_at=timezone.now() + timedelta(seconds=rng.choice([0, -3600, 7200, -86_400 * 3])),
        amount=None if kind == "account_takeover" else Decimal(rng.randrange(0, 100_000)) / 100,
        currency="" if kind == "account_takeover" else rng.choice(["EUR", "EUR", "USD", "XXX"]),
        lines=lines, card_fingerprint=rng.choice(["", f"card-{person % 45}"]),
        device_id=rng.choice(["", f"device-{person % 30}"]), email=f"p{person}@example{person % 9}.org",
        shipping_address=rng.choice(["", f"{person % 25} High Street"]),
        billing_country="GB", ip_country=rng.choice(["", "GB", "FR"]),
        ip_address=rng.choice(["", f"198.51.100.{person}", f"2001:db8:{person % 5}::{person + 1:x}"]),
        failed_payments=rng.choice([None, 0, 3]), text="Great! Buy at www.example.com" * rng.randrange(3),
    )  # fmt: skip


@pytest.fixture
def happen(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[Assessment]]:
    """The past of a small shop: clocks that stand still or jump back, frauds found late, appeals."""

    def ask_many(n_questions: int) -> list[Assessment]:
        return past(monkeypatch, n_questions)

    return ask_many


def past(monkeypatch: pytest.MonkeyPatch, n_questions: int) -> list[Assessment]:
    rng = random.Random(7)
    ExchangeRate.objects.create(currency="USD", valid_from="2020-01-01", rate=Decimal("0.9"))
    clock = [timezone.now() - timedelta(days=300)]
    monkeypatch.setattr("django.utils.timezone.now", lambda: clock[0])
    rows: list[Assessment] = []
    for number in range(n_questions):
        clock[0] += timedelta(seconds=rng.choice([0, 0, 1, 40, 1800, 30_000, -600]))
        rows.append(assess(asked(rng, number), time_budget_seconds=30))
        if rng.random() < 0.06:
            row = rng.choice(rows)
            source = rng.choice(list(Label.Source))
            known_at = clock[0] - timedelta(days=rng.randrange(3))
            record_label(assessment=row, is_fraud=rng.random() < 0.7, source=source, known_at=known_at)
    return rows


def kept() -> dict[int, list[Any]]:
    return dict(Assessment.objects.exclude(features_version=0).values_list("pk", "features"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_not_one_feature_differs_when_history_is_folded_again(happen: Callable[[int], list]) -> None:
    history = happen(2000)
    again: dict[bytes, State] = {}
    computed = dict(replay_history(states=again))
    stored = kept()
    assert len(stored) == len(history) == 2000
    differing = {
        (pk, name): (one, other)
        for pk, values in stored.items()
        for name, one, other in zip(FEATURE_NAMES, values, computed[pk], strict=True)
        if one != other
    }
    assert differing == {}
    # The history is one in which every feature that it may move does move.
    moved = {
        name for name, *column in zip(FEATURE_NAMES, *stored.values(), strict=True) if len(set(column)) > 1
    }
    for name in ("fraud_distance", "circle_size", "own_amount_z", "device_fraud_30d", "network_fraud_share"):
        assert name in moved
    assert len(moved) > 120
    stored_states = {row.pk.bytes: State.decode(bytes(row.state)) for row in EntityState.objects.all()}
    assert stored_states == again


def test_no_feature_knows_what_came_later(happen: Callable[[int], list]) -> None:
    """Without the second half of history, labels included, the first half's features are what they were."""
    middle = sorted(row.received_at for row in happen(300))[150]
    first = dict(replay_history(until=middle))
    stored = kept()
    assert 120 < len(first) <= 150
    assert all(values == stored[pk] for pk, values in first.items())
