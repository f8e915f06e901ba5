"""What this scenario keeps of a person: removed and told through fusion."""

from collections.abc import Mapping
from typing import Any

from ecomai.fusion.subjects import Subject

from ..models import CustomerActivity, CustomerProfile, ProfileRequest
from ..summary import figures_of


def erase(subject: Subject) -> Mapping[str, int]:
    """Remove a subject's profile and activities. Safe to call twice."""
    theirs = {"customer_id__in": _pks(subject)}
    return {
        "profiles": CustomerProfile.objects.filter(**theirs).delete()[0],
        "activities": CustomerActivity.objects.filter(**theirs).delete()[0],
        "profile_requests": ProfileRequest.objects.filter(**theirs).delete()[0],
    }


def export(subject: Subject) -> Mapping[str, Any]:
    """Return the profile and activities, as JSON values."""
    profile = CustomerProfile.objects.filter(customer_id__in=_pks(subject)).first()
    activities = CustomerActivity.objects.filter(customer_id__in=_pks(subject)).order_by("type")
    return {
        "profile": figures_of(profile) if profile else None,
        "activities": [
            {
                "type": row.type,
                "n": row.n,
                "first_at": row.first_at.isoformat(),
                "last_at": row.last_at.isoformat(),
            }
            for row in activities
        ],
    }


def _pks(subject: Subject) -> list[int]:
    return [] if subject.customer_pk is None else [subject.customer_pk]
