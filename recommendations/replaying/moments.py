"""What was known at a past moment: history, popularity and what was on offer; nothing later may enter."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from django.db.models import Count, Q, QuerySet

from ecomai.commerce.models import Event, EventType, Item, OrderLine
from ecomai.fusion.selectors import last_answer

from .. import catalogue as catalogues
from .. import selectors
from ..app_settings import app_settings
from ..catalogue import EPOCH, Catalogue
from ..models import Answer, Feedback
from ..pipeline import rankers
from ..pipeline.rankers import Context
from ..services.popularity import count_events

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class PastContext(Context):
    """Who asked, as it was at a moment.

    It names nobody, so that no part of an answer looks up what that visitor did since.
    """

    as_of: datetime


def context_of(answer: Answer, catalogue: Catalogue, *, n: int) -> PastContext | None:
    """Return what was known when an answer was given; None where the visitor has refused since."""
    if not _may_use(answer):
        return None
    at = answer.created_at
    events = _events_of(answer).filter(occurred_at__lt=at, item__isnull=False)
    wanted = frozenset(selectors.interaction_types())
    newest = events.filter(type__in=wanted).order_by("-occurred_at", "-id")
    rows = newest.values_list("item_id", "type", "occurred_at")[: 4 * app_settings.HISTORY_LENGTH]
    said = dict(_feedback_of(answer).filter(said_at__lt=at).values_list("item_id", "kind"))
    disliked = {item for item, kind in said.items() if kind != Feedback.Kind.OWNED}
    steps = [(item, type, selectors.day_of(moment)) for item, type, moment in rows if item not in disliked]
    history, contexts = selectors.steps_of(steps)
    seeds = _seeds(answer)
    not_again = frozenset(selectors.not_again(_bought(events)))
    return PastContext(
        as_of=at,
        catalogue=catalogue,
        storefront=answer.storefront,
        placement=answer.placement,
        page_item=seeds[0] if len(seeds) == 1 else None,
        basket=seeds if len(seeds) > 1 else (),
        history=history,
        event_contexts=contexts if rankers.reads_event_contexts() else (),
        bought=frozenset(item for item, type, _day in steps if type == EventType.PURCHASE),
        not_again=not_again,
        excluded=not_again.union(said, (item.pk for item in seeds)),
        less_like=frozenset(item for item, kind in said.items() if kind == Feedback.Kind.LESS_LIKE_THIS),
        n=n,
    )


def _may_use(answer: Answer) -> bool:
    """Consent counts as it is today: what somebody refused since is not looked at any more."""
    if not app_settings.CONSENT_PURPOSE:
        return True
    given = last_answer(
        purpose=app_settings.CONSENT_PURPOSE, customer=answer.customer, session_id=answer.session_id,
        storefront=answer.storefront,
    )  # fmt: skip
    return selectors.default_consent() if given is None else given.is_granted


def _events_of(answer: Answer) -> QuerySet[Event]:
    """A session that became a customer's later was nobody's then, so its events are found by its name."""
    if answer.customer_id is not None:
        return Event.objects.filter(customer=answer.customer_id)
    if answer.session_id:
        return Event.objects.filter(session_id=answer.session_id, storefront=answer.storefront)
    return Event.objects.none()


def _feedback_of(answer: Answer) -> QuerySet[Feedback]:
    if answer.customer_id is not None:
        return Feedback.objects.filter(customer=answer.customer_id)
    if answer.session_id:
        return Feedback.objects.filter(session_id=answer.session_id, storefront=answer.storefront)
    return Feedback.objects.none()


def _seeds(answer: Answer) -> list[Item]:
    rows = Item.objects.in_bulk(answer.seed_keys)
    return [rows[key] for key in answer.seed_keys if key in rows]


def _bought(events: QuerySet[Event]) -> dict[int, str]:
    kept: Counter[int] = Counter()
    paths: dict[int, str] = {}
    rows = events.filter(type__in=[EventType.PURCHASE, EventType.CANCELLATION])
    for item, path, type, quantity in rows.values_list("item_id", "item__category_path", "type", "quantity"):
        kept[item] += quantity if type == EventType.PURCHASE else -quantity
        paths[item] = path or ""
    return {item: paths[item] for item, n in kept.items() if n > 0}


def turned_to_after(answer: Answer) -> tuple[set[int], set[int]]:
    """Return what the visitor clicked, put into the basket or bought soon after, and what was bought."""
    until = answer.created_at + timedelta(days=app_settings.CONVERSION_DAYS)
    mine = Q(session_id=answer.session_id, storefront=answer.storefront) if answer.session_id else Q(pk=None)
    if answer.customer_id is not None:
        mine |= Q(customer=answer.customer_id)
    events = Event.objects.filter(
        mine, occurred_at__gte=answer.created_at, occurred_at__lt=until, item__isnull=False,
        type__in=[EventType.CLICK, EventType.CART, EventType.PURCHASE],
    )  # fmt: skip
    found = list(events.order_by().values_list("item_id", "type"))
    return {item for item, _type in found}, {item for item, type in found if type == EventType.PURCHASE}


# -- the catalogue --------------------------------------------------------------------------------


def catalogue_at(moment: datetime) -> Catalogue:
    """Return what was listed at the full hour before a moment, as popular as it was when that day began."""
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    known = catalogues.current()
    listed = known.listed <= (hour - EPOCH) // MICROSECOND
    return replace(
        known, is_active=known.is_active & listed, popularity=_popularity_at(hour.replace(hour=0), known)
    )


def _popularity_at(day: datetime, known: Catalogue) -> np.ndarray:
    scores = _scores_at(day)
    found = np.zeros(len(known))
    at = known.positions(list(scores))
    values = np.array(list(scores.values()), dtype=float)
    found[at[at >= 0]] = np.maximum(values[at >= 0], 0.0)
    return found


@lru_cache(maxsize=4)
def _scores_at(day: datetime) -> dict[int, float]:
    start = day - timedelta(days=app_settings.POPULARITY_DAYS)
    scores, _counts = count_events(start, day - MICROSECOND)
    return dict(scores)


def forget() -> None:
    """Count anew at the next question; for a new back-test and for tests."""
    _scores_at.cache_clear()


# -- a source of pipelines that would know of later orders ----------------------------------------


def bought_together(context: Context, n: int) -> tuple[np.ndarray, np.ndarray]:
    """What was bought in one order with the seeds or the latest steps, in orders placed before the moment."""
    assert isinstance(context, PastContext)  # noqa: S101
    seeds = context.seed_keys or list(dict.fromkeys(reversed(context.history)))[:N_SEEDS]
    scores: Counter[int] = Counter()
    for seed in seeds:
        for key, count in _partners(seed, context.as_of):
            scores[key] += math.sqrt(count)  # type: ignore[assignment]
    best = scores.most_common()
    keys = np.array([key for key, _score in best], dtype=np.int64)
    may_show = context.may_show(keys) if len(keys) else np.empty(0, dtype=bool)
    return keys[may_show][:n], np.array([score for _key, score in best])[may_show][:n]


N_SEEDS, MOST_ORDERS, MOST_TOGETHER = 5, 300, 100


def _partners(seed: int, as_of: datetime) -> Sequence[tuple[int, int]]:
    orders = OrderLine.objects.filter(item=seed, order__placed_at__lt=as_of).order_by("-order__placed_at")
    ids = list(orders.values_list("order", flat=True)[:MOST_ORDERS])
    others = OrderLine.objects.filter(order__in=ids, item__isnull=False).exclude(item=seed)
    counted = others.order_by().values_list("item").annotate(n=Count("order", distinct=True))
    return list(counted.order_by("-n", "-item")[:MOST_TOGETHER])
