"""What is known of a person is told and erased; what others did on the same device stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ecomai.commerce.models import Customer
from ecomai.fusion.services import erase_customer, export_customer
from risk.features import FEATURE_NAMES, State
from risk.hashing import hash_entity
from risk.models import Assessment, EntityState
from risk.services import record_label
from risk.tasks import forget_old_assessments

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(ask: Any) -> Customer:
    """Two customers on one device."""
    record_label(assessment=ask("o-1", ip_country="GB"), is_fraud=False, source="review")
    ask("o-2", customer_id="c-2", card_fingerprint="card-2", email="b@shop.example", shipping_address="2 Low")
    return Customer.objects.create(external_id="c-1")


def test_a_customer_is_told_what_was_assessed_and_why(known: Customer) -> None:
    told = export_customer(storefront="", external_id="c-1")["scenarios"]["risk"]["assessments"]
    assert [row["id"] for row in told] == ["o-1"]
    assert told[0]["shown"]["email_domain"] == "shop.example"
    assert told[0]["decision"] == "approve"


def test_erasing_removes_the_account_and_leaves_the_device(known: Customer, ask: Any) -> None:
    for _twice in range(2):
        erase_customer(storefront="", external_id="c-1")
    account = hash_entity("", "customer", "c-1")
    assert [row.external_id for row in Assessment.objects.all()] == ["o-2"]
    assert not EntityState.objects.filter(pk=account).exists()
    states = [State.decode(bytes(row.state)) for row in EntityState.objects.all()]
    assert not any(account.bytes in state.accounts for state in states)
    row = ask("o-3", customer_id="c-3")
    assert row.features[FEATURE_NAMES.index("device_payments_1h")] == 2


def test_what_is_older_than_the_setting_is_forgotten_and_the_rest_stays(ask: Any, settings: Any) -> None:
    record_label(assessment=ask("o-old", device_id="old"), is_fraud=True, source="chargeback")
    old = timezone.now() - timedelta(days=31)
    Assessment.objects.update(received_at=old)
    EntityState.objects.update(updated_at=old)
    ask("o-new", device_id="new")
    settings.ECOMAI = {**settings.ECOMAI, "RISK": {"KEEP_DAYS": 30}}
    forget_old_assessments()
    forget_old_assessments()
    assert [row.external_id for row in Assessment.objects.all()] == ["o-new"]
    assert not EntityState.objects.filter(pk=hash_entity("", "device", "old")).exists()
    assert EntityState.objects.filter(pk=hash_entity("", "device", "new")).exists()


def test_of_who_was_never_assessed_nothing_is_known(db: None) -> None:
    Customer.objects.create(external_id="c-9")
    assert export_customer(storefront="", external_id="c-9")["scenarios"]["risk"]["assessments"] == []
