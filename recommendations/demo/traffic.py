"""A year of answers in the demo shop, and what its customers made of them.

Who looked at what comes from the shop's own history, and so does a click: a customer clicks on what was
shown where that very item was looked at next. So a better list gets more clicks here, as it would outside.
"""

import uuid
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from ecomai.commerce.models import Customer, Event, EventType, Item
from ecomai.commerce.services.events import StoredEvent, key_of, write_events
from ecomai.experiments.assignment import Plan, place
from ecomai.experiments.models import Experiment, Exposure
from ecomai.experiments.selectors import as_plan
from ecomai.serving import live
from ecomai.serving.live import Served

from .. import catalogue as catalogues
from ..app_settings import app_settings
from ..catalogue import Catalogue
from ..models import Answer, DailyExposure, Pipeline, Source
from ..pipeline.rankers import N_SEEDS
from ..replaying import arms
from ..replaying.moments import PastContext
from ..scenario import NEXT_ITEM, SIMILAR_ITEMS
from ..selectors import history_of
from ..services import exposure
from .experiment import HOME, RUNNING_SINCE
from .pipeline import BESIDE

SEED = 11
N_SHOWN = {HOME: 8, BESIDE: 6}
# A visit often begins elsewhere, and not every product page is read down to the strip.
SHARE_SEEN = {HOME: 0.5, BESIDE: 0.2}
# So long ago the shop began to show what the models say; before, what was popular.
MODEL_SINCE = timedelta(days=120)
POPULAR_DAYS = 30
# Who clicks does so before long, and not each time that the item is looked at next.
CLICK_WITHIN = timedelta(days=2)
SHARE_CLICKED = 0.8
SHARE_LATE = 0.01  # the model did not answer in time
AT_ONCE = 5000


@dataclass(frozen=True)
class Step:
    """One thing that a customer turned to."""

    at: datetime
    item: int
    is_view: bool


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A moment at which a strip was seen: `history` is what came before, `next` what comes soon after."""

    placement: str
    customer: int
    at: datetime
    history: Sequence[int]
    next: Sequence[Step]
    page_item: int | None = None


@dataclass(frozen=True)
class Shown:
    """What was shown at a visit, and who had chosen it."""

    visit: Visit
    items: Sequence[int]
    source: Source
    served: Served | None = None
    model_name: str = ""
    asked_for: Source | None = None
    pipeline: Pipeline | None = None
    key: uuid.UUID = field(default_factory=uuid.uuid4)


def seed_traffic(*, experiment: Experiment, pipeline: Pipeline) -> int:
    """Write answers, impressions, clicks and exposures of a year; return how many answers. Only once.

    The pipeline's come last: what is rarely shown is known from what was shown before.
    """
    if Answer.objects.exists():
        return 0
    rng = np.random.default_rng(SEED)
    visits = list(_visits(rng))
    plan = as_plan(experiment)
    is_late = rng.random(len(visits)) < SHARE_LATE
    ours = [one for one, late in zip(visits, is_late, strict=True) if not late and _is_of(one, pipeline)]
    kept = {id(one) for one in ours}
    others = [(one, late) for one, late in zip(visits, is_late, strict=True) if id(one) not in kept]
    shown = _answers(others, plan)
    _write_answers(shown, rng)
    _write_events(shown, rng)
    _write_exposures(shown, plan, since=experiment.started_at)
    _mark_tail(before=pipeline.live_since)
    more = list(_by_pipeline(ours, pipeline))
    _write_answers(more, rng)
    _write_events(more, rng)
    return len(shown) + len(more)


def _is_of(visit: Visit, pipeline: Pipeline) -> bool:
    since = pipeline.live_since
    return pipeline.is_live and since is not None and visit.placement == BESIDE and visit.at >= since


def _mark_tail(*, before: datetime | None) -> None:
    """Count what was shown until then, as beat would have, and mark what is rarely shown.

    The sums go again: who counts next begins with the first day.
    """
    now = before or timezone.now()
    for days_ago in range(2 * app_settings.TAIL_DAYS):
        day = timezone.localdate(now) - timedelta(days=days_ago)
        exposure.count_day(day, is_tail=frozenset(), now=now)
    exposure.refresh_tail(now=now)
    DailyExposure.objects.all().delete()


# -- who came, and what they did next --------------------------------------------------------------


def _visits(rng: np.random.Generator) -> Iterator[Visit]:
    for customer, steps in _steps_of_customers():
        moments = [step.at for step in steps]
        day = None
        for number, step in enumerate(steps):
            if not step.is_view:
                continue
            if step.at.date() != day:
                day = step.at.date()
                if rng.random() < SHARE_SEEN[HOME]:
                    before = step.at - timedelta(seconds=float(rng.uniform(10, 60)))
                    yield _visit(HOME, customer, before, steps, number, moments)
            if rng.random() < SHARE_SEEN[BESIDE]:
                yield _visit(BESIDE, customer, step.at, steps, number + 1, moments, page_item=step.item)


def _steps_of_customers() -> Iterator[tuple[int, list[Step]]]:
    events = Event.objects.filter(
        type__in=[EventType.VIEW, EventType.PURCHASE], item__isnull=False, customer__isnull=False
    ).order_by("customer_id", "occurred_at")
    steps: dict[int, list[Step]] = defaultdict(list)
    rows = events.values_list("customer_id", "occurred_at", "item_id", "type")
    for customer, at, item, kind in rows.iterator(AT_ONCE):
        steps[customer].append(Step(at, item, kind == EventType.VIEW))
    yield from steps.items()


def _visit(
    placement: str,
    customer: int,
    at: datetime,
    steps: Sequence[Step],
    n_before: int,
    moments: Sequence[datetime],
    **more: Any,
) -> Visit:
    """Return the visit before which `n_before` steps were taken."""
    history = [step.item for step in steps[max(0, n_before - app_settings.HISTORY_LENGTH) : n_before]]
    soon = bisect_left(moments, at + CLICK_WITHIN)
    following = [step for step in steps[n_before:soon] if step.is_view]
    return Visit(placement=placement, customer=customer, at=at, history=history, next=following, **more)


# -- what they were shown --------------------------------------------------------------------------


def _answers(visits: Iterable[tuple[Visit, bool]], plan: Plan) -> list[Shown]:
    """Return what was shown at visits, each with whether the model was too late for it."""
    catalogue, now = catalogues.current(), timezone.now()
    names = dict(Customer.objects.values_list("pk", "external_id"))
    popular = _Popular(catalogue, now)
    shown: list[Shown] = []
    asked: dict[Source, list[Visit]] = defaultdict(list)
    for visit, late in visits:
        first = _first_source(visit, names[visit.customer], plan, now)
        if first == Source.POPULAR or late or not (visit.history or visit.page_item):
            asked_for = None if first == Source.MODEL else first
            shown.append(Shown(visit, popular.at(visit), Source.POPULAR, asked_for=asked_for))
        else:
            asked[first].append(visit)
    shown += _next_items([one for one in asked[Source.MODEL] if one.placement == HOME], catalogue)
    beside = [one for one in asked[Source.MODEL] if one.placement == BESIDE]
    shown += _similar_items(beside, Source.MODEL, catalogue, popular)
    shown += _similar_items(asked[Source.SIMILAR], Source.SIMILAR, catalogue, popular)
    return sorted(shown, key=lambda one: one.visit.at)


def _first_source(visit: Visit, customer_id: str, plan: Plan, now: datetime) -> Source:
    """Return who was to answer: nobody but what is popular in the past, then as the experiment says."""
    if visit.at < now - MODEL_SINCE:
        return Source.POPULAR
    if visit.placement == HOME and visit.at >= now - RUNNING_SINCE:
        assignment = place(plan, unit_id=customer_id)
        said = assignment.configuration.get("source") if assignment else None
        return Source(said or Source.MODEL)
    return Source.MODEL


class _Popular:
    """What was popular in each week of the year, by what had been done in the month before."""

    def __init__(self, catalogue: Catalogue, now: datetime) -> None:
        self._catalogue = catalogue
        self._now = now
        self._orders: dict[int, np.ndarray] = {}

    def at(self, visit: Visit) -> list[int]:
        """Return what was shown; beside an item, what is of its department first."""
        catalogue = self._catalogue
        order = self._order((self._now - visit.at).days // 7)
        if visit.page_item is not None:
            (own,) = catalogue.positions([visit.page_item])
            is_near = catalogue.departments[order] == catalogue.departments[own]
            order = np.concatenate([order[is_near & (order != own)], order[~is_near]])
        return catalogue.keys[order[: N_SHOWN[visit.placement]]].tolist()

    def _order(self, weeks_ago: int) -> np.ndarray:
        if weeks_ago not in self._orders:
            until = self._now - timedelta(weeks=weeks_ago + 1)
            events = Event.objects.filter(
                type__in=[EventType.VIEW, EventType.PURCHASE], item__isnull=False,
                occurred_at__gte=until - timedelta(days=POPULAR_DAYS), occurred_at__lt=until,
            )  # fmt: skip
            places = self._catalogue.positions(list(events.values_list("item_id", flat=True)))
            counts = np.bincount(places[places >= 0], minlength=len(self._catalogue))
            offered = np.flatnonzero(self._catalogue.is_active)
            self._orders[weeks_ago] = offered[np.argsort(-counts[offered], kind="stable")]
        return self._orders[weeks_ago]


def _next_items(visits: Sequence[Visit], catalogue: Catalogue) -> Iterator[Shown]:
    """Ask the model that is live today what it would have shown."""
    served = live.get_live(NEXT_ITEM)
    if served is None:
        return
    predictor: Any = served.predictor
    histories = [[str(item) for item in visit.history] for visit in visits]
    lists = predictor.top_n(histories, N_SHOWN[HOME], exclude=histories)
    for visit, found in zip(visits, lists, strict=True):
        yield Shown(visit, _keys(found, catalogue), Source.MODEL, served, NEXT_ITEM)


def _similar_items(
    visits: Sequence[Visit], source: Source, catalogue: Catalogue, popular: _Popular
) -> Iterator[Shown]:
    """As `_next_items`: what is like the page's item, else like the latest steps."""
    served = live.get_live(SIMILAR_ITEMS)
    if served is None:
        return
    predictor: Any = served.predictor
    known: dict[tuple[int, ...], list[int]] = {}
    for visit in visits:
        seeds = (visit.page_item,) if visit.page_item else tuple(dict.fromkeys(visit.history[-N_SEEDS:]))
        n = N_SHOWN[visit.placement]
        if (*seeds, n) not in known:
            found = predictor.for_basket([str(item) for item in seeds], n)
            known[*seeds, n] = _keys(found, catalogue)
        items = known[*seeds, n]
        asked_for = None if source == Source.MODEL else source
        if items:
            yield Shown(visit, items, source, served, SIMILAR_ITEMS, asked_for)
        else:
            yield Shown(visit, popular.at(visit), Source.POPULAR, asked_for=asked_for)


def _by_pipeline(visits: Sequence[Visit], pipeline: Pipeline) -> Iterator[Shown]:
    """Ask the pipeline what it would have shown, as a back-test does."""
    catalogue = catalogues.current()
    items = Item.objects.in_bulk({visit.page_item for visit in visits})
    for visit in visits:
        page_item = items[visit.page_item]
        context = PastContext(
            as_of=visit.at, catalogue=catalogue, placement=BESIDE, page_item=page_item,
            history=history_of(reversed(visit.history)), excluded=frozenset([page_item.pk]),
            n=N_SHOWN[BESIDE],
        )  # fmt: skip
        found = arms.answer({"pipeline": pipeline.pk}, context, k=N_SHOWN[BESIDE])
        if found:
            yield Shown(visit, found, Source.PIPELINE, pipeline=pipeline)


def _keys(found: Iterable[Any], catalogue: Catalogue) -> list[int]:
    keys = [int(one.item_id) for one in found]
    places = catalogue.positions(keys)
    return [key for key, at in zip(keys, places, strict=True) if at >= 0 and catalogue.is_active[at]]


# -- rows ------------------------------------------------------------------------------------------


def _write_answers(shown: Sequence[Shown], rng: np.random.Generator) -> None:
    milliseconds = rng.lognormal(1.8, 0.5, len(shown)).round(1)
    rows = [
        Answer(
            key=one.key,
            customer_id=one.visit.customer,
            placement=one.visit.placement,
            seed_keys=[one.visit.page_item] if one.visit.page_item else [],
            item_keys=list(one.items),
            source=one.source,
            asked_for=one.asked_for.value if one.asked_for else "",
            model_name=one.model_name,
            model_version_id=one.served.version_id if one.served else None,
            pipeline=one.pipeline,
            milliseconds=float(took),
            created_at=one.visit.at,
        )
        for one, took in zip(shown, milliseconds, strict=True)
    ]
    Answer.objects.bulk_create(rows, batch_size=AT_ONCE)


def _write_events(shown: Sequence[Shown], rng: np.random.Generator) -> None:
    batch: list[StoredEvent] = []
    for one in shown:
        soon = {step.item: step.at for step in reversed(one.visit.next)}
        for position, item in enumerate(one.items, start=1):
            batch.append(_event(EventType.IMPRESSION, one, item, position, one.visit.at))
            if item in soon and rng.random() < SHARE_CLICKED:
                batch.append(_event(EventType.CLICK, one, item, position, soon[item] - timedelta(seconds=2)))
        if len(batch) >= AT_ONCE:
            write_events(batch)
            batch = []
    write_events(batch)


def _event(type: EventType, one: Shown, item: int, position: int, at: datetime) -> StoredEvent:
    properties = {"answer": str(one.key), "placement": one.visit.placement, "position": position}
    return StoredEvent(
        storefront="", key=key_of("", "demo", type, one.key, position), type=type.value, channel="web",
        customer_id=one.visit.customer, session_id="", item_id=item, order_external_id="", quantity=1,
        value=None, currency="", query="", properties=properties, occurred_at=at, received_at=at,
    )  # fmt: skip


def _write_exposures(shown: Sequence[Shown], plan: Plan, *, since: datetime | None) -> None:
    names = dict(Customer.objects.values_list("pk", "external_id"))
    first: dict[str, tuple[int | None, datetime]] = {}
    for one in shown:
        if one.visit.placement != HOME or since is None or one.visit.at < since:
            continue
        unit = names[one.visit.customer]
        assignment = place(plan, unit_id=unit)
        if assignment and assignment.is_counted:
            first.setdefault(unit, (assignment.arm_id, one.visit.at))
    Exposure.objects.bulk_create(
        [
            Exposure(experiment_id=plan.id, arm_id=arm, unit_id=unit, first_exposed_at=at)
            for unit, (arm, at) in first.items()
        ],
        batch_size=AT_ONCE,
    )
