"""Customers on journeys: who begins, goes on, and leaves. Events move them, and time along an index.

All of it is done in batches of one transaction each, so that it is safe to run twice and after a kill.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from ecomai.commerce.bulk import insert_rows
from ecomai.commerce.services.events import StoredEvent
from ecomai.registry.jobs import RunningJob
from ecomai.waking import wake_worker

from ..exceptions import InvalidJourneyError
from ..journeys.graph import END, Fork, Graph, Message, Wait, parse_steps
from ..models import (
    Campaign,
    CustomerProfile,
    Delivery,
    Journey,
    JourneyRun,
    ProfileRequest,
    Segment,
    SegmentMember,
)
from ..segments.compiling import Scope, select_profiles
from .drawing import choose_variant, is_held_out
from .sending import send_waiting

logger = logging.getLogger(__name__)
State = JourneyRun.State

#: Customers of one transaction.
AT_ONCE = 1000
RUN_FIELDS = (
    "journey", "customer", "entry", "state", "step", "awaited", "has_happened", "entered_at", "due_at",
)  # fmt: skip


# -- beginning ----------------------------------------------------------------------------------


def enter(journey: Journey, customer_pks: Iterable[int], *, at: datetime | None = None) -> int:
    """Let customers begin who may be addressed and may begin now; returns how many. Safe to run twice."""
    first, at = parse_steps(journey.steps).first.key, at or timezone.now()
    pks, n = sorted(set(customer_pks)), 0
    for start in range(0, len(pks), AT_ONCE):
        entries = _entries(journey, pks[start : start + AT_ONCE], at)
        rows = [_begun(journey, pk, entry, first, at) for pk, entry in entries.items()]
        n += len(
            insert_rows(
                JourneyRun, RUN_FIELDS, rows, unique=("journey", "customer", "entry"), returning=("id",)
            )
        )
    if n:
        transaction.on_commit(wake)
    return n


def _entries(journey: Journey, customer_pks: Sequence[int], at: datetime) -> dict[int, int]:
    """Return who may begin, with the number that this would be of their times."""
    allowed = CustomerProfile.objects.filter(
        pk__in=customer_pks, has_consent=True, customer__storefront=journey.storefront
    )
    earlier = JourneyRun.objects.filter(journey=journey, customer_id__in=customer_pks).order_by()
    known = {
        pk: (entry, entered_at, bool(n_open))
        for pk, entry, entered_at, n_open in earlier.values_list("customer_id").annotate(
            n=Max("entry"), at=Max("entered_at"), n_open=Count("pk", filter=Q(state=State.ON_THE_WAY))
        )
    }
    found = {}
    for pk in allowed.values_list("pk", flat=True):
        entry, entered_at, is_open = known.get(pk, (0, None, False))
        if entered_at is None or (not is_open and _may_again(journey, entered_at, at)):
            found[pk] = entry + 1
    return found


def _may_again(journey: Journey, entered_at: datetime, at: datetime) -> bool:
    return journey.reentry_days is not None and entered_at <= at - timedelta(days=journey.reentry_days)


def _begun(journey: Journey, customer_pk: int, entry: int, first: str, at: datetime) -> tuple[Any, ...]:
    """Who is held out is the same each time a customer begins."""
    if is_held_out(journey, customer_pk):
        return (journey.pk, customer_pk, entry, State.HELD_OUT.value, "", "", False, at, None)
    return (journey.pk, customer_pk, entry, State.ON_THE_WAY.value, first, "", False, at, at)


def enter_by_segment(segment: Segment, customer_pks: Collection[int]) -> None:
    """Customers joined a segment."""
    for journey in Journey.objects.filter(segment=segment, state=Journey.State.RUNNING):
        enter(journey, customer_pks)


def take_in_members(job: RunningJob) -> dict[str, Any]:
    """Let those begin who were in the segment at the start. Goes on where it was killed."""
    journey = Journey.objects.select_related("segment").get(pk=job.arguments["journey"])
    members = SegmentMember.objects.filter(segment=journey.segment).order_by("customer_id")
    last, n = 0, 0
    while pks := list(members.filter(customer_id__gt=last).values_list("customer_id", flat=True)[:AT_ONCE]):
        if not Journey.objects.filter(pk=journey.pk, state=Journey.State.RUNNING).exists():
            break
        n += enter(journey, pks)
        last = pks[-1]
        job.report(0.5)
    return {"n_entered": n}


# -- events -------------------------------------------------------------------------------------


def follow_events(storefront: str, events: Sequence[StoredEvent]) -> None:
    """Let customers begin, leave at the goal, or go on, by what they just did."""
    newest: dict[str, dict[int, datetime]] = defaultdict(dict)
    for event in events:
        if event.customer_id is not None:
            known = newest[event.type].get(event.customer_id)
            newest[event.type][event.customer_id] = max(known or event.occurred_at, event.occurred_at)
    if not newest:
        return
    journeys = Journey.objects.filter(
        storefront=storefront, state__in=(Journey.State.RUNNING, Journey.State.PAUSED)
    )
    for journey in journeys:
        with transaction.atomic():
            _reach_goal(journey, newest.get(journey.goal, {}))
            _end_waits(journey, newest)
        if journey.event in newest and journey.state == Journey.State.RUNNING:
            started = journey.started_at or timezone.now()
            enter(journey, [pk for pk, moment in newest[journey.event].items() if moment >= started])


def _reach_goal(journey: Journey, moments: Mapping[int, datetime]) -> None:
    """Who has got what the journey is for is left in peace."""
    runs = JourneyRun.objects.filter(journey=journey, customer_id__in=moments, state=State.ON_THE_WAY)
    reached = [
        pk
        for pk, customer_pk, entered_at in runs.values_list("pk", "customer_id", "entered_at")
        if moments[customer_pk] >= entered_at
    ]
    if reached:
        runs.filter(pk__in=reached).update(state=State.GOAL, due_at=None, ended_at=timezone.now())


def _end_waits(journey: Journey, newest: Mapping[str, Mapping[int, datetime]]) -> None:
    pks = {pk for moments in newest.values() for pk in moments}
    runs = JourneyRun.objects.filter(
        journey=journey, customer_id__in=pks, state=State.ON_THE_WAY, awaited__in=list(newest),
        has_happened=False,
    )  # fmt: skip
    came = [
        pk
        for pk, customer_pk, awaited, arrived_at in runs.values_list(
            "pk", "customer_id", "awaited", "arrived_at"
        )
        if (moment := newest[awaited].get(customer_pk)) and arrived_at and moment >= arrived_at
    ]
    if came:
        runs.filter(pk__in=came).update(has_happened=True, due_at=timezone.now())
        transaction.on_commit(wake)


def leave_journeys(customer_pk: int) -> None:
    """Take a customer who may not be addressed off every journey."""
    runs = JourneyRun.objects.filter(customer_id=customer_pk, state=State.ON_THE_WAY)
    runs.update(state=State.LEFT, due_at=None, ended_at=timezone.now())


# -- going on -----------------------------------------------------------------------------------


def advance_journeys(*, now: datetime | None = None) -> int:
    """Move everybody whose time has come, and have messages sent; returns how many. Safe to run at once."""
    moment, n = now or timezone.now(), 0
    for journey in Journey.objects.filter(state=Journey.State.RUNNING).order_by("pk"):
        try:
            graph = parse_steps(journey.steps)
        except InvalidJourneyError as error:
            # As when a fact that a condition asks for is gone with its scenario.
            logger.warning("Journey %s stands still: %s", journey.pk, error)
            continue
        while n_moved := _advance_some(journey, graph, moment):
            n += n_moved
    send_waiting(now=moment)
    return n


def _advance_some(journey: Journey, graph: Graph, now: datetime) -> int:
    """Move one batch as far as it goes; returns how many it was."""
    with transaction.atomic():
        if not Journey.objects.filter(pk=journey.pk, state=Journey.State.RUNNING).exists():
            return 0
        runs = list(_due(journey, now)[:AT_ONCE])
        if runs:
            _Wave(journey, graph, now).move(runs)
        return len(runs)


def _due(journey: Journey, now: datetime) -> QuerySet[JourneyRun]:
    """Whose profile is just being computed waits for it: a condition would be asked of what was."""
    is_old = ProfileRequest.objects.filter(customer_id=OuterRef("customer_id"))
    runs = JourneyRun.objects.filter(~Exists(is_old), journey=journey, state=State.ON_THE_WAY)
    runs = runs.filter(due_at__lte=now).order_by("due_at")
    if connection.features.has_select_for_update_skip_locked:
        return runs.select_for_update(skip_locked=True, of=("self",), no_key=True)
    return runs


class _Wave:
    """One batch that goes through the steps in their order, so that each step is worked once."""

    def __init__(self, journey: Journey, graph: Graph, now: datetime) -> None:
        self.journey = journey
        self.graph = graph
        self.now = now
        self.arriving: dict[str, list[JourneyRun]] = defaultdict(list)
        self.campaigns = {
            campaign.step: campaign
            for campaign in Campaign.objects.filter(journey=journey).prefetch_related("variants")
        }

    def move(self, runs: Sequence[JourneyRun]) -> None:
        waited: dict[str, list[JourneyRun]] = defaultdict(list)
        for run in runs:
            (waited if run.arrived_at else self.arriving)[run.step].append(run)
        work: Mapping[type, Any] = {Message: self._say, Wait: self._wait, Fork: self._part}
        for step in self.graph:
            if isinstance(step, Wait):
                self._go_on(step, waited.pop(step.key, []))
            if some := self.arriving.pop(step.key, []):
                work[type(step)](step, some)
        self._write(self.arriving.pop(END, []), state=State.FINISHED, step="", ended_at=self.now)

    def _say(self, step: Message, runs: list[JourneyRun]) -> None:
        campaign = self.campaigns[step.key]
        variants = sorted(campaign.variants.all(), key=lambda variant: variant.pk)
        rows = [
            Delivery(
                campaign=campaign, customer_id=run.customer_id, run=run, state=Delivery.State.WAITING,
                variant=choose_variant(campaign, variants, run.customer_id),
            )
            for run in runs
        ]  # fmt: skip
        Delivery.objects.bulk_create(rows, ignore_conflicts=True)
        self.arriving[step.next] += runs

    def _wait(self, step: Wait, runs: list[JourneyRun]) -> None:
        self._write(
            runs, step=step.key, awaited=step.event, has_happened=False, arrived_at=self.now,
            due_at=self.now + step.span,
        )  # fmt: skip

    def _go_on(self, step: Wait, runs: Iterable[JourneyRun]) -> None:
        for run in runs:
            self.arriving[step.on_event if run.has_happened else step.next].append(run)

    def _part(self, step: Fork, runs: list[JourneyRun]) -> None:
        scope = Scope({"in": [run.customer_id for run in runs]})
        meet = set(select_profiles(step.condition, now=self.now, scope=scope).values_list("pk", flat=True))
        for run in runs:
            self.arriving[step.yes if run.customer_id in meet else step.no].append(run)

    def _write(self, runs: Sequence[JourneyRun], **values: Any) -> None:
        if runs:
            fields = {"awaited": "", "due_at": None} | values
            JourneyRun.objects.filter(pk__in=[run.pk for run in runs]).update(**fields)


def wake() -> None:
    """Have a worker move who is due now; beat asks every minute, too."""
    from ..tasks import advance_journeys

    wake_worker(advance_journeys, otherwise="Journeys wait for beat")
