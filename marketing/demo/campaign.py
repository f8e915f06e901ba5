"""A campaign of the demo shop that is over: sent by the real sender to nobody, with what it brought.

Who is in which arm, who got it and the report are as in any shop. What is made up are the orders that the
mail brought: in a shop of generated customers nobody reads it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.adapters.base import get_adapter
from ecomai.commerce.adapters.contacts import KnowsContacts
from ecomai.commerce.models import Event, EventType, OrderLine
from ecomai.commerce.services.orders import upsert_orders
from ecomai.registry.jobs import execute_job

from ..models import Campaign, CustomerProfile, Delivery, Segment
from ..services.campaigns import create_campaign, start_campaign
from ..services.segments import create_segment, import_members

SLUG = "buyers-of-the-demo-campaign"
HOLDOUT_SHARE, EFFECT_DAYS, DAYS_AGO = 0.35, 14, 20
LEAST_CUSTOMERS, MOST_CUSTOMERS = 100, 2_000
#: Of a hundred who got it so many order because of it: who had visited lately, and who had not.
MOVED, HARDLY_MOVED = 30, 10
RECENT_DAYS = 30
BASE_URL = "https://shop.example"


def seed_campaign() -> Campaign | None:
    """Make it once; None where there are too few customers, or the shop does not say how to reach them."""
    if Segment.objects.filter(slug=SLUG).exists() or not isinstance(get_adapter(), KnowsContacts):
        return None
    started_at = timezone.now() - timedelta(days=DAYS_AGO)
    buyers = CustomerProfile.objects.filter(
        has_consent=True, first_order_at__lt=started_at, customer__storefront=""
    ).select_related("customer")  # fmt: skip
    profiles = list(buyers.order_by("pk")[:MOST_CUSTOMERS])
    if len(profiles) < LEAST_CUSTOMERS:
        return None
    with transaction.atomic():
        campaign = _send([profile.customer.external_id for profile in profiles])
        _move_back(campaign, started_at)
        _seed_orders(campaign)
    return campaign


def _send(customer_ids: Sequence[str]) -> Campaign:
    """Assign and send as ever; inside a transaction no worker can take the job first."""
    segment = create_segment(
        slug=SLUG, name=_("Buyers of the spring greeting"), condition=None, kind=Segment.Kind.STATIC,
        description=_("Who had bought before the campaign began, and may be addressed."),
    )  # fmt: skip
    import_members(segment, customer_ids)
    text = {
        "name": "A",
        "subject": _("Something new for you, {{ name }}"),
        "body": _("There is something new in {{ favourite_category|default:'the shop' }}. Have a look!"),
    }
    campaign = create_campaign(
        name=_("Spring greeting"), segment=segment, variants=[text], holdout_share=HOLDOUT_SHARE,
        effect_days=EFFECT_DAYS,
    )  # fmt: skip
    # What chance gives is the same each time the demo is made.
    Campaign.objects.filter(pk=campaign.pk).update(salt="demo")
    with _nothing_leaves():
        job = start_campaign(campaign)
        execute_job(job.pk)
    campaign.refresh_from_db()
    return campaign


@contextmanager
def _nothing_leaves() -> Iterator[None]:
    """Mails go nowhere, at any hour."""
    known = settings.ECOMAI.get("MARKETING", {})
    own = known | {"BASE_URL": known.get("BASE_URL") or BASE_URL, "QUIET_HOURS": (0, 0)}
    with override_settings(
        ECOMAI=settings.ECOMAI | {"MARKETING": own},
        EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    ):
        yield


def _move_back(campaign: Campaign, started_at: datetime) -> None:
    """Let it have been sent when it was said to be, so that its days are over."""
    sent_at = started_at + timedelta(minutes=5)
    Delivery.objects.filter(campaign=campaign, sent_at__isnull=False).update(sent_at=sent_at)
    Event.objects.filter(type=EventType.MESSAGE_SENT, properties__campaign=campaign.name).update(
        occurred_at=sent_at
    )
    campaign.started_at, campaign.finished_at = started_at, sent_at
    campaign.save(update_fields=["started_at", "finished_at"])


def _seed_orders(campaign: Campaign) -> None:
    """Order again what they had ordered before, some days after the mail."""
    assert campaign.started_at is not None  # noqa: S101
    sent = Delivery.objects.filter(campaign=campaign, state=Delivery.State.SENT)
    rows = sent.order_by("customer_id").values_list(
        "customer_id", "customer__external_id", "customer__marketing_profile__last_seen_at"
    )
    recent = campaign.started_at - timedelta(days=RECENT_DAYS)
    moved = {
        pk: external_id
        for pk, external_id, seen_at in rows
        if _place(external_id) < (MOVED if seen_at and seen_at > recent else HARDLY_MOVED)
    }
    lines = _first_lines(moved, campaign.started_at)
    upsert_orders(
        [
            {
                "external_id": f"demo-campaign-{external_id}", "customer_id": external_id,
                "currency": currency, "status": "paid",
                "placed_at": campaign.started_at + timedelta(hours=6 + _place(external_id, "when") * 3),
                "lines": [{"position": 0, "item_id": item_id, "quantity": 1, "unit_price": str(price)}],
            }
            for pk, external_id in moved.items()
            if pk in lines
            for item_id, price, currency in [lines[pk]]
        ],
        source="demo",
    )  # fmt: skip


def _first_lines(customers: dict[int, str], before: datetime) -> dict[int, tuple[Any, ...]]:
    """Return an item, its price and currency of each customer's first order."""
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    lines = OrderLine.objects.filter(
        order__customer_id__in=customers, order__placed_at__lt=before, item__isnull=False, unit_price__gt=0
    ).order_by("order__placed_at", "order_id", "position")  # fmt: skip
    for pk, *line in lines.values_list(
        "order__customer_id", "item__external_id", "unit_price", "order__currency"
    ):
        if pk is not None and not found[pk]:
            found[pk].append(tuple(line))
    return {pk: known[0] for pk, known in found.items()}


def _place(external_id: str, about: str = "moved") -> int:
    """A number from 0 to 99 that is always the same for a customer."""
    return int.from_bytes(hashlib.sha256(f"{about} {external_id}".encode()).digest()[:4]) % 100
