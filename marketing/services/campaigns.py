"""Campaigns from a draft to the last mail: who may start and stop them, and what must be right first."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.adapters.base import get_adapter
from ecomai.commerce.adapters.contacts import KnowsContacts
from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.jobs import cancel, enqueue_job
from ecomai.registry.models import Job
from ecomai.registry.services.access import write_audit

from ..app_settings import app_settings
from ..exceptions import CampaignNotReadyError, CampaignStateError
from ..mails import compile_text
from ..models import Campaign, CampaignVariant, Delivery, Segment
from .sending import JOB_KIND
from .targeting import fix_version

State = Campaign.State


def create_campaign(
    *, name: str, segment: Segment, variants: Sequence[dict[str, Any]], holdout_share: float = 0.1,
    effect_days: int = 14, storefront: str = "", user: Any = None, **targeting: Any,
) -> Campaign:  # fmt: skip
    """Write a draft. Raises TemplateError where a text cannot be filled in.

    `targeting` are `is_targeted`, `cost_per_message`, `margin_share` and `explored_share`.
    """
    _check(user, "add_campaign")
    for variant in variants:
        compile_text(variant["subject"])
        compile_text(variant["body"])
    with transaction.atomic():
        campaign = Campaign(
            name=name, segment=segment, holdout_share=holdout_share, effect_days=effect_days,
            storefront=storefront, created_by=user, **targeting,
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
        locked = _lock(campaign, State.DRAFT, State.PAUSED)
        _check_ready(locked)
        fix_version(locked)
        locked.state, locked.started_at = State.SENDING, locked.started_at or timezone.now()
        locked.save(update_fields=["state", "started_at", "uplift_version"])
        job = enqueue_job(
            kind=JOB_KIND, arguments={"campaign": locked.pk}, label=locked.name, created_by=user,
            max_attempts=8,
        )  # fmt: skip
        write_audit(action="campaign_started", subject=locked, user=user, details={"job": job.pk})
    campaign.refresh_from_db()
    return job


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
        locked.save(update_fields=["state", "finished_at"])
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


def _check_ready(campaign: Campaign) -> None:
    reasons = what_is_missing()
    if campaign.segment is None or campaign.segment.is_archived:
        reasons.insert(0, _("its segment is archived."))
    if not campaign.variants.exists():
        reasons.insert(0, _("it has no text."))
    if reasons:
        raise CampaignNotReadyError(name=campaign.name, reason=reasons[0])


def what_is_missing() -> list[str]:
    """Why no mail could be sent now, each as the end of a sentence."""
    reasons = [
        (not app_settings.BASE_URL, _("the setting MARKETING.BASE_URL does not say where to unsubscribe.")),
        (
            not isinstance(get_adapter(), KnowsContacts),
            _("the shop's adapter does not say how to reach customers (contacts)."),
        ),
    ]
    return [reason for is_missing, reason in reasons if is_missing]


def _check(user: Any, codename: str) -> None:
    """None is the system, which may."""
    if user is not None and not user.has_perm(f"ecomai_marketing.{codename}"):
        raise PermissionDeniedError
