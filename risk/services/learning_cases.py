"""Cases that the model learns most from: a part of the day's reviews is spent on them."""

from datetime import timedelta

import numpy as np
from django.db.models import F, Value
from django.db.models.functions import Abs
from django.utils import timezone

from ..app_settings import app_settings
from ..features import FEATURES_VERSION
from ..models import Assessment, Case, Kind, Origin
from .cases import open_case
from .policies import current_policy

#: Older ones teach less of what fraud is now.
DAYS = 7
#: Where decisions change, of a policy that names no threshold of reviews.
MOST_UNSURE = 0.5
#: Of the least certain so many, those are asked about that differ most from each other.
MOST_COMPARED = 300


def open_learning_cases() -> int:
    """Put the assessments that models are least sure of into the queue, up to the day's share of reviews."""
    n_opened = 0
    storefronts = Assessment.objects.filter(received_at__gte=_since()).values_list("storefront", flat=True)
    for storefront in sorted(set(storefronts.distinct())):
        for kind in Kind.values:
            for row in _teaching(storefront, kind, _room(storefront, kind)):
                open_case(row, origin=Origin.LEARNING)
                n_opened += 1
    return n_opened


def _since() -> object:
    return timezone.now() - timedelta(days=DAYS)


def _room(storefront: str, kind: str) -> int:
    """Return how many more such cases fit into the last day."""
    policy = current_policy(storefront=storefront, kind=kind)
    wanted = round(policy.review_capacity * app_settings.LEARNING_SHARE)
    opened = Case.objects.filter(
        storefront=storefront, kind=kind, origin=Origin.LEARNING,
        opened_at__gte=timezone.now() - timedelta(days=1),
    ).count()  # fmt: skip
    return max(wanted - opened, 0)


def _teaching(storefront: str, kind: str, n: int) -> list[Assessment]:
    """Return the assessments without label and case that are least certain and most unlike each other."""
    if not n:
        return []
    from ecomai.learning.classifiers.active import choose_questions

    threshold = _threshold(storefront, kind)
    rows = Assessment.objects.filter(
        storefront=storefront, kind=kind, received_at__gte=_since(), probability__isnull=False,
        features_version=FEATURES_VERSION, is_fraud=None, case=None,
    ).select_related("policy")  # fmt: skip
    unsure = list(rows.order_by(Abs(F("probability") - Value(threshold)), "-received_at")[:MOST_COMPARED])
    if not unsure:
        return []
    features = np.array([row.features for row in unsure], dtype=np.float64)  # None becomes nan
    chosen = choose_questions([row.probability or 0.0 for row in unsure], features, n, threshold=threshold)
    return [unsure[place] for place in chosen]


def _threshold(storefront: str, kind: str) -> float:
    given = current_policy(storefront=storefront, kind=kind).review_from
    return given if given is not None and 0 < given < 1 else MOST_UNSURE
