"""A year in the demo shop: what customers looked for, bought, came back for and sent back."""

import heapq
import itertools
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from .catalogue import DemoItem
from .catalogue_types import Language
from .journeys import JOURNEYS, Journey
from .people import DemoCustomer
from .searches import search_query
from .seasons import ShoppingCalendar, season

P_REPEAT = 0.62
P_SAME_AGAIN = 0.65
P_SECOND_ITEM = 0.28
P_SEARCH = 0.35
P_STRANGER = 0.08
SIZED = frozenset({"running_shoes", "tshirt", "sweater", "rain_jacket"})


@dataclass(order=True)
class Intent:
    """Why somebody comes: a kind of product, at a moment, perhaps to match what was bought before."""

    moment: datetime
    number: int
    type_key: str = field(compare=False, default="")
    journey: Journey | None = field(compare=False, default=None)
    bought: DemoItem | None = field(compare=False, default=None)


@dataclass
class Line:
    item: DemoItem
    quantity: int
    returned: int = 0


@dataclass
class DemoOrder:
    """What was bought together; `order_id` is given once all orders are known, in the order of time."""

    customer: DemoCustomer
    session_id: str
    placed_at: datetime
    status: str
    lines: list[Line]
    order_id: str = ""


@dataclass(slots=True)
class DemoEvent:
    type: str
    occurred_at: datetime
    session_id: str
    customer_id: str = ""
    item: DemoItem | None = None
    query: str = ""
    order: DemoOrder | None = None
    quantity: int = 1
    channel: str = "web"
    currency: str = ""
    properties: dict[str, Any] | None = None


class Year:
    """Simulates everybody in turn; `events` and `orders` hold the outcome."""

    def __init__(
        self, *, items: Sequence[DemoItem], language: Language, until: datetime, rng: np.random.Generator
    ) -> None:
        self.rng = rng
        self.language = language
        self.until = until
        self.calendar = ShoppingCalendar(until=until, language=language)
        self.events: list[DemoEvent] = []
        self.orders: list[DemoOrder] = []
        self.shelves: dict[str, list[DemoItem]] = {}
        for item in items:
            if not item.is_newcomer:
                self.shelves.setdefault(item.type.key, []).append(item)
        self.strangers = _Wheel({key: shelf[0].type.demand for key, shelf in self.shelves.items()})
        self.popular = sorted(
            (item for shelf in self.shelves.values() for item in shelf),
            key=lambda item: -item.popularity * item.type.demand,
        )[:40]
        self.journeys: dict[str, list[Journey]] = {}
        for journey in JOURNEYS:
            self.journeys.setdefault(journey.first, []).append(journey)
        self.numbers = itertools.count()
        self.session_numbers = itertools.count(1)

    def live(self, customers: Sequence[DemoCustomer], report: Callable[[float], None]) -> None:
        for place, customer in enumerate(customers):
            self._live(customer)
            if place % 200 == 0:
                report(place / len(customers))
        self.events.sort(key=lambda event: event.occurred_at)
        self.orders.sort(key=lambda order: order.placed_at)
        for number, order in enumerate(self.orders, start=10_000_001):
            order.order_id = str(number)

    def _live(self, customer: DemoCustomer) -> None:
        wheel = _Wheel(customer.wants())
        visits = self.calendar.visits(
            first_seen_at=customer.first_seen_at, per_year=customer.visits_per_year, rng=self.rng
        )
        intents = [Intent(moment, next(self.numbers)) for moment in visits]
        heapq.heapify(intents)
        while intents:
            intent = heapq.heappop(intents)
            if not intent.type_key:
                intent.type_key = self._something(wheel, intent.moment)
            for bought in self._visit(customer, intent):
                for follow_up in self._follow_ups(bought, intent.moment):
                    if follow_up.moment < self.until - timedelta(hours=1):
                        heapq.heappush(intents, follow_up)

    def _something(self, wheel: "_Wheel", moment: datetime) -> str:
        """Return what somebody without a plan looks at: a taste, and the season."""
        if self.rng.random() < P_STRANGER:
            return self.strangers.spin(self.rng)
        for _ in range(4):
            key = wheel.spin(self.rng)
            if self.rng.random() < season(self.shelves[key][0].type.peak_month, moment) / 1.9:
                return key
        return key

    def _follow_ups(self, bought: DemoItem, moment: datetime) -> list[Intent]:
        """Return what this purchase leads to: more of the same, and what belongs to it."""
        follow_ups = []
        repeat_days = bought.type.repeat_days
        if repeat_days and self.rng.random() < P_REPEAT:
            days = float(self.rng.gamma(12, repeat_days / 12))
            again = Journey(bought.type.key, bought.type.key, 1.0, repeat_days)
            follow_ups.append(self._intent(moment, days, again, bought))
        for journey in self.journeys.get(bought.type.key, ()):
            if self.rng.random() < journey.probability:
                days = 0.5 + float(self.rng.gamma(4, journey.days / 4))
                follow_ups.append(self._intent(moment, days, journey, bought))
        return follow_ups

    def _intent(self, moment: datetime, days: float, journey: Journey, bought: DemoItem) -> Intent:
        later = moment + timedelta(days=days)
        if later < self.until:
            later = max(self.calendar.near(later, self.rng), moment + timedelta(hours=4))
        return Intent(later, next(self.numbers), journey.then, journey, bought)

    def _visit(self, customer: DemoCustomer, intent: Intent) -> list[DemoItem]:
        """Write the events of one session; return what was bought."""
        visit = Visit(year=self, customer=customer, intent=intent)
        return visit.take_place()

    def choices(self, customer: DemoCustomer, intent: Intent, type_key: str) -> "_Wheel":
        """Return the shelf of one type, each item weighted by how well it suits this customer now."""
        weights = {}
        for item in self.shelves[type_key]:
            if item.listed_at < intent.moment:
                weights[item] = item.popularity * _suits(item, customer, intent)
        return _Wheel(weights)


class Visit:
    """One session of one customer: searching, looking, perhaps buying."""

    def __init__(self, *, year: Year, customer: DemoCustomer, intent: Intent) -> None:
        self.year, self.customer, self.intent, self.rng = year, customer, intent, year.rng
        self.now = intent.moment
        number = next(year.session_numbers)
        self.session_id = f"s{number:06d}{int(self.rng.integers(16**6)):06x}"
        # One visit in five begins before the customer has logged in.
        self.is_known = self.rng.random() > 0.2
        self.channel = "app" if self.rng.random() < 0.25 else "web"
        self.written: list[DemoEvent] = []

    def write(self, type_: str, item: DemoItem | None = None, seconds: float = 45.0, **values: Any) -> None:
        self.written.append(
            DemoEvent(
                type_, self.now, self.session_id, self.customer.external_id if self.is_known else "", item,
                channel=self.channel, **values,
            )
        )  # fmt: skip
        self.now += timedelta(seconds=4 + float(self.rng.exponential(seconds)))

    def take_place(self) -> list[DemoItem]:
        wheel = self.year.choices(self.customer, self.intent, self.intent.type_key)
        if not wheel:
            return []
        self._arrive()
        seen = self._look_around(wheel)
        lines = self._fill_basket(seen, wheel)
        bought = self._check_out(lines) if lines else []
        self.year.events.extend(event for event in self.written if event.occurred_at < self.year.until)
        return bought

    def _arrive(self) -> None:
        if self.rng.random() < 0.18:
            for position in range(3):
                item = self.year.popular[int(self.rng.integers(len(self.year.popular)))]
                if item.listed_at > self.now:
                    continue
                properties = {"placement": "home", "position": position + 1}
                self.write("impression", item, 0.5, properties=properties)
                if self.rng.random() < 0.05:
                    self.write("click", item, 5, properties=properties)
        if self.rng.random() < P_SEARCH:
            item = self.year.shelves[self.intent.type_key][0]
            query = search_query(item, self.customer, self.year.language, self.rng)
            self.write("search", query=query)

    def _look_around(self, wheel: "_Wheel") -> list[DemoItem]:
        seen: list[DemoItem] = []
        for _ in range(min(1 + int(self.rng.geometric(0.42)), 9)):
            item = wheel.spin(self.rng)
            if item not in seen:
                seen.append(item)
                self.write("view", item, 50)
        if self.rng.random() < 0.04:
            self.write("wishlist", seen[-1], 10)
        return seen

    def _fill_basket(self, seen: list[DemoItem], wheel: "_Wheel") -> list[Line]:
        eagerness = self.customer.buys_readily * (0.62 if self.intent.journey else 0.38)
        if self.rng.random() > eagerness:
            if self.rng.random() < 0.12:
                self.write("cart", seen[-1], currency=self.customer.currency)
                if self.rng.random() < 0.4:
                    self.write("cart_remove", seen[-1], currency=self.customer.currency)
            return []
        best = max(seen, key=lambda item: wheel.weights[item] * float(self.rng.uniform(0.5, 1.0)))
        lines = [Line(best, self._quantity(best))]
        self.write("cart", best, quantity=lines[0].quantity, currency=self.customer.currency)
        partners = self.year.journeys.get(best.type.key)
        if partners and self.rng.random() < P_SECOND_ITEM:
            lines += self._add_partner(best, partners[int(self.rng.integers(len(partners)))])
        return lines

    def _add_partner(self, best: DemoItem, journey: Journey) -> list[Line]:
        intent = Intent(self.intent.moment, 0, journey.then, journey, best)
        wheel = self.year.choices(self.customer, intent, journey.then)
        if not wheel:
            return []
        item = wheel.spin(self.rng)
        self.write("view", item, 30)
        line = Line(item, self._quantity(item))
        self.write("cart", item, quantity=line.quantity, currency=self.customer.currency)
        return [line]

    def _quantity(self, item: DemoItem) -> int:
        return int(self.rng.choice([1, 2, 3], p=[0.72, 0.2, 0.08])) if item.type.repeat_days else 1

    def _check_out(self, lines: list[Line]) -> list[DemoItem]:
        if self.rng.random() < 0.12:
            return []
        if not self.is_known:
            self.is_known = True
            self.write("login", None, 20)
        if self.rng.random() < 0.025:
            self.write("payment_failure", None, 60, properties={"reason": "card_declined"})
        if self.now >= self.year.until:
            return []
        order = DemoOrder(self.customer, self.session_id, self.now, self._status(), lines)
        if order.status == "completed":
            self._send_back(order)
        self.year.orders.append(order)
        if order.status == "cancelled":
            return []
        self._rate(order)
        return [line.item for line in lines]

    def _status(self) -> str:
        age_days = (self.year.until - self.now).days
        if self.rng.random() < 0.025:
            return "cancelled"
        return "paid" if age_days < 1 else "shipped" if age_days < 6 else "completed"

    def _send_back(self, order: DemoOrder) -> None:
        for line in order.lines:
            if self.rng.random() < line.item.type.return_rate:
                line.returned = line.quantity
        if all(line.returned for line in order.lines):
            order.status = "returned"

    def _rate(self, order: DemoOrder) -> None:
        if order.status == "completed" and self.rng.random() < 0.08:
            self.now += timedelta(days=float(self.rng.uniform(3, 12)))
            stars = int(self.rng.choice([1, 2, 3, 4, 5], p=[0.04, 0.05, 0.11, 0.3, 0.5]))
            self.write("rating", order.lines[0].item, order=order, properties={"stars": stars})


def _suits(item: DemoItem, customer: DemoCustomer, intent: Intent) -> float:
    """Return how well an item suits: brand, colour, price, size, and what it should match."""
    weight = np.exp(-2.2 * abs(item.price_position - customer.price_level))
    code = item.department.code
    if item.brand_key == customer.brands[code]:
        weight *= 3.5
    if item.type.shows_colour and item.colour in customer.colours:
        weight *= 3.0
    if item.type.key in SIZED:
        weight *= 6.0 if item.option == customer.sizes % len(item.type.options) else 0.4
    if intent.bought is not None and intent.journey is not None:
        weight *= _matches(item, intent.bought, intent.journey)
    return float(weight)


def _matches(item: DemoItem, bought: DemoItem, journey: Journey) -> float:
    if journey.first == journey.then:
        n_others = 8
        return n_others * P_SAME_AGAIN / (1 - P_SAME_AGAIN) if item is bought else 1.0
    if journey.match == "brand":
        return 7.0 if item.brand == bought.brand else 1.0
    if journey.match == "option":
        return 25.0 if item.option == bought.option else 1.0
    if journey.match == "colour":
        return 7.0 if item.colour == bought.colour else 1.0
    return 1.0


class _Wheel:
    """Draws keys in proportion to their weights."""

    def __init__(self, weights: dict[Any, float]) -> None:
        self.weights = weights
        self.keys = list(weights)
        self.cumulative = list(itertools.accumulate(weights.values()))

    def __bool__(self) -> bool:
        return bool(self.keys)

    def spin(self, rng: np.random.Generator) -> Any:
        point = rng.random() * self.cumulative[-1]
        return self.keys[min(bisect(self.cumulative, point), len(self.keys) - 1)]
