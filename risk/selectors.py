"""Reads of assessments; what was known at a past moment takes `as_of`."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from .app_settings import app_settings
from .exceptions import UnknownAssessmentError
from .features import FEATURES_VERSION
from .models import Assessment, Label, Rule


def get_assessment(*, storefront: str, kind: str, external_id: str) -> Assessment:
    """Raises UnknownAssessmentError."""
    row = Assessment.objects.filter(storefront=storefront, kind=kind, external_id=external_id).first()
    if row is None:
        raise UnknownAssessmentError(id=external_id, kind=kind)
    return row


def with_outcome(kind: str, *, as_of: datetime) -> QuerySet[Assessment]:
    """Assessments of a kind whose outcome was known at a moment, annotated with `was_fraud`.

    A label counts from when it was recorded, until another superseded it. What nobody said anything about
    counts as honest once `LABEL_DELAY_DAYS` have passed. In the order they came.
    """
    known = Label.objects.filter(assessment=OuterRef("pk"), recorded_at__lte=as_of).filter(
        Q(superseded_at=None) | Q(superseded_at__gt=as_of)
    )
    rows = Assessment.objects.filter(
        kind=kind, received_at__lt=as_of, features_version=FEATURES_VERSION
    ).annotate(was_fraud=Exists(known.filter(is_fraud=True)), was_labelled=Exists(known))
    delayed = as_of - timedelta(days=app_settings.LABEL_DELAY_DAYS)
    return rows.filter(Q(was_labelled=True) | Q(received_at__lt=delayed)).order_by("received_at", "pk")


def outcome_counts() -> dict[str, dict[str, int]]:
    """How much a model of each kind could learn from now: `n_known` outcomes, `n_fraud` of them fraud."""
    delayed = timezone.now() - timedelta(days=app_settings.LABEL_DELAY_DAYS)
    is_known = Q(is_fraud__isnull=False) | Q(received_at__lt=delayed)
    rows = Assessment.objects.filter(features_version=FEATURES_VERSION).order_by().values("kind")
    counts = rows.annotate(n_known=Count("pk", filter=is_known), n_fraud=Count("pk", filter=Q(is_fraud=True)))
    found = counts.values_list("kind", "n_known", "n_fraud")
    return {kind: {"n_known": n_known, "n_fraud": n_fraud} for kind, n_known, n_fraud in found}


def figures(*, since: datetime) -> dict[str, Any]:
    """Counts of the assessments since a moment: by decision and by who answered, and the mean latency."""
    rows = Assessment.objects.filter(received_at__gte=since)
    groups = (
        rows.order_by()
        .values_list("wanted_decision", "answered_by", "is_shadow")
        .annotate(n=Count("pk"), total_ms=Sum("latency_ms"))
    )
    by_decision, by_source, n_shadow, n, total_ms = Counter[str](), Counter[str](), 0, 0, 0.0
    for decision, source, is_shadow, n_rows, milliseconds in groups:
        by_decision[decision] += n_rows
        by_source[source] += n_rows
        n_shadow += n_rows if is_shadow else 0
        n, total_ms = n + n_rows, total_ms + milliseconds
    return {
        "by_decision": dict(by_decision), "by_source": dict(by_source), "n_shadow": n_shadow,
        "mean_ms": total_ms / n if n else None,
    }  # fmt: skip


def failing_rules() -> QuerySet[Rule]:
    """Rules at work whose condition failed within the last day: they decided nothing where it did."""
    at_work = Rule.objects.filter(state__in=(Rule.State.LIVE, Rule.State.SHADOW)).exclude(problem="")
    return at_work.filter(problem_at__gte=timezone.now() - timedelta(days=1)).order_by("order", "name")


def of_customer(*, storefront: str, customer_id: str) -> QuerySet[Assessment]:
    return Assessment.objects.filter(storefront=storefront, customer_external_id=customer_id)
