"""Seen and clicked: an event each, counted by the hour, and paid from the budget while there is some."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ecomai.commerce.models import EventType
from ecomai.commerce.services.events import StoredEvent, key_of, write_events
from ecomai.fusion.selectors import has_consent

from ...ads import pacing
from ...app_settings import app_settings
from ...exceptions import UnknownAdError
from ...models import AdCreative, AdGroup, AdSpend
from . import tokens
from .groups import is_allowed_target
from .shelf import spent_on_day

MOST_TOKENS = 50
Said = dict[str, Any]


def record_seen(given: Sequence[str], *, now: datetime | None = None) -> int:
    """Count advertisements that a visitor saw, each once; returns how many were new.

    Forged and outdated tokens count for nothing.
    """
    said = []
    for token in given[:MOST_TOKENS]:
        try:
            words, counts = tokens.read(token)
        except UnknownAdError:
            continue
        if counts:
            said.append(words)
    return _record(said, EventType.AD_IMPRESSION, now or timezone.now())


def follow_click(token: str, *, is_counted: bool = True, now: datetime | None = None) -> str:
    """Count a click once, and return where it leads. Raises UnknownAdError.

    The address is that of the advertisement as it is now, checked again: nothing in the request names it.
    """
    said, counts = tokens.read(token)
    creative = AdCreative.objects.filter(pk=said["creative"]).first()
    if creative is None or not is_allowed_target(creative.target_url):
        raise UnknownAdError
    if counts and is_counted:
        moment = now or timezone.now()
        # Who clicks has seen it, whatever the page's script could report.
        _record([said], EventType.AD_IMPRESSION, moment)
        _record([said], EventType.AD_CLICK, moment)
    return str(creative.target_url)


def _record(said: Sequence[Said], kind: EventType, now: datetime) -> int:
    creatives = AdCreative.objects.in_bulk([words["creative"] for words in said])
    known = [words for words in said if words["creative"] in creatives]
    by_key = {key_of(words["storefront"], kind, words["key"]): words for words in known}
    events = [_event(key, kind, words, creatives[words["creative"]], now) for key, words in by_key.items()]
    with transaction.atomic():
        new = [by_key[key] for key in write_events(events)]
        counts: dict[int, dict[tuple[int, str], int]] = defaultdict(lambda: defaultdict(int))
        for words in new:
            group = creatives[words["creative"]].group_id
            counts[group][words["creative"], words["placement"]] += 1
        for group_pk in sorted(counts):
            charge(group_pk, counts[group_pk], kind, now)
    return len(new)


def charge(group_pk: int, counts: dict[tuple[int, str], int], kind: EventType, now: datetime) -> Decimal:
    """Count by advertisement and place, and take from the budget what there is room for; returns how much.

    The group's row is locked, so that of many at once none spends what another has. What comes when the
    budget is used up is counted, and costs nothing.
    """
    group = AdGroup.objects.select_for_update().get(pk=group_pk)
    is_paid = (kind == EventType.AD_CLICK) == (group.priced_by == AdGroup.PricedBy.CLICK)
    room = n_affordable(group, now) if is_paid else 0
    hour, total = pacing.hour_of(now), Decimal(0)
    for (creative_pk, placement), n in sorted(counts.items()):
        n_paid = n if room is None else min(n, room)
        room = None if room is None else room - n_paid
        cost = group.unit_price * n_paid if is_paid else Decimal(0)
        count_hour(creative_pk, placement, hour, **{_COUNTER[kind]: n}, spent=cost)
        total += cost
    if total:
        AdGroup.objects.filter(pk=group_pk).update(spent=F("spent") + total)
    return total


_COUNTER = {EventType.AD_IMPRESSION: "n_impressions", EventType.AD_CLICK: "n_clicks"}


def n_affordable(group: AdGroup, now: datetime) -> int | None:
    """Return for how many more the budgets have room; None where there is no bound."""
    if not group.unit_price:
        return None
    rooms = []
    if group.total_budget is not None:
        rooms.append(group.total_budget - group.spent)
    if group.daily_budget is not None:
        rooms.append(group.daily_budget - spent_on_day(group, now))
    return max(int(min(rooms) // group.unit_price), 0) if rooms else None


def count_hour(creative_pk: int, placement: str, hour: datetime, **more: Any) -> None:
    """Add to the counters of an hour; who comes first makes the row."""
    AdSpend.objects.bulk_create(
        [AdSpend(creative_id=creative_pk, placement=placement, hour=hour)], ignore_conflicts=True
    )
    row = AdSpend.objects.filter(creative_id=creative_pk, placement=placement, hour=hour)
    row.update(**{name: F(name) + value for name, value in more.items()})


def _event(key: str, kind: EventType, said: Said, creative: AdCreative, now: datetime) -> StoredEvent:
    customer, session = _still_allowed(said)
    properties = {
        name: said[name] for name in ("creative", "placement", "position", "propensity", "source", "version")
    }
    properties |= {"shown": said["key"], "group": creative.group_id}
    return StoredEvent(
        storefront=said["storefront"], key=key, type=kind.value, channel="web", customer_id=customer,
        session_id=session, item_id=creative.item_id, order_external_id="", quantity=1, value=None,
        currency="", query="", properties=properties, occurred_at=now, received_at=now,
    )  # fmt: skip


def _still_allowed(said: Said) -> tuple[int | None, str]:
    """Whose it is; nobody's where the consent was taken back since, or the customer was erased."""
    from ecomai.commerce.models import Customer

    customer, session = said["customer"], said["session"]
    if customer is None and not session:
        return None, ""
    who = Customer.objects.filter(pk=customer).first() if customer else None
    is_gone = bool(customer) and who is None
    allowed = not is_gone and has_consent(
        purpose=app_settings.PURPOSE, customer=who, session_id=session, storefront=said["storefront"]
    )
    return (customer, session) if allowed else (None, "")
