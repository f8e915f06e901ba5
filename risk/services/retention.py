"""What is kept no longer: assessments, and states of what was not seen since."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ..app_settings import app_settings
from ..models import Assessment, EntityState

_AT_ONCE = 5000


def forget_old_assessments() -> dict[str, int]:
    """Remove assessments older than `KEEP_DAYS` with labels and cases, and states not seen since then."""
    oldest = timezone.now() - timedelta(days=app_settings.KEEP_DAYS)
    return {
        "assessments": _remove(Assessment.objects.filter(received_at__lt=oldest)),
        "entity_states": _remove(EntityState.objects.filter(updated_at__lt=oldest)),
    }


def _remove(rows: QuerySet[Any]) -> int:
    """Delete a few thousand at a time, so that no lock lasts; return how many."""
    n_removed = 0
    while keys := list(rows.values_list("pk", flat=True)[:_AT_ONCE]):
        rows.model._default_manager.filter(pk__in=keys).delete()
        n_removed += len(keys)
    return n_removed
