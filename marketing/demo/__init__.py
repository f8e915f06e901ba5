"""What the demo shop shows of this scenario."""

import hashlib
import logging
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.fusion.models import ConsentRecord

from .. import selectors
from ..app_settings import app_settings
from ..exceptions import JourneyNotReadyError
from ..models import Journey, ProfileReference, Segment
from ..segments.compiling import select_profiles
from ..segments.conditions import parse_condition
from ..services import request_profiles, work_requests
from ..services.journeys import create_journey, start_journey
from ..services.likeness import start_vectors
from ..services.profiling import start_profiling
from ..services.segments import create_segment
from ..services.travelling import advance_journeys, enter
from .ads import seed_ads
from .campaign import seed_campaign
from .onsite import seed_onsite
from .texts import seed_texts
from .voice import seed_voice

logger = logging.getLogger(__name__)

#: Of a hundred customers so many have said yes to marketing, and so many of the others have said no.
GRANTED, REFUSED = 70, 10
#: How many begin the demo's journey at once, and how long ago the first of them did.
IN_A_WAVE, FIRST_WAVE = 30, timedelta(days=3)


def seed_demo() -> None:
    """Let most customers answer, compute profiles, and make all that marketing shows.

    Safe to run twice.
    """
    if not ConsentRecord.objects.filter(purpose=app_settings.PURPOSE).exists():
        _answer()
    if not ProfileReference.objects.exists():
        start_profiling()
    for slug, name, description, condition in _segments():
        if not Segment.objects.filter(slug=slug).exists():
            create_segment(slug=slug, name=name, description=description, condition=condition)
    seed_campaign()
    seed_onsite()
    start_vectors()
    if not Journey.objects.exists():
        _travel(Segment.objects.get(slug="left-basket"))
    seed_voice()
    seed_texts()
    seed_ads()
    selectors.forget_counts()  # whether models have enough is asked next


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


def _travel(segment: Segment) -> None:
    """Let customers be at several steps of a journey that is some days old; a draft where no mail can go."""
    journey = create_journey(name=_("Left a basket behind"), segment=segment, steps=_steps())
    try:
        start_journey(journey)
    except JourneyNotReadyError as error:
        logger.info("The demo's journey stays a draft: %s", error)
        return
    now, condition = timezone.now(), parse_condition(segment.condition)
    Journey.objects.filter(pk=journey.pk).update(started_at=now - FIRST_WAVE)
    found = select_profiles(condition, now=now).order_by("pk").values_list("pk", flat=True)
    pks = list(found[: 3 * IN_A_WAVE])
    for number, since in enumerate((FIRST_WAVE, FIRST_WAVE / 3, timedelta(0))):
        began = now - since
        enter(journey, pks[number * IN_A_WAVE : (number + 1) * IN_A_WAVE], at=began)
        for moment in (began, min(began + timedelta(hours=3), now)):
            advance_journeys(now=moment)
    advance_journeys(now=now)


def _steps() -> list[dict[str, Any]]:
    def message(key: str, name: str, subject: str, body: str, then: str) -> dict[str, Any]:
        return {
            "key": key, "type": "message", "name": name, "next": then,
            "variants": [{"subject": subject, "body": body}],
        }  # fmt: skip

    return [
        {"key": "pause", "type": "wait", "name": _("Let them think"), "amount": 2, "unit": "hours",
            "next": "reminder"},
        message("reminder", _("Reminder"), _("Your basket is waiting, {{ name }}"),
            _("What you chose is still in your basket."), "patience"),
        {"key": "patience", "type": "wait", "name": _("Two days"), "amount": 2, "unit": "days",
            "next": "known"},
        {"key": "known", "type": "condition", "name": _("Bought before?"),
            "condition": {"field": "n_orders", "op": ">=", "value": 1}, "yes": "thanks", "no": "welcome"},
        message("thanks", _("For customers"), _("Good to have you back, {{ name }}"),
            _("More of {{ favourite_category|default:'what you like' }} has come in."), "end"),
        message("welcome", _("For newcomers"), _("Questions about your first order?"),
            _("Write to us, we are happy to help."), "end"),
    ]  # fmt: skip


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
