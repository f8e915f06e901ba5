"""Small shops made at random, and a second way to say who belongs to a segment: customer by customer."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from ecomai.commerce.models import Customer, Event, Item
from ecomai.fusion.models import Fact
from marketing.models import CustomerActivity, CustomerProfile, Stage
from marketing.segments.compiling import fits_value
from marketing.segments.conditions import EventTest, FactTest, FieldTest, Group, Not
from marketing.segments.fields import FIELDS

DAY = timedelta(days=1)
TYPES = ("view", "cart", "purchase")
CATEGORIES = ("Tea", "Tea > Green", "Teapots", "Cups")
BRANDS = ("Leaf", "Clay", "O'Neil")
TTL = timedelta(days=7)


def plant(rng: random.Random, now: datetime, *, n_customers: int = 25) -> None:
    """Customers with profiles, events and facts, some of them at the very moments that conditions ask."""
    items = [
        Item.objects.create(external_id=f"i-{n}", title="x", category_path=category, brand=brand)
        for n, (category, brand) in enumerate((c, b) for c in CATEGORIES for b in BRANDS)
    ]
    for number in range(n_customers):
        customer = Customer.objects.create(external_id=f"c-{number}", country=rng.choice(["DE", "AT", ""]))
        _plant_profile(rng, customer, now)
        _plant_events(rng, customer, items, now)
        for _each in range(rng.choice([0, 0, 1, 2])):
            _plant_fact(rng, customer, now)


def moment(rng: random.Random, now: datetime) -> datetime:
    exact = now - rng.choice([1, 3, 7, 30]) * DAY
    return rng.choice([exact, now - rng.uniform(0, 40) * DAY])


def _plant_profile(rng: random.Random, customer: Customer, now: datetime) -> None:
    n_orders = rng.choice([0, 0, 1, 1, 2, 5])
    last = moment(rng, now) if n_orders else None
    gap = rng.choice([1, 3, 10]) * DAY
    CustomerProfile.objects.create(
        customer=customer, has_consent=rng.random() < 0.8, n_orders=n_orders,
        spent=rng.choice([None, Decimal(0), Decimal("99.99"), Decimal(500)]),
        last_order_at=last, next_order_at=last and last + gap, at_risk_at=last and last + 2 * gap,
        lapsed_at=last and last + 3 * gap, favourite_brand=rng.choice(["", *BRANDS]),
        price_level=rng.choice([None, 0.5, 1.0]),
        loyalty_tier=rng.choice(["", "gold", "'; DROP TABLE x; --"]),
        last_sentiment=rng.choice(["", "negative", "positive"]),
        last_written_at=rng.choice([None, moment(rng, now)]),
    )  # fmt: skip


def _plant_events(rng: random.Random, customer: Customer, items: list[Item], now: datetime) -> None:
    done: dict[str, list[datetime]] = {}
    for _each in range(rng.choice([0, 1, 3, 8])):
        kind, at = rng.choice(TYPES), moment(rng, now)
        Event.objects.create(
            key=uuid4(), type=kind, customer=customer, occurred_at=at, item=rng.choice([None, *items])
        )
        done.setdefault(kind, []).append(at)
    for kind, times in done.items():
        CustomerActivity.objects.create(
            customer=customer, type=kind, n=len(times), first_at=min(times), last_at=max(times)
        )


def _plant_fact(rng: random.Random, customer: Customer, now: datetime) -> None:
    at = moment(rng, now)
    Fact.objects.create(
        name="toy.churn", entity="customer", entity_id=customer.external_id,
        value=rng.choice([0.1, 0.5, 0.9]), published_at=at, expires_at=at + TTL,
    )  # fmt: skip


def random_condition(rng: random.Random, depth: int = 3) -> dict[str, Any]:
    kind = rng.choice(
        ["field", "event", "fact", "all", "any", "not"] if depth > 1 else ["field", "event", "fact"]
    )
    if kind in ("all", "any"):
        return {kind: [random_condition(rng, depth - 1) for _part in range(rng.choice([1, 2, 3]))]}
    if kind == "not":
        return {"not": random_condition(rng, depth - 1)}
    makers = {"field": _field, "event": _event, "fact": _fact}
    return makers[kind](rng)


def _field(rng: random.Random) -> dict[str, Any]:
    return rng.choice([
        {"field": "n_orders", "op": rng.choice([">=", "<=", ">", "<", "="]), "value": rng.choice([0, 1, 3])},
        {"field": "spent", "op": rng.choice([">=", "<"]), "value": rng.choice([0, 99.99, 100])},
        {"field": "price_level", "op": rng.choice([">=", "<", "="]), "value": 0.5},
        {"field": rng.choice(["spent", "last_order_at", "favourite_brand"]), "op": "known"},
        {"field": "stage", "op": "in", "value": rng.sample(Stage.values, 2)},
        {
            "field": rng.choice(["last_order_at", "next_order_at", "last_written_at"]),
            "op": rng.choice(["within", "longer_ago", "next"]), "value": rng.choice([1, 3, 7, 30]),
        },
        {"field": "loyalty_tier", "op": "in", "value": ["gold", "'; DROP TABLE x; --"]},
        {"field": "favourite_brand", "op": "in", "value": ["O'Neil"]},
        {"field": "country", "op": "in", "value": ["DE"]},
        {"field": "last_sentiment", "op": "in", "value": ["negative"]},
    ])  # fmt: skip


def _event(rng: random.Random) -> dict[str, Any]:
    condition: dict[str, Any] = {"event": rng.choice([*TYPES, "login"]), "at_least": rng.choice([1, 1, 2, 3])}
    if rng.random() < 0.7:
        condition["days"] = rng.choice([1, 3, 7, 30])
    if rng.random() < 0.4:
        condition["category"] = rng.choice(["Tea", "Cups"])
    if rng.random() < 0.3:
        condition["brand"] = rng.choice(BRANDS)
    return condition


def _fact(rng: random.Random) -> dict[str, Any]:
    operator = rng.choice([">=", "<=", ">", "<", "="])
    return {"fact": "toy.churn", "op": operator, "value": rng.choice([0.1, 0.5, 0.7])}


class Judge:
    """Says in Python who meets a condition, from all rows of the shop."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.profiles = {row.pk: row for row in CustomerProfile.objects.select_related("customer")}
        self.events = list(Event.objects.select_related("item"))
        self.facts = list(Fact.objects.order_by("published_at", "pk"))

    def members(self, condition: Any) -> set[int]:
        return {pk for pk, row in self.profiles.items() if row.has_consent and self.meets(condition, row)}

    def meets(self, condition: Any, row: CustomerProfile) -> bool:
        if isinstance(condition, Group):
            answers = [self.meets(part, row) for part in condition.parts]
            return any(answers) if condition.is_any else all(answers)
        if isinstance(condition, Not):
            return not self.meets(condition.part, row)
        asked = {FieldTest: self._field, EventTest: self._event, FactTest: self._fact}
        return asked[type(condition)](condition, row)

    def _field(self, test: FieldTest, row: CustomerProfile) -> bool:
        if test.field == "stage":
            return row.stage_at(self.now).value in test.value
        value: Any = row
        for name in FIELDS[test.field].path.split("__"):
            value = getattr(value, name)
        if test.operator == "known":
            return value not in (None, "")
        if value is None:
            return False
        if FIELDS[test.field].kind == "moment":
            span = test.value * DAY
            return {
                "within": self.now - span < value <= self.now,
                "longer_ago": value <= self.now - span,
                "next": self.now < value <= self.now + span,
            }[test.operator]
        if test.operator == "in":
            return value in test.value
        return fits_value(FactTest("", test.operator, float(test.value)), float(value))

    def _event(self, test: EventTest, row: CustomerProfile) -> bool:
        found = [
            event for event in self.events
            if event.customer_id == row.pk and event.type == test.type
            and (test.days is None or event.occurred_at > self.now - test.days * DAY)
            and (not test.brand or (event.item and event.item.brand == test.brand))
            and (not test.category or (event.item and is_below(event.item.category_path, test.category)))
        ]  # fmt: skip
        return len(found) >= test.at_least

    def _fact(self, test: FactTest, row: CustomerProfile) -> bool:
        known = [
            fact for fact in self.facts
            if fact.entity_id == row.customer.external_id and fact.published_at <= self.now
        ]  # fmt: skip
        is_valid = known and known[-1].expires_at > self.now
        return fits_value(test, known[-1].value if is_valid else 0.5)


def is_below(path: str, category: str) -> bool:
    return path.split(" > ")[: len(category.split(" > "))] == category.split(" > ")
