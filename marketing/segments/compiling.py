"""A condition as one query over profiles. Values are always parameters; consent is always asked.

Two-valued throughout: what is not known fits no comparison, so that `not` means what people expect.
"""

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from ecomai import scenarios
from ecomai.commerce.models import Event, Item
from ecomai.fusion.models import Fact

from ..models import CustomerActivity, CustomerProfile, Stage
from ..selectors import stage_condition
from .conditions import Condition, EventTest, FactTest, FieldTest, Group, Not
from .fields import FIELDS

_COMPARISONS: Mapping[str, Any] = {
    "=": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_LOOKUPS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "=": "exact", "in": "in"}


@dataclass(frozen=True)
class Scope:
    """Which customers are asked about, as lookups of their keys; none means all.

    Part of each subquery, too, so that a few customers cost a few rows however long the shop's history.
    """

    lookups: Mapping[str, Any] = field(default_factory=dict)
    #: Whom other parts of the condition leave over: the events of others need not be counted up.
    among: QuerySet[CustomerProfile, Any] | None = None

    def on(self, name: str) -> Q:
        return Q(**{f"{name}__{lookup}": value for lookup, value in self.lookups.items()})


EVERYBODY = Scope()


def select_profiles(
    condition: Condition, *, now: datetime, scope: Scope = EVERYBODY
) -> QuerySet[CustomerProfile]:
    """The profiles of those who may be addressed and meet a condition at a moment."""
    whose = scope.on("pk") & Q(has_consent=True)
    if not scope.lookups and (plain := _plain_part(condition, now)):
        left_over = CustomerProfile.objects.filter(plain, has_consent=True).order_by()
        scope = Scope(among=left_over.values("pk"))
    return CustomerProfile.objects.filter(whose, _compile(condition, now, scope))


def _plain_part(condition: Condition, now: datetime) -> Q:
    """What fields alone say of everybody who meets a condition."""
    plain = Q()
    if isinstance(condition, Group) and not condition.is_any:
        for part in condition.parts:
            inner = part.part if isinstance(part, Not) else part
            if isinstance(inner, FieldTest):
                plain &= _of_field(inner, now) if inner is part else ~_of_field(inner, now)
    return plain


def _compile(condition: Condition, now: datetime, scope: Scope) -> Q:
    match condition:
        case Group(parts, is_any):
            joined = Q()
            for part in parts:
                compiled = _compile(part, now, scope)
                joined = joined | compiled if is_any else joined & compiled
            return joined
        case Not(part):
            return ~_compile(part, now, scope)
        case FieldTest():
            return _of_field(condition, now)
        case EventTest():
            return _of_event(condition, now, scope)
        case FactTest():
            return _of_fact(condition, now, scope)


# -- fields -------------------------------------------------------------------------------------


def _of_field(test: FieldTest, now: datetime) -> Q:
    asked = FIELDS[test.field]
    if asked.kind == "stage":
        return _any(stage_condition(Stage(value), now=now) for value in test.value)
    is_known = Q(**{f"{asked.path}__isnull": False}) if asked.is_nullable else Q()
    if test.operator == "known":
        return is_known if asked.kind != "text" else ~Q(**{asked.path: ""})
    if asked.kind == "moment":
        return is_known & _of_moment(asked.path, test.operator, timedelta(days=test.value), now)
    return is_known & Q(**{f"{asked.path}__{_LOOKUPS[test.operator]}": test.value})


def _of_moment(path: str, asked: str, span: timedelta, now: datetime) -> Q:
    if asked == "within":
        return Q(**{f"{path}__gt": now - span, f"{path}__lte": now})
    if asked == "longer_ago":
        return Q(**{f"{path}__lte": now - span})
    return Q(**{f"{path}__gt": now, f"{path}__lte": now + span})


def _any(conditions: Iterable[Q]) -> Q:
    joined = Q()
    for condition in conditions:
        joined |= condition
    return joined


# -- events -------------------------------------------------------------------------------------


def _of_event(test: EventTest, now: datetime, scope: Scope) -> Q:
    """Ask what is kept of each customer and type; only counts within a window, and items, ask the events."""
    since = now - timedelta(days=test.days) if test.days is not None else None
    if test.has_item or (since is not None and test.at_least > 1):
        return _of_single_events(test, since, scope)
    done = CustomerActivity.objects.filter(
        scope.on("customer_id"), customer_id=OuterRef("pk"), type=test.type
    )
    if test.at_least > 1:
        done = done.filter(n__gte=test.at_least)
    return Q(Exists(done if since is None else done.filter(last_at__gt=since)))


def _of_single_events(test: EventTest, since: datetime | None, scope: Scope) -> Q:
    events = Event.objects.filter(scope.on("customer_id"), type=test.type, customer_id__isnull=False)
    if since is not None:
        events = events.filter(occurred_at__gt=since)
    if test.has_item:
        events = events.filter(item_id__in=_items(test))
    if test.at_least == 1:
        return Q(Exists(events.filter(customer_id=OuterRef("pk"))))
    if scope.among is not None:
        events = events.filter(customer_id__in=scope.among)
    counted = events.order_by().values("customer_id").annotate(times=Count("pk"))
    return Q(pk__in=counted.filter(times__gte=test.at_least).values("customer_id"))


def _items(test: EventTest) -> QuerySet[Item, Any]:
    """Items of a category and all below it, of a brand, or of both."""
    items = Item.objects.all()
    if test.category:
        below = Q(category_path__startswith=f"{test.category} > ")
        items = items.filter(Q(category_path=test.category) | below)
    if test.brand:
        items = items.filter(brand=test.brand)
    return items.values("pk")


# -- facts --------------------------------------------------------------------------------------


def _of_fact(test: FactTest, now: datetime, scope: Scope) -> Q:
    spec = scenarios.get_fact_spec(test.fact)
    newer = Fact.objects.filter(
        entity="customer", name=test.fact, storefront=OuterRef("storefront"), published_at__lte=now,
        entity_id=OuterRef("entity_id"),
    ).filter(
        Q(published_at__gt=OuterRef("published_at"))
        | Q(published_at=OuterRef("published_at"), pk__gt=OuterRef("pk"))
    )  # fmt: skip
    valid = Fact.objects.filter(
        ~Exists(newer), entity="customer", name=test.fact, storefront=OuterRef("customer__storefront"),
        entity_id=OuterRef("customer__external_id"), published_at__lte=now, expires_at__gt=now,
    )  # fmt: skip
    fits = _value_fits(test)
    if fits_value(test, spec.default):
        return ~Q(Exists(valid.filter(~fits)))
    return Q(Exists(valid.filter(fits)))


def _value_fits(test: FactTest) -> Q:
    if test.operator == "in":
        return _any(Q(value=text) for text in test.value)
    return Q(**{f"value__{_LOOKUPS[test.operator]}": test.value})


def fits_value(test: FactTest, value: Any) -> bool:
    """Whether one value meets a comparison of facts."""
    if test.operator == "in":
        return value in test.value
    if value is None:
        return False
    return bool(_COMPARISONS[test.operator](value, test.value))
