"""Reads of this scenario."""

from datetime import datetime

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from ecomai.exceptions import NotFoundError

from .models import CustomerProfile, Stage


def get_profile(*, storefront: str, external_id: str) -> CustomerProfile:
    """Return the profile of a customer by the shop's own id."""
    found = CustomerProfile.objects.filter(
        customer__storefront=storefront, customer__external_id=external_id
    ).first()
    if found is None:
        raise NotFoundError(_("No customer “%(id)s” has a profile.") % {"id": external_id})
    return found


def stage_condition(stage: Stage, *, now: datetime) -> Q:
    """Which profiles are in a stage at a moment; the twin of `CustomerProfile.stage_at`."""
    is_lapsed, is_at_risk = Q(lapsed_at__lte=now), Q(at_risk_at__lte=now)
    is_late = {
        Stage.LAPSED: is_lapsed,
        Stage.AT_RISK: is_at_risk & ~is_lapsed,
    }
    if stage == Stage.PROSPECT:
        return Q(n_orders=0)
    if stage in is_late:
        return Q(n_orders__gt=0) & is_late[stage]
    in_time = Q(at_risk_at__isnull=True) | Q(at_risk_at__gt=now)
    not_lapsed = Q(lapsed_at__isnull=True) | Q(lapsed_at__gt=now)
    return (Q(n_orders=1) if stage == Stage.NEW else Q(n_orders__gt=1)) & in_time & not_lapsed


def count_stages(*, now: datetime) -> dict[Stage, int]:
    """Return how many customers are in each stage; one query over all profiles."""
    counts = CustomerProfile.objects.aggregate(
        **{stage.value: Count("pk", filter=stage_condition(stage, now=now)) for stage in Stage}
    )
    return {stage: counts[stage.value] for stage in Stage}
