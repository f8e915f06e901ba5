"""Assessments as they are after they were answered, and people who review them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from django.contrib.auth.models import Permission, User

from risk.models import Assessment, Case, Decision, Kind, Policy
from risk.services.cases import open_case

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPACE = UUID(int=7)
_HASHED = ("customer", "card", "device", "address")


def add_policy(**fields: Any) -> Policy:
    usual = {"kind": Kind.PAYMENT_FRAUD, "number": 1, "is_current": True, "is_live": True}
    return Policy.objects.create(**usual | fields)


def add_assessment(external_id: str = "o-1", **fields: Any) -> Assessment:
    """An order over 100 euros that is fraud with a probability of one half. Entities are given as names."""
    hashed = {name: uuid5(SPACE, f"{name} {fields.pop(name)}") for name in _HASHED if name in fields}
    usual = {
        "kind": Kind.PAYMENT_FRAUD, "external_id": external_id, "customer_external_id": "c-1",
        "occurred_at": NOW, "received_at": NOW, "amount": Decimal(100), "currency": "EUR",
        "amount_reporting": Decimal(100), "probability": 0.5, "decision": Decision.REVIEW,
        "wanted_decision": Decision.REVIEW, "is_shadow": False, "answered_by": "model",
        "reasons": [{"code": "new_device", "weight": 1.5, "number": None}],
    }  # fmt: skip
    return Assessment.objects.create(**usual | hashed | fields)


def add_case(external_id: str = "o-1", **fields: Any) -> Case:
    return open_case(add_assessment(external_id, **fields))


def add_reviewer(name: str = "mia", *codenames: str) -> User:
    """Who may see and review cases, and what else is named."""
    user = User.objects.create_user(name, is_staff=True)
    wanted = ("view_case", "review_case", *codenames)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="ecomai_risk", codename__in=wanted)
    )
    return User.objects.get(pk=user.pk)
