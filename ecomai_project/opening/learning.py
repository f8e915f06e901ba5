"""Trains, promotes and scores every registered model through real workers, as an administrator would."""

import time
from collections.abc import Callable

from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.exceptions import ConflictError, NotEnoughDataError
from ecomai.registry import selectors, services
from ecomai.registry.exceptions import TrainingActiveError
from ecomai.registry.models import ActiveTraining, Job, ModelDeployment, ModelVersion, TrainingRun
from ecomai.registry.overviews import model_overview
from ecomai.registry.services.scoring import SCORING_KIND

from .display import Step

POLL_SECONDS = 0.3
ACTOR = "ecomai_demo"


def untrained_models() -> list[scenarios.ModelSpec]:
    """Return what nothing serves yet, of optional models those alone that the shop has set up."""
    specs = [spec for spec in scenarios.model_specs() if selectors.serving_version(spec.name) is None]
    return [spec for spec in specs if not spec.is_optional or _is_worth_learning(spec)]


def _is_worth_learning(spec: scenarios.ModelSpec) -> bool:
    """Whether there is enough for an optional model, and no start before found it no better than without."""
    newest = ModelVersion.objects.filter(model_name=spec.name).order_by("number").last()
    was_no_better = newest is not None and not services.judge(version=newest).is_passed
    return not was_no_better and model_overview(spec.name).is_ready


def request_training(spec: scenarios.ModelSpec) -> TrainingRun:
    """Request a training, or take up the one that an interrupted start left behind."""
    try:
        return services.request_training(model_name=spec.name, actor_label=ACTOR, random_state=7)
    except TrainingActiveError:
        return ActiveTraining.objects.select_related("run__job").get(model_name=spec.name).run


def wait_for(job: Job, step: Step, look_after_workers: Callable[[], None]) -> None:
    """Show the job's progress until it is finished, however it ends."""
    while True:
        job.refresh_from_db()
        if job.is_finished:
            return
        step.report(job.progress, job.progress_message or str(job.get_state_display()))
        look_after_workers()
        time.sleep(POLL_SECONDS)


def promote(run: TrainingRun, step: Step) -> None:
    """Let the run's version answer customers if it is better than the baseline; say what was decided.

    A shop does well without an optional model, so one that has too little to learn, or is no better than what
    answers without it, is no failure.
    """
    run.refresh_from_db()
    is_optional = scenarios.get_model_spec(run.model_name).is_optional
    if run.version is None:
        has_too_little = run.job.error_code == NotEnoughDataError.code
        text = _("no model: %(reason)s") % {"reason": run.job.error_message}
        _conclude(step, text, is_failure=not (is_optional and has_too_little))
        return
    verdict = services.judge(version=run.version)
    if not verdict.is_passed:
        text = _("not promoted: %(reason)s") % {"reason": " ".join(map(str, verdict.reasons))}
        _conclude(step, text, is_failure=not is_optional)
        return
    services.promote_version(version=run.version, actor_label=ACTOR)
    if ModelDeployment.objects.get(model_name=run.model_name).mode == ModelDeployment.Mode.SHADOW:
        services.go_live(model_name=run.model_name, actor_label=ACTOR)
    metric = scenarios.get_model_spec(run.model_name).primary_metric
    text = _("live: %(metric)s %(value).3f, baseline %(baseline).3f") % {
        "metric": metric,
        "value": run.version.metrics.get(metric, 0.0),
        "baseline": run.version.baseline_metrics.get(metric, 0.0),
    }
    step.report(1.0, text)


def _conclude(step: Step, text: str, *, is_failure: bool) -> None:
    if is_failure:
        step.fail(text)
    else:
        step.report(1.0, text)


def request_scoring(spec: scenarios.ModelSpec) -> Job | None:
    """Ask for all customers to be scored if the model does that and serves, or join what is on its way."""
    if not (spec.score and spec.shards and selectors.serving_version(spec.name)):
        return None
    try:
        return services.request_scoring(model_name=spec.name, actor_label=ACTOR)
    except ConflictError:
        return Job.objects.filter(kind=SCORING_KIND, arguments__model_name=spec.name).latest("pk")
