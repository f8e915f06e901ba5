"""What the demo shop shows of this scenario."""

import hashlib
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.fusion.models import ConsentRecord

from . import selectors
from .app_settings import app_settings
from .models import ProfileReference, Segment
from .services import request_profiles, work_requests
from .services.profiling import start_profiling
from .services.segments import create_segment

#: Of a hundred customers so many have said yes to marketing, and so many of the others have said no.
GRANTED, REFUSED = 70, 10


def seed_demo() -> None:
    """Let most customers answer about marketing, compute profiles, make five segments. Safe to run twice."""
    if not ConsentRecord.objects.filter(purpose=app_settings.PURPOSE).exists():
        _answer()
    if not ProfileReference.objects.exists():
        start_profiling()
    for slug, name, description, condition in _segments():
        if not Segment.objects.filter(slug=slug).exists():
            create_segment(slug=slug, name=name, description=description, condition=condition)


def _answer() -> None:
    answers = [
        ConsentRecord(
            storefront=customer.storefront, customer=customer, purpose=app_settings.PURPOSE,
            is_granted=place < GRANTED, source="demo",
            recorded_at=customer.first_seen_at + timedelta(minutes=5),
        )
        for customer in Customer.objects.order_by("pk").iterator()
        if (place := _place(customer)) < GRANTED + REFUSED
    ]  # fmt: skip
    ConsentRecord.objects.bulk_create(answers, batch_size=1000)
    # Profiles may be there since the import, and say that nobody has answered. What follows waits for them.
    request_profiles([answer.customer_id for answer in answers if answer.customer_id])
    work_requests()
    selectors.forget_counts()


def _place(customer: Customer) -> int:
    """A number from 0 to 99 that is always the same for a customer."""
    return int.from_bytes(hashlib.sha256(customer.external_id.encode()).digest()[:4]) % 100


def _segments() -> list[tuple[str, str, str, dict[str, Any]]]:
    buyers = {"field": "n_orders", "op": ">=", "value": 1}
    return [
        (
            "lookers", _("Looked lately, never bought"), _("Need a first reason to buy."),
            {"all": [{"event": "view", "days": 30}, {"not": buyers}]},
        ),
        (
            "best-customers", _("Best customers"), _("Bought often and much, and not long ago."),
            {"all": [
                {"field": "frequency_score", "op": ">=", "value": 4},
                {"field": "monetary_score", "op": ">=", "value": 4},
                {"field": "stage", "op": "in", "value": ["active"]},
            ]},
        ),
        (
            "good-at-risk", _("Good customers at risk"), _("Worth winning back before they are gone."),
            {"all": [
                {"field": "stage", "op": "in", "value": ["at_risk", "lapsed"]},
                {"field": "monetary_score", "op": ">=", "value": 3},
            ]},
        ),
        (
            "left-basket", _("Left a basket behind"),
            _("Put something in the basket this week, and bought nothing."),
            {"all": [{"event": "cart", "days": 7}, {"not": {"event": "purchase", "days": 7}}]},
        ),
        (
            "due", _("Next order is due"), _("Expected to order within a week, by their own rhythm."),
            {"field": "next_order_at", "op": "next", "value": 7},
        ),
    ]  # fmt: skip
