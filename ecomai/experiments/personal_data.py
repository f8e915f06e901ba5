"""What experiments keep of a person: removed and told through fusion."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet

from ecomai.fusion.subjects import Subject, in_batches

from .models import Experiment, Exposure


def erase(subject: Subject) -> Mapping[str, int]:
    """Remove who saw what. Sums over all visitors stay until the nightly recount. Safe to call twice."""
    return {"exposures": sum(rows.delete()[0] for rows in _exposures(subject))}


def export(subject: Subject) -> Mapping[str, Any]:
    """Return which experiments a subject was in, and which arm was shown."""
    return {
        "exposures": [
            {
                "experiment": row.experiment.slug,
                "arm": row.arm.name if row.arm else None,
                "first_exposed_at": row.first_exposed_at.isoformat(),
            }
            for rows in _exposures(subject)
            for row in rows.select_related("experiment", "arm").order_by("first_exposed_at")
        ]
    }


def _exposures(subject: Subject) -> list[QuerySet[Exposure]]:
    mine = Exposure.objects.filter(storefront=subject.storefront)
    customer = Q(unit_id=subject.external_id, experiment__unit=Experiment.Unit.CUSTOMER)
    return [
        mine.filter(customer),
        *(
            mine.filter(unit_id__in=batch, experiment__unit=Experiment.Unit.SESSION)
            for batch in in_batches(subject.session_ids)
        ),
    ]
