"""What people do with pipelines: copy one, put one live, roll back to one, take one away."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.services import write_audit

from ..exceptions import PipelineNotReadyError, PipelineStateError
from ..models import Pipeline, PipelineSource
from ..pipeline import plans

State = Pipeline.State
PUT_LIVE = "ecomai_recommendations.put_pipeline_live"
#: What is copied of a pipeline; who and when is the copy's own.
COPIED = (
    "storefront", "placement", "ranker", "diversity", "most_per_category", "most_per_brand", "bought_policy",
    "cap_shown", "cap_days", "tail_share",
)  # fmt: skip
#: What a new pipeline begins with: so many candidates of each source.
USUAL_SOURCES = {"sequence": 100, "similar": 50, "together": 50, "trending": 30, "new": 20}


def put_pipeline_live(*, pipeline: Pipeline, user: Any = None) -> Pipeline:
    """Show a pipeline to everybody, within a second in every process; what was live there is retired.

    Rolling back is this, with one that was live before. A user of None is the system, which may.
    """
    _check_may(user)
    with transaction.atomic():
        locked = _lock(pipeline)
        if locked.is_live:
            raise PipelineStateError(pipeline=locked, state=locked.get_state_display())
        if not locked.sources.exists():
            raise PipelineNotReadyError(pipeline=locked)
        now = timezone.now()
        before = Pipeline.objects.filter(
            storefront=locked.storefront, placement=locked.placement, state=State.LIVE
        )
        replaced = list(before.values_list("pk", "name"))
        before.update(state=State.RETIRED, retired_at=now, updated_at=now)
        locked.state, locked.live_since, locked.put_live_by = State.LIVE, now, user
        locked.retired_at, locked.updated_at = None, now
        locked.save()
        _audit("go_live", locked, user, {"replaces": [name for _pk, name in replaced]})
    return locked


def retire_pipeline(*, pipeline: Pipeline, user: Any = None) -> Pipeline:
    """Take what is live away: the placement is filled as without any pipeline."""
    _check_may(user)
    with transaction.atomic():
        locked = _lock(pipeline)
        if not locked.is_live:
            raise PipelineStateError(pipeline=locked, state=locked.get_state_display())
        locked.state, locked.retired_at, locked.updated_at = State.RETIRED, timezone.now(), timezone.now()
        locked.save()
        _audit("retire", locked, user)
    return locked


@transaction.atomic
def copy_pipeline(*, pipeline: Pipeline, name: str) -> Pipeline:
    """Make a draft of what a pipeline is, to change and to look at beside it."""
    fields = {field: getattr(pipeline, field) for field in COPIED}
    draft = Pipeline.objects.create(name=name[:100], copied_from=pipeline, **fields)
    parts: list[Any] = [*pipeline.sources.all(), *pipeline.rules.all()]
    for row in parts:
        row.pk, row.pipeline = None, draft
        row._state.adding = True
        row.save()
    return draft


def plant_usual_sources(pipeline: Pipeline) -> None:
    """Give a pipeline without sources those that suit most shops."""
    PipelineSource.objects.bulk_create(
        PipelineSource(pipeline=pipeline, kind=kind, n_items=n, weight=PipelineSource.WEIGHTS[kind])
        for kind, n in USUAL_SOURCES.items()
    )


def _check_may(user: Any) -> None:
    if user is not None and not user.has_perm(PUT_LIVE):
        raise PermissionDeniedError


def _lock(pipeline: Pipeline) -> Pipeline:
    """Lock all pipelines of the placement, in one order, so that two of them never go live at once."""
    same = Pipeline.objects.filter(storefront=pipeline.storefront, placement=pipeline.placement)
    rows = {row.pk: row for row in same.select_for_update().order_by("pk")}
    return rows[pipeline.pk]


def _audit(action: str, pipeline: Pipeline, user: Any, details: dict[str, Any] | None = None) -> None:
    subject = f"pipeline:{pipeline.placement}/{pipeline.name}"
    details = {"pipeline": pipeline.pk, **(details or {})}
    write_audit(action=action, subject=subject, user=user, details=details)
    transaction.on_commit(plans.forget_plans)
