"""Cases that the model learns most from: a part of the day's reviews is spent on them."""

from datetime import timedelta

from django.db.models import F, Value
from django.db.models.functions import Abs
from django.utils import timezone

from ..app_settings import app_settings
from ..models import Assessment, Case, Kind, Origin
from .cases import open_case
from .policies import current_policy

#: Older ones teach less of what fraud is now.
DAYS = 7
#: Where a model knows least: either answer is as likely.
MOST_UNSURE = 0.5


def open_learning_cases() -> int:
    """Put the assessments that models are least sure of into the queue, up to the day's share of reviews."""
    n_opened = 0
    storefronts = Assessment.objects.filter(received_at__gte=_since()).values_list("storefront", flat=True)
    for storefront in sorted(set(storefronts.distinct())):
        for kind in Kind.values:
            for row in _unsure(storefront, kind, _room(storefront, kind)):
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


def _unsure(storefront: str, kind: str, n: int) -> list[Assessment]:
    """Return unlabelled assessments without a case, the least certain first."""
    rows = Assessment.objects.filter(
        storefront=storefront, kind=kind, received_at__gte=_since(), probability__isnull=False,
        is_fraud=None, case=None,
    ).select_related("policy")  # fmt: skip
    return list(rows.order_by(Abs(F("probability") - Value(MOST_UNSURE)), "-received_at")[:n])
