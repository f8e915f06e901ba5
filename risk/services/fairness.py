"""How groups of customers fare: shares with their uncertainty, counted by country and by age band."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone

from ecomai.commerce.models import Customer

from ..app_settings import app_settings
from ..models import Assessment, Decision, FairnessReport, Kind

Grouping = FairnessReport.Grouping
KEPT_DAYS = 400
#: Of 95 %.
Z = 1.959964
MOST_GROUPS = 100
#: Of who is no known customer, in this order.
SHOWN_COUNTRIES = ("billing_country", "shipping_country")


@dataclass(frozen=True)
class GroupFigures:
    """Counts of one group. `n_honest` are those that nobody said to be fraud."""

    group: str
    n: int
    n_approved: int
    n_reviewed: int
    n_declined: int
    n_honest: int
    n_honest_stopped: int


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval (Wilson), which holds for small groups too."""

    value: float
    low: float
    high: float


def share(part: int, whole: int) -> Share | None:
    if not whole:
        return None
    p = part / whole
    middle = (p + Z**2 / (2 * whole)) / (1 + Z**2 / whole)
    half = Z / (1 + Z**2 / whole) * (p * (1 - p) / whole + Z**2 / (4 * whole**2)) ** 0.5
    return Share(p, max(middle - half, 0.0), min(middle + half, 1.0))


# -- counting -------------------------------------------------------------------------------------


def group_figures(*, kind: str, grouping: str, since: datetime, until: datetime) -> list[GroupFigures]:
    """Count each group's assessments in a period, the largest first. What counts is what we would decide.

    So figures are the same in shadow. Who names no country or age is the group ''.
    """
    rows = Assessment.objects.filter(kind=kind, received_at__gte=since, received_at__lt=until)
    stopped = ~Q(wanted_decision=Decision.APPROVE)
    honest = Q(is_fraud=None) | Q(is_fraud=False)
    grouped: Any = _grouped(rows.exclude(wanted_decision=""), grouping)
    counted = (
        grouped.values("group")
        .annotate(
            n=Count("pk"),
            n_approved=Count("pk", filter=~stopped),
            n_reviewed=Count("pk", filter=Q(wanted_decision=Decision.REVIEW)),
            n_declined=Count("pk", filter=Q(wanted_decision=Decision.DECLINE)),
            n_honest=Count("pk", filter=honest),
            n_honest_stopped=Count("pk", filter=honest & stopped),
        )
        .order_by("-n", "group")[:MOST_GROUPS]
    )
    return [GroupFigures(**row) for row in counted]


def _grouped(rows: QuerySet[Assessment], grouping: str) -> QuerySet[Assessment, Any]:
    customers = Customer.objects.filter(
        storefront=OuterRef("storefront"), external_id=OuterRef("customer_external_id")
    )
    if grouping == Grouping.AGE_BAND:
        band = customers.annotate(band=KeyTextTransform("age_band", "traits")).values("band")[:1]
        return rows.annotate(group=Coalesce(Subquery(band), Value(""), output_field=TextField()))
    own = Subquery(customers.values("country")[:1])
    countries = [own, *(KeyTextTransform(name, "shown") for name in SHOWN_COUNTRIES)]
    named = [NullIf(country, Value(""), output_field=TextField()) for country in countries]
    return rows.annotate(group=Coalesce(*named, Value(""), output_field=TextField()))


def refresh_fairness(*, today: date | None = None) -> int:
    """Count the newest period of each kind and grouping anew, and return how many reports were written."""
    day = today or timezone.localdate()
    n_days = app_settings.FAIRNESS_DAYS
    written = 0
    for kind in Kind.values:
        for grouping in Grouping.values:
            figures = group_figures(kind=kind, grouping=grouping, **_period(day, n_days))
            if not figures or {one.group for one in figures} == {""}:
                continue
            FairnessReport.objects.update_or_create(
                kind=kind, grouping=grouping, day=day, n_days=n_days,
                defaults={"figures": [asdict(one) for one in figures], "computed_at": timezone.now()},
            )  # fmt: skip
            written += 1
    FairnessReport.objects.filter(day__lt=day - timedelta(days=KEPT_DAYS)).delete()
    return written


def _period(day: date, n_days: int) -> dict[str, datetime]:
    until = timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
    return {"since": until - timedelta(days=n_days), "until": until}


# -- judging --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gap:
    """By how much a group fares worse than all others; 0 where chance alone may explain it."""

    group: str
    value: float


Judge = Callable[[Sequence[GroupFigures]], list[Gap]]


def approval_gaps(figures: Sequence[GroupFigures]) -> list[Gap]:
    return _gaps(figures, lambda one: one.n - one.n_approved, lambda one: one.n)


def false_positive_gaps(figures: Sequence[GroupFigures]) -> list[Gap]:
    return _gaps(figures, lambda one: one.n_honest_stopped, lambda one: one.n_honest)


def _gaps(figures: Sequence[GroupFigures], part: Any, whole: Any) -> list[Gap]:
    """Compare each group of enough assessments with all others together."""
    found = []
    for one in figures:
        if one.n < app_settings.FAIRNESS_LEAST or not one.group:
            continue
        others = [other for other in figures if other is not one]
        own = share(part(one), whole(one))
        rest = share(sum(map(part, others)), sum(map(whole, others)))
        if own and rest:
            found.append(Gap(one.group, own.value - rest.value if own.low > rest.high else 0.0))
    return found


def read_figures(rows: Iterable[dict[str, Any]]) -> list[GroupFigures]:
    return [GroupFigures(**row) for row in rows]
