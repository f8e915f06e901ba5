"""Journeys from a draft to the last step: who may start and stop them, and what must be right first."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.registry.jobs import cancel, enqueue_job
from ecomai.registry.models import Job
from ecomai.registry.services.access import write_audit

from ..channels import what_is_missing
from ..exceptions import JourneyNotReadyError, JourneyStateError
from ..journeys.graph import Graph, Message, parse_steps
from ..models import Campaign, CampaignVariant, Journey, JourneyRun, Topic, WebhookEndpoint
from .offers import problems_of_offers
from .travelling import wake

#: Takes in who is in the segment at the start.
JOB_KIND = "marketing.journey"
FIELDS = (
    "name", "segment", "event", "takes_members", "steps", "goal", "reentry_days", "holdout_share",
    "effect_days", "storefront", "cost_per_message", "fixed_cost", "margin_share",
)  # fmt: skip
State = Journey.State


def create_journey(*, user: Any = None, **fields: Any) -> Journey:
    """Write a draft; the arguments are those of `FIELDS`. Raises InvalidJourneyError, InvalidInputError."""
    _check(user, "add_journey")
    with transaction.atomic():
        journey = _save(Journey(created_by=user), fields)
        write_audit(action="journey_created", subject=journey, user=user)
    return journey


def change_journey(journey: Journey, *, user: Any = None, **fields: Any) -> Journey:
    """Change a draft. Raises as `create_journey`, and JourneyStateError once it has begun."""
    _check(user, "change_journey")
    with transaction.atomic():
        locked = _save(_lock(journey, State.DRAFT), fields)
        write_audit(action="journey_changed", subject=locked, user=user)
    return locked


def copy_journey(journey: Journey, *, user: Any = None) -> Journey:
    """Write a draft that is like a journey: the way to change one that has begun."""
    fields = {name: getattr(journey, name) for name in FIELDS}
    names = set(Journey.objects.values_list("name", flat=True))
    tried = (f"{journey.name[:70]} ({n})" for n in range(2, len(names) + 3))
    return create_journey(user=user, **fields | {"name": next(name for name in tried if name not in names)})


def start_journey(journey: Journey, *, user: Any = None) -> None:
    """Begin, or go on after a pause. Raises JourneyStateError, JourneyNotReadyError, InvalidJourneyError."""
    _check(user, "run_journey")
    with transaction.atomic():
        locked = _lock(journey, State.DRAFT, State.PAUSED)
        graph = parse_steps(locked.steps)
        _check_ready(locked, graph)
        is_first = locked.started_at is None
        locked.state, locked.started_at = State.RUNNING, locked.started_at or timezone.now()
        locked.save(update_fields=["state", "started_at"])
        if is_first:
            _make_campaigns(locked, graph)
        locked.campaigns.update(state=Campaign.State.SENDING, halted_at=None, halted_reason="")
        if is_first and locked.takes_members and locked.segment_id:
            enqueue_job(
                kind=JOB_KIND, arguments={"journey": locked.pk}, label=locked.name, created_by=user
            )  # fmt: skip
        write_audit(action="journey_started", subject=locked, user=user)
        transaction.on_commit(wake)
    journey.refresh_from_db()


def pause_journey(journey: Journey, *, user: Any = None) -> None:
    """Nobody begins and nobody goes on until somebody starts it again; who buys or refuses still leaves."""
    _halt(journey, State.PAUSED, "journey_paused", user)


def stop_journey(journey: Journey, *, user: Any = None) -> None:
    """End it for good: who is on the way goes no further, and what was not sent is not sent."""
    _halt(journey, State.STOPPED, "journey_stopped", user)


def _halt(journey: Journey, state: str, action: str, user: Any) -> None:
    _check(user, "run_journey")
    with transaction.atomic():
        locked = _lock(journey, State.RUNNING, *((State.PAUSED,) if state == State.STOPPED else ()))
        now = timezone.now()
        locked.state, locked.stopped_at = state, now if state == State.STOPPED else None
        locked.save(update_fields=["state", "stopped_at"])
        locked.campaigns.update(state=state, halted_at=None, halted_reason="")
        if state == State.STOPPED:
            on_the_way = JourneyRun.objects.filter(journey=locked, state=JourneyRun.State.ON_THE_WAY)
            on_the_way.update(state=JourneyRun.State.CUT_SHORT, due_at=None, ended_at=now)
            for job in Job.objects.filter(kind=JOB_KIND, arguments__journey=locked.pk).exclude(
                state__in=Job.FINISHED_STATES
            ):
                cancel(job)
        write_audit(action=action, subject=locked, user=user)
    journey.refresh_from_db()


def _save(journey: Journey, fields: dict[str, Any]) -> Journey:
    for name in FIELDS:
        if name in fields:
            setattr(journey, name, fields[name])
    parse_steps(journey.steps)
    if bool(journey.segment) == bool(journey.event):
        raise InvalidInputError(
            _("A journey begins either when a customer joins a segment or with an event. Choose one.")
        )
    try:
        journey.full_clean()
    except ValidationError as error:
        raise InvalidInputError(" ".join(_sentences(error))) from error
    journey.save()
    return journey


def _sentences(error: ValidationError) -> list[str]:
    """Each with the field it is about, as a form would show them."""
    return [
        f"{Journey._meta.get_field(name).verbose_name}: {message}" if name in FIELDS else message  # type: ignore[union-attr]
        for name, messages in error.message_dict.items()
        for message in messages
    ]


def _make_campaigns(journey: Journey, graph: Graph) -> None:
    """Each message is a campaign, so that all that holds for those holds for these."""
    for step in graph.messages:
        campaign = _campaign_of(journey, step)
        campaign.save()
        CampaignVariant.objects.bulk_create(_variants_of(campaign, step))


def _variants_of(campaign: Campaign, step: Message) -> list[CampaignVariant]:
    return [CampaignVariant(campaign=campaign, **variant) for variant in step.variants]


def _campaign_of(journey: Journey, step: Message) -> Campaign:
    """Return the campaign of a step, not saved; a webhook or topic that is not there is None."""
    return Campaign(
        name=f"{journey.name}: {step.name}", journey=journey, step=step.key, holdout_share=0.0,
        storefront=journey.storefront, is_assigned=True, started_at=journey.started_at,
        created_by=journey.created_by, effect_days=journey.effect_days, channel=step.channel,
        slot=step.slot, cost_per_message=journey.cost_per_message, margin_share=journey.margin_share,
        endpoint=WebhookEndpoint.objects.filter(name=step.endpoint).first() if step.endpoint else None,
        topic=Topic.objects.filter(slug=step.topic).first() if step.topic else None,
    )  # fmt: skip


def _check_ready(journey: Journey, graph: Graph) -> None:
    for reason in [*_problems_of_segment(journey), *_problems_of_messages(journey, graph)]:
        raise JourneyNotReadyError(name=journey.name, reason=reason)


def _problems_of_segment(journey: Journey) -> list[str]:
    is_archived = journey.segment is not None and journey.segment.is_archived
    return [_("its segment is archived.")] if is_archived else []


def _problems_of_messages(journey: Journey, graph: Graph) -> list[str]:
    problems: list[str] = []
    for step in graph.messages:
        campaign = _campaign_of(journey, step)
        problems += what_is_missing(campaign)
        problems += problems_of_offers(_variants_of(campaign, step))
        if step.topic and (campaign.topic is None or not campaign.topic.is_active):
            problems.append(_("its topic is not in use."))
    return problems


def _lock(journey: Journey, *states: str) -> Journey:
    locked = Journey.objects.select_for_update().get(pk=journey.pk)
    if locked.state not in states:
        raise JourneyStateError(name=locked.name, state=locked.get_state_display())
    return locked


def _check(user: Any, codename: str) -> None:
    """None is the system, which may."""
    if user is not None and not user.has_perm(f"ecomai_marketing.{codename}"):
        raise PermissionDeniedError
