"""Reads of assessments; what was known at a past moment takes `as_of`."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from .app_settings import app_settings
from .exceptions import UnknownAssessmentError
from .features import FEATURES_VERSION
from .models import Assessment, Label


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


def outcome_counts(kind: str) -> dict[str, int]:
    """How much a model of a kind could learn from now: `n_known` outcomes, `n_fraud` of them fraud."""
    n_known = with_outcome(kind, as_of=timezone.now()).count()
    n_fraud = Assessment.objects.filter(kind=kind, is_fraud=True, features_version=FEATURES_VERSION).count()
    return {"n_known": n_known, "n_fraud": n_fraud}


def figures(*, since: datetime) -> dict[str, Any]:
    """Counts of the assessments since a moment: by decision and by who answered, and the mean latency."""
    rows = Assessment.objects.filter(received_at__gte=since)
    return {
        "by_decision": dict(rows.values_list("wanted_decision").annotate(n=Count("pk"))),
        "by_source": dict(rows.values_list("answered_by").annotate(n=Count("pk"))),
        "n_shadow": rows.filter(is_shadow=True).count(),
        "mean_ms": rows.aggregate(mean=Avg(F("latency_ms")))["mean"],
    }


def of_customer(*, storefront: str, customer_id: str) -> QuerySet[Assessment]:
    return Assessment.objects.filter(storefront=storefront, customer_external_id=customer_id)
