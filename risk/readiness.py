"""Whether enough outcomes are known for a first training of each kind's model."""

from functools import partial
from typing import Any

from django.core.cache import cache
from django.utils.translation import gettext as _

from ecomai.scenarios import Readiness

from . import selectors
from .app_settings import app_settings
from .models import Kind

#: All kinds are counted at once, and not for each page: it reads every assessment.
COUNTS_KEY, COUNTS_SECONDS = "ecomai.risk.readiness", 60


def _readiness(kind: str) -> list[Readiness]:
    counts: Any = cache.get_or_set(COUNTS_KEY, selectors.outcome_counts, COUNTS_SECONDS)
    of_kind = counts.get(kind, {"n_known": 0, "n_fraud": 0})
    return [
        Readiness(_("assessments with a known outcome"), of_kind["n_known"], app_settings.MIN_ASSESSMENTS),
        Readiness(_("known frauds"), of_kind["n_fraud"], app_settings.MIN_FRAUD),
    ]


payment_fraud = partial(_readiness, Kind.PAYMENT_FRAUD)
account_takeover = partial(_readiness, Kind.ACCOUNT_TAKEOVER)
promotion_abuse = partial(_readiness, Kind.PROMOTION_ABUSE)
return_abuse = partial(_readiness, Kind.RETURN_ABUSE)
fake_review = partial(_readiness, Kind.FAKE_REVIEW)
listing = partial(_readiness, Kind.LISTING)
