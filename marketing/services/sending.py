"""Handing a campaign's messages over: none lost, none twice, whenever a worker dies.

Rows are assigned to arms first; each batch is claimed, looked through, handed over, and marked. Several
workers share a campaign: none takes what another holds. What a dead worker had claimed is settled before
anything else is sent.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, Min, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import Job

from ..app_settings import app_settings
from ..channels import open_channel
from ..models import Campaign, Channel, Delivery
from .addressing import Addressing
from .assigning import assign
from .claims import CLAIM_MINUTES, JOB_KIND, claim_some, mark, settle_claims, tell
from .limits import take_room
from .offers import issue_vouchers
from .stopping import check_refused

State = Delivery.State
SENT_AT_ONCE = 100
#: So many batches are one where nothing is lost sight of with a worker.
WHERE_KNOWN = 5
#: How far it is, is counted so often at most.
REPORTED_EACH_SECONDS = 2.0
MOST_JOB_ATTEMPTS = 8
#: A job that failed for good is followed by another one after so long: a mail server may be back.
TRIED_AGAIN_AFTER = timedelta(minutes=15)


def run_campaign(job: RunningJob) -> dict[str, Any]:
    """Assign, settle what a dead worker left, send. Safe to run twice, and goes on where it was killed."""
    campaign = Campaign.objects.select_related("segment", "endpoint", "topic").get(
        pk=job.arguments["campaign"]
    )
    if not campaign.is_assigned:
        job.report(0.0, _("Choosing who gets what"))
        assign(campaign)
    sender = Sender(campaign, job)
    settle_claims(campaign, sender.channel, job_pk=job.job.pk)
    _call_helpers(campaign, job)
    while sender.send_some():
        sender.report()
    return _finish(campaign, job)


def _call_helpers(campaign: Campaign, job: RunningJob) -> None:
    """Let other workers help with what is more than a few batches; once a campaign's job."""
    n_batches = _n_open(campaign) // SENT_AT_ONCE
    n_helpers = min(app_settings.SENDING_WORKERS - 1, n_batches)
    can_share = connection.features.has_select_for_update_skip_locked
    if "helps" in job.arguments or n_helpers < 1 or not can_share:
        return
    known = Job.objects.filter(kind=JOB_KIND, arguments__helps=job.job.pk)
    for number in range(known.count(), n_helpers):
        enqueue_job(
            kind=JOB_KIND, label=f"{campaign.name[:180]} ({number + 2})", max_attempts=MOST_JOB_ATTEMPTS,
            arguments={"campaign": campaign.pk, "helps": job.job.pk},
        )  # fmt: skip


def _n_open(campaign: Campaign) -> int:
    return Delivery.objects.filter(campaign=campaign, state__in=(State.WAITING, State.CLAIMED)).count()


def _finish(campaign: Campaign, job: RunningJob) -> dict[str, Any]:
    """Whichever worker ends last ends the campaign; what waits on the site stays until its time is over."""
    states = Counter(dict(_states(campaign)))
    if campaign.journey_id is not None:
        pass  # more come as customers reach the step; `send_waiting` has them sent
    elif states[State.WAITING]:
        _go_on_later(campaign)
    elif not states[State.CLAIMED] and campaign.channel != Channel.ONSITE:
        done = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.SENDING)
        done.update(state=Campaign.State.FINISHED, finished_at=timezone.now())
    return {str(state): n for state, n in states.items()}


def _go_on_later(campaign: Campaign) -> None:
    """Some customers sleep: another job goes on when the first of them wakes, unless it was paused.

    Of several workers that end at once one alone queues it.
    """
    waiting = Delivery.objects.filter(campaign=campaign, state=State.WAITING)
    with transaction.atomic():
        sending = Campaign.objects.select_for_update().filter(pk=campaign.pk, state=Campaign.State.SENDING)
        moment = waiting.aggregate(first=Min("not_before"))["first"]
        if not sending or moment is None:
            return
        queued = Job.objects.filter(kind=JOB_KIND, state=Job.State.QUEUED, arguments__campaign=campaign.pk)
        if not queued.exists():
            enqueue_job(
                kind=JOB_KIND, arguments={"campaign": campaign.pk}, label=campaign.name, run_after=moment,
                max_attempts=MOST_JOB_ATTEMPTS,
            )  # fmt: skip


def send_waiting(*, now: datetime) -> int:
    """Queue a job for each campaign under way that has messages and no worker; returns how many.

    Messages of journeys come so one by one; those of a campaign where its job was lost or has failed.
    """
    too_old = now - timedelta(minutes=CLAIM_MINUTES)
    waiting = Delivery.objects.filter(
        Q(state=State.WAITING) & (Q(not_before=None) | Q(not_before__lte=now))
        | Q(state=State.CLAIMED, claimed_at__lt=too_old),
        campaign=OuterRef("pk"),
    )
    campaigns = Campaign.objects.filter(Exists(waiting), state=Campaign.State.SENDING)
    jobs = Job.objects.filter(kind=JOB_KIND)
    at_work = Q(state=Job.State.RUNNING) | Q(state=Job.State.QUEUED, run_after__lte=now)
    put_back = Q(state=Job.State.QUEUED, attempts__gt=0)
    has_failed = Q(state=Job.State.FAILED, finished_at__gt=now - TRIED_AGAIN_AFTER)
    busy = set(jobs.filter(at_work | put_back | has_failed).values_list("arguments__campaign", flat=True))
    free = [campaign for campaign in campaigns if campaign.pk not in busy]
    for campaign in free:
        enqueue_job(
            kind=JOB_KIND, arguments={"campaign": campaign.pk}, label=campaign.name[:200],
            max_attempts=MOST_JOB_ATTEMPTS,
        )  # fmt: skip
    return len(free)


def _states(campaign: Campaign) -> Iterator[tuple[str, int]]:
    rows = Delivery.objects.filter(campaign=campaign).order_by()
    yield from rows.values_list("state").annotate(n=Count("pk"))


class Sender:
    """One strategy, and so one connection, for all batches of a job."""

    def __init__(self, campaign: Campaign, job: RunningJob) -> None:
        self.campaign = campaign
        self.job = job
        self.channel = open_channel(campaign)
        self.addressing = Addressing(campaign, self.channel)
        self.n_at_once = SENT_AT_ONCE * (WHERE_KNOWN if self.channel.can_tell else 1)
        self.n_all = _n_open(campaign)
        self.reported_at = 0.0

    def send_some(self) -> int:
        """Claim a batch, hand it over, mark it; returns how many rows it was."""
        room = take_room(self.job, self.n_at_once, channel=self.campaign.channel)
        rows = claim_some(self.campaign, by=self.job.job.pk, n=room.n)
        room.give_back(room.n - len(rows))
        if not rows:
            return 0
        try:
            ready = self.addressing.look_through(rows)
            ready = issue_vouchers(ready, self.campaign, check=self.job.check_cancelled)
            self.channel.open()
            # Within a second of a pause, or of another worker taking this one for dead.
            self.channel.hand_over(ready, check=self.job.check_cancelled)
        finally:
            with transaction.atomic():
                mark(rows)
                tell([row for row in rows if row.state == State.SENT], self.campaign)
        if any(row.state == State.FAILED for row in rows):
            check_refused(self.campaign)
        return len(rows)

    def report(self) -> None:
        """Say how far it is, but not after each batch: counting costs more than sending few."""
        self.job.check_cancelled()
        if time.monotonic() - self.reported_at < REPORTED_EACH_SECONDS:
            return
        self.reported_at, n_open = time.monotonic(), _n_open(self.campaign)
        self.job.report(1 - n_open / max(self.n_all, n_open, 1), _("%(n)s mails are left") % {"n": n_open})
