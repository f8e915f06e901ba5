"""Scoring everything anew: one job with a part for each shard."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.exceptions import ConflictError
from ecomai.registry.jobs import RunningJob, new_job, wake_jobs
from ecomai.registry.leases import settle_parent
from ecomai.registry.models import Job, ModelDeployment

from .access import check_permission, write_audit

SCORING_KIND = "scoring"
SHARD_KIND = "score_shard"


def request_scoring(*, model_name: str, user: Any = None, actor_label: str = "") -> Job:
    """Queue a part for each of the model's shards below one job that follows them; one at a time."""
    check_permission(user, "request_scoring")
    spec = scenarios.get_model_spec(model_name)
    if not (spec.score and spec.shards):
        raise ConflictError(reason=_("%(model)s does not score in batch.") % {"model": spec.verbose_name})
    with transaction.atomic():
        _refuse_second(spec)
        shards: list[Mapping[str, Any]] = import_string(spec.shards)()
        parent = _create_parent(spec, user)
        parts = _create_parts(spec, parent, shards)
        settle_parent(parent)
        write_audit(
            action="request_scoring", subject=model_name, user=user, actor_label=actor_label,
            details={"job": parent.pk, "parts": len(parts)},
        )  # fmt: skip
        transaction.on_commit(lambda: wake_jobs(parts))
    parent.refresh_from_db()
    return parent


def _refuse_second(spec: scenarios.ModelSpec) -> None:
    # Locked, so that of two people who ask in the same moment the second finds the first one's job.
    ModelDeployment.objects.select_for_update().filter(model_name=spec.name).first()
    under_way = Job.objects.filter(
        kind=SCORING_KIND, arguments__model_name=spec.name, state=Job.State.RUNNING
    )
    if under_way.exists():
        raise ConflictError(reason=_("%(model)s is scoring already.") % {"model": spec.verbose_name})


def _create_parent(spec: scenarios.ModelSpec, user: Any) -> Job:
    parent = new_job(
        kind=SCORING_KIND,
        arguments={"model_name": spec.name},
        label=_("Scoring with %(model)s") % {"model": spec.verbose_name},
        run_after=None,
        created_by=user,
    )
    parent.state = Job.State.RUNNING
    parent.started_at = timezone.now()
    parent.save()
    return parent


def _create_parts(spec: scenarios.ModelSpec, parent: Job, shards: list[Mapping[str, Any]]) -> list[Job]:
    return Job.objects.bulk_create(
        [
            new_job(
                kind=SHARD_KIND,
                arguments={"model_name": spec.name, "shard": dict(shard)},
                label=_("Part %(number)s of %(total)s") % {"number": number, "total": len(shards)},
                run_after=None,
                parent=parent,
            )
            for number, shard in enumerate(shards, start=1)
        ],
        batch_size=500,
    )


def score_shard(job: RunningJob) -> dict[str, Any]:
    """The job of kind `score_shard`; the scenario's function must write the same rows when called again."""
    spec = scenarios.get_model_spec(job.arguments["model_name"])
    n_rows = import_string(spec.score)(job.arguments["shard"])
    return {"rows": n_rows}


def follow_parts(job: RunningJob) -> dict[str, Any]:
    """The job of kind `scoring` has no work of its own: it ends with its last part."""
    raise ConflictError(reason=_("a scoring is retried through its parts."))
