"""`risk/assessments/` and `risk/labels/`, as a shop's server calls them."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from ecomai.commerce.services import create_api_key
from risk.models import Assessment, Label

pytestmark = pytest.mark.django_db

ORDER = {
    "kind": "payment_fraud", "external_id": "o-1", "customer_id": "c-1", "amount": 49.9, "currency": "EUR",
    "device_id": "d-1", "ip_address": "2001:db8::1", "lines": [{"item_id": "mug", "unit_price": "49.90"}],
}  # fmt: skip


@pytest.fixture
def call(client: Any) -> Any:
    def send(
        name: str, body: Any = None, *, scopes: tuple = ("risk:assess", "risk:label"), **kwargs: Any
    ) -> Any:
        _key, plaintext = create_api_key(name="server", kind="secret", scopes=list(scopes))
        headers = {"Authorization": f"Bearer {plaintext}"}
        address = reverse(f"ecomai:{name}", kwargs=kwargs)
        if body is None:
            return client.get(address, headers=headers)
        sent = body if isinstance(body, str) else json.dumps(body)
        return client.post(address, sent, content_type="application/json", headers=headers)

    return send


def test_a_question_is_answered_and_the_answer_is_read_again(call: Any) -> None:
    answer = call("risk-assessments", ORDER)
    assert answer.status_code == 200
    body = answer.json()
    assert body["decision"] == "approve"
    assert body["is_shadow"] is True
    assert 0 < body["probability"] < 1
    assert body["answered_by"] == "simple_model"
    again = call("risk-assessment", kind="payment_fraud", external_id="o-1").json()
    assert again == body
    assert str(Assessment.objects.get().amount) == "49.9000"


def test_the_same_id_with_other_contents_is_a_conflict(call: Any) -> None:
    call("risk-assessments", ORDER)
    answer = call("risk-assessments", {**ORDER, "amount": 1})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "other_contents"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": -1}, "-1"),
        ({"amount": "much"}, "amount"),
        ({"currency": "EURO"}, "EURO"),
        ({"kind": "crime"}, "crime"),
        ({"external_id": ""}, "no id"),
        ({"device": "d-1"}, "device"),
        ({"lines": [{"price": 3}]}, "price"),
        ({"occurred_at": "2026-01-01T10:00:00"}, "zone"),
        ({"properties": {"a": {"b": 1}}}, "properties"),
        ({"storefront": "elsewhere"}, "storefront"),
    ],
    ids=[
        "negative",
        "no-number",
        "currency",
        "kind",
        "no-id",
        "misspelt",
        "line",
        "zone",
        "deep",
        "storefront",
    ],
)
def test_bad_input_names_what_is_wrong(call: Any, changes: dict, said: str) -> None:
    answer = call("risk-assessments", ORDER | changes)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_question"
    assert said in answer.json()["error"]["message"]
    assert not Assessment.objects.exists()


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "\xff", "[" * 5000], ids=["none", "cut", "list", "no-utf8", "deep"]
)
def test_a_body_that_is_no_question_is_refused(call: Any, body: str) -> None:
    assert call("risk-assessments", body).status_code == 400


def test_ten_thousand_lines_are_taken_and_a_larger_body_is_not(call: Any, settings: Any) -> None:
    lines = [{"item_id": str(n), "category": "c", "unit_price": 1} for n in range(10_000)]
    assert call("risk-assessments", {**ORDER, "lines": lines}).status_code == 200
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert call("risk-assessments", {**ORDER, "external_id": "o-2", "lines": lines}).status_code == 413


@pytest.mark.parametrize("scopes", [(), ("risk:label",), ("orders:write",)], ids=["none", "label", "orders"])
def test_without_the_scope_nothing_is_assessed(call: Any, scopes: tuple) -> None:
    assert call("risk-assessments", ORDER, scopes=scopes).status_code == 403
    assert call("risk-assessment", scopes=scopes, kind="payment_fraud", external_id="o-1").status_code == 403
    assert not Assessment.objects.exists()


def test_what_was_never_asked_is_not_found(call: Any) -> None:
    answer = call("risk-assessment", kind="payment_fraud", external_id="o-9")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_assessment"


def test_a_chargeback_is_told_once_and_may_be_taken_back(call: Any) -> None:
    call("risk-assessments", ORDER)
    chargeback = {"external_id": "o-1", "reference": "cb-1"}
    assert call("risk-labels", chargeback).json()["counts"] is True
    assert call("risk-labels", chargeback).status_code == 200
    assert Label.objects.count() == 1
    assert call("risk-assessment", kind="payment_fraud", external_id="o-1").json()["is_fraud"] is True
    call("risk-labels", {"external_id": "o-1", "is_fraud": False, "source": "review"})
    assert call("risk-assessment", kind="payment_fraud", external_id="o-1").json()["is_fraud"] is False


@pytest.mark.parametrize(
    ("label", "status"),
    [({"external_id": "o-9"}, 404), ({}, 400), ({"external_id": "o-1", "source": "x"}, 400)],
    ids=["unknown", "no-id", "source"],
)
def test_a_label_that_cannot_be_is_refused(call: Any, label: dict, status: int) -> None:
    call("risk-assessments", ORDER)
    assert call("risk-labels", label).status_code == status
    assert not Label.objects.exists()


def test_labels_need_their_own_scope(call: Any) -> None:
    assert call("risk-labels", {"external_id": "o-1"}, scopes=("risk:assess",)).status_code == 403


def test_a_file_of_chargebacks_is_imported_once_and_names_bad_rows(
    ask: Any, tmp_path: Path, capsys: Any
) -> None:
    ask("o-1"), ask("o-2")
    file = tmp_path / "chargebacks.csv"
    file.write_text(
        "order_id,known_at,reference,is_fraud\n"
        "o-1,2026-05-01,cb-1,\n"
        "o-2,2026-05-02T10:00:00Z,,no\n"
        "o-3,2026-05-02,cb-3,yes\n"
        "o-1,sometime,cb-4,yes\n"
        "o-1,2026-05-09,cb-5,perhaps\n"
    )
    for _twice in range(2):
        with pytest.raises(CommandError, match="3 rows"):
            call_command("ecomai_import_chargebacks", str(file))
    told = capsys.readouterr()
    assert "2 labels, 0 known already." in told.out
    assert "0 labels, 2 known already." in told.out
    assert "row 3" in told.err
    assert "sometime" in told.err
    assert {row.external_id: row.is_fraud for row in Assessment.objects.all()} == {"o-1": True, "o-2": False}


def test_a_file_without_order_ids_is_refused(tmp_path: Path, db: None) -> None:
    file = tmp_path / "chargebacks.csv"
    file.write_text("id\n1\n")
    with pytest.raises(CommandError, match="order_id"):
        call_command("ecomai_import_chargebacks", str(file))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("ecomai_import_chargebacks", str(tmp_path / "missing.csv"))
