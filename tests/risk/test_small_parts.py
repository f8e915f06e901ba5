"""Settings, cards, the doctor, hashes, windows and the served model: each by itself."""

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from ecomai.serving.exceptions import UnreadableArtifactError
from ecomai.serving.predictors import load_predictor
from risk import checks, hashing
from risk.cards import cards
from risk.features import FEATURE_NAMES, windows
from risk.models import Assessment
from risk.reasons import REASONS, reasons_of, sentences
from risk.scorecard import STARTER
from risk.training.scorecards import fit_scorecard
from risk.training.tabular import typical_row, write_artifact

PLACE = {name: place for place, name in enumerate(FEATURE_NAMES)}


# -- settings, cards, doctor ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "id"),
    [({"KEEP_DAYS": 0}, "risk.E001"), ({"IPV4_PREFIX": 33}, "risk.E001"), ({"HASH_KEY": 3}, "risk.E001"),
     ({"HASHKEY": ""}, "risk.W001")],
    ids=["days", "prefix", "key", "misspelt"],
)  # fmt: skip
def test_a_wrong_setting_is_named(settings: Any, setting: dict, id: str) -> None:
    settings.ECOMAI = {**settings.ECOMAI, "RISK": setting}
    assert [message.id for message in checks.check_settings(None)] == [id]


@pytest.mark.django_db
def test_the_cards_say_how_much_was_assessed_and_by_whom(rf: Any, admin_user: Any, ask: Any) -> None:
    request = rf.get("/")
    request.user = admin_user
    assert {card.state for card in cards(request)} == {"empty"}
    cache.clear()
    ask()
    found = {str(card.title): card for card in cards(request)}
    assessed, answered = found["Assessments of the last 7 days"], found["Answered by a model"]
    assert assessed.value == "1"
    assert "In shadow" in assessed.text
    assert answered.value == "0 %"


@pytest.mark.django_db
def test_who_may_not_see_assessments_has_no_cards(rf: Any, django_user_model: Any) -> None:
    request = rf.get("/")
    request.user = django_user_model.objects.create_user("of the staff", is_staff=True)
    assert cards(request) == []


@pytest.mark.django_db
def test_the_doctor_minds_a_checkout_that_fell_silent_and_not_one_that_never_asked(ask: Any) -> None:
    from risk.doctor import findings

    assert all(finding.is_ok for finding in findings())
    ask()
    assert all(finding.is_ok for finding in findings())
    Assessment.objects.update(received_at=timezone.now() - timedelta(days=8))
    found = {finding.name: finding for finding in findings()}
    assert not found["Questions"].is_ok
    assert "RiskAssessor" in found["Questions"].remedy
    assert "simple model" in found["risk.payment_fraud"].message


@pytest.mark.django_db
def test_the_list_of_assessments_is_read_and_not_edited(admin_client: Any, ask: Any) -> None:
    row = ask()
    page = admin_client.get(reverse("admin:ecomai_risk_assessment_changelist"), {"q": "o-1"})
    assert page.status_code == 200
    assert "€50.00" in page.content.decode()
    assert admin_client.get(reverse("admin:ecomai_risk_assessment_change", args=[row.pk])).status_code == 200
    assert admin_client.get(reverse("admin:ecomai_risk_assessment_add")).status_code == 403


# -- hashes -----------------------------------------------------------------------------------------


def test_the_same_value_has_one_hash_for_a_key_a_kind_and_a_storefront(settings: Any) -> None:
    usual = hashing.hash_entity("", "card", "1")
    assert usual == hashing.hash_entity("", "card", "1")
    assert usual != hashing.hash_entity("de", "card", "1")
    assert usual != hashing.hash_entity("", "device", "1")
    settings.ECOMAI = {**settings.ECOMAI, "RISK": {"HASH_KEY": "another"}}
    assert usual != hashing.hash_entity("", "card", "1")


def test_one_address_or_mailbox_written_twice_is_one() -> None:
    assert hashing.clean_address("1, High-Street  BATH") == hashing.clean_address("1 high street bath")
    assert hashing.clean_email(" Mia+shop@Example.org") == ("mia", "example.org")
    assert hashing.clean_ip("::ffff:10.1.2.3") == ("10.1.2.3", "10.1.2.0/24")
    assert hashing.clean_ip("2001:DB8::1") == ("2001:db8::1", "2001:db8::/48")
    assert hashing.clean_ip("10.1.2") is None


# -- windows ----------------------------------------------------------------------------------------


def test_a_window_holds_what_lies_in_it_and_no_more_buckets_than_it_has() -> None:
    buckets: list = []
    for minute in range(600):
        windows.add(buckets, 60.0 * minute, seconds=300, most=12, is_payment=minute % 2 == 0, amount=1.0)
    assert len(buckets) == 12
    assert windows.total(buckets, 60.0 * 599, seconds=300, n=12) == (30, 30, 30.0)
    assert windows.total(buckets, 60.0 * 599, seconds=300, n=1) == (2, 3, 2.0)
    assert windows.total(buckets, 60.0 * 599 + 3600, seconds=300, n=12) == (0, 0, 0)


# -- reasons ----------------------------------------------------------------------------------------


def test_every_reason_stands_for_features_that_there_are() -> None:
    features = [name for reason in REASONS.values() for name in reason.features]
    assert set(features) <= set(FEATURE_NAMES)
    assert len(features) == len(set(features))
    assert set(STARTER.weights) <= set(features)


def test_reasons_are_the_weightiest_and_never_what_speaks_for_honesty() -> None:
    values = [math.nan] * len(FEATURE_NAMES)
    values[PLACE["device_accounts"]] = 7.0
    found = reasons_of({"device_accounts": 2.0, "failed_payments": 0.5, "own_new_card": -3.0}, values)
    assert [reason["code"] for reason in found] == ["device_accounts", "failed_payments"]
    assert sentences(found)[0] == "Other accounts that used this device before: 7."
    assert sentences([{"code": "of_old"}, {"code": "rule", "text": "Many cards."}]) == [
        "of_old",
        "Many cards.",
    ]


# -- the simple model and the served one --------------------------------------------------------------


def test_the_starter_finds_what_looks_like_fraud_more_probable() -> None:
    usual: list[float | None] = [None] * len(FEATURE_NAMES)
    odd = list(usual)
    odd[PLACE["failed_payments"]], odd[PLACE["device_accounts"]] = 4.0, 5.0
    assert STARTER.probability(usual) == pytest.approx(0.01, abs=0.005)
    assert STARTER.probability(odd) > 0.5
    assert STARTER.without(["device_", "failed_"]).probability(odd) == pytest.approx(
        STARTER.probability(usual)
    )


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two features that matter: accounts on the device, and failed payments."""
    from ecomai.learning.classifiers.boosted import BoostedClassifier
    from ecomai.learning.classifiers.ensemble import CalibratedEnsemble

    rng = np.random.default_rng(0)
    X = np.full((1500, len(FEATURE_NAMES)), np.nan, dtype=np.float32)
    X[:, PLACE["device_accounts"]] = rng.integers(0, 6, 1500)
    X[:, PLACE["failed_payments"]] = rng.integers(0, 4, 1500)
    odds = X[:, PLACE["device_accounts"]] + 2 * X[:, PLACE["failed_payments"]] - 7
    y = (rng.random(1500) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    trees = BoostedClassifier(n_trees=40, feature_share=1.0, negative_share=1.0, n_threads=1)
    trees.fit(X[:1000], y[:1000], feature_names=FEATURE_NAMES)
    ensemble = CalibratedEnsemble().fit(trees.decision_function(X[1000:])[:, None], y[1000:])
    card = fit_scorecard(X[:1000], y[:1000])
    folder = tmp_path_factory.mktemp("risk") / "artifact"
    return write_artifact(folder, trees, ensemble, typical_row(X, y, slice(0, 1000)), card)


def test_the_served_model_says_how_probable_and_why(artifact: Path) -> None:
    predictor: Any = load_predictor(artifact)
    row = np.full(len(FEATURE_NAMES), np.nan, dtype=np.float32)
    row[PLACE["device_accounts"]], row[PLACE["failed_payments"]] = 5, 3
    judged = predictor.assess(row)
    assert judged.probability > 0.8
    assert judged.probability == pytest.approx(float(predictor.predict_proba(row[None])[0]), abs=1e-6)
    assert set(judged.contributions) == {"device_accounts", "failed_payments"}
    assert min(judged.contributions.values()) > 0.3


@pytest.mark.parametrize("name", ["predictor.json", "arrays.safetensors", "trees.onnx"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_model_is_refused(artifact: Path, tmp_path: Path, name: str, damage: str) -> None:
    for file in artifact.iterdir():
        content = file.read_bytes()
        if file.name != name:
            (tmp_path / file.name).write_bytes(content)
        elif damage == "cut":
            (tmp_path / file.name).write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableArtifactError):
        load_predictor(tmp_path)


def test_a_model_of_other_columns_is_refused(artifact: Path, tmp_path: Path) -> None:
    for file in artifact.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    description = json.loads((tmp_path / "predictor.json").read_text())
    description["columns"] = description["columns"][:-1]
    (tmp_path / "predictor.json").write_text(json.dumps(description))
    with pytest.raises(UnreadableArtifactError):
        load_predictor(tmp_path)
