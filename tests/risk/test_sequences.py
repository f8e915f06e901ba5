"""What happened before an assessment: the same to whoever answers, learns, or decides the past once more."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.utils import timezone

from ecomai.commerce.models import ExchangeRate
from ecomai.inference.event_windows import BAD, UNKNOWN, EventWindows
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import ModelVersion
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.registry.tasks import run_training
from ecomai.serving import live
from risk import sequences
from risk.backtesting.jobs import start_backtest
from risk.features import FEATURE_NAMES, FEATURES_VERSION
from risk.features.tokens import STREAMS, TOKENS
from risk.models import Assessment, Label
from risk.sequences import LENGTHS, read_sequences, sequences_before
from risk.services import assess, change_policy, record_label
from risk.training import networks

from .test_replay import asked

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PLACE = {name: place for place, name in enumerate(FEATURE_NAMES)}
NAME = "risk.payment_fraud"


def window(found: sequences.Sequences, place: int) -> dict[str, np.ndarray]:
    return EventWindows(found.table, LENGTHS).inputs(np.array([place]))


def test_what_is_read_to_answer_is_what_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a town that shares devices and cards, with frauds found late and taken back, no number differs."""
    rng = random.Random(7)
    ExchangeRate.objects.create(currency="USD", valid_from="2020-01-01", rate=Decimal("0.9"))
    clock = [timezone.now() - timedelta(days=300)]
    monkeypatch.setattr("django.utils.timezone.now", lambda: clock[0])
    rows: list[Assessment] = []
    then: dict[int, dict[str, np.ndarray]] = {}
    for number in range(220):
        clock[0] += timedelta(seconds=rng.choice([0, 0, 1, 40, 1800, 30_000]))
        row = assess(asked(rng, number), time_budget_seconds=30)
        rows.append(row)
        found, places = sequences_before([row])
        then[row.pk] = window(found, int(places[0]))
        if rng.random() < 0.3:
            record_label(assessment=rng.choice(rows[-40:]), is_fraud=rng.random() < 0.7,
                         source=rng.choice(list(Label.Source)), known_at=clock[0])  # fmt: skip
    learned = read_sequences(as_of=clock[0] + timedelta(days=1))
    again, _places = sequences_before(rows)
    assert len(learned.table) == len(rows)
    for whole in (learned, again):
        for row in rows:
            for name, array in window(whole, int(whole.places([row.pk])[0])).items():
                np.testing.assert_array_equal(array, then[row.pk][name], err_msg=name)
    # It is a history in which there is something to see.
    states = np.concatenate([inputs["states"].ravel() for inputs in then.values()])
    kinds = np.concatenate([inputs["kinds"].ravel() for inputs in then.values()])
    assert (states == BAD).sum() > 50
    assert {0, 1, 2, 3} <= set(kinds)


@pytest.fixture
def long_history() -> Assessment:
    """A customer of two hundred orders with five cards and four devices; the newest is returned."""
    rows = []
    for number in range(200):
        features: list[float | None] = [None] * len(FEATURE_NAMES)
        features[PLACE["amount"]] = float(number)
        at = NOW - timedelta(hours=200 - number)
        rows.append(
            Assessment(kind="payment_fraud", external_id=f"o-{number}", occurred_at=at, received_at=at,
                       customer=UUID(int=1 << 80), card=UUID(int=2 + number % 5 << 80),
                       device=UUID(int=20 + number % 4 << 80), features=features,
                       features_version=FEATURES_VERSION)
        )  # fmt: skip
    return Assessment.objects.bulk_create(rows)[-1]


def test_a_long_history_costs_one_query_of_a_few_rows(
    long_history: Assessment, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        found, places = sequences_before([long_history])
    assert len(found.table) <= 1 + sum(STREAMS.values())
    inputs = window(found, int(places[0]))
    amounts = np.expm1(inputs["numbers"][0, :, TOKENS.index("amount")])
    np.testing.assert_allclose(amounts[:17], np.arange(199, 182, -1), rtol=1e-4)
    np.testing.assert_allclose(amounts[17:25], 194 - 5 * np.arange(8), rtol=1e-4)
    np.testing.assert_allclose(amounts[25:], 195 - 4 * np.arange(8), rtol=1e-4)


def test_other_databases_find_the_same(long_history: Assessment, monkeypatch: pytest.MonkeyPatch) -> None:
    Label.objects.create(assessment_id=long_history.pk - 1, is_fraud=True, source="review", change=1)
    by_index, _places = sequences_before([long_history])
    monkeypatch.setattr(sequences, "is_postgresql", lambda: False)
    by_orm, _places = sequences_before([long_history])
    np.testing.assert_array_equal(by_index.ids, by_orm.ids)
    for name, array in vars(by_index.table).items():
        np.testing.assert_array_equal(array, vars(by_orm.table)[name], err_msg=name)
    assert np.isfinite(by_orm.table.known_at).sum() == 1


def test_a_fraud_that_was_none_after_all_is_known_only_in_between(ask: Callable[..., Assessment]) -> None:
    first = ask("o-1")
    record_label(assessment=first, is_fraud=True, source="review")
    second = ask("o-2")
    record_label(assessment=first, is_fraud=False, source="appeal")
    third = ask("o-3")
    found = read_sequences(as_of=timezone.now())

    def states(row: Assessment) -> list[int]:
        return window(found, int(found.places([row.pk])[0]))["states"][0, 1:3].tolist()

    assert states(second)[0] == BAD
    assert states(third) == [UNKNOWN, UNKNOWN]


def test_what_a_model_must_not_know_is_in_no_token(long_history: Assessment) -> None:
    found, places = sequences_before([long_history])
    allowed = [name for name in TOKENS if not name.startswith("device_")]
    table = found.table_of(allowed, ["customer", "card"])
    assert table.numbers.shape[1] == len(allowed) < len(TOKENS)
    kinds = EventWindows(table, LENGTHS).inputs(places)["kinds"]
    assert (kinds == 2).any()
    assert not (kinds == 3).any()


# -- training, serving, the past once more ----------------------------------------------------------


def plant_tried_cards(n_pairs: int) -> None:
    """A thief tries a card with a coin, ten minutes before: only then is a large amount fraud.

    What trees see is the amount alone.
    """
    rng = np.random.default_rng(5)
    rows, frauds = [], []
    for number in range(n_pairs):
        customer, is_tried = UUID(int=1 + int(rng.integers(200)) << 80), rng.random() < 0.3
        at = NOW - timedelta(days=300) + timedelta(hours=8 * number)
        for place, amount in enumerate([1.0 if is_tried else 45.0, 90.0]):
            features: list[float | None] = [None] * len(FEATURE_NAMES)
            features[PLACE["amount"]] = amount * float(rng.uniform(0.8, 1.2))
            then = at + timedelta(minutes=10 * place)
            rows.append(
                Assessment(kind="payment_fraud", external_id=f"o-{number}-{place}", occurred_at=then,
                           received_at=then, customer=customer, features=features, decision="approve",
                           features_version=FEATURES_VERSION, amount_reporting=Decimal(int(amount)))
            )  # fmt: skip
            frauds.append(is_tried and place == 1)
    Assessment.objects.bulk_create(rows)
    late = timedelta(days=9)
    Label.objects.bulk_create(
        Label(assessment=row, is_fraud=True, source="chargeback", known_at=row.received_at + late,
              recorded_at=row.received_at + late, change=1)
        for row, is_fraud in zip(rows, frauds, strict=True) if is_fraud
    )  # fmt: skip
    Assessment.objects.filter(labels__is_fraud=True).update(is_fraud=True)


def train(**hyperparameters: Any) -> ModelVersion:
    run = request_training(model_name=NAME, hyperparameters=hyperparameters)
    run_training(run.pk)
    run.refresh_from_db()
    assert run.version is not None, run.job.error_message
    return run.version


@pytest.fixture
def small_shop(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ECOMAI = {
        **settings.ECOMAI,
        "REGISTRY": {"FOLDER": str(tmp_path / "registry")},
        "RISK": {"MIN_ASSESSMENTS": 200, "MIN_FRAUD": 10},
    }
    monkeypatch.setattr(networks, "LEAST_FRAUD", 30)


@pytest.mark.timeout(300)
def test_the_order_of_events_is_learned_serves_explains_and_judges_the_past(
    small_shop: None, question: Any
) -> None:
    plant_tried_cards(800)
    version = train(n_trees=30)
    assert version.kind == "event_ensemble"
    rows = version.card["rows"]
    assert set(rows) == {"prior", "simple", "trees", "transformer", "ensemble"}
    assert rows["trees"]["average_precision"] < 0.6
    assert rows["ensemble"]["average_precision"] > 0.8
    assert version.metrics["average_precision"] == pytest.approx(
        rows["ensemble"]["average_precision"], abs=0.02
    )
    assert version.card["transformer"]["is_used"]
    # Not live yet, it says of the past what it said of it when it was judged.
    start = NOW - timedelta(days=100)
    change_policy(
        storefront="",
        kind="payment_fraud",
        based_on=0,
        review_from=0.5,
        decline_from=0.5,
        time_budget_ms=2000,
    )
    test = start_backtest(kind="payment_fraud", configuration={"model_version": version.pk},
                          period_start=start, period_end=NOW)  # fmt: skip
    execute_job(test.job_id)
    test.refresh_from_db()
    assert test.job.state == "succeeded", test.job.error_message
    arm = test.report["arms"]["draft"]
    assert arm["recall"] > 0.7
    assert arm["decisions"]["decline"]["honest"] < arm["decisions"]["decline"]["fraud"] / 2
    # Live, it answers by the order in which the customer's orders came.
    promote_version(version=version)
    go_live(model_name=NAME)
    live.refresh()
    said = {}
    for customer, before in (("thief", 1), ("honest", 45)):
        assess(question(f"{customer}-1", customer_id=customer, amount=Decimal(before), card_fingerprint="",
                        device_id=""), time_budget_seconds=10)  # fmt: skip
        said[customer] = assess(
            question(f"{customer}-2", customer_id=customer, amount=Decimal(90), card_fingerprint="",
                     device_id=""), time_budget_seconds=10,
        )  # fmt: skip
    assert [row.answered_by for row in said.values()] == ["model", "model"]
    assert said["thief"].probability > said["honest"].probability + 0.2
    assert "event_order" in [reason["code"] for reason in said["thief"].reasons]


def test_without_time_or_frauds_trees_answer_alone_and_the_card_says_why(small_shop: None) -> None:
    plant_tried_cards(300)
    version = train(n_trees=20, sequence_minutes=0)
    assert version.kind == "tabular_classifier"
    assert version.card["transformer"]["why_not"] == "It was not asked for."
    assert set(version.card["rows"]) == {"prior", "simple", "trees"}
    networks.LEAST_FRAUD = 10_000
    assert "10000" in train(n_trees=20).card["transformer"]["why_not"]
