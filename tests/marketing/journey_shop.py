"""A shop with one segment, and a journey over all kinds of steps."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from ecomai.commerce.models import Customer
from ecomai.commerce.services.events import ingest_events
from marketing.models import CustomerProfile, Delivery, JourneyRun, ProfileRequest, Segment
from marketing.services.journeys import create_journey
from marketing.services.travelling import advance_journeys

TEXT = {"name": "A", "subject": "Your basket, {{ name }}", "body": "It is still there.", "weight": 1}
BOUGHT_BEFORE = {"field": "n_orders", "op": ">=", "value": 1}

#: Wait a day for a checkout; then a mail to buyers, and another one to the others.
STEPS: list[dict[str, Any]] = [
    {"key": "wait", "type": "wait", "name": "A day", "amount": 1, "unit": "days", "event": "checkout",
        "next": "known", "on_event": "end"},
    {"key": "known", "type": "condition", "name": "Bought before?", "condition": BOUGHT_BEFORE,
        "yes": "mail", "no": "welcome"},
    {"key": "mail", "type": "message", "name": "Reminder", "variants": [TEXT], "next": "end"},
    {"key": "welcome", "type": "message", "name": "Welcome", "next": "end",
        "variants": [TEXT | {"subject": "Welcome"}]},
]  # fmt: skip


def make_segment() -> Segment:
    return Segment.objects.create(name="Baskets", slug="baskets", kind="static")


def make_customers(make_customer: Any, n: int, *, n_buyers: int = 0, prefix: str = "c") -> list[Customer]:
    """Customers who may be addressed, of whom the first `n_buyers` have bought."""
    made = []
    for number in range(n):
        customer = make_customer(f"{prefix}{number}")
        CustomerProfile.objects.create(customer=customer, has_consent=True, n_orders=int(number < n_buyers))
        made.append(customer)
    return made


def make_journey(**fields: Any) -> Any:
    segment = None if "event" in fields else Segment.objects.filter(slug="baskets").first() or make_segment()
    usual = {"name": "Left a basket", "segment": segment, "steps": STEPS, "holdout_share": 0.0}
    return create_journey(**usual | fields)


def do(customer: Customer, kind: str, *, at: Any = None) -> None:
    """Let something happen, with profiles as they were made here."""
    now = at or timezone.now()
    row = {
        "key": f"{kind}:{customer.pk}:{now.timestamp()}",
        "type": kind,
        "customer_id": customer.external_id,
    }
    ingest_events([row | {"occurred_at": now}])
    ProfileRequest.objects.all().delete()


def later(**span: int) -> int:
    """Let time pass for everybody on a journey, and have them moved, with profiles as they were made here."""
    ProfileRequest.objects.all().delete()
    return advance_journeys(now=timezone.now() + timedelta(**span))


def places() -> dict[str, int]:
    """How many are where: a step for those on the way, else the state."""
    found: dict[str, int] = {}
    for run in JourneyRun.objects.all():
        place = run.step if run.state == "on_the_way" else run.state
        found[place] = found.get(place, 0) + 1
    return found


def messages() -> dict[str, int]:
    found: dict[str, int] = {}
    for delivery in Delivery.objects.select_related("campaign"):
        found[delivery.campaign.step] = found.get(delivery.campaign.step, 0) + 1
    return found
