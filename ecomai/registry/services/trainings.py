"""Asking for trainings, and stopping and repeating them."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.exceptions import ConflictError, InvalidInputError
from ecomai.registry.exceptions import JobNotFinishedError, TrainingActiveError
from ecomai.registry.jobs import enqueue_job
from ecomai.registry.kinds import TRAINING_KIND
from ecomai.registry.models import ActiveTraining, Job, TrainingRun

from .access import check_permission, write_audit
from .jobs import cancel_job

MAX_SEARCH_MINUTES = 24 * 60


def request_training(
    *,
    model_name: str,
    user: Any = None,
    actor_label: str = "",
    hyperparameters: Mapping[str, Any] | None = None,
    random_state: int | None = None,
    search_minutes: int | None = None,
    is_scheduled: bool = False,
) -> TrainingRun:
    """Queue a training of what is known now. Raises `TrainingActiveError`: one at a time for each model.

    With `search_minutes`, better hyperparameters are searched for so long before the training.
    """
    check_permission(user, "request_training")
    spec = scenarios.get_model_spec(model_name)
    check_search_minutes(spec, search_minutes)
    check_hyperparameters(spec, hyperparameters or {})
    run = TrainingRun(
        model_name=model_name,
        hyperparameters={**spec.default_hyperparameters, **(hyperparameters or {})},
        search_minutes=search_minutes,
        random_state=secrets.randbelow(2**31) if random_state is None else random_state,
        cutoff=timezone.now(),
        is_scheduled=is_scheduled,
    )
    return _queue(run, spec, user=user, actor_label=actor_label, action="request_training")


def retry_training(*, run: TrainingRun, user: Any = None, actor_label: str = "") -> TrainingRun:
    """Queue a new run with the settings and cutoff of one that failed; it goes on from its checkpoints."""
    check_permission(user, "request_training")
    if not run.job.is_finished:
        raise JobNotFinishedError
    if run.job.state == Job.State.SUCCEEDED:
        raise ConflictError(reason=_("this training succeeded; request a new one instead."))
    spec = scenarios.get_model_spec(run.model_name)
    again = TrainingRun(
        model_name=run.model_name,
        hyperparameters=run.hyperparameters,
        search_minutes=run.search_minutes,
        random_state=run.random_state,
        cutoff=run.cutoff,
    )
    folder_of = run.job.arguments.get("folder_of", run.pk)
    return _queue(
        again, spec, user=user, actor_label=actor_label, action="retry_training", folder_of=folder_of
    )


def cancel_training(*, run: TrainingRun, user: Any = None, actor_label: str = "") -> None:
    """Stop a training; nothing is registered and the model may be trained again."""
    cancel_job(job=run.job, user=user, actor_label=actor_label)


def _queue(
    run: TrainingRun, spec: scenarios.ModelSpec, *, user: Any, actor_label: str, action: str, **arguments: Any
) -> TrainingRun:
    with transaction.atomic():
        run.job = enqueue_job(
            kind=TRAINING_KIND,
            label=_("Training of %(model)s") % {"model": spec.verbose_name},
            queue=spec.queue,
            created_by=user,
        )
        run.save()
        # The run's number is known only now; the message waits for the commit.
        run.job.arguments = {"run_id": run.pk, **arguments}
        run.job.save(update_fields=["arguments"])
        _take_place(run, spec)
        write_audit(
            action=action, subject=run.model_name, user=user, actor_label=actor_label,
            details={"run": run.pk, "hyperparameters": run.hyperparameters, **_search_details(run)},
        )  # fmt: skip
    return run


def _search_details(run: TrainingRun) -> dict[str, int]:
    return {"search_minutes": run.search_minutes} if run.search_minutes else {}


def _take_place(run: TrainingRun, spec: scenarios.ModelSpec) -> None:
    held = ActiveTraining.objects.filter(model_name=run.model_name)
    held.filter(run__job__state__in=Job.FINISHED_STATES).delete()
    try:
        with transaction.atomic():
            ActiveTraining.objects.create(model_name=run.model_name, run=run)
    except IntegrityError:
        raise TrainingActiveError(model=spec.verbose_name) from None


def check_search_minutes(spec: scenarios.ModelSpec, minutes: int | None) -> None:
    """Raise `InvalidInputError` unless a search may take so long; None is no search."""
    if minutes is None:
        return
    if not spec.search_space:
        reason = _("%(model)s has no hyperparameters to search for.") % {"model": spec.verbose_name}
        raise InvalidInputError(reason=reason)
    if not 1 <= minutes <= MAX_SEARCH_MINUTES:
        reason = _("a search takes from 1 to %(most)s minutes, not %(minutes)s.") % {
            "most": MAX_SEARCH_MINUTES, "minutes": minutes,
        }  # fmt: skip
        raise InvalidInputError(reason=reason)


def check_hyperparameters(spec: scenarios.ModelSpec, given: Mapping[str, Any]) -> None:
    """Raise `InvalidInputError` for a name that the model does not have, or a value that is no choice."""
    if unknown := sorted(set(given) - set(spec.default_hyperparameters)):
        reason = _("%(model)s has no hyperparameter %(names)s; it has %(known)s.") % {
            "model": spec.verbose_name,
            "names": ", ".join(unknown),
            "known": ", ".join(sorted(spec.default_hyperparameters)) or _("none"),
        }
        raise InvalidInputError(reason=reason)
    for name, option in spec.options.items():
        if name in given and not option.contains(given[name]):
            reason = _("%(name)s is one of %(choices)s, not %(value)s.") % {
                "name": name,
                "choices": ", ".join(map(json.dumps, option.values)),
                "value": json.dumps(given[name], default=str),
            }
            raise InvalidInputError(reason=reason)
