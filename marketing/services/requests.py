"""Which profiles are to be computed again, because something happened to their customers."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from ecomai.waking import wake_worker

from ..app_settings import app_settings
from ..models import ProfileRequest
from .memberships import update_memberships
from .profiles import Profiler


def request_profiles(customer_pks: Collection[int]) -> None:
    """Have profiles computed again soon; many requests for one customer are one. Wakes a worker on commit.

    Whoever asks never waits for who computes: neither holds a lock on the rows.
    """
    now = timezone.now()
    rows = [ProfileRequest(customer_id=pk, requested_at=now) for pk in sorted(set(customer_pks))]
    if not rows:
        return
    ProfileRequest.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["customer"], update_fields=["requested_at"],
        batch_size=2000,
    )  # fmt: skip
    transaction.on_commit(_wake)


def work_requests() -> int:
    """Compute what was requested, oldest first; returns how many profiles. Safe to run twice, also at once.

    A customer to whom more happened meanwhile stays requested.
    """
    n_done, size = 0, app_settings.BATCH_SIZE
    before = timezone.now()
    while batch := _oldest(before, size):
        update_memberships(Profiler().refresh(list(batch)))
        for requested_at in sorted(set(batch.values())):
            done = [pk for pk, moment in batch.items() if moment == requested_at]
            ProfileRequest.objects.filter(pk__in=done, requested_at=requested_at).delete()
        n_done += len(batch)
    return n_done


def _oldest(before: datetime, size: int) -> dict[int, datetime]:
    rows = ProfileRequest.objects.filter(requested_at__lte=before).order_by("requested_at", "pk")
    return dict(rows.values_list("customer_id", "requested_at")[:size])


def _wake() -> None:
    from ..tasks import work_requests

    wake_worker(work_requests, otherwise="Profiles wait for beat")
