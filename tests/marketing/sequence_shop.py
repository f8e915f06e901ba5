"""A shop where the order of what was done decides: all customers look at four outdoor and four garden items
within the same week, and who ends outdoors is moved by a mail, who ends in the garden is annoyed by one."""

from datetime import datetime, timedelta
from uuid import uuid4

import numpy as np

from ecomai.commerce.models import Customer, Event, Item, Order
from marketing.models import Campaign

from .uplift_shop import ANNOYED, DAY, PERSUADABLE, kind_of, order, plant_campaign, plant_customers

#: By `kind_of`, who is neither has looked at nothing.
N_ITEMS_EACH, N_LOOKS_EACH = 6, 4


def plant_sequence_shop(n: int, start: datetime, *, seed: int = 0) -> tuple[list[Customer], Campaign]:
    """Customers, who look at things until `start`, and a finished campaign that began then."""
    customers = plant_customers(n, start)
    # What tells them apart in the other shop is taken away: here nothing but the order does.
    Event.objects.all().delete()
    Order.objects.all().delete()
    Order.objects.bulk_create(
        order(customer, start - 250 * DAY, f"old-{number}") for number, customer in enumerate(customers)
    )
    plant_looks(customers, start, seed=seed)
    return customers, plant_campaign(customers, start, seed=seed)


def plant_looks(customers: list[Customer], now: datetime, *, seed: int = 0) -> None:
    outdoors, garden = (_items(name) for name in ("Outdoor", "Garden"))
    rng = np.random.default_rng(seed)
    looks: list[Event] = []
    for number, customer in enumerate(customers):
        first, second = (garden, outdoors) if kind_of(number) == PERSUADABLE else (outdoors, garden)
        if kind_of(number) not in (PERSUADABLE, ANNOYED):
            continue
        seen = [*rng.permutation(first)[:N_LOOKS_EACH], *rng.permutation(second)[:N_LOOKS_EACH]]
        looks += [
            Event(
                key=uuid4(), type="view", customer=customer, item_id=int(item),
                occurred_at=now - timedelta(hours=20 * (len(seen) - place)),
            )
            for place, item in enumerate(seen)
        ]  # fmt: skip
    Event.objects.bulk_create(looks)


def _items(category: str) -> list[int]:
    known = [
        Item.objects.get_or_create(
            external_id=f"{category}-{number}", defaults={"title": f"{category} {number}"}
        )[0].pk
        for number in range(N_ITEMS_EACH)
    ]
    return [int(pk) for pk in known]
