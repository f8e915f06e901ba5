"""All profiles anew: each night, and once a history was imported."""

from typing import Any

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import Job

from ..app_settings import app_settings
from ..profiling.reference import compute_reference
from .memberships import update_memberships
from .profiles import Profiler
from .publishing import publish_profiles

JOB_KIND = "marketing.profiles"


def start_profiling() -> Job | None:
    """Queue a job that computes all profiles; None while one waits or runs."""
    unfinished = Job.objects.filter(kind=JOB_KIND).exclude(state__in=Job.FINISHED_STATES)
    if unfinished.exists():
        return None
    return enqueue_job(kind=JOB_KIND, label=_("Customer profiles"))


def run_profiling(job: RunningJob) -> dict[str, Any]:
    """Compute all profiles, then what they are compared with, then the scores that need it; tell others.

    Goes on where a killed worker stopped: the last customer done is in the job's row.
    """
    state = dict(job.job.result or {})
    last_pk = Customer.objects.aggregate(last=Max("pk"))["last"] or 0
    for number, name in enumerate(("profiles", "scores")):
        if number and "reference" not in state:
            state["reference"] = compute_reference(now=timezone.now()).pk
            _keep(job, state)
        profiler = Profiler()
        while pks := _next(state.get(name, 0)):
            update_memberships(profiler.refresh(pks))
            if number:
                publish_profiles(pks, now=profiler.now)
            state[name] = pks[-1]
            _keep(job, state)
            job.report((number + pks[-1] / max(last_pk, 1)) / 2, _("%(n)s profiles") % {"n": len(pks)})
    return {"n_profiles": Customer.objects.count()}


def _next(after: int) -> list[int]:
    rows = Customer.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
    return list(rows[: app_settings.BATCH_SIZE])


def _keep(job: RunningJob, state: dict[str, Any]) -> None:
    Job.objects.filter(pk=job.job.pk).update(result=state)
