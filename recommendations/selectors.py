"""Reads: what a customer did, what is popular, how items look, how answers fared."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, Sum, Value, When
from django.utils import timezone

from ecomai.commerce.models import Customer, Event, EventType
from ecomai.fusion.app_settings import app_settings as fusion_settings
from ecomai.fusion.models import ConsentRecord
from ecomai.inference.event_context import EventContext
from ecomai.registry.models import ModelDeployment

from .app_settings import app_settings
from .catalogue import is_below
from .models import (
    CHOSEN,
    Answer,
    BatchRecommendation,
    DailyExposure,
    DailyFigures,
    ItemPopularity,
    Pipeline,
    SearchLog,
)
from .scenario import NEXT_ITEM

SECONDS_PER_DAY = 86_400
#: What the shop's pages are usually filled with; a shop may have names of its own.
PLACEMENTS = ("home", "item", "basket", "search", "email", "chat")


@dataclass(frozen=True)
class Interaction:
    """One thing a customer did with an item."""

    item_key: int
    type: str
    occurred_at: datetime


def interaction_types() -> list[str]:
    """Return the event types that say a customer cares for an item."""
    return [type for type, weight in app_settings.EVENT_WEIGHTS.items() if weight > 0]


def ranked_types() -> list[str]:
    """Return `interaction_types`, from what says least to what says most."""
    weights = app_settings.EVENT_WEIGHTS
    return sorted(interaction_types(), key=lambda type: (weights[type], type))


def interactions(
    *,
    customer: Customer | None = None,
    session_id: str = "",
    storefront: str = "",
    limit: int | None = None,
    as_of: datetime | None = None,
) -> list[Interaction]:
    """Return the latest interactions of a customer (or of an anonymous session), newest first."""
    key = customer.pk if customer else None
    events = events_of(customer_key=key, session_id=session_id, storefront=storefront)
    events = events.filter(type__in=interaction_types(), item__isnull=False)
    if as_of is not None:
        events = events.filter(occurred_at__lt=as_of)
    # One action makes several events (view, basket, purchase), so more rows are read than items wanted.
    rows = events.order_by("-occurred_at", "-id").values_list("item_id", "type", "occurred_at")
    return [Interaction(*row) for row in rows[: 4 * (limit or app_settings.HISTORY_LENGTH)]]


def events_of(*, customer_key: int | None, session_id: str, storefront: str) -> QuerySet[Event]:
    """A session shows only what nobody is known to have done: a browser may name any session it likes."""
    if customer_key is not None:
        return Event.objects.filter(customer=customer_key)
    if session_id:
        return Event.objects.filter(session_id=session_id, storefront=storefront, customer=None)
    return Event.objects.none()


def history_keys(interactions: Iterable[Interaction], *, limit: int | None = None) -> list[int]:
    """Turn interactions, newest first, into what a model reads: items oldest first, each once in a row."""
    return history_of((interaction.item_key for interaction in interactions), limit=limit)


def history_of(items: Iterable[int], *, limit: int | None = None) -> list[int]:
    """As `history_keys`, for the keys of items, newest first."""
    keys: list[int] = []
    for item in items:
        if not keys or keys[-1] != item:
            keys.append(item)
    return keys[: limit or app_settings.HISTORY_LENGTH][::-1]


def steps_of(
    events: Iterable[tuple[int, str, float]], *, limit: int | None = None
) -> tuple[list[int], list[EventContext]]:
    """As `history_of`, for items, types and days of events, and with what is known of each step.

    A step's type is that of its events which says most, and its day that of the first of them.
    """
    says = {type: rank for rank, type in enumerate(ranked_types())}
    keys: list[int] = []
    contexts: list[EventContext] = []
    for item, type, day in events:
        if keys and keys[-1] == item:
            contexts[-1] = EventContext(max(contexts[-1].type, type, key=says.__getitem__), day)
        else:
            keys.append(item)
            contexts.append(EventContext(type, day))
    n = limit or app_settings.HISTORY_LENGTH
    return keys[:n][::-1], contexts[:n][::-1]


def day_of(moment: datetime) -> float:
    """Return a moment as days since 1970."""
    return moment.timestamp() / SECONDS_PER_DAY


def histories(customer_keys: Collection[int], *, as_of: datetime) -> dict[int, list[Interaction]]:
    """Return each customer's interactions, newest first, in one query; for scoring in batch."""
    events = Event.objects.filter(
        customer_id__in=customer_keys, type__in=interaction_types(), item__isnull=False, occurred_at__lt=as_of
    ).order_by("customer_id", "-occurred_at", "-id")
    found: dict[int, list[Interaction]] = {key: [] for key in customer_keys}
    rows = events.values_list("customer_id", "item_id", "type", "occurred_at")
    for customer_key, item_key, type, occurred_at in rows:
        found[customer_key].append(Interaction(item_key, type, occurred_at))
    return found


def who_may_be_scored(customer_keys: Collection[int]) -> set[int]:
    """Return the customers, of those given, whose history may be used."""
    purpose = app_settings.CONSENT_PURPOSE
    if not purpose:
        return set(customer_keys)
    records = ConsentRecord.objects.filter(customer_id__in=customer_keys, purpose=purpose, channel="")
    answers = dict(records.order_by("recorded_at", "pk").values_list("customer_id", "is_granted"))
    default = default_consent()
    return {key for key in customer_keys if answers.get(key, default)}


def default_consent() -> bool:
    """Whether history may be used where nothing was answered."""
    purpose, defaults = app_settings.CONSENT_PURPOSE, fusion_settings.DEFAULT_CONSENT
    return bool(defaults.get(purpose, defaults.get("*", True)))


def not_again(purchased: Mapping[int, str]) -> set[int]:
    """Return which bought items (key -> category path) are not recommended again."""
    if not app_settings.EXCLUDE_PURCHASED:
        return set()
    again = app_settings.REBUYABLE_CATEGORIES
    return {
        key for key, path in purchased.items() if not any(is_below(path, beginning) for beginning in again)
    }


def purchased_items(
    *, customer_key: int | None, session_id: str = "", storefront: str = ""
) -> dict[int, str]:
    """Return items that were bought and not cancelled (what came back counts), with category paths."""
    events = events_of(customer_key=customer_key, session_id=session_id, storefront=storefront)
    return {key: path for _owner, key, path in _bought(events)}


def purchases_of(customer_keys: Collection[int]) -> dict[int, dict[int, str]]:
    """Return `purchased_items` for many customers in one query."""
    found: dict[int, dict[int, str]] = {key: {} for key in customer_keys}
    for owner, key, path in _bought(Event.objects.filter(customer_id__in=customer_keys)):
        found[owner][key] = path
    return found


def _bought(events: QuerySet[Event]) -> Iterable[tuple[int, int, str]]:
    is_bought = Case(When(type=EventType.PURCHASE, then=F("quantity")), default=-F("quantity"))
    return (
        events.filter(type__in=[EventType.PURCHASE, EventType.CANCELLATION], item__isnull=False)
        .order_by()
        .values_list("customer_id", "item_id", "item__category_path")
        .annotate(kept=Sum(is_bought))
        .filter(kept__gt=0)
        .values_list("customer_id", "item_id", "item__category_path")
    )


def batch_recommendation(customer_key: int) -> BatchRecommendation | None:
    """Return what may be shown: nothing while the model is in shadow, nor of a version rolled back.

    Rows of an earlier version stay until the next scoring.
    """
    live = ModelDeployment.objects.filter(model_name=NEXT_ITEM, mode=ModelDeployment.Mode.LIVE)
    rows = BatchRecommendation.objects.filter(
        customer=customer_key, model_version__number__lte=live.values("live_version__number")
    )
    return rows.select_related("model_version").first()


def popularity_window() -> tuple[datetime, datetime] | None:
    """Return whose events count for popularity: it ends with the newest that does, so old exports work."""
    events = Event.objects.filter(
        item__isnull=False, occurred_at__lte=timezone.now(), type__in=interaction_types()
    )
    newest = events.aggregate(newest=Max("occurred_at"))["newest"]
    return (newest - timedelta(days=app_settings.POPULARITY_DAYS), newest) if newest else None


def event_counts() -> dict[str, int]:
    """Return how much there is to learn from: events, people with two items or more, items."""
    events = Event.objects.filter(type__in=interaction_types(), item__isnull=False)
    totals = events.aggregate(n_interactions=Count("id"), n_items=Count("item_id", distinct=True))
    return {**totals, "n_people": _people_with_two(events)}


def _people_with_two(events: QuerySet[Event]) -> int:
    """Count customers, and sessions that are nobody's, with two items or more."""
    known = events.exclude(customer=None, session_id="").order_by()
    session = Case(When(customer=None, then=F("session_id")), default=Value(""))
    people = known.annotate(session=session).values("customer_id", "session")
    return people.annotate(low=Min("item_id"), high=Max("item_id")).filter(low__lt=F("high")).count()


def answer_counts(*, since: datetime) -> tuple[int, int]:
    """Return how many answers were given, and how many of them by a fallback."""
    is_fallback = ~Q(source__in=[*CHOSEN, F("asked_for")])
    counts = Answer.objects.filter(created_at__gte=since).aggregate(
        total=Count("pk"), fallbacks=Count("pk", filter=is_fallback)
    )
    return counts["total"], counts["fallbacks"]


def known_placements() -> list[str]:
    """Return the usual placements, then the shop's own: those with answers lately, or with a pipeline."""
    answered = DailyFigures.objects.filter(scope=DailyFigures.Scope.PLACEMENT).order_by()
    own = {
        *answered.values_list("placement", flat=True).distinct(),
        *Pipeline.objects.order_by().values_list("placement", flat=True).distinct(),
    }
    return [*PLACEMENTS, *sorted(own - {"", *PLACEMENTS})]


def zero_result_counts(*, since: datetime) -> tuple[int, int]:
    """Return how many searches there were, without those narrowed by hand, and how many found nothing."""
    searches = SearchLog.objects.filter(created_at__gte=since, is_filtered=False)
    counts = searches.aggregate(total=Count("pk"), in_vain=Count("pk", filter=Q(n_found=0)))
    return counts["total"], counts["in_vain"]


def exposure_rows(*, since: date) -> list[dict[str, Any]]:
    """Return the days' places and those of rarely shown items: in all, and where a share is wanted."""
    rows = DailyExposure.objects.filter(day__gte=since).filter(
        Q(is_total=True) | Q(target_share__isnull=False)
    )
    names = ("day", "is_total", "placement", "n_shown", "n_tail_shown", "target_share")
    return list(rows.order_by("day", "pk").values(*names))


def click_counts(*, since: datetime) -> dict[str, int]:
    """Return how often recommended items were seen and clicked: events that carry an answer's key."""
    events = Event.objects.filter(
        occurred_at__gte=since, type__in=[EventType.IMPRESSION, EventType.CLICK], properties__has_key="answer"
    )
    counts = {str(type): n for type, n in events.order_by().values_list("type").annotate(n=Count("id"))}
    return {EventType.IMPRESSION.value: 0, EventType.CLICK.value: 0} | counts


def batch_coverage() -> tuple[int, int]:
    """Return how many customers have batch recommendations, and how many customers there are."""
    counts = Customer.objects.aggregate(scored=Count("batch_recommendation"), total=Count("pk"))
    return counts["scored"], counts["total"]


def popularity_counted_at() -> datetime | None:
    return ItemPopularity.objects.aggregate(at=Max("counted_at"))["at"]
