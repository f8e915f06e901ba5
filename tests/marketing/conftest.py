"""Customers with orders and visits whose profiles are known beforehand."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.core.cache import cache

from ecomai.commerce.models import Customer, Event, Item, Order, OrderLine
from ecomai.registry.selectors import forget_switches

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Each test starts with a process that has read nothing yet."""
    forget_switches()
    cache.clear()
    yield
    forget_switches()


@pytest.fixture
def make_customer(db: None) -> Callable[..., Customer]:
    numbers = count(1)

    def make(external_id: str = "", **fields: Any) -> Customer:
        return Customer.objects.create(external_id=external_id or f"c-{next(numbers)}", **fields)

    return make


@pytest.fixture
def make_item(db: None) -> Callable[..., Item]:
    numbers = count(1)

    def make(**fields: Any) -> Item:
        usual = {"title": "A thing", "price": Decimal(10), "currency": "EUR", "category_path": "Things"}
        return Item.objects.create(external_id=f"i-{next(numbers)}", **usual | fields)

    return make


@pytest.fixture
def make_order(db: None) -> Callable[..., Order]:
    numbers = count(1)

    def make(
        customer: Customer, placed_at: datetime, *, total: Any = 20, item: Item | None = None,
        quantity: int = 2, unit_price: Any = 10, returned: int = 0, **fields: Any,
    ) -> Order:  # fmt: skip
        order = Order.objects.create(
            external_id=f"o-{next(numbers)}", customer=customer, placed_at=placed_at, total=Decimal(total),
            **{"currency": "EUR", "status": Order.Status.PAID} | fields,
        )  # fmt: skip
        OrderLine.objects.create(
            order=order, position=0, item=item, quantity=quantity, unit_price=Decimal(unit_price),
            returned_quantity=returned,
        )  # fmt: skip
        return order

    return make


@pytest.fixture
def make_event(db: None) -> Callable[..., Event]:
    import uuid

    def make(customer: Customer, type: str, occurred_at: datetime, **fields: Any) -> Event:
        return Event.objects.create(
            key=uuid.uuid4(), type=type, customer=customer, occurred_at=occurred_at, **fields
        )

    return make
