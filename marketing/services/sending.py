"""Handing a campaign's mails over: none lost, none twice, whenever a worker dies.

Rows are assigned to arms first; each batch is claimed, looked through, handed over mail by mail on one
connection, and marked. What a dead worker had claimed is settled before anything else is sent.
"""

import logging
import smtplib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.mail import get_connection
from django.db import connection, transaction
from django.db.models import Count, Exists, F, Min, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from ecomai.commerce.adapters.base import get_adapter
from ecomai.commerce.adapters.contacts import Contact
from ecomai.commerce.models import EventType
from ecomai.commerce.services.events import ingest_events
from ecomai.exceptions import UnavailableError
from ecomai.experiments.assignment import draws
from ecomai.fusion.selectors import granted_consents
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import Job

from ..app_settings import app_settings
from ..mails import is_address, make_mail
from ..models import Campaign, CampaignVariant, CustomerProfile, Delivery, JourneyRun, SegmentMember
from ..summary import leaf_of
from .limits import check_refused, take_room
from .targeting import Targeting
from .unsubscribing import unsubscribe_url

logger = logging.getLogger(__name__)
State = Delivery.State

JOB_KIND = "marketing.campaign"
ASSIGNED_AT_ONCE = 2000
SENT_AT_ONCE = 100
#: What a server refused for the moment only.
TRIED_AGAIN_AFTER = timedelta(minutes=15)
#: A worker that holds a claim for longer is dead: its job's lease ended long before.
CLAIM_MINUTES = 10
#: Who left a journey gets none of what waited for them, such as for the night to pass.
ON_A_JOURNEY = (JourneyRun.State.ON_THE_WAY, JourneyRun.State.FINISHED)


def run_campaign(job: RunningJob) -> dict[str, Any]:
    """Assign, settle what a dead worker left, send. Safe to run twice, and goes on where it was killed."""
    campaign = Campaign.objects.select_related("segment").get(pk=job.arguments["campaign"])
    if not campaign.is_assigned:
        job.report(0.0, _("Choosing who gets what"))
        assign(campaign)
    settle_claims(campaign, job_pk=job.job.pk)
    sender = _Sender(campaign, job)
    without = (State.HELD_OUT, State.NOT_WORTH)
    n_all = Delivery.objects.filter(campaign=campaign).exclude(state__in=without).count()
    while sender.send_some():
        check_refused(campaign)
        n_open = Delivery.objects.filter(campaign=campaign, state__in=(State.WAITING, State.CLAIMED)).count()
        job.report(1 - n_open / max(n_all, 1), _("%(n)s mails are left") % {"n": n_open})
    return _finish(campaign, job)


def _finish(campaign: Campaign, job: RunningJob) -> dict[str, Any]:
    states = Counter(dict(_states(campaign)))
    if campaign.journey_id is not None:
        pass  # more come as customers reach the step; `send_waiting` has them sent
    elif states[State.WAITING]:
        _go_on_later(campaign, job)
    elif not states[State.CLAIMED]:
        done = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.SENDING)
        done.update(state=Campaign.State.FINISHED, finished_at=timezone.now())
    return {str(state): n for state, n in states.items()}


def _go_on_later(campaign: Campaign, job: RunningJob) -> None:
    """Some customers sleep: another job goes on when the first of them wakes, unless it was paused."""
    waiting = Delivery.objects.filter(campaign=campaign, state=State.WAITING)
    moment = waiting.aggregate(first=Min("not_before"))["first"]
    with transaction.atomic():
        sending = Campaign.objects.select_for_update().filter(pk=campaign.pk, state=Campaign.State.SENDING)
        if moment is not None and sending.exists():
            enqueue_job(
                kind=job.job.kind, arguments=job.arguments, label=campaign.name, run_after=moment,
                max_attempts=job.job.max_attempts,
            )  # fmt: skip


def send_waiting(*, now: datetime) -> int:
    """Queue a job for each message of a running journey that customers wait for; returns how many."""
    too_old = now - timedelta(minutes=CLAIM_MINUTES)
    waiting = Delivery.objects.filter(
        Q(state=State.WAITING) & (Q(not_before=None) | Q(not_before__lte=now))
        | Q(state=State.CLAIMED, claimed_at__lt=too_old),
        campaign=OuterRef("pk"),
    )
    campaigns = Campaign.objects.filter(Exists(waiting), journey__isnull=False, state=Campaign.State.SENDING)
    open_jobs = Job.objects.filter(kind=JOB_KIND).exclude(state__in=Job.FINISHED_STATES)
    busy = set(open_jobs.values_list("arguments__campaign", flat=True))
    free = [campaign for campaign in campaigns if campaign.pk not in busy]
    for campaign in free:
        enqueue_job(
            kind=JOB_KIND, arguments={"campaign": campaign.pk}, label=campaign.name[:200], max_attempts=8
        )  # fmt: skip
    return len(free)


def _states(campaign: Campaign) -> Iterator[tuple[str, int]]:
    rows = Delivery.objects.filter(campaign=campaign).order_by()
    yield from rows.values_list("state").annotate(n=Count("pk"))


# -- who gets what ------------------------------------------------------------------------------


def assign(campaign: Campaign) -> int:
    """Write a row for each customer of the segment who may be addressed; a second call writes nothing new.

    A hash of the campaign's salt and the customer says who is held out and who gets which variant, so it is
    the same however often it is asked.
    """
    variants = list(campaign.variants.order_by("pk"))
    members = SegmentMember.objects.filter(
        segment=campaign.segment, customer__marketing_profile__has_consent=True,
        customer__storefront=campaign.storefront,
    )  # fmt: skip
    targeting = Targeting(campaign)
    last = 0
    n = 0
    while batch := list(
        members.filter(customer_id__gt=last)
        .order_by("customer_id")
        .values_list("customer_id", flat=True)[:ASSIGNED_AT_ONCE]
    ):
        last = batch[-1]
        rows = targeting.apply([_row(campaign, variants, pk) for pk in batch])
        n += len(Delivery.objects.bulk_create(rows, ignore_conflicts=True))
    Campaign.objects.filter(pk=campaign.pk).update(is_assigned=True)
    return n


def _row(campaign: Campaign, variants: Sequence[CampaignVariant], customer_pk: int) -> Delivery:
    for_holdout, _second, _third = draws(campaign.salt, campaign.storefront, str(customer_pk))
    if for_holdout < campaign.holdout_share:
        return Delivery(campaign=campaign, customer_id=customer_pk, state=State.HELD_OUT)
    chosen = choose_variant(campaign, variants, customer_pk)
    return Delivery(campaign=campaign, customer_id=customer_pk, variant=chosen, state=State.WAITING)


def choose_variant(
    campaign: Campaign, variants: Sequence[CampaignVariant], customer_pk: int
) -> CampaignVariant:
    """Return the one of several texts that a customer gets, by their weights."""
    _first, for_variant, _third = draws(campaign.salt, campaign.storefront, str(customer_pk))
    at, reached = for_variant * sum(variant.weight for variant in variants), 0.0
    for variant in variants:
        reached += variant.weight
        if at < reached:
            return variant
    return variants[-1]


# -- claims ---------------------------------------------------------------------------------------


def settle_claims(campaign: Campaign, *, job_pk: int) -> dict[str, int]:
    """Find out what became of mails that an earlier attempt of this job, or a dead job, had claimed.

    A backend with a method `find_message_ids(ids)` says which it has got; of any other nobody knows.
    """
    claimed = Delivery.objects.filter(campaign=campaign, state=State.CLAIMED)
    too_old = timezone.now() - timedelta(minutes=CLAIM_MINUTES)
    rows = list(claimed.filter(Q(claimed_by=job_pk) | Q(claimed_at__lt=too_old)).select_related("customer"))
    if not rows:
        return {}
    find = getattr(get_connection(), "find_message_ids", None)
    if find is None:
        reason = _("The worker died while it was handed over.")
        return {"unsure": _set(rows, state=State.UNSURE, reason=reason)}
    ids = {row.pk: _message_id(row, campaign) for row in rows}
    arrived = set(find(list(ids.values())))
    sent = [row for row in rows if ids[row.pk] in arrived]
    left = [row for row in rows if ids[row.pk] not in arrived]
    with transaction.atomic():
        _set(sent, state=State.SENT, sent_at=F("claimed_at"))
        _set(left, state=State.WAITING, claimed_by=None, claimed_at=None)
        _tell(sent, campaign)
    return {"sent": len(sent), "waiting": len(left)}


def _set(rows: Sequence[Delivery], **values: Any) -> int:
    return Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(**values)


def _message_id(row: Delivery, campaign: Campaign) -> str:
    return row.message_id(salt=campaign.salt, domain=urlsplit(app_settings.BASE_URL).hostname or "localhost")


def claim_some(campaign: Campaign, *, by: int, n: int) -> list[Delivery]:
    """Take rows that nobody has; none while the campaign is paused or stopped."""
    now = timezone.now()
    with transaction.atomic():
        if not Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.SENDING).exists():
            return []
        free = Delivery.objects.filter(campaign=campaign, state=State.WAITING)
        free = free.filter(Q(not_before=None) | Q(not_before__lte=now)).order_by("pk")
        if connection.features.has_select_for_update_skip_locked:
            free = free.select_for_update(skip_locked=True)
        pks = list(free.values_list("pk", flat=True)[:n])
        Delivery.objects.filter(pk__in=pks).update(state=State.CLAIMED, claimed_by=by, claimed_at=now)
        rows = Delivery.objects.filter(pk__in=pks).select_related("customer", "variant", "run")
        return list(rows.order_by("pk"))


# -- handing over ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ready:
    row: Delivery
    contact: Contact
    values: Mapping[str, str]


class _Sender:
    """One connection to the mail server, for all batches of a job."""

    def __init__(self, campaign: Campaign, job: RunningJob) -> None:
        self.campaign = campaign
        self.job = job
        self.adapter: Any = get_adapter()
        self.connection: Any = get_connection()

    def send_some(self) -> int:
        """Claim a batch, hand it over, mark it; returns how many rows it was."""
        room = take_room(self.job, SENT_AT_ONCE)
        rows = claim_some(self.campaign, by=self.job.job.pk, n=room.n)
        room.give_back(room.n - len(rows))
        if not rows:
            return 0
        try:
            ready = self._look_through(rows)
            self._open()
            for one in ready:
                self._hand_over(one)
        finally:
            with transaction.atomic():
                _mark(rows)
                _tell([row for row in rows if row.state == State.SENT], self.campaign)
        return len(rows)

    def _open(self) -> None:
        try:
            self.connection.open()
        except (OSError, smtplib.SMTPException) as error:
            raise UnavailableError from error

    def _hand_over(self, one: _Ready) -> None:
        row = one.row
        assert row.variant is not None  # noqa: S101
        with override(row.customer.language or settings.LANGUAGE_CODE):
            mail = make_mail(
                subject=row.variant.subject, body=row.variant.body, values=one.values, to=one.contact.email,
                message_id=_message_id(row, self.campaign), connection=self.connection,
                unsubscribe_url=unsubscribe_url(customer_pk=row.customer_id, delivery_pk=row.pk),
            )  # fmt: skip
        try:
            self.connection.send_messages([mail])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
            if _is_for_now(error):
                row.state, row.not_before = State.WAITING, timezone.now() + TRIED_AGAIN_AFTER
            else:
                row.state, row.reason = State.FAILED, str(error)[:200]
        except (OSError, smtplib.SMTPException) as error:
            # The line broke while this mail was on it: whether it arrived, nobody knows.
            row.state, row.reason = State.UNSURE, type(error).__name__
            raise UnavailableError from error
        else:
            row.state = State.SENT

    def _look_through(self, rows: Sequence[Delivery]) -> list[_Ready]:
        """Leave out who refused meanwhile, has got too much, or cannot be reached; wait for who sleeps."""
        pks = [row.customer_id for row in rows]
        profiles = CustomerProfile.objects.in_bulk(pks)
        granted = granted_consents(customer_pks=pks, purpose=app_settings.PURPOSE)
        n_recent = _recent_counts(pks)
        contacts = self.adapter.contacts(
            customer_ids=[row.customer.external_id for row in rows], storefront=self.campaign.storefront
        )
        ready = []
        for row in rows:
            profile, contact = profiles.get(row.customer_id), contacts.get(row.customer.external_id)
            n_sent = n_recent.get(row.customer_id, 0)
            if profile is None or row.customer_id not in granted:
                row.state, row.reason = State.SKIPPED, _("refused marketing")
            elif row.run is not None and row.run.state not in ON_A_JOURNEY:
                row.state, row.reason = State.SKIPPED, _("left the journey meanwhile")
            elif n_sent >= app_settings.MESSAGES_PER_WEEK:
                row.state, row.reason = State.SKIPPED, _("got enough mails this week")
            elif contact is None or not is_address(contact.email):
                row.state, row.reason = State.SKIPPED, _("cannot be reached by e-mail")
            elif awake_at := _awake_at(contact, timezone.now()):
                row.state, row.not_before = State.WAITING, awake_at
            else:
                ready.append(_Ready(row, contact, _values(profile, contact)))
        return ready


def _mark(rows: Sequence[Delivery]) -> None:
    """Write what became of each, alike ones at once; what was not reached waits again."""
    alike: dict[tuple[Any, ...], list[Delivery]] = defaultdict(list)
    for row in rows:
        state = State.WAITING if row.state == State.CLAIMED else row.state
        alike[state, row.reason, row.not_before].append(row)
    now = timezone.now()
    for (state, reason, not_before), some in alike.items():
        claim = {"claimed_by": None, "claimed_at": None} if state == State.WAITING else {}
        sent_at = now if state == State.SENT else None
        _set(some, state=state, reason=reason, not_before=not_before, sent_at=sent_at, **claim)


def _tell(sent: Sequence[Delivery], campaign: Campaign) -> None:
    """Let it be known among the events, each once."""
    if not sent:
        return
    now = timezone.now()
    ingest_events(
        [
            {
                "key": _event_key(row), "type": EventType.MESSAGE_SENT,
                "customer_id": row.customer.external_id, "channel": "email",
                "occurred_at": now, "properties": {"campaign": campaign.name},
            }
            for row in sent
        ],
        storefront=campaign.storefront, source="marketing",
    )  # fmt: skip


def _event_key(row: Delivery) -> str:
    """On a journey a customer may come to a message more than once."""
    return f"campaign:{row.campaign_id}:{row.customer_id}" + (f":{row.run_id}" if row.run_id else "")


def _is_for_now(error: smtplib.SMTPException) -> bool:
    """Whether the server only wants to be asked again: 4xx of RFC 5321."""
    refused = getattr(error, "recipients", None)
    codes = [code for code, _text in refused.values()] if refused else [getattr(error, "smtp_code", 500)]
    return all(400 <= code < 500 for code in codes)


def _recent_counts(customer_pks: Sequence[int]) -> dict[int, int]:
    since = timezone.now() - timedelta(days=7)
    rows = Delivery.objects.filter(customer_id__in=customer_pks, sent_at__gt=since).order_by()
    return dict(rows.values_list("customer_id").annotate(n=Count("pk")))


def _awake_at(contact: Contact, now: datetime) -> datetime | None:
    """Return when the customer's quiet hours end; None while it is day there."""
    begin, end = app_settings.QUIET_HOURS
    try:
        zone: Any = ZoneInfo(contact.time_zone) if contact.time_zone else timezone.get_default_timezone()
    except (ZoneInfoNotFoundError, ValueError):
        zone = timezone.get_default_timezone()
    local = now.astimezone(zone)
    is_night = local.hour >= begin or local.hour < end if begin > end else begin <= local.hour < end
    if begin == end or not is_night:
        return None
    day = local.date() + timedelta(days=1 if local.hour >= end else 0)
    return datetime.combine(day, time(end), tzinfo=zone)


def _values(profile: CustomerProfile, contact: Contact) -> dict[str, str]:
    return {
        "name": contact.name,
        "favourite_category": leaf_of(profile.favourite_category),
        "favourite_brand": profile.favourite_brand,
        "loyalty_tier": profile.loyalty_tier,
    }
