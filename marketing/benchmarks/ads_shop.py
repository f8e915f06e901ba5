"""A shop in which it is known how likely each advertisement is to be clicked, and to lead to an order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from ecomai.benchmarking import Report
from ecomai.commerce.models import Customer, EventType, Item
from ecomai.commerce.services.events import StoredEvent, key_of, write_events
from ecomai.commerce.services.orders import upsert_orders
from ecomai.fusion.models import ConsentRecord

from ..ads.past import PastImpression, write_past
from ..app_settings import app_settings
from ..models import AdCreative, AdGroup
from ..services.ads import attribute_orders

PLACEMENTS = ("home", "category", "product")
N_DAYS, DAYS_OPEN = 60, 9
VIEWS_AT_ONCE = 10_000
#: Kinds of things, each with words of its own; titles take two of them.
KINDS = {
    "Coffee": "espresso roast beans grinder crema", "Tea": "oolong sencha leaves infuser jasmine",
    "Garden": "seeds spade planter hose pruner", "Running": "sneaker pace trail laces marathon",
    "Desk": "notebook pen lamp drawer organiser", "Kitchen": "skillet whisk knife board apron",
    "Bedroom": "linen pillow duvet blanket quilt", "Toys": "puzzle blocks robot marble kite",
    "Camping": "tent lantern hammock flask compass", "Bath": "towel soap sponge robe salts",
    "Music": "guitar strings drum vinyl tuner", "Cycling": "pedal helmet saddle chain pump",
}  # fmt: skip
#: Of the log odds of a click and of an order after it; what each means is said in `Truth`.
CLICK, ORDER = -4.1, -2.0
LIKES_CLICK, LIKES_ORDER, EVENING, DEAR = 2.2, 1.2, 0.4, -0.5
#: What each position takes from the log odds, by place: who reads a list of a category reads on.
LOWER = {"home": -0.9, "category": -0.2, "product": -0.6}
AT_PLACE = {"home": 0.3, "category": 0.0, "product": -0.3}
APPEAL = 0.5


@dataclass(frozen=True)
class Size:
    n_customers: int = 2_000
    n_items: int = 360
    n_ads: int = 48
    n_views: int = 40_000
    n_impressions: int = 60_000


@dataclass
class Truth:
    """What was drawn of customers, items and advertisements, by primary key."""

    likes: dict[int, frozenset[str]]
    kinds: dict[int, str]
    prices: dict[int, float]
    appeal: dict[int, float] = field(default_factory=dict)

    def click(self, ad: AdCreative, customer: int, placement: str, position: int, at: datetime) -> float:
        """Return how likely a click is."""
        odds = CLICK + AT_PLACE[placement] + LOWER[placement] * (position - 1) + self.appeal[ad.pk]
        odds += LIKES_CLICK * self._suits(ad, customer) + EVENING * (timezone.localtime(at).hour >= 18)
        return _chance(odds)

    def order(self, ad: AdCreative, customer: int) -> float:
        """Return how likely an order after a click is."""
        dear = np.log(self.prices[ad.item_id or 0] / 20)
        return _chance(ORDER + LIKES_ORDER * self._suits(ad, customer) + DEAR * dear)

    def _suits(self, ad: AdCreative, customer: int) -> bool:
        return self.kinds[ad.item_id or 0] in self.likes[customer]


@dataclass(frozen=True)
class PlantedShop:
    """The truth, the advertisements, and of each impression, by time, the two true chances (n, 2)."""

    truth: Truth
    ads: list[AdCreative]
    customers: list[Customer]
    chances: NDArray[np.float64]


def plant_shop(size: Size, *, seed: int, report: Report) -> PlantedShop:
    """Fill an empty database: customers like two kinds, look at them mostly, and see what a lot shows."""
    rng, now = np.random.default_rng(seed), timezone.now()
    report(0.02, "customers, items and views")
    items, customers = _items(size, rng), _customers(size, now)
    truth = Truth(
        likes={one.pk: frozenset(rng.choice(list(KINDS), 2, replace=False).tolist()) for one in customers},
        kinds={item.pk: item.category_path for item in items},
        prices={item.pk: float(item.price or 0) for item in items},
    )
    _write_views(size, truth, items, customers, now, rng)
    ads = _ads(size, items)
    truth.appeal.update({ad.pk: float(rng.normal(0, APPEAL)) for ad in ads})
    report(0.1, "impressions")
    chances = _write_impressions(size, truth, ads, customers, now, rng)
    return PlantedShop(truth, ads, customers, chances)


def _items(size: Size, rng: np.random.Generator) -> list[Item]:
    made = []
    for number in range(size.n_items):
        kind = list(KINDS)[number % len(KINDS)]
        words = rng.choice(KINDS[kind].split(), 2, replace=False)
        made.append(
            Item(
                external_id=f"i-{number}", title=f"{' '.join(words)} no {number}".capitalize(),
                category_path=kind, brand=f"Brand {number % 17}", currency="EUR",
                price=Decimal(round(float(np.exp(rng.normal(3.0, 0.6))), 2)).quantize(Decimal("0.01")),
            )
        )  # fmt: skip
    return Item.objects.bulk_create(made)


def _customers(size: Size, now: datetime) -> list[Customer]:
    made = Customer.objects.bulk_create(
        Customer(external_id=f"c-{number}", country=("DE", "AT", "FR")[number % 3], first_seen_at=now)
        for number in range(size.n_customers)
    )
    ConsentRecord.objects.bulk_create(
        ConsentRecord(
            customer=customer, purpose=app_settings.PURPOSE, is_granted=True, source="benchmark",
            recorded_at=now - timedelta(days=2 * N_DAYS),
        )
        for customer in made
    )  # fmt: skip
    return made


def _moments(n: int, now: datetime, rng: np.random.Generator) -> list[datetime]:
    """Return rising moments that end before orders are still to be waited for."""
    ages = np.sort(rng.uniform(DAYS_OPEN, DAYS_OPEN + N_DAYS, n))[::-1]
    return [now - timedelta(days=float(age)) for age in ages]


def _write_views(
    size: Size, truth: Truth, items: Sequence[Item], customers: Sequence[Customer], now: datetime,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Four of five views are of what the customer likes."""
    by_kind: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for item in items:
        by_kind[item.category_path].append(item.pk)
    events = []
    for number, at in enumerate(_moments(size.n_views, now, rng)):
        customer = customers[int(rng.integers(len(customers)))].pk
        liked = sorted(truth.likes[customer]) if rng.random() < 0.8 else list(KINDS)
        events.append(_view(number, at, customer, int(rng.choice(by_kind[str(rng.choice(liked))]))))
    for start in range(0, len(events), VIEWS_AT_ONCE):
        with transaction.atomic():
            write_events(events[start : start + VIEWS_AT_ONCE])


def _view(number: int, at: datetime, customer: int, item: int) -> StoredEvent:
    return StoredEvent(
        storefront="", key=key_of("", "benchmark view", number), type=EventType.VIEW.value, channel="web",
        customer_id=customer, session_id="", item_id=item, order_external_id="", quantity=1, value=None,
        currency="", query="", properties={}, occurred_at=at, received_at=at,
    )  # fmt: skip


def _ads(size: Size, items: Sequence[Item]) -> list[AdCreative]:
    """Six groups of advertisements, each about an item, in words of its own."""
    groups = [
        AdGroup.objects.create(
            name=f"Group {number}", state=AdGroup.State.RUNNING, placements=list(PLACEMENTS), currency="EUR",
            price=Decimal("0.20"), conversion_value=Decimal(2), frequency_cap=0,
        )
        for number in range(6)
    ]  # fmt: skip
    made = AdCreative.objects.bulk_create(
        AdCreative(
            group=groups[number % len(groups)], item=item, title=f"{item.title}, now in the shop",
            text=f"{item.category_path}: {KINDS[item.category_path]}", target_url="/",
            state=AdCreative.State.APPROVED,
        )
        for number, item in enumerate(items[: size.n_ads])
    )  # fmt: skip
    return made


def _write_impressions(
    size: Size, truth: Truth, ads: Sequence[AdCreative], customers: Sequence[Customer], now: datetime,
    rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """Show three at once by lot, and let customers click and order as the truth says."""
    shown, chances, orders = [], [], []
    for at in _moments(size.n_impressions // 3, now, rng):
        customer = customers[int(rng.integers(len(customers)))]
        placement = str(rng.choice(PLACEMENTS))
        for position, place in enumerate(rng.choice(len(ads), 3, replace=False).tolist(), start=1):
            ad, seen_at = ads[place], at + timedelta(milliseconds=position)
            click, order = (
                truth.click(ad, customer.pk, placement, position, at), truth.order(ad, customer.pk)
            )  # fmt: skip
            clicked_at = seen_at + timedelta(minutes=1) if rng.random() < click else None
            shown.append(
                PastImpression(seen_at, customer.pk, ad, placement, position, 1 / len(ads), clicked_at)
            )
            chances.append((click, order))
            if clicked_at and rng.random() < order:
                orders.append((customer, ad, clicked_at + timedelta(hours=1)))
    write_past(shown, rng)
    _write_orders(orders)
    # As they are read: by time.
    return np.array(chances)[np.argsort([each.at.timestamp() for each in shown], kind="stable")]


def _write_orders(orders: Sequence[tuple[Customer, AdCreative, datetime]]) -> None:
    from ecomai.commerce.models import Order

    rows = [
        {
            "external_id": f"o-{number}", "customer_id": customer.external_id, "currency": "EUR",
            "status": "paid", "placed_at": at,
            "lines": [{"position": 0, "item_id": ad.item.external_id, "quantity": 1,
                       "unit_price": str(ad.item.price)}],
        }
        for number, (customer, ad, at) in enumerate(orders)
        if ad.item is not None
    ]  # fmt: skip
    upsert_orders(rows, source="benchmark")
    attribute_orders(Order.objects.values_list("pk", flat=True))


def _chance(odds: float) -> float:
    return float(1 / (1 + np.exp(-odds)))
