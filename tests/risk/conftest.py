"""A shop that asks, and a history whose right answers are known."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache

from ecomai.capabilities import RiskQuestion
from ecomai.registry.selectors import forget_switches
from ecomai.serving import live
from risk.models import Assessment
from risk.services import assess, change_policy, forget_policies, go_live

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Each test starts with a process that has read nothing yet."""
    forget_policies()
    forget_switches()
    live.forget()
    cache.clear()
    yield
    forget_policies()
    forget_switches()


@pytest.fixture
def question() -> Callable[..., RiskQuestion]:
    """An ordinary order, with what a test says of it."""

    def make(external_id: str = "o-1", **fields: Any) -> RiskQuestion:
        usual = {
            "kind": "payment_fraud", "customer_id": "c-1", "amount": Decimal(50), "currency": "EUR",
            "card_fingerprint": "card-1", "device_id": "device-1", "ip_address": "203.0.113.7",
            "email": "mia.jones@shop.example", "shipping_address": "1 High Street, Bath",
        }  # fmt: skip
        return RiskQuestion(external_id=external_id, **usual | fields)

    return make


@pytest.fixture
def ask(db: None, question: Callable[..., RiskQuestion]) -> Callable[..., Assessment]:
    def ask_about(external_id: str = "o-1", **fields: Any) -> Assessment:
        # A busy machine must not turn a test of what is said into one of how fast.
        return assess(question(external_id, **fields), time_budget_seconds=5.0)

    return ask_about


@pytest.fixture
def live_policy(db: None) -> Callable[..., Any]:
    """A policy that counts and is live."""

    def make(kind: str = "payment_fraud", **changes: Any) -> Any:
        policy = change_policy(storefront="", kind=kind, based_on=0, **changes)
        return go_live(policy)

    return make
