"""Whether enough is known for a first training."""

from django.db.models import Count, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.scenarios import Readiness

from . import selectors
from .models import AdSpend, Delivery

LEAST_BUYERS, LEAST_RETURNING = 50, 10
LEAST_AD_IMPRESSIONS, LEAST_AD_CLICKS = 1000, 30
LEAST_HELD_OUT, LEAST_TREATED, LEAST_BOUGHT = 100, 200, 50
LEAST_RATED, LEAST_NEGATIVE = 200, 30


def customer_value() -> list[Readiness]:
    counts = selectors.profile_counts()
    return [
        Readiness(_("customers who bought and allow marketing"), counts.n_allowed_buyers, LEAST_BUYERS),
        Readiness(_("customers who bought again"), counts.n_allowed_returning, LEAST_RETURNING),
    ]


def uplift() -> list[Readiness]:
    found = selectors.remembered("trials", _count_trials)
    return [
        Readiness(_("customers held out of finished campaigns"), found["n_without"], LEAST_HELD_OUT),
        Readiness(_("customers who were to get a message"), found["n_with"], LEAST_TREATED),
    ]


def _count_trials() -> dict[str, int]:
    from .targeting.trials import WITHOUT, finished_campaigns

    campaigns = finished_campaigns(as_of=timezone.now())
    return Delivery.objects.filter(campaign__in=campaigns).aggregate(
        n_without=Count("pk", filter=Q(state__in=WITHOUT)), n_with=Count("pk", filter=~Q(state__in=WITHOUT))
    )


def ad_response() -> list[Readiness]:
    counts = selectors.remembered("ads", _count_ads)
    return [
        Readiness(_("impressions of advertisements"), counts["shown"] or 0, LEAST_AD_IMPRESSIONS),
        Readiness(_("clicks on advertisements"), counts["clicked"] or 0, LEAST_AD_CLICKS),
    ]


def _count_ads() -> dict[str, int]:
    return AdSpend.objects.aggregate(shown=Sum("n_impressions"), clicked=Sum("n_clicks"))


def sentiment() -> list[Readiness]:
    n_rated, n_negative = selectors.rated_counts()
    return [
        Readiness(_("texts with stars"), n_rated, LEAST_RATED),
        Readiness(_("negative texts with stars"), n_negative, LEAST_NEGATIVE),
    ]
