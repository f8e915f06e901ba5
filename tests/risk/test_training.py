"""Training: from kept assessments to a model that serves, never from what came later."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ecomai.registry.models import ModelVersion, TrainingRun
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.registry.tasks import run_training
from ecomai.serving import live
from risk.datasets import read_dataset
from risk.features import FEATURE_NAMES, FEATURES_VERSION
from risk.models import Assessment, Label
from risk.services import assess, change_policy

pytestmark = pytest.mark.django_db

NAME = "risk.payment_fraud"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PLACE = {name: place for place, name in enumerate(FEATURE_NAMES)}


@pytest.fixture(autouse=True)
def _small_shop(settings: Any, tmp_path: Any) -> None:
    settings.ECOMAI = {
        **settings.ECOMAI,
        "REGISTRY": {"FOLDER": str(tmp_path / "registry")},
        "RISK": {"MIN_ASSESSMENTS": 200, "MIN_FRAUD": 10},
    }


def planted(n_rows: int = 900) -> None:
    """A history in which fraud is what comes from devices of many accounts; amounts say nothing."""
    rng = np.random.default_rng(3)
    rows, frauds = [], []
    for number in range(n_rows):
        accounts = int(rng.integers(0, 6))
        features: list[float | None] = [None] * len(FEATURE_NAMES)
        features[PLACE["device_accounts"]] = float(accounts)
        features[PLACE["amount"]] = float(rng.uniform(5, 500))
        features[PLACE["hour"]] = float(rng.integers(0, 24))
        features[PLACE["own_orders"]] = float(rng.integers(0, 3))
        at = NOW - timedelta(days=300) + timedelta(hours=8 * number)
        rows.append(
            Assessment(kind="payment_fraud", external_id=f"o-{number}", occurred_at=at, received_at=at,
                       features=features, features_version=FEATURES_VERSION)
        )  # fmt: skip
        frauds.append(rng.random() < (0.8 if accounts >= 4 else 0.02))
    Assessment.objects.bulk_create(rows)
    labels = [
        Label(assessment=row, is_fraud=True, source="chargeback",
              known_at=row.received_at + timedelta(days=9),
              recorded_at=row.received_at + timedelta(days=9))
        for row, is_fraud in zip(rows, frauds, strict=True) if is_fraud
    ]  # fmt: skip
    Label.objects.bulk_create(labels)
    Assessment.objects.filter(labels__is_fraud=True).update(is_fraud=True)


def train(**hyperparameters: Any) -> TrainingRun:
    run = request_training(model_name=NAME, hyperparameters=hyperparameters)
    run_training(run.pk)
    run.refresh_from_db()
    return run


def test_a_model_finds_what_was_planted_serves_and_says_why(question: Any) -> None:
    planted()
    run = train(n_trees=60)
    version = ModelVersion.objects.get(model_name=NAME)
    assert run.version_id == version.pk
    assert version.metrics["roc_auc"] > 0.85
    assert version.metrics["expected_calibration_error"] < 0.1
    assert "device_accounts" in version.card["features"]
    promote_version(version=version)
    go_live(model_name=NAME)
    live.refresh()
    for number in range(6):
        row = assess(question(f"n-{number}", customer_id=f"n-{number}"), time_budget_seconds=5)
    assert row.answered_by == "model"
    assert row.model_version_id == version.pk
    assert row.probability > 0.5
    assert row.reasons[0]["code"] == "device_accounts"
    assert row.reasons[0]["number"] == 5
    honest = assess(question("h", device_id="own", customer_id="h"), time_budget_seconds=5)
    assert honest.probability < 0.2


def test_a_forbidden_feature_is_not_learned_from_and_an_older_model_does_not_answer(question: Any) -> None:
    planted()
    train(n_trees=30)
    first = ModelVersion.objects.get(model_name=NAME)
    promote_version(version=first)
    go_live(model_name=NAME)
    change_policy(storefront="", kind="payment_fraud", based_on=0, forbidden_features=["device_accounts"])
    live.refresh()
    assert assess(question("a"), time_budget_seconds=5).answered_by == "simple_model"
    train(n_trees=30)
    second = ModelVersion.objects.get(model_name=NAME, number=2)
    assert second.card["forbidden_features"] == ["device_accounts"]
    assert "device_accounts" not in second.card["features"]
    assert second.metrics["roc_auc"] < 0.7


def test_outcomes_are_those_that_were_known_then(settings: Any) -> None:
    planted(300)
    as_of = NOW - timedelta(days=250)
    dataset = read_dataset("payment_fraud", as_of=as_of)
    assert max(dataset.received) < as_of
    # What is younger than the delay is there only where a label came.
    young = [moment for moment in dataset.received if moment > as_of - timedelta(days=45)]
    assert len(young) == sum(dataset.y[-len(young) :])
    assert all(moment <= as_of - timedelta(days=9) for moment in young)
    assert read_dataset("payment_fraud", as_of=NOW - timedelta(days=400)).X.shape == (0, len(FEATURE_NAMES))


def test_a_label_that_was_superseded_counts_until_then() -> None:
    planted(300)
    label = Label.objects.order_by("recorded_at").first()
    assert label is not None
    Label.objects.filter(pk=label.pk).update(superseded_at=label.recorded_at + timedelta(days=5))
    Label.objects.create(assessment=label.assessment, is_fraud=False, source="appeal",
                         recorded_at=label.recorded_at + timedelta(days=5))  # fmt: skip

    def outcome(after: timedelta) -> list[int]:
        dataset = read_dataset("payment_fraud", as_of=label.recorded_at + after)
        return dataset.y[dataset.ids == label.assessment_id].tolist()

    assert outcome(timedelta(days=1)) == [1]
    assert outcome(timedelta(days=6)) == [0]


def test_too_little_is_said_with_numbers() -> None:
    planted(100)
    run = train()
    assert run.version is None
    assert "100" in run.job.error_message
    assert "200" in run.job.error_message
