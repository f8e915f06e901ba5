"""Deliveries in the hands of workers: taken by one alone, marked, and settled where a worker died."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import EventType
from ecomai.commerce.services.events import ingest_events
from ecomai.registry.models import Job

from ..channels import ChannelStrategy
from ..models import Campaign, Delivery

State = Delivery.State
JOB_KIND = "marketing.campaign"
#: A job that holds a claim for longer and has no lease is dead.
CLAIM_MINUTES = 10


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
        wanted = Delivery.objects.filter(pk__in=list(free.values_list("pk", flat=True)[:n]))
        # Where rows cannot be locked, another worker may have been faster: what it took is not waiting now.
        wanted.filter(state=State.WAITING).update(state=State.CLAIMED, claimed_by=by, claimed_at=now)
        ours = wanted.filter(state=State.CLAIMED, claimed_by=by, claimed_at=now)
        return list(ours.select_related("customer", "variant", "run").order_by("pk"))


def settle_claims(campaign: Campaign, channel: ChannelStrategy, *, job_pk: int) -> dict[str, int]:
    """Find out what became of messages that an earlier attempt of this job, or a dead job, had claimed."""
    rows = list(_left_behind(campaign, job_pk).select_related("customer", "variant"))
    if not rows:
        return {}
    arrived = channel.arrived(rows)
    if arrived is None:
        reason = _("The worker died while it was handed over.")
        return {"unsure": set_rows(rows, state=State.UNSURE, reason=reason)}
    sent = [row for row in rows if row.pk in arrived]
    left = [row for row in rows if row.pk not in arrived]
    with transaction.atomic():
        set_rows(sent, state=State.SENT, sent_at=F("claimed_at"))
        set_rows(left, state=State.WAITING, claimed_by=None, claimed_at=None)
        tell(sent, campaign)
    return {"sent": len(sent), "waiting": len(left)}


def _left_behind(campaign: Campaign, job_pk: int) -> QuerySet[Delivery]:
    """A worker that is slow is not dead: whoever holds a lease keeps its claims."""
    now = timezone.now()
    at_work = Job.objects.filter(kind=JOB_KIND, state=Job.State.RUNNING, lease_until__gt=now)
    others = list(at_work.exclude(pk=job_pk).values_list("pk", flat=True))
    too_old = Q(claimed_at__lt=now - timedelta(minutes=CLAIM_MINUTES))
    claimed = Delivery.objects.filter(campaign=campaign, state=State.CLAIMED)
    return claimed.filter(Q(claimed_by=job_pk) | too_old).exclude(claimed_by__in=others)


def mark(rows: Sequence[Delivery]) -> None:
    """Write what became of each, alike ones at once; what was not reached waits again.

    A claim is known by its moment: what another worker took up since, as this one was taken for dead, is
    that one's.
    """
    alike: dict[tuple[Any, ...], list[Delivery]] = defaultdict(list)
    for row in rows:
        state = State.WAITING if row.state == State.CLAIMED else row.state
        alike[state, row.reason, row.not_before, row.n_attempts].append(row)
    now = timezone.now()
    for (state, reason, not_before, n_attempts), some in alike.items():
        claim = {"claimed_by": None, "claimed_at": None} if state == State.WAITING else {}
        sent_at = now if state == State.SENT else None
        ours = Delivery.objects.filter(
            pk__in=[row.pk for row in some], state=State.CLAIMED, claimed_at=some[0].claimed_at
        )
        ours.update(
            state=state, reason=reason, not_before=not_before, n_attempts=n_attempts, sent_at=sent_at,
            **claim,
        )  # fmt: skip


def set_rows(rows: Sequence[Delivery], **values: Any) -> int:
    return Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(**values)


def tell(sent: Sequence[Delivery], campaign: Campaign) -> None:
    """Let it be known among the events, each once."""
    if not sent:
        return
    now = timezone.now()
    ingest_events(
        [
            {
                "key": _event_key(row), "type": EventType.MESSAGE_SENT,
                "customer_id": row.customer.external_id, "channel": campaign.channel,
                "occurred_at": now, "properties": {"campaign": campaign.name},
            }
            for row in sent
        ],
        storefront=campaign.storefront, source="marketing",
    )  # fmt: skip


def _event_key(row: Delivery) -> str:
    """On a journey a customer may come to a message more than once."""
    return f"campaign:{row.campaign_id}:{row.customer_id}" + (f":{row.run_id}" if row.run_id else "")
