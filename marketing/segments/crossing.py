"""Whose answer time alone may have changed: customers near a moment that a condition compares with.

“Within 30 days” changes for a customer when 30 days have passed, and for nobody else. Each comparison knows
its moments, and an index finds the few that lie between two moments: no segment is kept right by a scan.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from ecomai import scenarios
from ecomai.commerce.models import Customer, Event
from ecomai.fusion.models import Fact

from ..models import CustomerActivity, CustomerProfile
from .conditions import Condition, EventTest, FactTest, FieldTest, tests_of
from .fields import FIELDS

#: A fact counts from its moment on, and is written a little later.
FACT_DELAY = timedelta(minutes=10)
_ZERO = timedelta(0)


def find_crossings(condition: Condition, *, after: datetime, until: datetime) -> set[int]:
    """Return the customers whose membership may differ between two moments by time alone."""
    found: set[int] = set()
    for test in set(tests_of(condition)):
        match test:
            case FieldTest():
                found.update(_of_field(test, after, until))
            case EventTest():
                found.update(_of_event(test, after, until))
            case FactTest():
                found.update(_of_fact(test, after, until))
    return found


def depends_on_time(condition: Condition) -> bool:
    """Whether time alone can change who meets a condition."""
    return any(
        isinstance(test, FactTest) or (isinstance(test, EventTest) and test.days is not None)
        or (isinstance(test, FieldTest) and bool(_moments(test)))
        for test in tests_of(condition)
    )  # fmt: skip


def _of_field(test: FieldTest, after: datetime, until: datetime) -> Iterable[int]:
    passed = Q()
    for column, offset in _moments(test):
        passed |= _between(column, after - offset, until - offset)
    if not passed:
        return ()
    return CustomerProfile.objects.filter(passed).values_list("pk", flat=True)


def _moments(test: FieldTest) -> list[tuple[str, timedelta]]:
    """Columns, and how long after the moment in a column its answer changes."""
    field = FIELDS[test.field]
    if field.kind == "stage":
        return [("at_risk_at", _ZERO), ("lapsed_at", _ZERO)]
    if field.kind != "moment" or test.operator == "known":
        return []
    span = timedelta(days=test.value)
    offsets = {"within": (_ZERO, span), "longer_ago": (span,), "next": (_ZERO, -span)}
    return [(field.path, offset) for offset in offsets[test.operator]]


def _of_event(test: EventTest, after: datetime, until: datetime) -> Iterable[int]:
    if test.days is None:
        return ()
    span = timedelta(days=test.days)
    if test.at_least == 1 and not test.has_item:
        done = CustomerActivity.objects.filter(
            _between("last_at", after - span, until - span), type=test.type
        )
        return done.values_list("customer_id", flat=True)
    events = Event.objects.filter(_between("occurred_at", after - span, until - span), type=test.type)
    customers = events.filter(customer_id__isnull=False).order_by().values_list("customer_id", flat=True)
    return customers.distinct()


def _of_fact(test: FactTest, after: datetime, until: datetime) -> Iterable[int]:
    """Facts that expired, and those that came: both along the index of their ends."""
    lives = scenarios.get_fact_spec(test.fact).time_to_live
    changed = _between("expires_at", after, until)
    changed |= _between("expires_at", after - FACT_DELAY + lives, until + lives)
    facts = Fact.objects.filter(changed, entity="customer", name=test.fact)
    by_storefront: dict[str, list[str]] = {}
    for storefront, entity_id in facts.order_by().values_list("storefront", "entity_id").distinct():
        by_storefront.setdefault(storefront, []).append(entity_id)
    return [
        pk
        for storefront, ids in by_storefront.items()
        for pk in Customer.objects.filter(storefront=storefront, external_id__in=ids).values_list(
            "pk", flat=True
        )
    ]


def _between(column: str, after: datetime, until: datetime) -> Q:
    return Q(**{f"{column}__gt": after, f"{column}__lte": until})
