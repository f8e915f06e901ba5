"""Whether a claimed message may go to its customer now: looked at again right before it is handed over."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.adapters.base import get_adapter
from ecomai.commerce.adapters.contacts import Contact, KnowsContacts
from ecomai.fusion.selectors import granted_consents

from ..app_settings import app_settings
from ..channels import ChannelStrategy, Ready
from ..models import Campaign, Channel, CustomerProfile, Delivery, JourneyRun
from ..summary import leaf_of
from .preferences import who_refused_topic

State = Delivery.State
#: Who left a journey gets none of what waited for them, such as for the night to pass.
ON_A_JOURNEY = (JourneyRun.State.ON_THE_WAY, JourneyRun.State.FINISHED)


class Addressing:
    """Consent, topic, the week's messages, and the customer's own clock, for all batches of a job."""

    def __init__(self, campaign: Campaign, channel: ChannelStrategy) -> None:
        self.campaign = campaign
        self.channel = channel
        self.adapter: Any = get_adapter()

    def look_through(self, rows: Sequence[Delivery]) -> list[Ready]:
        """Leave out who refused meanwhile, has got too much, or cannot be reached; wait for who sleeps."""
        pks = [row.customer_id for row in rows]
        profiles = CustomerProfile.objects.in_bulk(pks)
        refused = self._refused(pks)
        n_recent, n_held = self._counts(rows) if self.channel.is_pushed else (Counter(), Counter())
        contacts = self._contacts(rows)
        unreachable = self.channel.unreachable(rows, contacts)
        now, ready = timezone.now(), []
        for row in rows:
            profile, contact = profiles.get(row.customer_id), contacts.get(row.customer.external_id)
            if profile is None or row.customer_id in refused:
                row.state, row.reason = State.SKIPPED, refused.get(row.customer_id) or _("refused marketing")
            elif row.run is not None and row.run.state not in ON_A_JOURNEY:
                row.state, row.reason = State.SKIPPED, _("left the journey meanwhile")
            elif n_recent[row.customer_id] >= app_settings.MESSAGES_PER_WEEK:
                row.state, row.reason = State.SKIPPED, _("got enough mails this week")
            elif n_recent[row.customer_id] + n_held[row.customer_id] >= app_settings.MESSAGES_PER_WEEK:
                row.state, row.not_before = State.WAITING, now + _a_moment()
            elif row.pk in unreachable:
                row.state, row.reason = State.SKIPPED, unreachable[row.pk]
            elif self.channel.is_pushed and (awake_at := _awake_at(contact, now)):
                row.state, row.not_before = State.WAITING, awake_at
            else:
                ready.append(Ready(row, contact, _values(profile, contact)))
                n_recent[row.customer_id] += 1
        return ready

    def _counts(self, rows: Sequence[Delivery]) -> tuple[Counter[int], Counter[int]]:
        """How many messages came to each unasked within seven days, and how many others hold just now.

        Each claim is committed before anybody looks, so of two campaigns that want one customer the later
        one sees the other's: as held, or as sent. It waits a moment, then, and looks again.
        """
        pks = [row.customer_id for row in rows]
        pushed = Delivery.objects.filter(customer_id__in=pks).exclude(campaign__channel=Channel.ONSITE)
        held = pushed.filter(state=State.CLAIMED).exclude(pk__in=[row.pk for row in rows])
        # In this order: what is sent between both questions is counted twice, and never missed.
        n_held = _count_each(held)
        return _count_each(pushed.filter(sent_at__gt=timezone.now() - timedelta(days=7))), n_held

    def _refused(self, pks: Sequence[int]) -> dict[int, str]:
        """Return why some may not be addressed, by customer."""
        granted = granted_consents(
            customer_pks=pks, purpose=app_settings.PURPOSE, channel=self.campaign.channel
        )
        reasons = {pk: _("refused marketing") for pk in pks if pk not in granted}
        if self.campaign.topic is not None:
            without = who_refused_topic(customer_pks=pks, topic=self.campaign.topic)
            reasons = {pk: _("refused this topic") for pk in without} | reasons
        return reasons

    def _contacts(self, rows: Sequence[Delivery]) -> Mapping[str, Contact]:
        if not isinstance(self.adapter, KnowsContacts):
            return {}
        return self.adapter.contacts(
            customer_ids=[row.customer.external_id for row in rows], storefront=self.campaign.storefront
        )


def _count_each(rows: QuerySet[Delivery]) -> Counter[int]:
    return Counter(dict(rows.order_by().values_list("customer_id").annotate(n=Count("pk"))))


def _a_moment() -> timedelta:
    """A minute or two, by chance: those who wait for each other do not meet again."""
    return timedelta(seconds=60 + secrets.randbelow(60))


def _awake_at(contact: Contact | None, now: datetime) -> datetime | None:
    """Return when the customer's quiet hours end; None while it is day there."""
    begin, end = app_settings.QUIET_HOURS
    if begin == end:
        return None
    zone = _zone(contact.time_zone if contact else "")
    local = now.astimezone(zone)
    is_night = local.hour >= begin or local.hour < end if begin > end else begin <= local.hour < end
    if not is_night:
        return None
    day = local.date() + timedelta(days=1 if local.hour >= end else 0)
    return datetime.combine(day, time(end), tzinfo=zone)


@lru_cache(maxsize=1000)
def _named_zone(name: str) -> Any:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _zone(name: str) -> Any:
    return (_named_zone(name) if name else None) or timezone.get_default_timezone()


def _values(profile: CustomerProfile, contact: Contact | None) -> dict[str, str]:
    return {
        "name": contact.name if contact else "",
        "favourite_category": leaf_of(profile.favourite_category),
        "favourite_brand": profile.favourite_brand,
        "loyalty_tier": profile.loyalty_tier,
    }
