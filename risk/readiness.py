"""Whether enough outcomes are known for a first training of each kind's model."""

from functools import partial

from django.utils.translation import gettext as _

from ecomai.scenarios import Readiness

from . import selectors
from .app_settings import app_settings
from .models import Kind


def _readiness(kind: str) -> list[Readiness]:
    counts = selectors.outcome_counts(kind)
    return [
        Readiness(_("assessments with a known outcome"), counts["n_known"], app_settings.MIN_ASSESSMENTS),
        Readiness(_("known frauds"), counts["n_fraud"], app_settings.MIN_FRAUD),
    ]


payment_fraud = partial(_readiness, Kind.PAYMENT_FRAUD)
account_takeover = partial(_readiness, Kind.ACCOUNT_TAKEOVER)
promotion_abuse = partial(_readiness, Kind.PROMOTION_ABUSE)
return_abuse = partial(_readiness, Kind.RETURN_ABUSE)
fake_review = partial(_readiness, Kind.FAKE_REVIEW)
listing = partial(_readiness, Kind.LISTING)
