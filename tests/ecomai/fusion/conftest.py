"""A small shop with two customers, and a scenario that publishes facts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ecomai import scenarios
from ecomai.commerce import services as commerce
from ecomai.commerce.models import Customer
from ecomai.scenarios import FactSpec, Scenario

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def toy_scenario() -> Iterator[Scenario]:
    """Facts of a scenario: churn serves marketing only, for a week; stock is about items."""
    scenario = Scenario(
        name="toy",
        verbose_name="Toy",
        facts=[
            FactSpec(
                name="toy.churn",
                entity="customer",
                type="number",
                purposes=frozenset({"marketing"}),
                time_to_live=timedelta(days=7),
                default=0.5,
                unit="probability",
            ),
            FactSpec(
                name="toy.stock_days",
                entity="item",
                type="number",
                purposes=frozenset({"recommendations", "marketing"}),
                time_to_live=timedelta(days=1),
                default=None,
            ),
        ],
    )
    scenarios.register(scenario)
    yield scenario
    scenarios.unregister("toy")


@pytest.fixture
def shop(db: None) -> None:
    commerce.upsert_items(
        [
            {"external_id": "17", "title": "A blue cup", "price": "9.00", "currency": "EUR"},
            {"external_id": "18", "title": "A red cup", "price": "8.00", "currency": "EUR"},
        ]
    )
    commerce.upsert_customers([{"external_id": "anna"}, {"external_id": "bert"}])


@pytest.fixture
def anna(shop: None) -> Customer:
    return Customer.objects.get(external_id="anna")


@pytest.fixture
def bert(shop: None) -> Customer:
    return Customer.objects.get(external_id="bert")
