"""Campaigns from a draft to the last mail: who may start and stop them, and what must be right first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.exceptions import EcomaiError, PermissionDeniedError
from ecomai.registry.jobs import cancel, enqueue_job
from ecomai.registry.models import Job
from ecomai.registry.services.access import write_audit

from ..channels import what_is_missing
from ..exceptions import CampaignNotReadyError, CampaignStateError, TemplateError
from ..mails import compile_text
from ..models import Campaign, CampaignVariant, Channel, Delivery, Segment
from .ads.groups import is_allowed_target
from .assigning import members_of
from .claims import JOB_KIND
from .effects import window_end
from .offers import problems_of_offers
from .targeting import fix_version

State = Campaign.State


def create_campaign(
    *, name: str, segment: Segment, variants: Sequence[dict[str, Any]], holdout_share: float = 0.1,
    effect_days: int = 14, storefront: str = "", user: Any = None, **fields: Any,
) -> Campaign:  # fmt: skip
    """Write a draft. Raises TemplateError where a text cannot be filled in.

    `fields` are others of the table, such as `channel`, `is_targeted` and `cost_per_message`.
    """
    _check(user, "add_campaign")
    for variant in variants:
        compile_text(variant["subject"])
        compile_text(variant["body"])
    with transaction.atomic():
        campaign = Campaign(
            name=name, segment=segment, holdout_share=holdout_share, effect_days=effect_days,
            storefront=storefront, created_by=user, **fields,
        )  # fmt: skip
        campaign.full_clean()
        campaign.save()
        for variant in variants:
            CampaignVariant.objects.create(campaign=campaign, **variant)
        write_audit(action="campaign_created", subject=campaign, user=user)
    return campaign


def start_campaign(campaign: Campaign, *, user: Any = None) -> Job:
    """Begin, or go on after a pause. Raises CampaignStateError, CampaignNotReadyError."""
    _check(user, "send_campaign")
    with transaction.atomic():
        locked = _lock(campaign, State.DRAFT, State.SCHEDULED, State.PAUSED)
        job = _start(locked, user=user)
    campaign.refresh_from_db()
    return job


def _start(locked: Campaign, *, user: Any) -> Job:
    _refuse(locked, problems_of(locked))
    fix_version(locked)
    locked.state, locked.started_at = State.SENDING, locked.started_at or timezone.now()
    locked.halted_at, locked.halted_reason = None, ""
    locked.save(update_fields=["state", "started_at", "uplift_version", "halted_at", "halted_reason"])
    job = enqueue_job(
        kind=JOB_KIND, arguments={"campaign": locked.pk}, label=locked.name, created_by=user,
        max_attempts=8,
    )  # fmt: skip
    write_audit(action="campaign_started", subject=locked, user=user, details={"job": job.pk})
    return job


# -- by the clock -------------------------------------------------------------------------------


def schedule_campaign(campaign: Campaign, *, user: Any = None, send_at: datetime | None = None) -> None:
    """Let a draft start by itself at `send_at`, or at the time that it has. Raises as `start_campaign`."""
    _check(user, "send_campaign")
    with transaction.atomic():
        locked = _lock(campaign, State.DRAFT)
        locked.send_at = send_at or locked.send_at
        if locked.send_at is None or locked.send_at <= timezone.now():
            raise CampaignNotReadyError(name=locked.name, reason=_("its time to be sent is not to come."))
        _refuse(locked, _lasting_problems(locked))
        locked.state, locked.halted_at, locked.halted_reason = State.SCHEDULED, None, ""
        locked.save(update_fields=["state", "send_at", "halted_at", "halted_reason"])
        details = {"send_at": locked.send_at.isoformat()}
        write_audit(action="campaign_scheduled", subject=locked, user=user, details=details)
    campaign.refresh_from_db()


def unschedule_campaign(campaign: Campaign, *, user: Any = None) -> None:
    """Make it a draft again, which nothing starts by itself."""
    _check(user, "send_campaign")
    with transaction.atomic():
        locked = _lock(campaign, State.SCHEDULED)
        locked.state = State.DRAFT
        locked.save(update_fields=["state"])
        write_audit(action="campaign_unscheduled", subject=locked, user=user)
    campaign.refresh_from_db()


def start_due_campaigns(*, now: datetime | None = None) -> int:
    """Start what is due, each once; returns how many. What cannot start is a draft again and says why."""
    due = Campaign.objects.filter(state=State.SCHEDULED, send_at__lte=now or timezone.now())
    return sum(_start_due(pk) for pk in due.order_by("send_at").values_list("pk", flat=True))


def _start_due(pk: int) -> bool:
    with transaction.atomic():
        locked = Campaign.objects.select_for_update().filter(pk=pk, state=State.SCHEDULED).first()
        if locked is None:
            return False
        try:
            with transaction.atomic():
                _start(locked, user=None)
        except EcomaiError as error:
            Campaign.objects.filter(pk=pk).update(
                state=State.DRAFT, halted_at=timezone.now(), halted_reason=str(error)
            )
            write_audit(action="campaign_not_started", subject=locked, details={"code": error.code})
            return False
    return True


def close_campaigns(*, now: datetime | None = None) -> int:
    """End campaigns of places on the site whose time is over; returns how many."""
    now, n = now or timezone.now(), 0
    shown = Campaign.objects.filter(channel=Channel.ONSITE, journey=None, state=State.SENDING)
    for campaign in shown:
        end = window_end(campaign)
        if end is not None and end <= now:
            n += shown.filter(pk=campaign.pk).update(state=State.FINISHED, finished_at=now)
    return n


# -- halt ---------------------------------------------------------------------------------------


def pause_campaign(campaign: Campaign, *, user: Any = None) -> None:
    """Hand over no more until somebody starts it again; what a worker holds in its hands still goes out."""
    _halt(campaign, State.PAUSED, "campaign_paused", user)


def stop_campaign(campaign: Campaign, *, user: Any = None) -> None:
    """End it for good: who has not got a mail by now gets none."""
    _halt(campaign, State.STOPPED, "campaign_stopped", user)


def _halt(campaign: Campaign, state: str, action: str, user: Any) -> None:
    _check(user, "send_campaign")
    with transaction.atomic():
        locked = _lock(campaign, State.SENDING, *((State.PAUSED,) if state == State.STOPPED else ()))
        locked.state = state
        locked.finished_at = timezone.now() if state == State.STOPPED else None
        locked.halted_at, locked.halted_reason = None, ""
        locked.save(update_fields=["state", "finished_at", "halted_at", "halted_reason"])
        jobs = Job.objects.filter(kind=JOB_KIND, arguments__campaign=locked.pk)
        for job in jobs.exclude(state__in=Job.FINISHED_STATES):
            cancel(job)
        write_audit(action=action, subject=locked, user=user)
    campaign.refresh_from_db()


def send_unsure_again(campaign: Campaign, *, user: Any = None) -> int:
    """Let mails of which nobody knows whether they went out go out, maybe twice; returns how many."""
    _check(user, "send_campaign")
    with transaction.atomic():
        locked = _lock(campaign, State.SENDING, State.PAUSED)
        unsure = Delivery.objects.filter(campaign=locked, state=Delivery.State.UNSURE)
        n = unsure.update(state=Delivery.State.WAITING, reason="")
        write_audit(action="campaign_unsure_sent_again", subject=locked, user=user, details={"n": n})
    return n


def _lock(campaign: Campaign, *states: str) -> Campaign:
    locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if locked.state not in states:
        raise CampaignStateError(name=locked.name, state=locked.get_state_display())
    return locked


def _refuse(campaign: Campaign, reasons: Sequence[str]) -> None:
    for reason in reasons:
        raise CampaignNotReadyError(name=campaign.name, reason=reason)


def problems_of(campaign: Campaign) -> list[str]:
    """Why it cannot start now, each as the end of a sentence."""
    is_empty = not (campaign.is_assigned or members_of(campaign).exists())
    nobody = [_("its segment has no customer who may be addressed.")] if is_empty else []
    return [*_lasting_problems(campaign), *nobody]


def _lasting_problems(campaign: Campaign) -> list[str]:
    """What stays wrong unless somebody mends it; who is in a segment changes by itself."""
    reasons = what_is_missing(campaign)
    if campaign.topic is not None and not campaign.topic.is_active:
        reasons.insert(0, _("its topic is not in use."))
    if campaign.segment is None or campaign.segment.is_archived:
        reasons.insert(0, _("its segment is archived."))
    variants = list(campaign.variants.order_by("pk"))
    return [*(_problems_of_texts(variants) or problems_of_offers(variants)), *reasons]


def _problems_of_texts(variants: Sequence[CampaignVariant]) -> list[str]:
    """A text that could be filled in when it was written may name by now what is not known."""
    problems = [] if variants else [_("it has no text.")]
    for variant in variants:
        if variant.target_url and not is_allowed_target(variant.target_url):
            problems.append(_("“%(name)s” leads out of the shop.") % {"name": variant.name})
        try:
            compile_text(variant.subject)
            compile_text(variant.body)
        except TemplateError as error:
            problems.append(str(error))
    return problems


def _check(user: Any, codename: str) -> None:
    """None is the system, which may."""
    if user is not None and not user.has_perm(f"ecomai_marketing.{codename}"):
        raise PermissionDeniedError
